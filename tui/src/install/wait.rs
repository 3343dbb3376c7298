//! Waiting for workloads and for the external metric: the loop around the judgements of `ready`, which says why it waits.

use std::time::{Duration, Instant};

use k8s_openapi::api::apps::v1::{DaemonSet, Deployment, StatefulSet};
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::core::v1::{Event, Pod};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use kube::Client;
use kube::api::{Api, ListParams, LogParams};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::apply::{Objects, WITHIN};
use super::failure::{Failure, Kind};
use super::object::Key;
use super::progress::Progress;
use super::ready::{self, Log, Reason, Rollout, When};
use super::survey;
use crate::clean;
use crate::event::MetricRef;
use crate::source::convert;
use crate::source::external_metric;
use crate::source::health::{self};

/// Time between two looks.
const PAUSE: Duration = Duration::from_millis(500);

/// How many lines of a crashed container's log are told.
const LOG_LINES: i64 = 5;

/// What every wait has in common.
pub struct Waiting<'a> {
    /// The cluster.
    pub client: &'a Client,
    /// How long a step may take.
    pub timeout: Duration,
    /// Ends every wait.
    pub stop: &'a CancellationToken,
}

impl Waiting<'_> {
    /// Pauses, unless the deadline has passed or a signal came.
    async fn pause(&self, began: Instant, what: &str, reason: &str, more: &str) -> Result<(), Failure> {
        if began.elapsed() >= self.timeout {
            return Err(Failure::step(
                format!("{what}: not ready after {:?}: {reason}", self.timeout),
                format!("a longer wait: --timeout TIME; {more}"),
            ));
        }
        tokio::select! {
            () = tokio::time::sleep(PAUSE) => Ok(()),
            () = self.stop.cancelled() => Err(Failure::stopped()),
        }
    }

    /// Waits until all the workloads are ready, in turn, saying the reason of each.
    ///
    /// # Errors
    /// When one is not ready in time, with the reason; when the API does not answer.
    pub async fn workloads(&self, keys: &[Key], progress: &mut Progress) -> Result<(), Failure> {
        let began = Instant::now();
        for key in keys {
            loop {
                let Some(Reason { what, log }) = self.workload(key).await? else { break };
                progress.waiting(&format!("{key}: {what}"));
                let paused =
                    self.pause(began, &key.to_string(), &what, "more of it: kubectl describe pods").await;
                let Err(failure) = paused else { continue };
                return Err(match log {
                    Some(log) if failure.kind == Kind::Step && log.when == When::InVain => {
                        failure.with(&self.tail(key.namespace.as_deref().unwrap_or_default(), &log).await)
                    }
                    _ => failure,
                });
            }
        }
        Ok(())
    }

    /// Why the workload is not ready; `None` when it is.
    async fn workload(&self, key: &Key) -> Result<Option<Reason>, Failure> {
        let namespace = key.namespace.as_deref().unwrap_or_default();
        let what = format!("reading {key}");
        let found = match key.kind.as_str() {
            "Deployment" => {
                let api: Api<Deployment> = Api::namespaced(self.client.clone(), namespace);
                let found = within(&what, api.get_opt(&key.name)).await?;
                found.map(|o| (ready::deployment(&o), o.spec.map(|spec| spec.selector)))
            }
            "StatefulSet" => {
                let api: Api<StatefulSet> = Api::namespaced(self.client.clone(), namespace);
                let found = within(&what, api.get_opt(&key.name)).await?;
                found.map(|o| (ready::stateful_set(&o), o.spec.map(|spec| spec.selector)))
            }
            _ => {
                let api: Api<DaemonSet> = Api::namespaced(self.client.clone(), namespace);
                let found = within(&what, api.get_opt(&key.name)).await?;
                found.map(|o| (ready::daemon_set(&o), o.spec.map(|spec| spec.selector)))
            }
        };
        let Some((rollout, selector)) = found else {
            return Ok(Some(Reason { what: "it is not there yet".to_owned(), log: None }));
        };
        let Rollout::Going { ready, wanted, complaint } = rollout else { return Ok(None) };
        let pods = self.pods(namespace, selector.as_ref()).await?;
        let events = if pods.is_empty() { self.events(namespace, key).await } else { Vec::new() };
        let mut reason = ready::reason(ready, wanted, &complaint, &pods, &events);
        if let Some(log) = reason.log.as_ref().filter(|log| log.when == When::Now) {
            let tail = self.tail(namespace, log).await;
            reason.what.push_str(&tail);
        }
        reason.what = clean::text(&reason.what);
        Ok(Some(reason))
    }

    async fn pods(&self, namespace: &str, selector: Option<&LabelSelector>) -> Result<Vec<Pod>, Failure> {
        let api: Api<Pod> = Api::namespaced(self.client.clone(), namespace);
        let selector = selector.map(convert::selector_query).unwrap_or_default();
        let listed = within("listing pods", api.list(&ListParams::default().labels(&selector))).await?;
        Ok(listed.items)
    }

    /// Events about the workload, oldest first; none where they cannot be had, since they only explain.
    async fn events(&self, namespace: &str, key: &Key) -> Vec<Event> {
        let api: Api<Event> = Api::namespaced(self.client.clone(), namespace);
        let about = format!("involvedObject.kind={},involvedObject.name={}", key.kind, key.name);
        let listed = within("listing events", api.list(&ListParams::default().fields(&about))).await;
        let mut events = listed.map(|listed| listed.items).unwrap_or_default();
        events.sort_by_key(|event| event.last_timestamp.as_ref().map(|time| time.0));
        events
    }

    /// The last lines that a container wrote, before it crashed if it did.
    async fn tail(&self, namespace: &str, log: &Log) -> String {
        let api: Api<Pod> = Api::namespaced(self.client.clone(), namespace);
        for previous in [true, false] {
            let parameters = LogParams {
                container: Some(log.container.clone()),
                previous,
                tail_lines: Some(LOG_LINES),
                ..LogParams::default()
            };
            let said = tokio::time::timeout(WITHIN, api.logs(&log.pod, &parameters)).await;
            if let Ok(Ok(text)) = said
                && !text.trim().is_empty()
            {
                return format!("; its last lines: {}", text.trim().lines().collect::<Vec<_>>().join(" | "));
            }
        }
        String::new()
    }

    /// Waits until the external metric that the HPA reads answers with a value; returns it and its name.
    ///
    /// # Errors
    /// When it does not in time, with what was in the way.
    pub async fn metric(
        &self,
        namespace: &str,
        hpa: &str,
        progress: &mut Progress,
    ) -> Result<(String, i64), Failure> {
        let began = Instant::now();
        loop {
            let reason = match self.wanted_metric(namespace, hpa).await? {
                None => format!("HPA {hpa} in namespace {namespace} is not there or reads no External metric"),
                Some(metric) => match external_metric::ask(self.client, namespace, &metric).await {
                    Ok(sample) => match sample.value_milli {
                        Some(value) => return Ok((metric.name, value)),
                        None => "its query gives nothing yet: Prometheus has no sample of the queue, or the broker's target is down".to_owned(),
                    },
                    Err(health::Failure::Unavailable(cause) | health::Failure::Lost(cause)) => explained(&cause),
                },
            };
            progress.waiting(&reason);
            self.pause(began, "the external metric", &reason, "which hop it is: surge doctor").await?;
        }
    }

    async fn wanted_metric(&self, namespace: &str, hpa: &str) -> Result<Option<MetricRef>, Failure> {
        let api: Api<HorizontalPodAutoscaler> = Api::namespaced(self.client.clone(), namespace);
        let found = within(&format!("reading HPA {hpa}"), api.get_opt(hpa)).await?;
        Ok(found.and_then(|object| convert::hpa::convert(&object).metric))
    }

    /// Waits until the aggregated API of a release is available.
    ///
    /// # Errors
    /// When it is not in time.
    pub async fn api_service(&self, objects: &mut Objects, progress: &mut Progress) -> Result<(), Failure> {
        let began = Instant::now();
        loop {
            let found = objects.get(&survey::api_service_key()).await?;
            let reason = match found.as_ref().map(unavailable) {
                Some(None) => return Ok(()),
                Some(Some(reason)) => reason,
                None => "there is no APIService for external metrics yet".to_owned(),
            };
            progress.waiting(&reason);
            self.pause(began, "the external metrics API", &reason, "more of it: kubectl describe apiservice")
                .await?;
        }
    }

    /// Waits until an object is gone.
    ///
    /// # Errors
    /// When it is not in time: something holds it by a finalizer.
    pub async fn gone(
        &self,
        objects: &mut Objects,
        key: &Key,
        progress: &mut Progress,
    ) -> Result<(), Failure> {
        let began = Instant::now();
        loop {
            let Some(found) = objects.get(key).await? else { return Ok(()) };
            let held: Vec<&str> = found["metadata"]["finalizers"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
                .collect();
            let reason = match held_by(&found) {
                Some(message) => format!("{key} is going: {message}"),
                None if held.is_empty() => format!("{key} is going"),
                None => format!("{key} is held by {}", held.join(", ")),
            };
            progress.waiting(&reason);
            self.pause(began, &key.to_string(), &reason, "see what its finalizers wait for").await?;
        }
    }
}

