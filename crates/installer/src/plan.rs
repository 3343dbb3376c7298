//! The plan of `surge up`, computed from the request and the cluster's state.

use serde_json::Value;
use text::command::Command;

use super::cluster_state::{ClusterState, Ownership};
use super::failure::Failure;
use super::object::{self, Key};
use super::request::{Request, Stack};
use super::secret;
use super::upstream::{self, Release};

mod stack;

pub use stack::check_metrics;

/// Name of the APIService for external metrics. A cluster has one.
pub const API_SERVICE: &str = "v1beta1.external.metrics.k8s.io";

/// Kinds of which a workload may have one: those of an earlier profile are deleted first.
const AUTOSCALERS: [&str; 3] = ["HorizontalPodAutoscaler", "ScaledObject", "TriggerAuthentication"];

/// Kinds with pods to wait for.
const WORKLOADS: [&str; 3] = ["StatefulSet", "Deployment", "DaemonSet"];

/// The plan of `surge up`.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// The steps, in order.
    pub steps: Vec<Step>,
    /// Unexpected parts that stay unchanged.
    pub notes: Vec<String>,
}

/// A step of a plan.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// Load an image archive into a cluster on this machine.
    Load(Command),
    /// Create a namespace for the stack.
    Namespace(Value),
    /// Install, upgrade or keep a release.
    Release(Release, Action),
    /// Create the adapter's rules.
    Rules(Value),
    /// Delete the autoscaler of an earlier profile.
    Clear(Vec<Key>),
    /// Apply the demo's objects.
    Apply(Vec<Value>),
    /// Delete objects of an earlier `surge up` that this one does not have.
    Prune(Vec<Key>),
    /// Wait for the workloads.
    Ready(Vec<Key>),
    /// Wait for the external metric.
    Metric,
    /// Wait for the parts of the stack that the metric chain does not need.
    Extra,
}

/// The treatment of a release.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// It does not exist.
    Install,
    /// Its version or values differ, or it failed.
    Upgrade,
    /// It is up to date.
    Keep,
}

impl Step {
    /// Its title.
    #[must_use]
    pub fn title(&self, request: &Request) -> String {
        match self {
            Self::Load(command) => {
                format!("load {}", command.arguments().get(2).map_or("an image", String::as_str))
            }
            Self::Namespace(object) => format!("namespace {}", Key::of(object).name),
            Self::Release(release, _) => {
                format!("{} {} in namespace {}", release.chart, release.version, release.namespace)
            }
            Self::Rules(_) => "rules of prometheus-adapter".to_owned(),
            Self::Clear(_) => "autoscaler of the earlier profile".to_owned(),
            Self::Apply(_) => format!("the demo in namespace {}", request.namespace),
            Self::Prune(_) => "leftovers of an earlier surge up".to_owned(),
            Self::Ready(_) => "pods of the demo".to_owned(),
            Self::Metric => "external metric".to_owned(),
            Self::Extra => "other parts of the stack".to_owned(),
        }
    }
}

/// Computes the plan. `objects` are the chart's, with namespaces and labels; `releases` are the stack's; `rules` is the adapter's
/// ConfigMap; `load` are the commands that load images.
///
/// # Errors
/// If the plan would take over foreign objects or break existing ones.
pub fn plan(
    request: &Request,
    state: &ClusterState,
    mut objects: Vec<Value>,
    releases: Vec<Release>,
    rules: Value,
    load: Vec<Command>,
) -> Result<Plan, Failure> {
    check_metrics(request, &state.metrics)?;
    let mut steps: Vec<Step> = load.into_iter().map(Step::Load).collect();
    let mut notes = Vec::new();
    match request.stack {
        Stack::Install => stack::install(request, state, releases, &mut steps)?,
        Stack::Skip => stack::skip(request, state, rules, &mut steps)?,
    }
    keep_namespace(request, state, &mut objects, &mut notes)?;
    keep_secret(request, state, &mut objects, &mut notes);
    check_foreign(request, state, &objects)?;

    let wanted: Vec<Key> = objects.iter().map(Key::of).collect();
    let stale = |key: &&Key| {
        !wanted.contains(key) && key.kind != "Namespace" && **key != secret::key(&request.namespace)
    };
    let (mut clear, mut prune): (Vec<Key>, Vec<Key>) = state
        .marked
        .iter()
        .filter(stale)
        // The rules belong to the stack, not to the chart.
        .filter(|key| {
            key.namespace.as_deref() != Some(upstream::ADAPTER.0) || key.name != upstream::ADAPTER.1
        })
        .cloned()
        .partition(|key| AUTOSCALERS.contains(&key.kind.as_str()));
    for keys in [&mut clear, &mut prune] {
        keys.sort_by_key(|key| std::cmp::Reverse(object::rank(&key.kind)));
    }
    if !clear.is_empty() {
        steps.push(Step::Clear(clear));
    }
    let workloads = wanted.into_iter().filter(|key| WORKLOADS.contains(&key.kind.as_str())).collect();
    steps.push(Step::Apply(objects));
    if !prune.is_empty() {
        steps.push(Step::Prune(prune));
    }
    steps.extend([Step::Ready(workloads), Step::Metric]);
    if request.stack == Stack::Install {
        steps.push(Step::Extra);
    }
    Ok(Plan { steps, notes })
}

fn keep_namespace(
    request: &Request,
    state: &ClusterState,
    objects: &mut Vec<Value>,
    notes: &mut Vec<String>,
) -> Result<(), Failure> {
    let namespace = &request.namespace;
    let is_it =
        |object: &Value| object["kind"] == "Namespace" && object["metadata"]["name"] == namespace.as_str();
    match state.namespaces.get(namespace) {
        Some(Ownership::Foreign) => {
            objects.retain(|object| !is_it(object));
            notes.push(format!("namespace {namespace} exists and stays unchanged"));
        }
        Some(Ownership::Ours) => {}
        None | Some(Ownership::Absent) if objects.iter().any(is_it) => {}
        None | Some(Ownership::Absent) => {
            return Err(Failure::usage(
                format!("there is no namespace {namespace}, and namespace.create is false"),
                "create it, or leave out namespace.create",
            ));
        }
    }
    Ok(())
}

/// Leaves a foreign Secret unchanged.
fn keep_secret(request: &Request, state: &ClusterState, objects: &mut Vec<Value>, notes: &mut Vec<String>) {
    let key = secret::key(&request.namespace);
    if state.existing.get(&key).is_some_and(|existing| !existing.ours) {
        objects.retain(|object| Key::of(object) != key);
        notes.push(format!("{key} exists: surge uses its credentials and does not change it"));
    }
}

fn check_foreign(request: &Request, state: &ClusterState, objects: &[Value]) -> Result<(), Failure> {
    let foreign: Vec<String> = objects
        .iter()
        .map(Key::of)
        .filter(|key| {
            let existing = state.existing.get(key);
            // KEDA made it from our ScaledObject.
            existing
                .is_some_and(|existing| !existing.ours && existing.owner.as_deref() != Some("ScaledObject"))
        })
        .map(|key| format!("- {key}"))
        .collect();
    if foreign.is_empty() {
        return Ok(());
    }
    Err(Failure::step(
        format!("surge up did not install these objects:\n{}", foreign.join("\n")),
        format!("remove the other demo in namespace {}, or use another --namespace NAME", request.namespace),
    ))
}

#[cfg(test)]
pub(crate) mod tests;
