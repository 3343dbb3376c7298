//! What `up` would do, worked out from what was asked for and what was seen; nothing is done here.

use serde_json::Value;

use super::failure::Failure;
use super::object::{self, Key};
use super::owner;
use super::request::{Profile, Request, Stack};
use super::secret;
use super::seen::{Metrics, Rules, Seen, Whose};
use super::upstream::{self, Release};

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
        Stack::Install => install_stack(request, seen, releases, &mut steps)?,
        Stack::Skip => skip_stack(request, seen, rules, &mut steps)?,
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

/// Whether the demo can have its metric where `metrics` serves it. One API, one owner: adapter and KEDA would take it from each
/// other at every restart.
///
/// # Errors
/// When it cannot.
pub fn check_metrics(request: &Request, metrics: &Metrics) -> Result<(), Failure> {
    let (namespace, service) = match (metrics, request.stack) {
        (Metrics::Service { namespace, name }, _) => (namespace, name),
        // Who may only work in a namespace builds on what others installed, and the metric itself will tell.
        (Metrics::Nobody, Stack::Install) | (Metrics::Hidden, Stack::Skip) => return Ok(()),
        (Metrics::Nobody, Stack::Skip) => {
            return Err(Failure::step(
                format!(
                    "nobody serves external metrics in this cluster: there is no APIService {API_SERVICE}"
                ),
                "run up without --skip-stack, or install prometheus-adapter or KEDA first",
            ));
        }
        (Metrics::Hidden, Stack::Install) => {
            return Err(Failure::step(
                format!(
                    "this user may not read APIService {API_SERVICE}, so it cannot be known whether somebody serves external metrics already"
                ),
                "ask for that right, or build on the stack that is there with --skip-stack",
            ));
        }
    };
    let why = "a cluster has one external metrics API, and prometheus-adapter and KEDA both want to be it";
    match (request.profile, metrics.is_keda()) {
        (Profile::Plugin | Profile::Exporter, true) => Err(Failure::step(
            format!(
                "KEDA serves the external metrics of this cluster (APIService {API_SERVICE}, Service {namespace}/{service}): {why}"
            ),
            "use --profile keda, or take KEDA away first",
        )),
        (Profile::Keda, false) => Err(Failure::step(
            format!(
                "{service} serves the external metrics of this cluster (APIService {API_SERVICE}, Service {namespace}/{service}): {why}"
            ),
            "use --profile plugin, or take the adapter away first: surge down, if surge up installed it",
        )),
        _ => Ok(()),
    }
}

fn install_stack(
    request: &Request,
    seen: &Seen,
    releases: Vec<Release>,
    steps: &mut Vec<Step>,
) -> Result<(), Failure> {
    let (namespace, name) = upstream::metrics_release(request.profile);
    let ours =
        seen.releases.iter().any(|found| found.ours && found.namespace == namespace && found.name == name);
    if let Metrics::Service { namespace: at, name: service } = &seen.metrics
        && !ours
    {
        return Err(Failure::step(
            format!(
                "{at}/{service} serves the external metrics of this cluster, and surge up did not install it"
            ),
            "build on it with --skip-stack, or remove it first",
        ));
    }
    let mut made = Vec::new();
    for release in releases {
        let action = action(&release, seen)?;
        let absent = seen.namespaces.get(&release.namespace).is_none_or(|whose| *whose == Whose::Nobody);
        if absent && !made.contains(&release.namespace) {
            made.push(release.namespace.clone());
            steps.push(Step::Namespace(namespace_object(&release.namespace, request)));
        }
        steps.push(Step::Release(release, action));
    }
    Ok(())
}

fn action(release: &Release, seen: &Seen) -> Result<Action, Failure> {
    let found =
        seen.releases.iter().find(|found| found.name == release.name && found.namespace == release.namespace);
    let Some(found) = found else { return Ok(Action::Install) };
    let which = format!("release {} in namespace {}", found.name, found.namespace);
    if found.status.starts_with("pending-") || found.status == "uninstalling" {
        let advice = format!(
            "wait for the helm that still runs; if none does: helm uninstall {} --namespace {}, then this command again",
            found.name, found.namespace
        );
        return Err(Failure::step(format!("{which} is half installed: helm says {}", found.status), advice));
    }
    if !found.ours {
        return Err(Failure::step(
            format!("{which} ({}) is there and surge up did not install it", found.chart),
            "build on it with --skip-stack, or remove it first",
        ));
    }
    let as_wanted =
        found.status == "deployed" && found.chart == release.listed() && found.values == release.values;
    Ok(if as_wanted { Action::Keep } else { Action::Upgrade })
}

fn namespace_object(name: &str, request: &Request) -> Value {
    let mut object = serde_json::json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
    owner::mark(&mut object, &request.namespace, request.profile.name());
    object
}

/// On a stack that is there: the adapter that this demo knows gets its rules if it has none at all.
fn skip_stack(request: &Request, seen: &Seen, rules: Value, steps: &mut Vec<Step>) -> Result<(), Failure> {
    let known = matches!(&seen.metrics, Metrics::Service { namespace, name } if (namespace.as_str(), name.as_str()) == upstream::RULES);
    if request.profile == Profile::Keda || !known {
        return Ok(());
    }
    match seen.rules {
        Rules::Serve => {}
        Rules::Absent => steps.push(Step::Rules(rules)),
        Rules::Lack => {
            let (namespace, name) = upstream::RULES;
            let rule = rules["data"]["config.yaml"].as_str().unwrap_or_default();
            return Err(Failure::step(
                format!(
                    "the rules of prometheus-adapter (ConfigMap {name} in namespace {namespace}) do not serve {} for profile {}",
                    contract::names::EXTERNAL_METRIC,
                    request.profile
                ),
                format!("add this to them and restart the adapter:\n{rule}"),
            ));
        }
    }
    Ok(())
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
