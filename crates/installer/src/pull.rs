//! Images that cannot be had: when to wait for one no longer, and what to do about it.
//!
//! A pull that failed once may have met a hiccup of the network or of the registry, and the kubelet tries again after 10, 20, 40
//! seconds and so on, up to five minutes. What has failed for longer than its second try will not come by waiting.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use k8s_openapi::api::core::v1::Event;

use super::hints::Hints;
use super::request::ImageName;

/// How long a pull may fail: the kubelet's second try, ten seconds after the first and a little, is over by then.
const PATIENCE: Duration = Duration::from_secs(30);

/// The same where no further try can help. It is not nothing, since a pod of the workload's old template may still be going.
const HOPELESS: Duration = Duration::from_secs(3);

/// An image that a container waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// Pod.
    pub pod: String,
    /// Container.
    pub container: String,
    /// Reference.
    pub image: String,
    /// The kubelet's word for it, such as `ImagePullBackOff`.
    pub reason: String,
    /// What the kubelet says about it; may be empty.
    pub message: String,
}

impl Missing {
    fn patience(&self) -> Duration {
        match self.reason.as_str() {
            "InvalidImageName" | "ErrImageNeverPull" => HOPELESS,
            _ => PATIENCE,
        }
    }

    /// What to do about it, a line each. `name` is the image's where it is one of the demo's; the pod is in `namespace`.
    #[must_use]
    pub fn advice(&self, name: Option<ImageName>, namespace: &str, hints: &Hints) -> Vec<String> {
        let mut lines = Vec::new();
        let load = "kind load image-archive FILE, minikube image load FILE, k3d image import FILE, or on the node ctr \
                    --namespace k8s.io images import FILE";
        match (name, self.reason.as_str()) {
            (Some(name), "InvalidImageName") => {
                lines.push(format!("that is no reference to an image: name another with --image {}=REF", name.name()));
            }
            (Some(_), "ErrImageNeverPull") => lines.push(format!(
                "images.pullPolicy is Never and the node has no such image: load an archive of it onto every node ({load}), or \
                 let it be pulled with --set images.pullPolicy=IfNotPresent"
            )),
            (Some(name), _) => {
                lines.push(format!("name an image that the nodes can pull: --image {}=REF", name.name()));
                let built = match name {
                    ImageName::Producer | ImageName::Worker => "; cargo xtask image all makes the archives",
                    ImageName::Rabbitmq | ImageName::Exporter => "",
                };
                lines.push(format!("or load an archive of this one onto every node: {load}{built}"));
            }
            (None, _) => lines.push(format!(
                "see that the nodes reach that registry, load an archive of the image onto every node ({load}), or take the \
                 chart from a mirror with --chart NAME=PATH"
            )),
        }
        lines
            .push(format!("more of it: {}", hints.kubectl(&["describe", "pod", &self.pod, "-n", namespace])));
        lines
    }
}

/// The demo's image that a container of its workload `name` runs.
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

/// The images that a wait has missed so far.
#[derive(Debug, Default)]
pub struct Pulls {
    seen: HashMap<(String, String, String), Seen>,
}

#[derive(Debug)]
struct Seen {
    since: Instant,
    told: String,
}

impl Pulls {
    /// Takes down that the image was missing at `now`. Returns what the cluster said about it and for how long it has been
    /// missing, once that is longer than a hiccup lasts.
    pub fn see(&mut self, missing: &Missing, now: Instant) -> Option<(String, Duration)> {
        let key = (missing.pod.clone(), missing.container.clone(), missing.image.clone());
        let seen = self.seen.entry(key).or_insert_with(|| Seen { since: now, told: String::new() });
        // Between two tries older kubelets say only that they wait: what the pull itself met is worth more.
        if !missing.message.is_empty() && (!is_bare(&missing.message) || seen.told.is_empty()) {
            missing.message.clone_into(&mut seen.told);
        }
        let elapsed = now.saturating_duration_since(seen.since);
        (elapsed >= missing.patience()).then(|| {
            let told = if seen.told.is_empty() { &missing.reason } else { &seen.told };
            (told.clone(), elapsed)
        })
    }
}

/// What the kubelet says about an image, without its account of the tries: newer ones put the cause behind it.
#[must_use]
pub fn essence(message: &str) -> &str {
    message.split_once(": ErrImagePull: ").map_or(message, |(_, cause)| cause)
}

