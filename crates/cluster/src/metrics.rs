//! The readings of all metrics of one HPA, from the APIs that its controller asks: `metrics.k8s.io`, `custom.metrics.k8s.io`
//! and `external.metrics.k8s.io`.

mod answer;

use std::collections::BTreeMap;
use std::time::Duration;

use futures::future::join_all;
use hpa::Reading;
use hpa::spec::{LabelSelector, Metric, MetricIdentifier, Spec, TargetRef};
use kube::Client;
use kube::core::GroupVersionKind;
use observed::MetricAnswer;
use promfmt::percent;
use serde::de::DeserializeOwned;

use self::answer::{CustomList, ExternalList, PodMetricsList};
use crate::errors::{self, Failure};

/// Limit of one request.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);

/// Versions of the resource metrics API, the preferred one first.
const RESOURCE: [&str; 2] = ["metrics.k8s.io/v1", "metrics.k8s.io/v1beta1"];
/// Versions of the custom metrics API, the preferred one first.
const CUSTOM: [&str; 2] = ["custom.metrics.k8s.io/v1beta2", "custom.metrics.k8s.io/v1beta1"];
const EXTERNAL: &str = "external.metrics.k8s.io/v1beta1";

/// Reads the metrics of one HPA, and remembers the versions that the cluster serves.
pub struct Reader {
    client: Client,
    namespace: String,
    /// Index of the version that answered last.
    resource: usize,
    custom: usize,
    /// Plural and group of the described objects, by kind.
    plurals: BTreeMap<(Option<String>, String), String>,
}

/// The HPA's questions: its metrics, and the pods that the selector of the scale matches.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// The specification.
    pub spec: &'a Spec,
    /// `status.selector` of the scale.
    pub selector: &'a str,
    /// Index of a metric that is read elsewhere.
    pub except: Option<usize>,
}

impl Reader {
    /// A reader for the HPAs of a namespace.
    #[must_use]
    pub fn new(client: Client, namespace: &str) -> Self {
        let namespace = namespace.to_owned();
        Self { client, namespace, resource: 0, custom: 0, plurals: BTreeMap::new() }
    }

    /// Asks for all metrics at once. The answers are in the order of `spec.metrics`; `None` for the one that is read
    /// elsewhere. A refusal is an answer, too.
    pub async fn read(&mut self, question: Question<'_>) -> Vec<Option<MetricAnswer>> {
        let wanted = |index: usize| question.except != Some(index);
        let metrics = || question.spec.metrics.iter().enumerate().filter(move |(index, _)| wanted(*index));
        let wants_resource = metrics().any(|(_, metric)| is_resource(metric));
        for (_, metric) in metrics() {
            if let Some(object) = &metric.object {
                self.find_plural(&object.described_object).await;
            }
        }
        let this = &*self;
        let resources =
            async move { if wants_resource { Some(this.resources(question.selector).await) } else { None } };
        let others = join_all(
            metrics()
                .map(|(index, metric)| async move { (index, this.other(metric, question.selector).await) }),
        );
        let (resources, others) = tokio::join!(resources, others);
        if let Some((version, _)) = &resources {
            self.resource = *version;
        }
        let mut answers: Vec<Option<MetricAnswer>> = vec![None; question.spec.metrics.len()];
        for (index, found) in others {
            let answer = match (found, &resources) {
                (Some((version, answer)), _) => {
                    if answer.api != EXTERNAL && answer.failure().is_none() {
                        self.custom = version;
                    }
                    Some(answer)
                }
                (None, Some((_, answer))) => Some(answer.clone()),
                (None, None) => None,
            };
            if let Some(slot) = answers.get_mut(index) {
                *slot = answer;
            }
        }
        answers
    }

    /// Asks for the CPU and memory of the pods that a selector matches, as `kubectl top pod` does.
    pub async fn usage(&mut self, selector: &str) -> MetricAnswer {
        let (version, answer) = self.resources(selector).await;
        self.resource = version;
        answer
    }

    /// The usage of all pods: one request for every Resource and ContainerResource metric.
    async fn resources(&self, selector: &str) -> (usize, MetricAnswer) {
        let path = format!(
            "namespaces/{}/pods?labelSelector={}",
            percent::encode(&self.namespace),
            percent::encode(selector)
        );
        let (version, found) =
            self.versions::<PodMetricsList>(RESOURCE, self.resource, &path, "the pods' usage").await;
        (version, answer(RESOURCE[version], found.and_then(PodMetricsList::reading)))
    }

