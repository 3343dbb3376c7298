//! Waits for workloads to be ready and for objects to be gone, and reports the reasons.

mod metric;

use std::time::{Duration, Instant};

use k8s_openapi::api::apps::v1::{DaemonSet, Deployment, StatefulSet};
use k8s_openapi::api::core::v1::{Event, Pod};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use kube::Client;
use kube::api::{Api, ListParams, LogParams};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::apply::{Objects, REQUEST_TIMEOUT, with_timeout};
use super::failure::Failure;
use super::hints::Hints;
use super::image_pull::{self, PullFailure, PullTracker};
use super::object::Key;
use super::progress::Progress;
use super::ready::{self, Detail, LogSource, Reason, Rollout, ShowLog};
use text::clean;

/// Time between two requests.
const POLL_INTERVAL: Duration = Duration::from_millis(500);

/// Number of log lines of a crashed container to show.
const LOG_LINES: i64 = 5;

/// The consequence of a failed workload for the wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum AfterFailure {
    /// The wait ends.
    End,
    /// The wait for the others goes on.
    GoOn,
}

/// The common parts of all waits.
#[derive(Clone, Copy)]
pub struct Waiting<'a> {
    /// The cluster.
    pub client: &'a Client,
    /// Time limit of a step.
    pub timeout: Duration,
    /// Ends every wait.
    pub stop: &'a CancellationToken,
    /// Suggested commands.
    pub hints: &'a Hints,
}

