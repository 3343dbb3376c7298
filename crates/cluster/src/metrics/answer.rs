//! The answers of the metrics APIs, as far as the decision needs them.

use std::collections::BTreeMap;

use hpa::input::{ContainerUsage, PodReading, PodUsage};
use hpa::quantity::{Quantity, QuantityError};
use hpa::{Reading, Time};
use jiff::Timestamp;
use serde::Deserialize;
use text::clean;

/// Window of a custom metric without one, as in the controller.
const DEFAULT_WINDOW_SECONDS: i64 = 60;

/// `PodMetricsList` of `metrics.k8s.io`.
#[derive(Debug, Deserialize)]
pub(super) struct PodMetricsList {
    #[serde(default)]
    items: Vec<PodMetrics>,
}

#[derive(Debug, Deserialize)]
struct PodMetrics {
    metadata: Named,
    timestamp: Option<Timestamp>,
    #[serde(default)]
    window: String,
    #[serde(default)]
    containers: Vec<ContainerMetrics>,
}

#[derive(Debug, Deserialize)]
struct Named {
    #[serde(default)]
    name: String,
}

#[derive(Debug, Deserialize)]
struct ContainerMetrics {
    name: String,
    #[serde(default)]
    usage: BTreeMap<String, Quantity>,
}

/// `MetricValueList` of `custom.metrics.k8s.io`.
#[derive(Debug, Deserialize)]
pub(super) struct CustomList {
    #[serde(default)]
    items: Vec<CustomItem>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct CustomItem {
    described_object: Named,
    timestamp: Option<Timestamp>,
    window_seconds: Option<i64>,
    value: Quantity,
}

/// `ExternalMetricValueList` of `external.metrics.k8s.io`.
#[derive(Debug, Deserialize)]
pub(super) struct ExternalList {
    #[serde(default)]
    items: Vec<ExternalItem>,
}

#[derive(Debug, Deserialize)]
struct ExternalItem {
    value: Quantity,
}

fn time(timestamp: Option<Timestamp>) -> Time {
    timestamp.map_or(Time(0), |timestamp| Time(timestamp.as_millisecond()))
}

fn milli(quantity: Quantity) -> Result<i64, String> {
    quantity.milli().map_err(|error: QuantityError| error.to_string())
}

impl PodMetricsList {
    pub(super) fn reading(self) -> Result<Reading, String> {
        let pods = self.items.into_iter().map(|pod| {
            let containers = pod.containers.into_iter().map(|container| {
                let milli: Result<_, String> = container
                    .usage
                    .into_iter()
                    .map(|(name, quantity)| Ok((name, milli(quantity)?)))
                    .collect();
                Ok(ContainerUsage { name: container.name, milli: milli? })
            });
            Ok(PodUsage {
                pod: clean::text(&pod.metadata.name),
                at: time(pod.timestamp),
                window_seconds: go_seconds(&pod.window),
                containers: containers.collect::<Result<_, String>>()?,
            })
        });
        Ok(Reading::Resource(pods.collect::<Result<_, String>>()?))
    }
}

impl CustomList {
    pub(super) fn pods(self) -> Result<Reading, String> {
        let pods = self.items.into_iter().map(|item| {
            Ok(PodReading {
                pod: clean::text(&item.described_object.name),
                milli: milli(item.value)?,
                at: time(item.timestamp),
                window_seconds: item.window_seconds.unwrap_or(DEFAULT_WINDOW_SECONDS),
            })
        });
        Ok(Reading::Pods(pods.collect::<Result<_, String>>()?))
    }

    pub(super) fn object(self) -> Result<Reading, String> {
        match self.items.into_iter().next() {
            Some(item) => Ok(Reading::Object(milli(item.value)?)),
            None => Err("the custom metrics API answered no value".to_owned()),
        }
    }
}

impl ExternalList {
    pub(super) fn reading(self) -> Result<Reading, String> {
        let values = self.items.into_iter().map(|item| milli(item.value));
        Ok(Reading::External(values.collect::<Result<_, String>>()?))
    }
}

/// Whole seconds of a Go duration such as `15.3s` or `1m0s`, rounded up.
fn go_seconds(text: &str) -> i64 {
    let mut seconds = 0.0;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(|b| b.is_ascii_digit() || *b == b'.').count();
        let (number, tail) = rest.split_at(digits);
        let letters = tail.bytes().take_while(|b| !b.is_ascii_digit() && *b != b'.').count();
        let (unit, tail) = tail.split_at(letters);
        let Ok(number) = number.parse::<f64>() else { return 0 };
        seconds += number
            * match unit {
                "h" => 3600.0,
                "m" => 60.0,
                "s" => 1.0,
                "ms" => 1e-3,
                "us" | "µs" => 1e-6,
                "ns" => 1e-9,
                _ => return 0,
            };
        rest = tail;
    }
    // `as` saturates.
    seconds.ceil() as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn go_durations_are_read() {
        for (text, seconds) in
            [("15.3s", 16), ("1m0s", 60), ("1h0m10s", 3610), ("500ms", 1), ("30s", 30), ("", 0), ("x", 0)]
        {
            assert_eq!(go_seconds(text), seconds, "{text}");
        }
    }
}
