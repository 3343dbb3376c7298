//! The state of the cluster before an install, with the owner of each object.

use std::collections::BTreeMap;

use observed::keda;
use serde_json::Value;

use super::object::Key;
use super::upstream::Release;

/// The owner of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ownership {
    /// The object does not exist.
    Absent,
    /// An earlier `surge up` made it.
    Ours,
    /// Another user or program made it.
    Foreign,
}

/// The state on which an install plan depends.
#[derive(Debug, Clone, Default)]
pub struct ClusterState {
    /// The namespaces of the demo and of the stack.
    pub namespaces: BTreeMap<String, Ownership>,
    /// The chart's objects that exist already.
    pub existing: BTreeMap<Key, ExistingObject>,
    /// All objects that an earlier `surge up` installed for this demo.
    pub marked: Vec<Key>,
    /// The server of external metrics.
    pub metrics: MetricsServer,
    /// The stack's releases that exist already; empty with `--skip-stack`.
    pub releases: Vec<ExistingRelease>,
    /// The adapter's rules.
    pub rules: RulesState,
}

impl ClusterState {
    /// The existing release with the name and namespace of `release`.
    #[must_use]
    pub fn release(&self, release: &Release) -> Option<&ExistingRelease> {
        self.releases.iter().find(|found| found.name == release.name && found.namespace == release.namespace)
    }
}

/// The server of a cluster's external metrics.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum MetricsServer {
    /// There is no APIService for external metrics.
    #[default]
    Absent,
    /// The Service that the APIService names.
    Service {
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: String,
    },
    /// The APIService may not be read.
    Unreadable,
}

impl MetricsServer {
    /// Returns true if it is KEDA.
    #[must_use]
    pub fn is_keda(&self) -> bool {
        matches!(self, Self::Service { namespace, name } if keda::is_metrics_service(namespace, name))
    }
}

/// An object that exists already.
#[derive(Debug, Clone, PartialEq)]
pub struct ExistingObject {
    /// True if an earlier `surge up` made it.
    pub ours: bool,
    /// The object.
    pub object: Value,
    /// Kind of its owner.
    pub owner: Option<String>,
}

/// A release that exists already.
#[derive(Debug, Clone, PartialEq)]
pub struct ExistingRelease {
    /// Name.
    pub name: String,
    /// Namespace.
    pub namespace: String,
    /// Status, such as `deployed`.
    pub status: String,
    /// Chart and version.
    pub chart: String,
    /// True if an earlier `surge up` made it.
    pub ours: bool,
    /// Its values; `null` unless it is ours.
    pub values: Value,
}

/// The adapter's rules, compared with the demo's metric.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum RulesState {
    /// The stack's ConfigMap of rules does not exist.
    #[default]
    Absent,
    /// A rule serves the demo's metric from the profile's series.
    Serving,
    /// No rule serves it.
    Lacking,
}
