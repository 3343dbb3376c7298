//! The external metric as the API serves it, which is what the HPA's controller asks for too.

use std::time::Duration;

use hpa::quantity::Quantity;
use jiff::Timestamp;
use kube::Client;
use serde::Deserialize;
use tokio::sync::watch;

use crate::event::{Event, Hpa, MetricRef, MetricSample, Source, SourceState};
use crate::source::explain;
use crate::source::health::{Failure, Health};
use crate::source::outbox::Outbox;
use crate::source::pace::Pace;
use crate::source::query;

/// How long one question may take.
const WITHIN: Duration = Duration::from_secs(5);

/// Asks for the metric that the HPA names, at the pace given.
pub(crate) async fn run(
    client: Client,
    namespace: String,
    mut hpa: watch::Receiver<Option<Hpa>>,
    mut pace: Pace,
    outbox: Outbox,
) {
    let mut health = Health::new(Source::ExternalMetric, outbox.clone());
    loop {
        let metric = match hpa.wait_for(Option::is_some).await {
            Ok(hpa) => hpa.as_ref().and_then(|hpa| hpa.metric.clone()),
            Err(_ended) => return,
        };
        let Some(metric) = metric else {
            health.say(SourceState::Unavailable("the HPA reads no External metric".to_owned())).await;
            if hpa.changed().await.is_err() {
                return;
            }
            continue;
        };
        health.connecting_if_new().await;
        pace.due().await;
        match ask(&client, &namespace, &metric).await {
            Ok(sample) => {
                health.live().await;
                outbox.send(Event::Metric(sample)).await;
            }
            Err(failure) => health.failed(failure).await,
        }
    }
}

pub(crate) async fn ask(
    client: &Client,
    namespace: &str,
    metric: &MetricRef,
) -> Result<MetricSample, Failure> {
    let what = format!("asking for the external metric {}", metric.name);
    let path = format!(
        "/apis/external.metrics.k8s.io/v1beta1/namespaces/{}/{}?labelSelector={}",
        query::encode(namespace),
        query::encode(&metric.name),
        query::encode(&metric.selector),
    );
    let request = http::Request::get(path)
        .body(Vec::new())
        .map_err(|error| Failure::Unavailable(format!("{what}: {error}")))?;
    match tokio::time::timeout(WITHIN, client.request::<List>(request)).await {
        Err(_late) => Err(Failure::Lost(format!("{what}: no answer within {WITHIN:?}"))),
        Ok(Err(error)) => Err(explain::failure(&what, &error)),
        Ok(Ok(list)) => sample(&list).map_err(|error| Failure::Lost(format!("{what}: {error}"))),
    }
}

/// `ExternalMetricValueList`.
#[derive(Debug, Deserialize)]
struct List {
    #[serde(default)]
    items: Vec<Item>,
}

#[derive(Debug, Deserialize)]
struct Item {
    value: Quantity,
    timestamp: Option<Timestamp>,
}

/// The sum of the items, as the controller takes it; no item is no reading.
fn sample(list: &List) -> Result<MetricSample, hpa::quantity::QuantityError> {
    let mut sum = 0_i64;
    for item in &list.items {
        sum = sum.saturating_add(item.value.milli()?);
    }
    Ok(MetricSample {
        value_milli: (!list.items.is_empty()).then_some(sum),
        stamped: list.items.iter().filter_map(|item| item.timestamp).max(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_are_summed_and_none_is_no_reading() {
        for (json, value, stamped) in [
            (r#"{"items": []}"#, None, None),
            (r"{}", None, None),
            (
                r#"{"items": [{"metricName": "m", "value": "17", "timestamp": "2026-01-01T00:00:00Z"},
                              {"value": "500m", "timestamp": "2026-01-01T00:00:01Z"}]}"#,
                Some(17_500),
                Some("2026-01-01T00:00:01Z".parse().unwrap()),
            ),
            (r#"{"items": [{"value": "1k", "timestamp": null}]}"#, Some(1_000_000), None),
        ] {
            let list: List = serde_json::from_str(json).unwrap();
            assert_eq!(sample(&list), Ok(MetricSample { value_milli: value, stamped }), "{json}");
        }
    }
}
