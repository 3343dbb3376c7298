//! The external metric as the API serves it: the HPA's controller reads the same.

use kube::Client;
use tokio::sync::watch;

use crate::source::event_sender::EventSender;
use crate::source::health::Health;
use crate::source::poll_timer::PollTimer;
use cluster::external_metric;
use dashboard::message::Event;
use dashboard::reported::{Source, SourceState};
use observed::Hpa;

/// Polls the metric that the HPA names.
pub(crate) async fn run(
    client: Client,
    namespace: String,
    mut hpa: watch::Receiver<Option<Hpa>>,
    mut pace: PollTimer,
    outbox: EventSender,
) {
    let mut health = Health::new(Source::ExternalMetric, outbox.clone());
    loop {
        let metric = match hpa.wait_for(Option::is_some).await {
            Ok(hpa) => hpa.as_ref().and_then(|hpa| hpa.metric.clone()),
            Err(_ended) => return,
        };
        let Some(metric) = metric else {
            health.report(SourceState::Unavailable("the HPA reads no External metric".to_owned())).await;
            if hpa.changed().await.is_err() {
                return;
            }
            continue;
        };
        health.connecting_if_new().await;
        pace.due().await;
        match external_metric::ask(&client, &namespace, &metric).await {
            Ok(sample) => {
                health.live().await;
                outbox.send(Event::Metric(sample)).await;
            }
            Err(failure) => health.failed(failure).await,
        }
    }
}
