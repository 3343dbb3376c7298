//! The plan of `surge down`, computed from the installed objects and releases.
//!
//! The order matters. Only KEDA's operator removes the finalizers of KEDA's objects. An external metrics API without a backend
//! blocks the deletion of every namespace.

use std::cmp::Reverse;

use super::cluster_state::MetricsServer;
use super::object::{self, Key};
use observed::keda;

/// The state on which an uninstall plan depends.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct InstalledState {
    /// Objects that `surge up` installed for the demo, without namespaces.
    pub objects: Vec<Key>,
    /// Releases that `surge up` installed.
    pub releases: Vec<InstalledRelease>,
    /// The server of external metrics.
    pub metrics: MetricsServer,
    /// Foreign objects of KEDA, as `ScaledObject a in namespace b`.
    pub foreign_keda: Vec<String>,
    /// Namespaces that `surge up` made.
    pub namespaces: Vec<CreatedNamespace>,
    /// Namespaces of other demos that use the same stack.
    pub other_demos: Vec<String>,
}

/// A release that `surge up` installed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstalledRelease {
    /// Name.
    pub name: String,
    /// Namespace.
    pub namespace: String,
    /// Chart and version.
    pub chart: String,
}

impl InstalledRelease {
    /// Returns true for the Prometheus Operator. It is removed last, and serves no external metrics.
    fn is_operator(&self) -> bool {
        self.chart.starts_with("kube-prometheus-stack-")
    }
}

/// A namespace that `surge up` made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreatedNamespace {
    /// Name.
    pub name: String,
    /// Its foreign objects, and its volume claims.
    pub holds: Vec<String>,
}

impl std::fmt::Display for CreatedNamespace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.name)?;
        if self.holds.is_empty() { Ok(()) } else { write!(f, ", which also has {}", self.holds.join(", ")) }
    }
}

/// The plan of `surge down`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UninstallPlan {
    /// The steps, in order.
    pub steps: Vec<UninstallStep>,
    /// Namespaces to delete after a separate question.
    pub namespaces: Vec<CreatedNamespace>,
    /// Parts that stay, with the reason.
    pub notes: Vec<String>,
}

/// A step of an uninstall plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UninstallStep {
    /// Delete objects and wait until they are gone.
    Objects {
        /// Title.
        title: &'static str,
        /// The objects.
        keys: Vec<Key>,
    },
    /// Delete the external metrics API.
    Api(Key),
    /// Uninstall a release with helm.
    Release(InstalledRelease),
}

impl UninstallStep {
    /// Its title.
    #[must_use]
    pub fn title(&self) -> String {
        match self {
            Self::Objects { title, .. } => (*title).to_owned(),
            Self::Api(key) => key.to_string(),
            Self::Release(release) => format!("release {} in namespace {}", release.name, release.namespace),
        }
    }
}

/// Computes the plan; `api` is the key of the external metrics API.
#[must_use]
pub fn plan(state: &InstalledState, api: Key) -> UninstallPlan {
    let mut plan = UninstallPlan { namespaces: state.namespaces.clone(), ..UninstallPlan::default() };
    let (mut keda, mut others): (Vec<Key>, Vec<Key>) =
        state.objects.iter().cloned().partition(|key| key.group() == "keda.sh");
    for keys in [&mut keda, &mut others] {
        keys.sort_by_key(|key| Reverse(object::rank(&key.kind)));
    }
    if !keda.is_empty() {
        plan.steps.push(UninstallStep::Objects { title: "KEDA's objects of the demo", keys: keda });
    }
    if !others.is_empty() {
        plan.steps.push(UninstallStep::Objects { title: "objects of the demo", keys: others });
    }
    releases(state, api, &mut plan);
    plan
}

fn releases(state: &InstalledState, api: Key, plan: &mut UninstallPlan) {
    if !state.releases.is_empty() && !state.other_demos.is_empty() {
        let demos = state.other_demos.join(", ");
        plan.notes.push(format!("the stack stays: the demo in namespace {demos} uses it"));
        plan.namespaces
            .retain(|namespace| !state.releases.iter().any(|release| release.namespace == namespace.name));
        return;
    }
    let mut removed: Vec<InstalledRelease> = Vec::new();
    for release in &state.releases {
        if keda::is_chart(&release.chart) && !state.foreign_keda.is_empty() {
            plan.notes.push(format!("KEDA stays: {} needs it", state.foreign_keda.join(", ")));
            plan.namespaces.retain(|namespace| namespace.name != release.namespace);
        } else {
            removed.push(release.clone());
        }
    }
    // The reverse of the order of installing: the Prometheus Operator comes last.
    removed.sort_by_key(InstalledRelease::is_operator);
    let mut servers = removed.iter().filter(|release| !release.is_operator());
    if let MetricsServer::Service { namespace, name } = &state.metrics
        && servers.any(|release| release.namespace == *namespace && name.contains(&release.name))
    {
        plan.steps.push(UninstallStep::Api(api));
    }
    plan.steps.extend(removed.into_iter().map(UninstallStep::Release));
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

    fn release(name: &str, namespace: &str, chart: &str) -> InstalledRelease {
        InstalledRelease { name: name.into(), namespace: namespace.into(), chart: chart.into() }
    }

    fn served(namespace: &str, name: &str) -> MetricsServer {
        MetricsServer::Service { namespace: namespace.into(), name: name.into() }
    }

    fn full() -> InstalledState {
        InstalledState {
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
            namespaces: vec![CreatedNamespace { name: "keda".into(), holds: Vec::new() }],
            ..InstalledState::default()
        }
    }

    fn titles(plan: &UninstallPlan) -> Vec<String> {
        plan.steps.iter().map(UninstallStep::title).collect()
    }

    #[test]
    fn objects_and_api_go_before_their_programs() {
        let found = plan(&full(), api());
        assert_eq!(
            titles(&found),
            [
                "KEDA's objects of the demo",
                "objects of the demo",
                "APIService apiservice",
                "release keda in namespace keda",
                "release prometheus in namespace monitoring"
            ]
        );
        let UninstallStep::Objects { keys, .. } = &found.steps[0] else { panic!("{found:?}") };
        assert_eq!(
            keys.iter().map(|key| key.kind.as_str()).collect::<Vec<_>>(),
            ["ScaledObject", "TriggerAuthentication"]
        );
        let UninstallStep::Objects { keys, .. } = &found.steps[1] else { panic!("{found:?}") };
        assert_eq!(keys.iter().map(|key| key.kind.as_str()).collect::<Vec<_>>(), ["Deployment", "Service"]);
    }

    #[test]
    fn shared_parts_stay() {
        let mut state = full();
        state.foreign_keda = vec!["ScaledObject theirs in namespace other".into()];
        let found = plan(&state, api());
        assert_eq!(titles(&found)[2..], ["release prometheus in namespace monitoring"]);
        assert!(found.notes[0].contains("ScaledObject theirs") && found.namespaces.is_empty(), "{found:?}");

        let mut state = full();
        state.other_demos = vec!["second".into()];
        let found = plan(&state, api());
        assert_eq!(found.steps.len(), 2);
        assert!(found.notes[0].contains("second"), "{found:?}");
    }

    #[test]
    fn a_foreign_api_stays() {
        let mut state = full();
        state.metrics = served("monitoring", "prometheus-adapter");
        assert!(!plan(&state, api()).steps.iter().any(|step| matches!(step, UninstallStep::Api(_))));
        assert_eq!(plan(&InstalledState::default(), api()), UninstallPlan::default());
    }
}
