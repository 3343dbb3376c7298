//! The queue's depth as the broker knows it, through a tunnel.
//!
//! The management API's totals query comes first, because it reads the queue itself. If it is not allowed, the broker's
//! metrics replace it. Those figures are up to one statistics interval old.

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

/// Polls of the metrics before the management API is tried again.
const METRICS_ROUNDS: u32 = 60;

/// Polls the depth of the queue that the HPA's metric selects.
pub(crate) async fn run(
    client: Client,
    namespace: String,
    hpa: watch::Receiver<Option<Hpa>>,
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
        let queue = queue(&hpa);
        let asked = if metrics_rounds == 0 {
            management.ask(&queue).await
        } else {
            metrics_rounds -= 1;
            metrics.ask(&queue).await
        };
        match asked {
            Ok(Some(sample)) => {
                health.live().await;
                outbox.send(Event::Depth(sample)).await;
            }
            Ok(None) => {
                health.report(SourceState::Unavailable(format!("the broker has no queue {queue}"))).await;
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

/// The queue that the HPA's metric selects; the contract's queue if the HPA is unknown or selects none.
fn queue(hpa: &watch::Receiver<Option<Hpa>>) -> String {
    let hpa = hpa.borrow();
    let selected = hpa.as_ref().and_then(|hpa| hpa.metric.as_ref()?.queue.clone());
    selected.unwrap_or_else(|| contract::queue::ORDERS.to_owned())
}