/// Whether what is told names no cause: what older kubelets say between two tries.
#[must_use]
pub fn is_bare(told: &str) -> bool {
    told.starts_with("Back-off ")
}

/// Whether the pod's `events` say that a pull is under way: that one may take minutes and yet succeed.
#[must_use]
pub fn is_under_way(events: &[Event]) -> bool {
    let last = |reasons: &[&str]| {
        let about = events
            .iter()
            .filter(|event| event.reason.as_deref().is_some_and(|reason| reasons.contains(&reason)));
        about.filter_map(|event| event.last_timestamp.as_ref().map(|time| time.0)).max()
    };
    last(&["Pulling"]) > last(&["Failed", "BackOff"])
}

/// What the last pull that failed met, by the pod's events.
#[must_use]
pub fn cause(events: &[Event]) -> Option<&str> {
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

    fn missing(reason: &str, message: &str) -> Missing {
        Missing {
            pod: "worker-1".into(),
            container: "worker".into(),
            image: "i:1".into(),
            reason: reason.into(),
            message: message.into(),
        }
    }

    #[test]
    fn a_hiccup_is_waited_for_and_a_second_failure_is_not() {
        let mut pulls = Pulls::default();
        let began = Instant::now();
        let at = |seconds| began + Duration::from_secs(seconds);
        assert_eq!(pulls.see(&missing("ErrImagePull", "i:1: no such host"), at(0)), None);
        assert_eq!(pulls.see(&missing("ImagePullBackOff", "Back-off pulling image"), at(12)), None);
        assert_eq!(pulls.see(&missing("ErrImagePull", "i:1: no such host"), at(24)), None);
        assert_eq!(
            pulls.see(&missing("ImagePullBackOff", "Back-off pulling image"), at(31)),
            Some(("i:1: no such host".to_owned(), Duration::from_secs(31)))
        );
        // Another pod's begins anew.
        let other = Missing { pod: "worker-2".into(), ..missing("ErrImagePull", "") };
        assert_eq!(pulls.see(&other, at(31)), None);
    }

    #[test]
    fn what_cannot_heal_is_told_soon() {
        for reason in ["InvalidImageName", "ErrImageNeverPull"] {
            let mut pulls = Pulls::default();
            let began = Instant::now();
            assert_eq!(pulls.see(&missing(reason, ""), began), None);
            let (told, _) = pulls.see(&missing(reason, ""), began + Duration::from_secs(3)).unwrap();
            assert_eq!(told, reason);
        }
    }

    fn event(reason: &str, second: u32, message: &str) -> Event {
        let at = format!("2026-01-01T00:00:{second:02}Z");
        serde_json::from_value(json!({"metadata": {}, "involvedObject": {}, "reason": reason, "lastTimestamp": at, "message": message}))
            .unwrap()
    }

    #[test]
    fn the_cause_is_taken_out_of_the_account_of_tries() {
        let newer = "Back-off pulling image \"i:1\": ErrImagePull: no such host";
        assert_eq!(essence(newer), "no such host");
        assert_eq!(essence("no such host"), "no such host");
        assert!(is_bare(essence("Back-off pulling image \"i:1\"")) && !is_bare(essence(newer)));
    }

    #[test]
    fn a_pull_that_is_under_way_is_known_by_the_events() {
        let failed = event("Failed", 5, "Failed to pull image \"i:1\": no such host");
        for (events, expected) in [
            (vec![], false),
            (vec![event("Pulling", 1, "")], true),
            (vec![event("Pulling", 1, ""), failed.clone()], false),
            (vec![event("Pulling", 9, ""), failed.clone(), event("BackOff", 6, "")], true),
            (vec![event("Pulling", 9, ""), event("BackOff", 9, "")], false),
        ] {
            assert_eq!(is_under_way(&events), expected, "{events:?}");
        }
        let events = [
            event("Failed", 2, "Failed to pull image \"i:1\": old"),
            failed,
            event("Failed", 6, "Error: ErrImagePull"),
        ];
        assert_eq!(cause(&events), Some("Failed to pull image \"i:1\": no such host"));
    }

    #[test]
    fn the_advice_names_the_option_and_the_pod() {
        let hints = Hints::new(&cluster::connect::ConnectFlags::default(), "demo");
        let advice = |reason: &str, name| missing(reason, "").advice(name, "demo", &hints).join("\n");
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
