//! Reads the metrics of an HPA from the API server's metrics APIs, with kube-controller-manager's error messages.

use std::str::FromStr as _;

use ::hpa::spec::{LabelSelector, Metric};
use ::hpa::{Quantity, Reading};
use kube::Client;
use promfmt::percent;
use serde::Deserialize;

use crate::error::api_message;

/// Path of the external metrics API.
const EXTERNAL: &str = "/apis/external.metrics.k8s.io/v1beta1";

/// Reads one metric for an HPA of this namespace.
pub(super) async fn read(client: &Client, namespace: &str, metric: &Metric) -> Reading {
    match metric.type_.as_str() {
        "External" => match &metric.external {
            Some(external) => {
                let selector = external.metric.selector.as_ref();
                read_external(client, namespace, &external.metric.name, selector).await
            }
            None => Reading::External(Vec::new()),
        },
        "Object" | "Pods" => {
            Reading::Failed("no custom metrics API (custom.metrics.k8s.io) registered".to_owned())
        }
        // There is no metrics-server.
        _ => Reading::Failed(
            "the server could not find the requested resource (get pods.metrics.k8s.io)".to_owned(),
        ),
    }
}

#[derive(Deserialize)]
struct ValueList {
    #[serde(default)]
    items: Vec<Value>,
}

#[derive(Deserialize)]
struct Value {
    value: String,
}

async fn read_external(
    client: &Client,
    namespace: &str,
    name: &str,
    selector: Option<&LabelSelector>,
) -> Reading {
    let mut path = format!("{EXTERNAL}/namespaces/{namespace}/{name}");
    let text = selector.map(LabelSelector::query).unwrap_or_default();
    if !text.is_empty() {
        path.push_str("?labelSelector=");
        path.push_str(&percent::encode(&text));
    }
    let request = match http::Request::get(path).body(Vec::new()) {
        Ok(request) => request,
        Err(error) => return Reading::Failed(error.to_string()),
    };
    let list: ValueList = match client.request(request).await {
        Ok(list) => list,
        Err(error) => return Reading::Failed(named(&api_message(&error), name)),
    };
    let mut milli = Vec::with_capacity(list.items.len());
    for item in list.items {
        match Quantity::from_str(&item.value)
            .map_err(|error| error.to_string())
            .and_then(|quantity| quantity.milli().map_err(|error| error.to_string()))
        {
            Ok(value) => milli.push(value),
            Err(error) => return Reading::Failed(error),
        }
    }
    Reading::External(milli)
}

/// Adds the resource to messages without it, as client-go does.
fn named(message: &str, metric: &str) -> String {
    let nameless = [
        "the server could not find the requested resource",
        "the server is currently unable to handle the request",
    ];
    if nameless.contains(&message) {
        format!("{message} (get {metric}.external.metrics.k8s.io)")
    } else {
        message.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_name_the_resource() {
        assert_eq!(
            named("the server could not find the requested resource", "m"),
            "the server could not find the requested resource (get m.external.metrics.k8s.io)"
        );
        assert_eq!(
            named("the server could not find the metric m for ", "m"),
            "the server could not find the metric m for "
        );
    }
}
