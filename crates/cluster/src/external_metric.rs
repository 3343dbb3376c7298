//! The external metric as the API serves it. The HPA's controller sends the same request.

use std::time::Duration;

use hpa::quantity::Quantity;
use jiff::Timestamp;
use kube::Client;
use observed::{MetricRef, MetricSample};
use promfmt::percent;
use serde::Deserialize;

use crate::errors::{self, Failure};

/// Limit of one request.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);

/// Requests the value of `metric` once.
///
/// # Errors
/// If the API does not answer, refuses the request, or answers something else.
pub async fn ask(client: &Client, namespace: &str, metric: &MetricRef) -> Result<MetricSample, Failure> {
    let what = format!("asking for the external metric {}", metric.name);
    let path = format!(
        "/apis/external.metrics.k8s.io/v1beta1/namespaces/{}/{}?labelSelector={}",
        percent::encode(namespace),
        percent::encode(&metric.name),
        percent::encode(&metric.selector.query()),
    );
    let request = http::Request::get(path)
        .body(Vec::new())
        .map_err(|error| Failure::Unavailable(format!("{what}: {error}")))?;
    match tokio::time::timeout(REQUEST_TIMEOUT, client.request::<List>(request)).await {
        Err(_late) => Err(Failure::Lost(format!("{what}: no answer within {REQUEST_TIMEOUT:?}"))),
        Ok(Err(error)) => Err(errors::failure(&what, &error)),
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

/// The sum of the items, as in the controller. Without items there is no value.
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
    fn items_are_summed() {
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