    /// A metric of another kind; `None` for a resource.
    async fn other(&self, metric: &Metric, selector: &str) -> Option<(usize, MetricAnswer)> {
        let namespace = percent::encode(&self.namespace);
        if let Some(source) = metric.external.as_ref().filter(|_| metric.type_ == "External") {
            let name = &source.metric.name;
            let query = source.metric.selector.as_ref().map(LabelSelector::query).unwrap_or_default();
            let path = format!(
                "namespaces/{namespace}/{}?labelSelector={}",
                percent::encode(name),
                percent::encode(&query)
            );
            let found =
                self.get::<ExternalList>(EXTERNAL, &path, &format!("the external metric {name}")).await;
            return Some((
                0,
                answer(EXTERNAL, found.map_err(Refusal::into_text).and_then(ExternalList::reading)),
            ));
        }
        if let Some(source) = metric.pods.as_ref().filter(|_| metric.type_ == "Pods") {
            let path = format!(
                "namespaces/{namespace}/pods/*/{}?labelSelector={}{}",
                percent::encode(&source.metric.name),
                percent::encode(selector),
                metric_selector(&source.metric),
            );
            let what = format!("the custom metric {} of the pods", source.metric.name);
            let (version, found) = self.versions::<CustomList>(CUSTOM, self.custom, &path, &what).await;
            return Some((version, answer(CUSTOM[version], found.and_then(CustomList::pods))));
        }
        if let Some(source) = metric.object.as_ref().filter(|_| metric.type_ == "Object") {
            let (object, name) = (&source.described_object, percent::encode(&source.metric.name));
            let query = metric_selector(&source.metric).replacen('&', "?", 1);
            let path = if object.kind == "Namespace" {
                // The controller takes the HPA's own namespace, whatever the reference says.
                format!("namespaces/{namespace}/metrics/{name}{query}")
            } else {
                let plural = self.plurals.get(&key(object)).map_or("", String::as_str);
                format!("namespaces/{namespace}/{plural}/{}/{name}{query}", percent::encode(&object.name))
            };
            let what = format!("the custom metric {} of {} {}", source.metric.name, object.kind, object.name);
            let (version, found) = self.versions::<CustomList>(CUSTOM, self.custom, &path, &what).await;
            return Some((version, answer(CUSTOM[version], found.and_then(CustomList::object))));
        }
        if is_resource(metric) {
            return None;
        }
        let why = format!("unknown metric source type {:?}", metric.type_);
        Some((0, answer("", Err(why))))
    }

