//! What the asking user may do, by the API server's own word: a `SelfSubjectAccessReview` for each right.

use contract::names;
use futures::future::join_all;
use http::Request;
use kube::Client;
use serde_json::{Value, json};

use super::ask::WITHIN;
use cluster::errors;
use diagnosis::facts::{Fact, Right, Seen};

struct Wanted {
    verb: &'static str,
    group: &'static str,
    resource: &'static str,
    subresource: &'static str,
    namespace: Option<String>,
    purpose: &'static str,
}

/// Where reviews are asked for.
pub(super) const REVIEWS: &str = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";

/// Asks for every right at once.
pub(super) async fn ask(client: &Client, namespace: &str, monitoring: &str) -> Vec<Right> {
    join_all(wanted(namespace, monitoring).into_iter().map(|wanted| one(client, wanted))).await
}

/// Asks for the rights that only a look at KEDA needs.
pub(super) async fn ask_of_keda(client: &Client, namespace: &str) -> Vec<Right> {
    join_all(wanted_of_keda(namespace).into_iter().map(|wanted| one(client, wanted))).await
}

/// The object of each review, in the order in which they are asked for.
pub(super) fn reviews(namespace: &str, monitoring: &str) -> Vec<Value> {
    wanted(namespace, monitoring).iter().map(Wanted::review).collect()
}

/// As [`reviews`], for the rights that only a look at KEDA needs.
pub(super) fn reviews_of_keda(namespace: &str) -> Vec<Value> {
    wanted_of_keda(namespace).iter().map(Wanted::review).collect()
}

impl Wanted {
    /// The object that is sent.
    fn review(&self) -> Value {
        let Self { verb, group, resource, subresource, namespace, .. } = self;
        let mut attributes = json!({"verb": verb, "group": group, "resource": resource});
        if !subresource.is_empty() {
            attributes["subresource"] = (*subresource).into();
        }
        if let Some(namespace) = namespace {
            attributes["namespace"] = namespace.as_str().into();
        }
        json!({
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": attributes},
        })
    }
}

fn wanted_of_keda(namespace: &str) -> Vec<Wanted> {
    let of = |resource, purpose, namespace: Option<&str>| Wanted {
        verb: "list",
        group: "keda.sh",
        resource,
        subresource: "",
        namespace: namespace.map(str::to_owned),
        purpose,
    };
    vec![
        of("scaledobjects", "the ScaledObject that the HPA is made from", Some(namespace)),
        of("triggerauthentications", "what KEDA logs in to the broker by", Some(namespace)),
        of("clustertriggerauthentications", "what KEDA logs in to the broker by", None),
    ]
}

fn wanted(namespace: &str, monitoring: &str) -> Vec<Wanted> {
    let here = |verb, group, resource, purpose| Wanted {
        verb,
        group,
        resource,
        subresource: "",
        namespace: Some(namespace.to_owned()),
        purpose,
    };
    let everywhere =
        |verb, group, resource, purpose| Wanted { namespace: None, ..here(verb, group, resource, purpose) };
    let there = |verb, group, resource, purpose| Wanted {
        namespace: Some(monitoring.to_owned()),
        ..here(verb, group, resource, purpose)
    };
    vec![
        here("get", "autoscaling", "horizontalpodautoscalers", "the HPA"),
        here("list", "autoscaling", "horizontalpodautoscalers", "a second HPA on the same target"),
        here("list", "apps", "deployments", "producer and worker"),
        here("list", "apps", "statefulsets", "the broker's StatefulSet"),
        here("list", "", "pods", "why pods are not ready"),
        here("list", "", "services", "where broker and exporter are"),
        here("list", "", "events", "what the operator complains about"),
        here("get", "", "secrets", "the broker's user, and so its queues"),
        here("get", "", "configmaps", "the broker's statistics interval"),
        Wanted { subresource: "portforward", ..here("create", "", "pods", "the broker") },
        here("list", "monitoring.coreos.com", "servicemonitors", "what Prometheus is told to scrape"),
        // The path names a resource and no object, so an API server takes the reading for a list.
        here("list", "external.metrics.k8s.io", names::EXTERNAL_METRIC, "the metric as the HPA reads it"),
        everywhere("get", "", "namespaces", "the namespace's labels and its deletion"),
        everywhere("get", "apiregistration.k8s.io", "apiservices", "who serves external metrics"),
        everywhere("list", "monitoring.coreos.com", "prometheuses", "which monitors Prometheus selects"),
        there("list", "", "services", "the Service of Prometheus"),
        Wanted { subresource: "portforward", ..there("create", "", "pods", "Prometheus") },
        there("get", "", "configmaps", "the adapter's rules"),
        there("list", "apps", "deployments", "the adapter's settings"),
    ]
}

async fn one(client: &Client, wanted: Wanted) -> Right {
    let review = wanted.review();
    let Wanted { verb, group, resource, subresource, namespace, purpose } = wanted;
    let kind = if group.is_empty() { resource.to_owned() } else { format!("{resource}.{group}") };
    let part = if subresource.is_empty() { String::new() } else { format!(" --subresource={subresource}") };
    let place = namespace.as_ref().map_or_else(|| " -A".to_owned(), |namespace| format!(" -n {namespace}"));
    let how = format!("kubectl auth can-i {verb} {kind}{part}{place}");
    let resource = if subresource.is_empty() { kind } else { format!("{kind}/{subresource}") };
    let allowed = Fact { seen: allowed(client, &review).await, how };
    Right { verb, resource, namespace, purpose, allowed }
}

async fn allowed(client: &Client, review: &Value) -> Seen<bool> {
    let request = Request::post(REVIEWS)
        .header(http::header::CONTENT_TYPE, "application/json")
        .body(review.to_string().into_bytes());
    let request = match request {
        Ok(request) => request,
        Err(error) => return Seen::Failed(error.to_string()),
    };
    match tokio::time::timeout(WITHIN, client.request::<Value>(request)).await {
        Ok(Ok(answer)) => Seen::Value(answer.pointer("/status/allowed") == Some(&Value::Bool(true))),
        Ok(Err(error)) if errors::is_missing(&error) => Seen::Absent,
        Ok(Err(error)) if errors::is_forbidden(&error) => Seen::NotPermitted(errors::kube(&error)),
        Ok(Err(error)) => Seen::Failed(errors::kube(&error)),
        Err(_late) => Seen::Failed(format!("no answer within {WITHIN:?}")),
    }
}
