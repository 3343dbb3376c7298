//! What `down` would remove, worked out from what was seen; nothing is done here.
//!
//! The order matters: KEDA's objects carry finalizers that only its operator takes off, and an external metrics API without a
//! backend keeps every namespace of the cluster from going.

use std::cmp::Reverse;

use super::object::{self, Key};
use super::seen::Metrics;

/// What was seen of the cluster.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Seen {
    /// Objects that `up` installed for the demo, without namespaces.
    pub objects: Vec<Key>,
    /// Releases that `up` installed.
    pub releases: Vec<Release>,
    /// Who serves external metrics.
    pub metrics: Metrics,
    /// KEDA's objects that are somebody else's, as `ScaledObject a in namespace b`.
    pub foreign_keda: Vec<String>,
    /// Namespaces that `up` made, with what else lives in them.
    pub namespaces: Vec<Namespace>,
    /// Demos of `up` in other namespaces, which stand on the same stack.
    pub other_demos: Vec<String>,
}

/// A release that `up` installed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    /// Name.
    pub name: String,
    /// Namespace.
    pub namespace: String,
    /// Chart and version.
    pub chart: String,
}

impl Release {
    /// Whether it is KEDA's.
    fn is_keda(&self) -> bool {
        self.chart.starts_with("keda-")
    }

    /// Whether it is the Prometheus Operator's, which goes last and serves no metrics to the autoscaler.
    fn is_operator(&self) -> bool {
        self.chart.starts_with("kube-prometheus-stack-")
    }
}

/// A namespace that `up` made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Namespace {
    /// Name.
    pub name: String,
    /// What in it is not ours, or holds data.
    pub holds: Vec<String>,
}

/// What is to be done.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Removal {
    /// In this order.
    pub steps: Vec<Step>,
    /// Namespaces that may go too, after a question of their own.
    pub namespaces: Vec<Namespace>,
    /// What stays, and why.
    pub notes: Vec<String>,
}

/// A step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Remove objects, and wait until they are gone: something of them needs a program that goes later.
    Objects {
        /// What they are.
        what: &'static str,
        /// Which.
        keys: Vec<Key>,
    },
    /// Remove the external metrics API.
    Api(Key),
    /// Uninstall a release with helm.
    Release(Release),
}

impl Step {
    /// What it is called.
    #[must_use]
    pub fn title(&self) -> String {
        match self {
            Self::Objects { what, .. } => (*what).to_owned(),
            Self::Api(key) => key.to_string(),
            Self::Release(release) => format!("release {} in namespace {}", release.name, release.namespace),
        }
    }
}

/// What is to be removed, and in which order.
#[must_use]
pub fn plan(seen: &Seen, api: Key) -> Removal {
    let mut removal = Removal { namespaces: seen.namespaces.clone(), ..Removal::default() };
    let (mut keda, mut others): (Vec<Key>, Vec<Key>) =
        seen.objects.iter().cloned().partition(|key| key.group() == "keda.sh");
    for keys in [&mut keda, &mut others] {
        keys.sort_by_key(|key| Reverse(object::rank(&key.kind)));
    }
    if !keda.is_empty() {
        removal.steps.push(Step::Objects { what: "KEDA's objects of the demo", keys: keda });
    }
    if !others.is_empty() {
        removal.steps.push(Step::Objects { what: "objects of the demo", keys: others });
    }
    releases(seen, api, &mut removal);
    removal
}

