//! Waiting for workloads, and for objects to be gone: the loop around the judgements of `ready`, which says why it waits.

mod metric;

use std::time::{Duration, Instant};

use k8s_openapi::api::apps::v1::{DaemonSet, Deployment, StatefulSet};
use k8s_openapi::api::core::v1::{Event, Pod};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use kube::Client;
use kube::api::{Api, ListParams, LogParams};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::again::{self, Change};
use super::apply::{Objects, WITHIN};
use super::failure::{Failure, Kind};
use super::hints::Hints;
use super::object::Key;
use super::progress::Progress;
use super::pull::{self, Missing, Pulls};
use super::ready::{self, Log, More, Reason, Rollout, When};
use text::clean;

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
    /// Commands for this cluster.
    pub hints: &'a Hints,
}

impl Waiting<'_> {
    /// Pauses, unless the deadline has passed or a signal came.
    async fn pause(&self, began: Instant, what: &str, reason: &str, advice: &str) -> Result<(), Failure> {
        if began.elapsed() >= self.timeout {
            let within = again::text(self.timeout);
            return Err(Failure::step(format!("{what}: not ready within {within}: {reason}"), advice)
                .changing(Change::Longer(self.timeout)));
        }
        self.rest().await
    }

    /// The time between two looks, unless a signal comes.
    async fn rest(&self) -> Result<(), Failure> {
        tokio::select! {
            () = tokio::time::sleep(PAUSE) => Ok(()),
            () = self.stop.cancelled() => Err(Failure::stopped()),
        }
    }

    /// Waits until all the workloads are ready, saying why the first of those that are not is not.
    ///
    /// # Errors
    /// When one is not ready in time, with the reason; when one has no image and will have none; when the API does not answer.
    pub async fn workloads(&self, keys: &[Key], progress: &mut Progress) -> Result<(), Failure> {
        let began = Instant::now();
        let mut pulls = Pulls::default();
        let mut waited: Vec<&Key> = keys.iter().collect();
        loop {
            let mut found = Vec::new();
            for key in waited {
                if let Some(reason) = self.workload(key).await? {
                    found.push((key, reason));
                }
            }
            for (key, reason) in &found {
                if let More::Image(missing) = &reason.more {
                    self.image(key, missing, &mut pulls).await?;
                }
            }
            // What waits for an image will not come as surely as what is only starting.
            let worst = found.iter().find(|(_, reason)| matches!(reason.more, More::Image(_)));
            let Some((key, reason)) = worst.or_else(|| found.first()) else { return Ok(()) };
            progress.waiting(&format!("{key}: {}", reason.what));
            let namespace = key.namespace.as_deref().unwrap_or_default();
            let more = self.hints.kubectl(&["describe", "pods", "-n", namespace]);
            let paused =
                self.pause(began, &key.to_string(), &reason.what, &format!("more of it: {more}")).await;
            if let Err(failure) = paused {
                return Err(match &reason.more {
                    More::Log(log) if failure.kind == Kind::Step && log.when == When::InVain => {
                        failure.with(&self.tail(namespace, log).await)
                    }
                    _ => failure,
                });
            }
            waited = found.into_iter().map(|(key, _)| key).collect();
        }
    }

    /// Gives up on an image that will not come by waiting.
    async fn image(&self, key: &Key, missing: &Missing, pulls: &mut Pulls) -> Result<(), Failure> {
        let Some((told, elapsed)) = pulls.see(missing, Instant::now()) else { return Ok(()) };
        let namespace = key.namespace.as_deref().unwrap_or_default();
        let events = self.events(namespace, "Pod", &missing.pod).await;
        if pull::is_under_way(&events) {
            return Ok(());
        }
        let told = if pull::is_bare(&told) { pull::cause(&events).unwrap_or(&told) } else { &told };
        let what = format!(
            "{key}: image {} cannot be had, for {} s now ({} in pod {}): {told}",
            missing.image,
            elapsed.as_secs(),
            missing.reason,
            missing.pod
        );
        let name = pull::image_of(&key.name).filter(|_| namespace == self.hints.namespace());
        let advice = missing.advice(name, namespace, self.hints).join("\n");
        let change = name.map_or(Change::Nothing, Change::Image);
        Err(Failure::step(what, advice).changing(change))
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
            return Ok(Some(Reason { what: "it is not there yet".to_owned(), more: More::Nothing }));
        };
        let Rollout::Going { ready, wanted, complaint } = rollout else { return Ok(None) };
        let pods = self.pods(namespace, selector.as_ref()).await?;
        let events =
            if pods.is_empty() { self.events(namespace, &key.kind, &key.name).await } else { Vec::new() };
        let mut reason = ready::reason(ready, wanted, &complaint, &pods, &events);
        if let More::Log(log) = &reason.more
            && log.when == When::Now
        {
            let tail = self.tail(namespace, log).await;
            reason.what.push_str(&tail);
        }
        reason.what = clean::text(&reason.what);
        Ok(Some(reason))
    }

    async fn pods(&self, namespace: &str, selector: Option<&LabelSelector>) -> Result<Vec<Pod>, Failure> {
        let api: Api<Pod> = Api::namespaced(self.client.clone(), namespace);
        let selector =
            selector.map(|selector| hpa::spec::LabelSelector::from(selector).query()).unwrap_or_default();
        let listed = within("listing pods", api.list(&ListParams::default().labels(&selector))).await?;
        Ok(listed.items)
    }

    /// Events about an object, oldest first; none where they cannot be had, since they only explain.
    async fn events(&self, namespace: &str, kind: &str, name: &str) -> Vec<Event> {
        let api: Api<Event> = Api::namespaced(self.client.clone(), namespace);
        let about = format!("involvedObject.kind={kind},involvedObject.name={name}");
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
            let mut words = vec!["get", key.kind.as_str(), key.name.as_str(), "-o", "yaml"];
            if let Some(namespace) = &key.namespace {
                words.extend(["-n", namespace]);
            }
            let advice = format!("see what its finalizers wait for: {}", self.hints.kubectl(&words));
            self.pause(began, &key.to_string(), &reason, &advice).await?;
        }
    }
}

/// What a namespace that is going says about why it is not gone.
fn held_by(object: &Value) -> Option<String> {
    let conditions = object["status"]["conditions"].as_array()?;
    let told = conditions.iter().find(|condition| condition["status"] == "True")?;
    Some(clean::text(told["message"].as_str()?))
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
}
