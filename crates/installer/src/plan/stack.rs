//! What becomes of the stack below the demo: who may serve the external metrics, which releases come, and the adapter's rules.

use serde_json::Value;

use super::{API_SERVICE, Action, Step};
use crate::failure::Failure;
use crate::owner;
use crate::request::{Profile, Request, Stack};
use crate::seen::{Metrics, Rules, Seen, Whose};
use crate::upstream;
use crate::upstream::Release;

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

/// The steps that install the stack.
///
/// # Errors
/// When somebody else installed it, or a helm left it half done.
pub(super) fn install(
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

pub(super) fn action(release: &Release, seen: &Seen) -> Result<Action, Failure> {
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

/// The steps on a stack that is there: the adapter that this demo knows gets its rules if it has none at all.
///
/// # Errors
/// When it has rules that do not serve the demo's metric.
pub(super) fn skip(
    request: &Request,
    seen: &Seen,
    rules: Value,
    steps: &mut Vec<Step>,
) -> Result<(), Failure> {
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
