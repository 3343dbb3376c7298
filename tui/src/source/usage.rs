//! The CPU and memory of the target's pods, for the screen Pods.

use cluster::metrics::Reader;
use kube::Client;
use observed::Workload;
use tokio::sync::watch;

use super::event_sender::EventSender;
use super::poll_timer::PollTimer;
use dashboard::message::Event;

/// Polls the usage. A refusal is an answer, too: most clusters have no metrics server.
pub(crate) async fn run(
    client: Client,
    namespace: String,
    mut workload: watch::Receiver<Option<Workload>>,
    mut pace: PollTimer,
    outbox: EventSender,
) {
    let mut reader = Reader::new(client, &namespace);
    loop {
        let selector = match workload.wait_for(Option::is_some).await {
            Ok(workload) => workload.as_ref().map(|workload| workload.selector.query()).unwrap_or_default(),
            Err(_ended) => return,
        };
        pace.due().await;
        outbox.send(Event::Usage(Box::new(reader.usage(&selector).await))).await;
    }
}