/// What a namespace that is going says about why it is not gone.
fn held_by(object: &Value) -> Option<String> {
    let conditions = object["status"]["conditions"].as_array()?;
    let told = conditions.iter().find(|condition| condition["status"] == "True")?;
    Some(clean::text(told["message"].as_str()?))
}

/// Why an APIService is not available; `None` when it is.
fn unavailable(object: &Value) -> Option<String> {
    let conditions = object["status"]["conditions"].as_array();
    let available = conditions.into_iter().flatten().find(|condition| condition["type"] == "Available");
    match available {
        Some(condition) if condition["status"] == "True" => None,
        Some(condition) => {
            Some(clean::text(condition["message"].as_str().unwrap_or("it is not available yet")))
        }
        None => Some("nobody has looked at its APIService yet".to_owned()),
    }
}

/// What stands behind an answer of the external metrics API; the words are those of a real API server.
fn explained(cause: &str) -> String {
    let more = if cause.contains("could not find the metric") {
        "the adapter has not discovered the series yet; a new ServiceMonitor takes about two minutes to get through"
    } else if cause.contains("could not find the requested resource") {
        "nobody serves external metrics"
    } else if cause.contains("unable to handle the request") {
        "the adapter has no ready pod"
    } else if cause.contains("unable to fetch metrics") {
        "the adapter cannot reach Prometheus"
    } else {
        return cause.to_owned();
    };
    format!("{more} ({cause})")
}

