//! Images that the kubelet cannot pull: when to stop waiting, and the advice.
//!
//! A failed pull may be a temporary fault of the network or the registry. The kubelet tries again after 10, 20, 40 seconds and so
//! on, up to five minutes. A second failure ends the wait.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use k8s_openapi::api::core::v1::Event;

use super::hints::Hints;
use super::object::Key;
use super::request::ImageName;

/// Time limit for a failing pull. The kubelet's second try, ten seconds after the first, is over by then.
const RETRY_LIMIT: Duration = Duration::from_secs(30);

/// Time limit for a failure that no retry fixes. A terminating pod of the old template may show one for a moment.
const PERMANENT_LIMIT: Duration = Duration::from_secs(3);

/// A container that waits for its image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PullFailure {
    /// Pod.
    pub pod: String,
    /// Container.
    pub container: String,
    /// Reference of the image.
    pub image: String,
    /// The kubelet's reason, such as `ImagePullBackOff`.
    pub reason: String,
    /// The kubelet's message; may be empty.
    pub message: String,
}

impl PullFailure {
    fn time_limit(&self) -> Duration {
        match self.reason.as_str() {
            "InvalidImageName" | "ErrImageNeverPull" => PERMANENT_LIMIT,
            _ => RETRY_LIMIT,
        }
    }

    /// The advice, a line each. `name` is set for an image of the demo; the pod is in `namespace`.
    #[must_use]
    pub fn advice(&self, name: Option<ImageName>, namespace: &str, hints: &Hints) -> Vec<String> {
        let mut lines = match (name, self.reason.as_str()) {
            (Some(name), "InvalidImageName") => {
                vec![format!("use a valid reference: --image {}=REF", name.name())]
            }
            (Some(_), "ErrImageNeverPull") => vec![
                "images.pullPolicy is Never and the node lacks the image".to_owned(),
                "load it onto every node, or use --set images.pullPolicy=IfNotPresent".to_owned(),
            ],
            (Some(name), _) => {
                let mut lines =
                    vec![format!("use an image that the nodes can pull: --image {}=REF", name.name())];
                if matches!(name, ImageName::Producer | ImageName::Worker) {
                    lines.push("or load an archive; build it with: cargo xtask image all".to_owned());
                }
                lines
            }
            (None, _) => vec![
                "check that the nodes reach that registry".to_owned(),
                "or name another registry: --stack-set NAME.KEY=VALUE, or a chart: --chart NAME=PATH"
                    .to_owned(),
            ],
        };
        if self.reason != "InvalidImageName" {
            let load = "load archives with: kind load image-archive, minikube image load, k3d image import";
            lines.push(load.to_owned());
        }
        let pod = Key {
            api_version: "v1".to_owned(),
            kind: "pod".to_owned(),
            namespace: Some(namespace.to_owned()),
            name: self.pod.clone(),
        };
        lines.push(format!("details: {}", hints.on_object("describe", &pod, &[])));
        lines
    }
}

/// The demo's image in a container of the workload `name`.
#[must_use]
pub fn image_of(name: &str) -> Option<ImageName> {
    use contract::names;
    match name {
        names::PRODUCER => Some(ImageName::Producer),
        names::WORKER => Some(ImageName::Worker),
        names::RABBITMQ => Some(ImageName::Rabbitmq),
        "rabbitmq-exporter" => Some(ImageName::Exporter),
        _ => None,
    }
}

/// The failing pulls of one wait.
#[derive(Debug, Default)]
pub struct PullTracker {
    failing: HashMap<(String, String, String), FailingPull>,
}

#[derive(Debug)]
struct FailingPull {
    since: Instant,
    message: String,
}

impl PullTracker {
    /// Records a failure at `now`. After the time limit it returns the most informative message and the duration so far.
    pub fn observe(&mut self, failure: &PullFailure, now: Instant) -> Option<(String, Duration)> {
        let key = (failure.pod.clone(), failure.container.clone(), failure.image.clone());
        let pull =
            self.failing.entry(key).or_insert_with(|| FailingPull { since: now, message: String::new() });
        // Older kubelets report no cause between two tries; the earlier message has it.
        if !failure.message.is_empty() && (!has_no_cause(&failure.message) || pull.message.is_empty()) {
            failure.message.clone_into(&mut pull.message);
        }
        let elapsed = now.saturating_duration_since(pull.since);
        (elapsed >= failure.time_limit()).then(|| {
            let message = if pull.message.is_empty() { &failure.reason } else { &pull.message };
            (message.clone(), elapsed)
        })
    }
}

/// The cause in a kubelet's message. Newer kubelets append it to their report of the retries.
#[must_use]
pub fn root_cause(message: &str) -> &str {
    message.split_once(": ErrImagePull: ").map_or(message, |(_, cause)| cause)
}

/// Returns true for a message that only reports the wait between two tries.
#[must_use]
pub fn has_no_cause(message: &str) -> bool {
    message.starts_with("Back-off ")
}

