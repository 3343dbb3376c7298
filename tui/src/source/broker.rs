//! The queue's depth as the broker knows it, through a tunnel.
//!
//! The management API's totals query is asked first, because it reads the queue itself. Where that is not allowed, the
//! broker's metrics stand in, whose figures are as old as the broker's statistics interval.

use kube::Client;
use tokio::sync::watch;

use crate::source::event_sender::EventSender;
use crate::source::health::Health;
use crate::source::poll_timer::PollTimer;
use cluster::broker::{Management, Metrics};
use cluster::failure::Failure;
use dashboard::message::Event;
use dashboard::reported::{Source, SourceState};
use observed::Hpa;

/// How many questions are put to the metrics before the management API is tried again.
const METRICS_ROUNDS: u32 = 60;

/// Asks for the depth of the queue that the HPA's metric selects, at the pace given.
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
                health.say(SourceState::Unavailable(format!("the broker has no queue {queue}"))).await;
            }
            Err(Failure::Unavailable(cause)) if metrics_rounds == 0 => {
                // The next round asks the metrics; if they fail too, their cause is said.
                tracing::info!(%cause, "the management API is not to be had; asking the broker's metrics");
                metrics_rounds = METRICS_ROUNDS;
            }
            Err(failure) => health.failed(failure).await,
        }
    }
}

/// The queue that the HPA's metric selects; before the HPA is known, or where it selects none, the contract's.
fn queue(hpa: &watch::Receiver<Option<Hpa>>) -> String {
    let hpa = hpa.borrow();
    let selected = hpa.as_ref().and_then(|hpa| hpa.metric.as_ref()?.queue.clone());
    selected.unwrap_or_else(|| contract::queue::ORDERS.to_owned())
}
