//! The user's permissions, by a `SelfSubjectAccessReview` each.

use contract::names;
use futures::future::join_all;
use http::Request;
use serde_json::{Value, json};
use text::command::Command;

use crate::request::{Cluster, REQUEST_TIMEOUT};
use cluster::errors;
use diagnosis::facts::{Fact, Outcome, Permission};

/// The path of the reviews.
const REVIEWS: &str = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";

/// A permission to review.
struct Wanted {
    verb: &'static str,
    group: &'static str,
    resource: &'static str,
    subresource: &'static str,
    namespace: Option<String>,
    purpose: &'static str,
}

/// Reviews the permissions in the HPA's namespace and for the whole cluster, all at once.
pub(crate) async fn review(cluster: &Cluster, namespace: &str) -> Vec<Permission> {
    review_all(cluster, wanted(namespace)).await
}

/// Reviews the permissions in the namespaces of Prometheus and of the adapter.
pub(crate) async fn review_there(cluster: &Cluster, prometheus: &str, adapter: &str) -> Vec<Permission> {
    review_all(cluster, wanted_there(prometheus, adapter)).await
}

/// Reviews the permissions for KEDA's objects.
pub(crate) async fn review_keda(cluster: &Cluster, namespace: &str) -> Vec<Permission> {
    review_all(cluster, wanted_of_keda(namespace)).await
}

async fn review_all(cluster: &Cluster, all: Vec<Wanted>) -> Vec<Permission> {
    join_all(all.into_iter().map(|wanted| wanted.review(cluster))).await
}

fn wanted_of_keda(namespace: &str) -> Vec<Wanted> {
    let list = |resource, purpose, namespace: Option<&str>| Wanted {
        verb: "list",
        group: "keda.sh",
        resource,
        subresource: "",
        namespace: namespace.map(str::to_owned),
        purpose,
    };
    vec![
        list("scaledobjects", "the ScaledObject that owns the HPA", Some(namespace)),
        list("triggerauthentications", "KEDA's login to the broker", Some(namespace)),
        list("clustertriggerauthentications", "KEDA's login to the broker", None),
    ]
}

fn wanted(namespace: &str) -> Vec<Wanted> {
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
    vec![
        here("get", "autoscaling", "horizontalpodautoscalers", "the HPA"),
        here("list", "autoscaling", "horizontalpodautoscalers", "a second HPA with the same target"),
        here("list", "apps", "deployments", "producer and worker"),
        here("list", "apps", "statefulsets", "the broker's StatefulSet"),
        here("list", "apps", "replicasets", "the owners of the pods"),
        here("list", "", "pods", "why pods are not ready"),
        Wanted { subresource: "log", ..here("get", "", "pods", "the logs of pods that do not work") },
        here("list", "", "services", "the Services of broker and exporter"),
        here("list", "", "events", "rejections by the operator"),
        here("get", "", "secrets", "the broker's user, and so its queues"),
        here("get", "", "configmaps", "the broker's statistics interval"),
        Wanted { subresource: "portforward", ..here("create", "", "pods", "the broker") },
        here("list", "monitoring.coreos.com", "servicemonitors", "the targets of Prometheus"),
        // The path names a resource but no object, so the API server treats the request as a list.
        here("list", "external.metrics.k8s.io", names::EXTERNAL_METRIC, "the metric as the HPA reads it"),
        everywhere("get", "", "namespaces", "the namespace's labels and its deletion"),
        everywhere("get", "apiregistration.k8s.io", "apiservices", "the server of external metrics"),
        everywhere("list", "monitoring.coreos.com", "prometheuses", "the monitors that Prometheus selects"),
    ]
}

fn wanted_there(prometheus: &str, adapter: &str) -> Vec<Wanted> {
    let there = |at: &str, verb, group, resource, purpose| Wanted {
        verb,
        group,
        resource,
        subresource: "",
        namespace: Some(at.to_owned()),
        purpose,
    };
    vec![
        there(prometheus, "list", "", "services", "the Service of Prometheus"),
        Wanted { subresource: "portforward", ..there(prometheus, "create", "", "pods", "Prometheus") },
        there(adapter, "get", "", "configmaps", "the adapter's rules"),
        there(adapter, "list", "apps", "deployments", "the adapter's settings"),
    ]
}

impl Wanted {
    /// The request body.
    fn body(&self) -> Value {
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

    async fn review(self, cluster: &Cluster) -> Permission {
        let outcome = is_allowed(cluster, &self.body()).await;
        let Self { verb, group, resource, subresource, namespace, purpose } = self;
        let kind = if group.is_empty() { resource.to_owned() } else { format!("{resource}.{group}") };
        let mut command = Command::kubectl(["auth", "can-i", verb, &kind]);
        if !subresource.is_empty() {
            command = command.arg(format!("--subresource={subresource}"));
        }
        let command = match &namespace {
            Some(namespace) => command.namespace(namespace),
            None => command.arg("-A"),
        };
        let resource = if subresource.is_empty() { kind } else { format!("{kind}/{subresource}") };
        Permission { verb, resource, namespace, purpose, allowed: Fact::new(command, outcome) }
    }
}

async fn is_allowed(cluster: &Cluster, review: &Value) -> Outcome<bool> {
    let request = Request::post(REVIEWS)
        .header(http::header::CONTENT_TYPE, "application/json")
        .body(review.to_string().into_bytes());
    let request = match request {
        Ok(request) => request,
        Err(error) => return Outcome::Failed(error.to_string()),
    };
    match tokio::time::timeout(REQUEST_TIMEOUT, cluster.client.request::<Value>(request)).await {
        Ok(Ok(response)) => Outcome::Value(response.pointer("/status/allowed") == Some(&Value::Bool(true))),
        Ok(Err(error)) if errors::is_missing(&error) => Outcome::Absent,
        Ok(Err(error)) if errors::is_forbidden(&error) => Outcome::NotPermitted(errors::kube(&error)),
        Ok(Err(error)) => Outcome::Failed(errors::kube(&error)),
        Err(_elapsed) => Outcome::Failed(format!("no answer within {REQUEST_TIMEOUT:?}")),
    }
}
