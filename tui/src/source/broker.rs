//! The queue's depth as the broker knows it, through a tunnel.
//!
//! The management API's totals query comes first, because it reads the queue itself. If it is not allowed, the broker's
//! metrics replace it. Those figures are up to one statistics interval old.

use contract::queue::{ORDERS, VHOST};
use kube::Client;
use tokio::sync::watch;

use crate::source::event_sender::EventSender;
use crate::source::health::Health;
use crate::source::poll_timer::PollTimer;
use cluster::broker::{Management, Metrics};
use cluster::errors::Failure;
use dashboard::message::Event;
use dashboard::reported::{Source, SourceState};
use observed::Hpa;
use observed::scaled_object::ScaledObject;

/// The reason why no broker is asked.
const NO_QUEUE: &str = "the HPA follows no queue";

/// Polls of the metrics before the management API is tried again.
const METRICS_ROUNDS: u32 = 60;

/// Polls the depth of the queue that the HPA follows.
pub(crate) async fn run(
    client: Client,
    namespace: String,
    followed: Followed,
    mut pace: PollTimer,
    outbox: EventSender,
) {
    let mut health = Health::new(Source::Broker, outbox.clone());
    let mut management = Management::new(client.clone(), &namespace);
    let mut metrics = Metrics::new(client, &namespace);
    let mut metrics_rounds = 0;
    health.connecting_if_new().await;
    loop {
        pace.due().await;
        let Some(Queue { vhost, name }) = followed.queue() else {
            health.report(SourceState::Unavailable(NO_QUEUE.to_owned())).await;
            continue;
        };
        let asked = if metrics_rounds == 0 {
            management.ask(&vhost, &name).await
        } else {
            metrics_rounds -= 1;
            metrics.ask(&vhost, &name).await
        };
        match asked {
            Ok(Some(sample)) => {
                health.live().await;
                outbox.send(Event::Depth(sample)).await;
            }
            Ok(None) => {
                health.report(SourceState::Unavailable(no_queue(&vhost, &name))).await;
            }
            Err(Failure::Unavailable(cause)) if metrics_rounds == 0 => {
                // The next round polls the metrics; if they fail too, their cause is reported.
                tracing::info!(%cause, "no management API; using the broker metrics");
                metrics_rounds = METRICS_ROUNDS;
            }
            Err(failure) => health.failed(failure).await,
        }
    }
}

/// The HPA and its ScaledObject.
pub(crate) struct Followed {
    pub(crate) hpa: watch::Receiver<Option<Hpa>>,
    pub(crate) object: watch::Receiver<Option<ScaledObject>>,
}

impl Followed {
    /// The queue that the HPA's metric or KEDA's trigger selects; the contract's queue if the HPA is unknown or selects none.
    /// `None` if the HPA has no External metric.
    fn queue(&self) -> Option<Queue> {
        let of_default = |name: &str| Queue { vhost: VHOST.to_owned(), name: name.to_owned() };
        let (hpa, object) = (self.hpa.borrow(), self.object.borrow());
        let Some(hpa) = hpa.as_ref() else { return Some(of_default(ORDERS)) };
        let metric = hpa.metric.as_ref()?;
        let trigger = object.as_ref().and_then(|object| object.trigger(&metric.name));
        if let Some(trigger) = trigger {
            let vhost = trigger.vhost().unwrap_or(VHOST).to_owned();
            return trigger.queue().map(|name| Queue { vhost, name: name.to_owned() });
        }
        Some(of_default(metric.queue.as_deref().unwrap_or(ORDERS)))
    }
}

/// A queue of a virtual host.
struct Queue {
    vhost: String,
    name: String,
}

fn no_queue(vhost: &str, name: &str) -> String {
    match vhost {
        VHOST => format!("the broker has no queue {name}"),
        vhost => format!("virtual host {vhost} of the broker has no queue {name}"),
    }
}