async fn within<T>(what: &str, asking: impl Future<Output = Result<T, kube::Error>>) -> Result<T, Failure> {
    match tokio::time::timeout(WITHIN, asking).await {
        Err(_late) => Err(Failure::late(what, WITHIN)),
        Ok(answer) => answer.map_err(|error| Failure::api(what, &error)),
    }
}

/// The workloads among the objects of a release, with those that the Prometheus Operator makes of its own kinds.
#[must_use]
pub fn workloads(objects: &[Value]) -> Vec<Key> {
    let key = |key: &Key, kind: &str, name: String| Key {
        api_version: "apps/v1".to_owned(),
        kind: kind.to_owned(),
        namespace: key.namespace.clone(),
        name,
    };
    let of = |object: &Value| {
        let found = Key::of(object);
        match found.kind.as_str() {
            "Deployment" | "StatefulSet" | "DaemonSet" => Some(found),
            "Prometheus" => Some(key(&found, "StatefulSet", format!("prometheus-{}", found.name))),
            "Alertmanager" => Some(key(&found, "StatefulSet", format!("alertmanager-{}", found.name))),
            _ => None,
        }
    };
    objects.iter().filter_map(of).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn workloads_of_a_release_are_found() {
        let object = |kind: &str| json!({"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": "x", "namespace": "m"}});
        let objects = ["Service", "Deployment", "Prometheus", "DaemonSet"].map(object);
        let names: Vec<String> =
            workloads(&objects).iter().map(|key| format!("{} {}", key.kind, key.name)).collect();
        assert_eq!(names, ["Deployment x", "StatefulSet prometheus-x", "DaemonSet x"]);
    }

    #[test]
    fn an_api_that_is_not_available_says_why() {
        let service = |status: &str| json!({"status": {"conditions": [{"type": "Available", "status": status, "message": "no endpoints"}]}});
        assert_eq!(unavailable(&service("True")), None);
        assert_eq!(unavailable(&service("False")).as_deref(), Some("no endpoints"));
        assert!(unavailable(&json!({})).is_some());
    }

    #[test]
    fn the_answers_of_the_api_are_explained() {
        for (cause, expected) in [
            ("the server could not find the metric rabbitmq_queue_length for  (404)", "not discovered"),
            ("the server could not find the requested resource (404)", "nobody serves"),
            ("the server is currently unable to handle the request (503)", "no ready pod"),
            ("Internal error occurred: unable to fetch metrics (500)", "cannot reach Prometheus"),
            ("something else", "something else"),
        ] {
            assert!(explained(cause).contains(expected), "{cause}");
        }
    }
}