    /// Asks the version that answered last, then the other one if the cluster does not serve it.
    async fn versions<T: DeserializeOwned>(
        &self,
        versions: [&'static str; 2],
        first: usize,
        path: &str,
        what: &str,
    ) -> (usize, Result<T, String>) {
        match self.get(versions[first], path, what).await {
            Err(Refusal::NotServed(why)) => {
                let other = 1 - first;
                match self.get(versions[other], path, what).await {
                    Err(Refusal::NotServed(other_why)) => {
                        // The older version's text is the one that the controller's error quotes.
                        (first, Err(if other == 1 { other_why } else { why }))
                    }
                    found => (other, found.map_err(Refusal::into_text)),
                }
            }
            found => (first, found.map_err(Refusal::into_text)),
        }
    }

    async fn get<T: DeserializeOwned>(&self, api: &str, path: &str, what: &str) -> Result<T, Refusal> {
        let what = format!("asking {api} for {what}");
        let request = http::Request::get(format!("/apis/{api}/{path}"))
            .body(Vec::new())
            .map_err(|error| Refusal::Other(format!("{what}: {error}")))?;
        match tokio::time::timeout(REQUEST_TIMEOUT, self.client.request::<T>(request)).await {
            Err(_late) => Err(Refusal::Other(format!("{what}: no answer within {REQUEST_TIMEOUT:?}"))),
            Ok(Err(error)) => {
                let is_missing = matches!(&error, kube::Error::Api(status) if status.code == 404);
                let (Failure::Lost(text) | Failure::Unavailable(text)) = errors::failure(&what, &error);
                Err(if is_missing { Refusal::NotServed(text) } else { Refusal::Other(text) })
            }
            Ok(Ok(found)) => Ok(found),
        }
    }

    /// Looks up the plural of a described object's kind, once.
    async fn find_plural(&mut self, object: &TargetRef) {
        if object.kind == "Namespace" || self.plurals.contains_key(&key(object)) {
            return;
        }
        let (group, version) = match object.api_version.as_deref().unwrap_or("v1").split_once('/') {
            Some((group, version)) => (group, version),
            None => ("", object.api_version.as_deref().unwrap_or("v1")),
        };
        let kind = GroupVersionKind::gvk(group, version, &object.kind);
        let asked = kube::discovery::pinned_kind(&self.client, &kind);
        if let Ok(Ok((found, _))) = tokio::time::timeout(REQUEST_TIMEOUT, asked).await {
            let dotted = if group.is_empty() { String::new() } else { format!(".{group}") };
            self.plurals.insert(key(object), format!("{}{dotted}", found.plural));
        }
    }
}

/// The reason why an API gave no reading.
enum Refusal {
    /// 404: no such version, no such metric.
    NotServed(String),
    /// Any other reason.
    Other(String),
}

impl Refusal {
    fn into_text(self) -> String {
        match self {
            Self::NotServed(text) | Self::Other(text) => text,
        }
    }
}

fn answer(api: &'static str, reading: Result<Reading, String>) -> MetricAnswer {
    MetricAnswer { reading: reading.unwrap_or_else(Reading::Failed), api: api.into() }
}

fn is_resource(metric: &Metric) -> bool {
    matches!(metric.type_.as_str(), "Resource" | "ContainerResource")
}

fn key(object: &TargetRef) -> (Option<String>, String) {
    (object.api_version.clone(), object.kind.clone())
}

fn metric_selector(metric: &MetricIdentifier) -> String {
    let query = metric.selector.as_ref().map(LabelSelector::query).filter(|query| !query.is_empty());
    query.map_or_else(String::new, |query| format!("&metricLabelSelector={}", percent::encode(&query)))
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use axum::http::StatusCode;
    use axum::response::IntoResponse as _;
    use hpa::Time;
    use hpa::input::PodReading;
    use serde_json::{Value, json};

    use super::*;

    /// An API server that knows these paths, and the paths that were asked.
    fn serving(answers: &[(&str, Value)]) -> (Client, Arc<Mutex<Vec<String>>>) {
        let answers: BTreeMap<String, Value> =
            answers.iter().map(|(path, answer)| ((*path).to_owned(), answer.clone())).collect();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let seen = asked.clone();
        let app = axum::Router::new().fallback(async move |uri: axum::http::Uri| {
            let path = uri.path_and_query().map(ToString::to_string).unwrap_or_default();
            seen.lock().unwrap().push(path.clone());
            match answers.get(&path) {
                Some(answer) => axum::Json(answer.clone()).into_response(),
                None => {
                    let status = json!({"status": "Failure", "code": 404, "reason": "NotFound",
                        "message": "the server could not find the requested resource"});
                    (StatusCode::NOT_FOUND, axum::Json(status)).into_response()
                }
            }
        });
        (Client::new(app, "default"), asked)
    }

    fn spec(metrics: &Value) -> Spec {
        serde_json::from_value(json!({"scaleTargetRef": {"kind": "Deployment", "name": "web"},
            "maxReplicas": 3, "metrics": metrics}))
        .unwrap()
    }

    async fn read(client: Client, spec: &Spec) -> Vec<Option<MetricAnswer>> {
        Reader::new(client, "demo").read(Question { spec, selector: "app=web", except: None }).await
    }

    #[tokio::test]
    async fn the_older_version_of_the_resource_metrics_answers_too() {
        let usage = json!({"items": [{"metadata": {"name": "web-1"}, "timestamp": "1970-01-01T00:01:40Z",
            "window": "15.3s", "containers": [{"name": "app", "usage": {"cpu": "12345678n", "memory": "6320Ki"}}]}]});
        let path = "/apis/metrics.k8s.io/v1beta1/namespaces/demo/pods?labelSelector=app%3Dweb";
        let (client, asked) = serving(&[(path, usage)]);
        let target = json!({"type": "Utilization", "averageUtilization": 80});
        let spec = spec(&json!([
            {"type": "Resource", "resource": {"name": "cpu", "target": target}},
            {"type": "ContainerResource", "containerResource": {"name": "memory", "container": "app", "target": target}},
        ]));
        let mut reader = Reader::new(client, "demo");
        for _ in 0..2 {
            let answers = reader.read(Question { spec: &spec, selector: "app=web", except: None }).await;
            let [Some(cpu), Some(memory)] = answers.as_slice() else { panic!("two answers: {answers:?}") };
            assert_eq!(cpu, memory, "one request answers both");
            assert_eq!(cpu.api, "metrics.k8s.io/v1beta1");
            let Reading::Resource(pods) = &cpu.reading else { panic!("{cpu:?}") };
            assert_eq!(
                (pods[0].pod.as_str(), pods[0].at, pods[0].window_seconds),
                ("web-1", Time(100_000), 16)
            );
            assert_eq!(pods[0].containers[0].milli["cpu"], 13);
            assert_eq!(pods[0].containers[0].milli["memory"], 6320 * 1024 * 1000);
        }
        assert_eq!(asked.lock().unwrap().len(), 3, "v1 is asked once");
    }

    #[tokio::test]
    async fn custom_and_external_metrics_have_their_own_paths() {
        let item = |name: &str, value: &str| {
            json!({"describedObject": {"kind": "Pod", "namespace": "demo", "name": name},
                "metric": {"name": "hits"}, "timestamp": "1970-01-01T00:00:09Z", "value": value})
        };
        let discovery = json!({"kind": "APIResourceList", "groupVersion": "networking.k8s.io/v1", "resources": [
            {"name": "ingresses", "singularName": "ingress", "namespaced": true, "kind": "Ingress", "verbs": ["get"]}]});
        let (client, _asked) = serving(&[
            ("/apis/networking.k8s.io/v1", discovery),
            (
                "/apis/custom.metrics.k8s.io/v1beta2/namespaces/demo/pods/*/hits?labelSelector=app%3Dweb\
                 &metricLabelSelector=verb%3Dget",
                json!({"items": [item("web-1", "1500m"), item("web-2", "2")]}),
            ),
            (
                "/apis/custom.metrics.k8s.io/v1beta2/namespaces/demo/ingresses.networking.k8s.io/main/rate",
                json!({"items": [item("main", "7")]}),
            ),
            (
                "/apis/external.metrics.k8s.io/v1beta1/namespaces/demo/depth?labelSelector=queue%3DOrders",
                json!({"items": [{"value": "17"}, {"value": "500m"}]}),
            ),
        ]);
        let spec = spec(&json!([
            {"type": "Pods", "pods": {"metric": {"name": "hits", "selector": {"matchLabels": {"verb": "get"}}},
                "target": {"type": "AverageValue", "averageValue": "10"}}},
            {"type": "Object", "object": {"metric": {"name": "rate"},
                "describedObject": {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "name": "main"},
                "target": {"type": "Value", "value": "10"}}},
            {"type": "External", "external": {"metric": {"name": "depth",
                "selector": {"matchLabels": {"queue": "Orders"}}}, "target": {"type": "Value", "value": "10"}}},
            {"type": "External", "external": {"metric": {"name": "none"}, "target": {"type": "Value", "value": "10"}}},
        ]));
        let answers: Vec<MetricAnswer> = read(client, &spec).await.into_iter().flatten().collect();
        let pod =
            |pod: &str, milli| PodReading { pod: pod.to_owned(), milli, at: Time(9_000), window_seconds: 60 };
        assert_eq!(answers[0].reading, Reading::Pods(vec![pod("web-1", 1_500), pod("web-2", 2_000)]));
        assert_eq!(answers[1].reading, Reading::Object(7_000));
        assert_eq!(answers[2].reading, Reading::External(vec![17_000, 500]));
        let why = answers[3].failure().unwrap();
        assert!(why.contains("the external metric none") && why.contains("404"), "{why}");
    }

    #[tokio::test]
    async fn a_missing_api_is_a_refusal() {
        let (client, _asked) = serving(&[]);
        let target = json!({"type": "Utilization", "averageUtilization": 80});
        let spec = spec(&json!([{"type": "Resource", "resource": {"name": "cpu", "target": target}}]));
        let answers = read(client, &spec).await;
        let answer = answers[0].as_ref().unwrap();
        let why = answer.failure().unwrap();
        assert!(why.starts_with("asking metrics.k8s.io/v1beta1 for the pods' usage: "), "{why}");
    }
}
