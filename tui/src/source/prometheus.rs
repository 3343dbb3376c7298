//! The sample in Prometheus behind the external metric.

use cluster::errors::Failure;
use cluster::prometheus::{Address, Question, Server, ask_any, matchers, servers};
use dashboard::message::Event;
use dashboard::reported::Source;
use kube::Client;
use observed::scaled_object::{ScaledObject, Trigger};
use observed::{Hpa, MetricRef};
use tokio::sync::watch;

use super::event_sender::EventSender;
use super::health::Health;
use super::poll_timer::PollTimer;

/// The reason why KEDA's metric has no sample in Prometheus.
const NOT_A_HOP: &str = "KEDA reads this metric itself: Prometheus is not part of its chain";
/// The reason why there is no query.
const NO_METRIC: &str = "the HPA reads no External metric";

/// Polls the sample behind the HPA's metric.
pub(crate) async fn run(
    client: Client,
    namespace: String,
    address: Option<Address>,
    mut followed: Followed,
    mut pace: PollTimer,
    outbox: EventSender,
) {
    let mut health = Health::new(Source::Prometheus, outbox.clone());
    let mut found: Vec<Server> = Vec::new();
    health.connecting_if_new().await;
    loop {
        if followed.hpa.wait_for(|hpa| metric(hpa.as_ref()).is_some()).await.is_err() {
            return;
        }
        let question = match followed.question(&namespace) {
            Ok(question) => question,
            Err(failure) => {
                health.failed(failure).await;
                continue;
            }
        };
        pace.due().await;
        if found.is_empty() {
            match servers(&client, address.as_ref()).await {
                Ok(endpoints) => {
                    found = endpoints.into_iter().map(|e| Server::new(client.clone(), e)).collect();
                }
                Err(failure) => {
                    health.failed(failure).await;
                    continue;
                }
            }
        }
        match ask_any(&mut found, &question).await {
            Ok(sample) => {
                health.live().await;
                outbox.send(Event::Scraped(sample)).await;
            }
            Err(failure) => {
                found.clear();
                health.failed(failure).await;
            }
        }
    }
}

/// The HPA and its ScaledObject.
pub(crate) struct Followed {
    pub(crate) hpa: watch::Receiver<Option<Hpa>>,
    pub(crate) object: watch::Receiver<Option<ScaledObject>>,
}

impl Followed {
    /// The query for the metric: KEDA's own, or that for the series behind the selector.
    fn question(&self, namespace: &str) -> Result<Question, Failure> {
        let (hpa, object) = (self.hpa.borrow(), self.object.borrow());
        let Some((hpa, metric)) = hpa.as_ref().and_then(|hpa| Some((hpa, hpa.metric.as_ref()?))) else {
            return Err(Failure::Unavailable(NO_METRIC.to_owned()));
        };
        if hpa.scaled_object.is_none() {
            return matchers(&metric.selector, namespace).map(Question::Series);
        }
        let trigger = object.as_ref().and_then(|object| object.trigger(&metric.name));
        match trigger.and_then(Trigger::promql) {
            Some(query) => Ok(Question::Query(query.to_owned())),
            None => Err(Failure::Unavailable(NOT_A_HOP.to_owned())),
        }
    }
}

fn metric(hpa: Option<&Hpa>) -> Option<&MetricRef> {
    hpa.and_then(|hpa| hpa.metric.as_ref())
}
