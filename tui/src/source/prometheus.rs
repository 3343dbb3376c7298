//! The sample in Prometheus behind the external metric.

use cluster::prometheus::{Address, Server, ask_any, matchers, servers};
use dashboard::message::Event;
use dashboard::reported::Source;
use kube::Client;
use observed::{Hpa, MetricRef};
use tokio::sync::watch;

use super::event_sender::EventSender;
use super::health::Health;
use super::poll_timer::PollTimer;

/// Polls the sample behind the HPA's metric.
pub(crate) async fn run(
    client: Client,
    namespace: String,
    address: Option<Address>,
    mut hpa: watch::Receiver<Option<Hpa>>,
    mut pace: PollTimer,
    outbox: EventSender,
) {
    let mut health = Health::new(Source::Prometheus, outbox.clone());
    let mut found: Vec<Server> = Vec::new();
    health.connecting_if_new().await;
    loop {
        let selector = match hpa.wait_for(|hpa| metric(hpa.as_ref()).is_some()).await {
            Ok(hpa) => metric(hpa.as_ref()).map(|metric| metric.selector.clone()).unwrap_or_default(),
            Err(_ended) => return,
        };
        let matchers = match matchers(&selector, &namespace) {
            Ok(matchers) => matchers,
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
        match ask_any(&mut found, &matchers).await {
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

fn metric(hpa: Option<&Hpa>) -> Option<&MetricRef> {
    hpa.and_then(|hpa| hpa.metric.as_ref())
}