impl Waiting<'_> {
    /// Waits for the poll interval.
    ///
    /// # Errors
    /// After the time limit or a signal.
    async fn pause(&self, began: Instant, what: &str, reason: &str, advice: &str) -> Result<(), Failure> {
        if began.elapsed() >= self.timeout {
            return Err(self.not_ready(what, reason, advice));
        }
        self.sleep().await
    }

    fn not_ready(&self, what: &str, reason: &str, advice: &str) -> Failure {
        let what = format!("{what}: not ready within {} s: {reason}", self.timeout.as_secs_f64());
        Failure::step(what, advice)
    }

    /// Waits for the poll interval, unless a signal comes.
    async fn sleep(&self) -> Result<(), Failure> {
        tokio::select! {
            () = tokio::time::sleep(POLL_INTERVAL) => Ok(()),
            () = self.stop.cancelled() => Err(Failure::stopped()),
        }
    }

    /// Waits until all workloads are ready, and reports the reason of the first unready one.
    ///
    /// # Errors
    /// After the time limit, with the reason; if an image cannot be pulled; if the API does not answer.
    pub async fn workloads(&self, keys: &[Key], progress: &mut Progress) -> Result<(), Failure> {
        let failed = self.settle(keys, AfterFailure::End, progress).await?;
        failed.into_iter().next().map_or(Ok(()), |(_, failure)| Err(failure))
    }

    /// Waits until each workload is ready or has failed, and returns the failed ones with the cause.
    ///
    /// # Errors
    /// If the API does not answer, or after a signal.
    pub async fn settled(
        &self,
        keys: &[Key],
        progress: &mut Progress,
    ) -> Result<Vec<(Key, Failure)>, Failure> {
        self.settle(keys, AfterFailure::GoOn, progress).await
    }

    async fn settle(
        &self,
        keys: &[Key],
        after_failure: AfterFailure,
        progress: &mut Progress,
    ) -> Result<Vec<(Key, Failure)>, Failure> {
        let began = Instant::now();
        let mut pulls = PullTracker::default();
        let mut failed: Vec<(Key, Failure)> = Vec::new();
        let mut unready: Vec<&Key> = keys.iter().collect();
        loop {
            let mut found = Vec::new();
            for key in unready {
                let Some(reason) = self.workload(key).await? else { continue };
                let pull = match &reason.detail {
                    Detail::Image(failure) => self.check_pull(key, failure, &mut pulls).await,
                    _ => Ok(()),
                };
                match pull {
                    Ok(()) => found.push((key, reason)),
                    Err(failure) => failed.push((key.clone(), failure)),
                }
            }
            if found.is_empty() || (after_failure == AfterFailure::End && !failed.is_empty()) {
                return Ok(failed);
            }
            // A failing pull is more relevant than a starting pod.
            found.sort_by_key(|(_, reason)| !matches!(reason.detail, Detail::Image(_)));
            if began.elapsed() >= self.timeout {
                for (key, reason) in found {
                    failed.push((key.clone(), self.late(key, &reason).await));
                }
                return Ok(failed);
            }
            if let Some((key, reason)) = found.first() {
                progress.waiting(&format!("{key}: {}", reason.what));
            }
            self.sleep().await?;
            unready = found.into_iter().map(|(key, _)| key).collect();
        }
    }

    /// The failure of a workload that is not ready after the time limit.
    async fn late(&self, key: &Key, reason: &Reason) -> Failure {
        let namespace = key.namespace.as_deref().unwrap_or_default();
        let advice = format!("details: {}", self.hints.kubectl(&["describe", "pods", "-n", namespace]));
        let failure = self.not_ready(&key.to_string(), &reason.what, &advice);
        match &reason.detail {
            Detail::Log(log) if log.shown == ShowLog::AfterTimeout => {
                failure.with(&self.last_lines(namespace, log).await)
            }
            _ => failure,
        }
    }

    /// Fails if a pull fails for longer than its time limit.
    async fn check_pull(
        &self,
        key: &Key,
        pull: &PullFailure,
        pulls: &mut PullTracker,
    ) -> Result<(), Failure> {
        let Some((message, elapsed)) = pulls.observe(pull, Instant::now()) else { return Ok(()) };
        let namespace = key.namespace.as_deref().unwrap_or_default();
        let events = self.events(namespace, "Pod", &pull.pod).await;
        if image_pull::is_running(&events) {
            return Ok(());
        }
        let cause = if image_pull::has_no_cause(&message) {
            image_pull::last_failure(&events).unwrap_or(&message)
        } else {
            &message
        };
        let what = format!(
            "{key}: pulling image {} has failed for {} s ({} in pod {}): {cause}",
            pull.image,
            elapsed.as_secs(),
            pull.reason,
            pull.pod
        );
        let name = image_pull::image_of(&key.name).filter(|_| namespace == self.hints.namespace());
        Err(Failure::step(what, pull.advice(name, namespace, self.hints).join("\n")))
    }

    /// The reason why the workload is not ready; `None` if it is ready.
    async fn workload(&self, key: &Key) -> Result<Option<Reason>, Failure> {
        let namespace = key.namespace.as_deref().unwrap_or_default();
        let what = format!("reading {key}");
        let found = match key.kind.as_str() {
            "Deployment" => {
                let api: Api<Deployment> = Api::namespaced(self.client.clone(), namespace);
                let found = with_timeout(&what, api.get_opt(&key.name)).await?;
                found.map(|o| (ready::deployment(&o), o.spec.map(|spec| spec.selector)))
            }
            "StatefulSet" => {
                let api: Api<StatefulSet> = Api::namespaced(self.client.clone(), namespace);
                let found = with_timeout(&what, api.get_opt(&key.name)).await?;
                found.map(|o| (ready::stateful_set(&o), o.spec.map(|spec| spec.selector)))
            }
            _ => {
                let api: Api<DaemonSet> = Api::namespaced(self.client.clone(), namespace);
                let found = with_timeout(&what, api.get_opt(&key.name)).await?;
                found.map(|o| (ready::daemon_set(&o), o.spec.map(|spec| spec.selector)))
            }
        };
        let Some((rollout, selector)) = found else {
            return Ok(Some(Reason { what: "it does not exist yet".to_owned(), detail: Detail::None }));
        };
        let Rollout::InProgress { ready, wanted, error } = rollout else { return Ok(None) };
        let pods = self.pods(namespace, selector.as_ref()).await?;
        let events =
            if pods.is_empty() { self.events(namespace, &key.kind, &key.name).await } else { Vec::new() };
        let mut reason = ready::reason(ready, wanted, &error, &pods, &events);
        if let Detail::Log(log) = &reason.detail
            && log.shown == ShowLog::Now
        {
            let lines = self.last_lines(namespace, log).await;
            reason.what.push_str(&lines);
        }
        reason.what = clean::text(&reason.what);
        Ok(Some(reason))
    }

    async fn pods(&self, namespace: &str, selector: Option<&LabelSelector>) -> Result<Vec<Pod>, Failure> {
        let api: Api<Pod> = Api::namespaced(self.client.clone(), namespace);
        let selector =
            selector.map(|selector| hpa::spec::LabelSelector::from(selector).query()).unwrap_or_default();
        let listed = with_timeout("listing pods", api.list(&ListParams::default().labels(&selector))).await?;
        Ok(listed.items)
    }

    /// Events about an object, oldest first; empty if they are not readable, since they only explain.
    async fn events(&self, namespace: &str, kind: &str, name: &str) -> Vec<Event> {
        let api: Api<Event> = Api::namespaced(self.client.clone(), namespace);
        let about = format!("involvedObject.kind={kind},involvedObject.name={name}");
        let listed = with_timeout("listing events", api.list(&ListParams::default().fields(&about))).await;
        let mut events = listed.map(|listed| listed.items).unwrap_or_default();
        events.sort_by_key(|event| event.last_timestamp.as_ref().map(|time| time.0));
        events
    }

    /// The last lines of a container's log, from before the crash if it crashed.
    async fn last_lines(&self, namespace: &str, log: &LogSource) -> String {
        let api: Api<Pod> = Api::namespaced(self.client.clone(), namespace);
        for previous in [true, false] {
            let parameters = LogParams {
                container: Some(log.container.clone()),
                previous,
                tail_lines: Some(LOG_LINES),
                ..LogParams::default()
            };
            let answer = tokio::time::timeout(REQUEST_TIMEOUT, api.logs(&log.pod, &parameters)).await;
            if let Ok(Ok(text)) = answer
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
    /// After the time limit, for example because of a finalizer.
    pub async fn gone(
        &self,
        objects: &mut Objects,
        key: &Key,
        progress: &mut Progress,
    ) -> Result<(), Failure> {
        let began = Instant::now();
        loop {
            let Some(found) = objects.get(key).await? else { return Ok(()) };
            let finalizers: Vec<&str> = found["metadata"]["finalizers"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
                .collect();
            let reason = match deletion_message(&found) {
                Some(message) => format!("deleting {key}: {message}"),
                None if finalizers.is_empty() => format!("deleting {key}"),
                None => format!("deleting {key}: finalizers {}", finalizers.join(", ")),
            };
            progress.waiting(&reason);
            let command = self.hints.on_object("get", key, &["-o", "yaml"]);
            let advice = format!("check its finalizers: {command}");
            self.pause(began, &key.to_string(), &reason, &advice).await?;
        }
    }
}

/// The message of a terminating namespace.
fn deletion_message(object: &Value) -> Option<String> {
    let conditions = object["status"]["conditions"].as_array()?;
    let condition = conditions.iter().find(|condition| condition["status"] == "True")?;
    Some(clean::text(condition["message"].as_str()?))
}
