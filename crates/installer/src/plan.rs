//! What `up` would do, worked out from what was asked for and what was seen; nothing is done here.

use serde_json::Value;

use super::failure::Failure;
use super::object::{self, Key};
use super::request::{Request, Stack};
use super::secret;
use super::seen::{Seen, Whose};
use super::upstream::{self, Release};

mod stack;

pub use stack::check_metrics;

/// Name of the APIService that one adapter of a cluster owns.
pub const API_SERVICE: &str = "v1beta1.external.metrics.k8s.io";

/// Kinds of which there may be one for a workload: an earlier profile's go before this one's come.
const AUTOSCALERS: [&str; 3] = ["HorizontalPodAutoscaler", "ScaledObject", "TriggerAuthentication"];

/// Kinds whose pods are waited for.
const WORKLOADS: [&str; 3] = ["StatefulSet", "Deployment", "DaemonSet"];

/// What is to be done.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// In this order.
    pub steps: Vec<Step>,
    /// What stays as it is although one might expect otherwise.
    pub notes: Vec<String>,
}

/// A step.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// Load an image into a cluster on this machine, by this command.
    Load(Vec<String>),
    /// Make a namespace for the stack.
    Namespace(Value),
    /// Install, upgrade or leave a release.
    Release(Release, Action),
    /// Give the adapter its rules.
    Rules(Value),
    /// Remove what an earlier profile scaled by.
    Clear(Vec<Key>),
    /// Apply the demo's objects.
    Apply(Vec<Value>),
    /// Remove what an earlier `up` applied and this one does not.
    Prune(Vec<Key>),
    /// Wait until the workloads are ready.
    Ready(Vec<Key>),
    /// Wait until the external metric answers.
    Metric,
}

/// What becomes of a release.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// It is not there yet.
    Install,
    /// It is another version, has other values, or failed.
    Upgrade,
    /// It is as it should be.
    Keep,
}

impl Step {
    /// What it is called.
    #[must_use]
    pub fn title(&self, request: &Request) -> String {
        match self {
            Self::Load(command) => format!("load {}", command.get(3).map_or("an image", String::as_str)),
            Self::Namespace(object) => format!("namespace {}", Key::of(object).name),
            Self::Release(release, _) => {
                format!("{} {} in namespace {}", release.chart, release.version, release.namespace)
            }
            Self::Rules(_) => "rules of prometheus-adapter".to_owned(),
            Self::Clear(_) => "autoscaler of the earlier profile".to_owned(),
            Self::Apply(_) => format!("the demo in namespace {}", request.namespace),
            Self::Prune(_) => "what an earlier up left".to_owned(),
            Self::Ready(_) => "pods of the demo".to_owned(),
            Self::Metric => "external metric".to_owned(),
        }
    }
}

/// What is to be done to get from what was `seen` to what was asked for. `objects` are the chart's, complete and marked;
/// `releases` the stack's; `rules` the adapter's ConfigMap; `load` the commands that load images.
///
/// # Errors
/// A [`Failure`] when it cannot be done without taking what is somebody else's, or without breaking what is there.
pub fn plan(
    request: &Request,
    seen: &Seen,
    mut objects: Vec<Value>,
    releases: Vec<Release>,
    rules: Value,
    load: Vec<Vec<String>>,
) -> Result<Plan, Failure> {
    check_metrics(request, &seen.metrics)?;
    let mut steps: Vec<Step> = load.into_iter().map(Step::Load).collect();
    let mut notes = Vec::new();
    match request.stack {
        Stack::Install => stack::install(request, seen, releases, &mut steps)?,
        Stack::Skip => stack::skip(request, seen, rules, &mut steps)?,
    }
    keep_namespace(request, seen, &mut objects, &mut notes)?;
    keep_secret(request, seen, &mut objects, &mut notes);
    check_foreign(request, seen, &objects)?;

    let wanted: Vec<Key> = objects.iter().map(Key::of).collect();
    let stale = |key: &&Key| {
        !wanted.contains(key) && key.kind != "Namespace" && **key != secret::key(&request.namespace)
    };
    let (mut clear, mut prune): (Vec<Key>, Vec<Key>) = seen
        .marked
        .iter()
        .filter(stale)
        // The rules are the stack's, not the chart's.
        .filter(|key| key.namespace.as_deref() != Some(upstream::RULES.0) || key.name != upstream::RULES.1)
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
    Ok(Plan { steps, notes })
}

fn keep_namespace(
    request: &Request,
    seen: &Seen,
    objects: &mut Vec<Value>,
    notes: &mut Vec<String>,
) -> Result<(), Failure> {
    let namespace = &request.namespace;
    let is_it =
        |object: &Value| object["kind"] == "Namespace" && object["metadata"]["name"] == namespace.as_str();
    match seen.namespaces.get(namespace) {
        Some(Whose::Others) => {
            objects.retain(|object| !is_it(object));
            notes.push(format!("namespace {namespace} is there already and stays as it is"));
        }
        Some(Whose::Ours) => {}
        None | Some(Whose::Nobody) if objects.iter().any(is_it) => {}
        None | Some(Whose::Nobody) => {
            return Err(Failure::usage(
                format!("there is no namespace {namespace}, and the values say not to make it"),
                "make it first, or leave namespace.create as it is",
            ));
        }
    }
    Ok(())
}

/// A Secret that somebody else made stays theirs.
fn keep_secret(request: &Request, seen: &Seen, objects: &mut Vec<Value>, notes: &mut Vec<String>) {
    let key = secret::key(&request.namespace);
    if seen.existing.get(&key).is_some_and(|existing| !existing.ours) {
        objects.retain(|object| Key::of(object) != key);
        notes.push(format!("{key} is there already: its user and password are used, and it stays as it is"));
    }
}

fn check_foreign(request: &Request, seen: &Seen, objects: &[Value]) -> Result<(), Failure> {
    let foreign: Vec<String> = objects
        .iter()
        .map(Key::of)
        .filter(|key| {
            let existing = seen.existing.get(key);
            // What KEDA made from a ScaledObject of ours goes with it.
            existing
                .is_some_and(|existing| !existing.ours && existing.owner.as_deref() != Some("ScaledObject"))
        })
        .map(|key| format!("- {key}"))
        .collect();
    if foreign.is_empty() {
        return Ok(());
    }
    Err(Failure::step(
        format!("there are objects of these names that surge up did not install:\n{}", foreign.join("\n")),
        format!(
            "another demo may be in namespace {}: remove it the way it was installed (kubectl delete -k, helm uninstall), or name another namespace with --namespace",
            request.namespace
        ),
    ))
}

#[cfg(test)]
pub(crate) mod tests;