/// Returns true if a pull runs, according to the pod's events. It may take minutes and succeed.
#[must_use]
pub fn is_running(events: &[Event]) -> bool {
    let last = |reasons: &[&str]| {
        let matching = events
            .iter()
            .filter(|event| event.reason.as_deref().is_some_and(|reason| reasons.contains(&reason)));
        matching.filter_map(|event| event.last_timestamp.as_ref().map(|time| time.0)).max()
    };
    last(&["Pulling"]) > last(&["Failed", "BackOff"])
}

/// The message of the last failed pull in the pod's events.
#[must_use]
pub fn last_failure(events: &[Event]) -> Option<&str> {
    let failed = events.iter().filter(|event| event.reason.as_deref() == Some("Failed"));
    let messages =
        failed.filter_map(|event| Some((event.last_timestamp.as_ref()?.0, event.message.as_deref()?)));
    messages
        .filter(|(_, message)| message.starts_with("Failed to pull image"))
        .max()
        .map(|(_, message)| message)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn failure(reason: &str, message: &str) -> PullFailure {
        PullFailure {
            pod: "worker-1".into(),
            container: "worker".into(),
            image: "i:1".into(),
            reason: reason.into(),
            message: message.into(),
        }
    }

    #[test]
    fn a_second_failure_ends_the_wait() {
        let mut tracker = PullTracker::default();
        let began = Instant::now();
        let at = |seconds| began + Duration::from_secs(seconds);
        assert_eq!(tracker.observe(&failure("ErrImagePull", "i:1: no such host"), at(0)), None);
        assert_eq!(tracker.observe(&failure("ImagePullBackOff", "Back-off pulling image"), at(12)), None);
        assert_eq!(tracker.observe(&failure("ErrImagePull", "i:1: no such host"), at(24)), None);
        assert_eq!(
            tracker.observe(&failure("ImagePullBackOff", "Back-off pulling image"), at(31)),
            Some(("i:1: no such host".to_owned(), Duration::from_secs(31)))
        );
        // Each pod has its own time limit.
        let other = PullFailure { pod: "worker-2".into(), ..failure("ErrImagePull", "") };
        assert_eq!(tracker.observe(&other, at(31)), None);
    }

    #[test]
    fn permanent_failures_end_the_wait_soon() {
        for reason in ["InvalidImageName", "ErrImageNeverPull"] {
            let mut tracker = PullTracker::default();
            let began = Instant::now();
            assert_eq!(tracker.observe(&failure(reason, ""), began), None);
            let (message, _) = tracker.observe(&failure(reason, ""), began + Duration::from_secs(3)).unwrap();
            assert_eq!(message, reason);
        }
    }

    fn event(reason: &str, second: u32, message: &str) -> Event {
        let at = format!("2026-01-01T00:00:{second:02}Z");
        serde_json::from_value(json!({"metadata": {}, "involvedObject": {}, "reason": reason, "lastTimestamp": at, "message": message}))
            .unwrap()
    }

    #[test]
    fn the_root_cause_is_extracted() {
        let newer = "Back-off pulling image \"i:1\": ErrImagePull: no such host";
        assert_eq!(root_cause(newer), "no such host");
        assert_eq!(root_cause("no such host"), "no such host");
        assert!(
            has_no_cause(root_cause("Back-off pulling image \"i:1\"")) && !has_no_cause(root_cause(newer))
        );
    }

    #[test]
    fn events_show_a_running_pull() {
        let failed = event("Failed", 5, "Failed to pull image \"i:1\": no such host");
        for (events, expected) in [
            (vec![], false),
            (vec![event("Pulling", 1, "")], true),
            (vec![event("Pulling", 1, ""), failed.clone()], false),
            (vec![event("Pulling", 9, ""), failed.clone(), event("BackOff", 6, "")], true),
            (vec![event("Pulling", 9, ""), event("BackOff", 9, "")], false),
        ] {
            assert_eq!(is_running(&events), expected, "{events:?}");
        }
        let events = [
            event("Failed", 2, "Failed to pull image \"i:1\": old"),
            failed,
            event("Failed", 6, "Error: ErrImagePull"),
        ];
        assert_eq!(last_failure(&events), Some("Failed to pull image \"i:1\": no such host"));
    }

    #[test]
    fn advice_names_option_and_pod() {
        let hints = Hints::new(&cluster::connect::ConnectFlags::default(), "demo");
        let advice = |reason: &str, name| failure(reason, "").advice(name, "demo", &hints).join("\n");
        let worker = advice("ErrImagePull", image_of("worker"));
        for expected in
            ["--image worker=REF", "kind load image-archive", "kubectl describe pod worker-1 -n demo"]
        {
            assert!(worker.contains(expected), "{worker}");
        }
        assert!(advice("ErrImageNeverPull", image_of("rabbitmq")).contains("images.pullPolicy=IfNotPresent"));
        assert!(advice("InvalidImageName", image_of("producer")).contains("--image producer=REF"));
        let foreign = advice("ImagePullBackOff", image_of("prometheus-adapter"));
        assert!(foreign.contains("--chart") && !foreign.contains("--image"), "{foreign}");
    }
}