fn releases(seen: &Seen, api: Key, removal: &mut Removal) {
    if !seen.releases.is_empty() && !seen.other_demos.is_empty() {
        let demos = seen.other_demos.join(", ");
        removal.notes.push(format!("the stack stays: it also carries the demo in namespace {demos}"));
        removal
            .namespaces
            .retain(|namespace| !seen.releases.iter().any(|release| release.namespace == namespace.name));
        return;
    }
    let mut going: Vec<Release> = Vec::new();
    for release in &seen.releases {
        if release.is_keda() && !seen.foreign_keda.is_empty() {
            removal.notes.push(format!("KEDA stays: {} needs it", seen.foreign_keda.join(", ")));
            removal.namespaces.retain(|namespace| namespace.name != release.namespace);
        } else {
            going.push(release.clone());
        }
    }
    // The one that serves metrics first, the Prometheus Operator last: the other way round than they came.
    going.sort_by_key(Release::is_operator);
    let mut able = going.iter().filter(|release| !release.is_operator());
    if let Metrics::Service { namespace, name } = &seen.metrics
        && able.any(|release| release.namespace == *namespace && name.contains(&release.name))
    {
        removal.steps.push(Step::Api(api));
    }
    removal.steps.extend(going.into_iter().map(Step::Release));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(api_version: &str, kind: &str) -> Key {
        Key {
            api_version: api_version.into(),
            kind: kind.into(),
            namespace: Some("demo".into()),
            name: kind.to_lowercase(),
        }
    }

    fn api() -> Key {
        Key { namespace: None, ..key("apiregistration.k8s.io/v1", "APIService") }
    }

    fn release(name: &str, namespace: &str, chart: &str) -> Release {
        Release { name: name.into(), namespace: namespace.into(), chart: chart.into() }
    }

    fn served(namespace: &str, name: &str) -> Metrics {
        Metrics::Service { namespace: namespace.into(), name: name.into() }
    }

    fn full() -> Seen {
        Seen {
            objects: vec![
                key("v1", "Service"),
                key("keda.sh/v1alpha1", "TriggerAuthentication"),
                key("apps/v1", "Deployment"),
                key("keda.sh/v1alpha1", "ScaledObject"),
            ],
            releases: vec![
                release("prometheus", "monitoring", "kube-prometheus-stack-88.5.3"),
                release("keda", "keda", "keda-2.20.2"),
            ],
            metrics: served("keda", "keda-operator-metrics-apiserver"),
            namespaces: vec![Namespace { name: "keda".into(), holds: Vec::new() }],
            ..Seen::default()
        }
    }

    fn titles(removal: &Removal) -> Vec<String> {
        removal.steps.iter().map(Step::title).collect()
    }

    #[test]
    fn finalizers_and_the_api_come_before_their_programs() {
        let removal = plan(&full(), api());
        assert_eq!(
            titles(&removal),
            [
                "KEDA's objects of the demo",
                "objects of the demo",
                "APIService apiservice",
                "release keda in namespace keda",
                "release prometheus in namespace monitoring"
            ]
        );
        let Step::Objects { keys, .. } = &removal.steps[0] else { panic!("{removal:?}") };
        assert_eq!(
            keys.iter().map(|key| key.kind.as_str()).collect::<Vec<_>>(),
            ["ScaledObject", "TriggerAuthentication"]
        );
        let Step::Objects { keys, .. } = &removal.steps[1] else { panic!("{removal:?}") };
        assert_eq!(keys.iter().map(|key| key.kind.as_str()).collect::<Vec<_>>(), ["Deployment", "Service"]);
    }

    #[test]
    fn what_others_stand_on_stays() {
        let mut seen = full();
        seen.foreign_keda = vec!["ScaledObject theirs in namespace other".into()];
        let removal = plan(&seen, api());
        assert_eq!(titles(&removal)[2..], ["release prometheus in namespace monitoring"]);
        assert!(
            removal.notes[0].contains("ScaledObject theirs") && removal.namespaces.is_empty(),
            "{removal:?}"
        );

        let mut seen = full();
        seen.other_demos = vec!["second".into()];
        let removal = plan(&seen, api());
        assert_eq!(removal.steps.len(), 2);
        assert!(removal.notes[0].contains("second"), "{removal:?}");
    }

    #[test]
    fn somebody_elses_api_is_not_touched() {
        let mut seen = full();
        seen.metrics = served("monitoring", "prometheus-adapter");
        assert!(!plan(&seen, api()).steps.iter().any(|step| matches!(step, Step::Api(_))));
        assert_eq!(plan(&Seen::default(), api()), Removal::default());
    }
}
