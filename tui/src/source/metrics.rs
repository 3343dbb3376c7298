//! The metrics of the HPA that no other source reads, from the APIs that the controller asks.

use cluster::metrics::{Question, Reader};
use kube::Client;
use observed::{Hpa, Workload};
use tokio::sync::watch;

use super::event_sender::EventSender;
use super::health::Health;
use super::poll_timer::PollTimer;
use dashboard::message::Event;
use dashboard::reported::{MetricAnswers, Source, SourceState};

/// Polls all metrics but the followed External one, which has a source of its own.
pub(crate) async fn run(
    client: Client,
    namespace: String,
    mut hpa: watch::Receiver<Option<Hpa>>,
    mut workload: watch::Receiver<Option<Workload>>,
    mut pace: PollTimer,
    outbox: EventSender,
) {
    let mut health = Health::new(Source::Metrics, outbox.clone());
    let mut reader = Reader::new(client, &namespace);
    loop {
        let (spec, except) = match hpa.wait_for(|hpa| polled(hpa.as_ref()).is_some()).await {
            Ok(hpa) => (hpa.as_ref().and_then(|hpa| hpa.spec.clone()), hpa.as_ref().and_then(Hpa::followed)),
            Err(_ended) => return,
        };
        // The selector of the target picks the pods.
        let selector = match workload.wait_for(Option::is_some).await {
            Ok(workload) => workload.as_ref().map(|workload| workload.selector.query()).unwrap_or_default(),
            Err(_ended) => return,
        };
        let Some(spec) = spec else { continue };
        health.connecting_if_new().await;
        pace.due().await;
        let answers = reader.read(Question { spec: &spec, selector: &selector, except }).await;
        // Each refusal is part of its answer.
        health.report(SourceState::Live).await;
        let answers = MetricAnswers { metrics: spec.metrics, answers };
        outbox.send(Event::Readings(Box::new(answers))).await;
    }
}

/// The HPA, if it has metrics to poll.
fn polled(hpa: Option<&Hpa>) -> Option<&Hpa> {
    let hpa = hpa?;
    let polled = hpa.spec.as_ref()?.metrics.len() > usize::from(hpa.followed().is_some());
    polled.then_some(hpa)
}
