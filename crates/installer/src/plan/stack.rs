//! The stack below the demo: the server of external metrics, the releases, and the adapter's rules.

use serde_json::Value;

use super::{API_SERVICE, Action, Step};
use crate::cluster_state::{ClusterState, MetricsServer, Ownership, RulesState};
use crate::failure::Failure;
use crate::owner;
use crate::request::{Profile, Request, Stack};
use crate::upstream::{self, Release};
use text::command::Command;

/// The fix for a foreign part of the stack.
const USE_OR_REMOVE: &str = "use it with --skip-stack, or remove it first";

/// Checks that the server of external metrics fits the profile. A cluster has one such API: adapter and KEDA would take it from
/// each other at every restart.
///
/// # Errors
/// If it does not fit.
pub fn check_metrics(request: &Request, metrics: &MetricsServer) -> Result<(), Failure> {
    let (namespace, service) = match (metrics, request.stack) {
        (MetricsServer::Service { namespace, name }, _) => (namespace, name),
        // A user with rights in one namespace only: the wait for the metric shows whether it works.
        (MetricsServer::Absent, Stack::Install) | (MetricsServer::Unreadable, Stack::Skip) => return Ok(()),
        (MetricsServer::Absent, Stack::Skip) => {
            return Err(Failure::step(
                format!("this cluster has no external metrics: APIService {API_SERVICE} is missing"),
                "leave out --skip-stack, or install prometheus-adapter or KEDA first",
            ));
        }
        (MetricsServer::Unreadable, Stack::Install) => {
            return Err(Failure::step(
                format!("this user may not read APIService {API_SERVICE}"),
                "ask for that right, or use the existing stack with --skip-stack",
            ));
        }
    };
    let server = format!("Service {namespace}/{service} serves the external metrics of this cluster");
    match (request.profile, metrics.is_keda()) {
        (profile @ (Profile::Plugin | Profile::Exporter), true) => Err(Failure::step(
            format!("{server}: it is KEDA, and profile {profile} needs prometheus-adapter"),
            "use --profile keda, or remove KEDA first",
        )),
        (Profile::Keda, false) => Err(Failure::step(
            format!("{server}: it is not KEDA, which profile keda needs"),
            "use --profile plugin, or remove that server first",
        )),
        _ => Ok(()),
    }
}

/// The steps that install the stack.
///
/// # Errors
/// If it is foreign, or a helm operation on it is not finished.
pub(super) fn install(
    request: &Request,
    state: &ClusterState,
    releases: Vec<Release>,
    steps: &mut Vec<Step>,
) -> Result<(), Failure> {
    let (namespace, name) = upstream::metrics_release(request.profile);
    let ours =
        state.releases.iter().any(|found| found.ours && found.namespace == namespace && found.name == name);
    if let MetricsServer::Service { namespace: at, name: service } = &state.metrics
        && !ours
    {
        return Err(Failure::step(
            format!("surge up did not install Service {at}/{service}, which serves the external metrics"),
            USE_OR_REMOVE,
        ));
    }
    let mut created = Vec::new();
    for release in releases {
        let action = action(&release, state)?;
        let absent =
            state.namespaces.get(&release.namespace).is_none_or(|ownership| *ownership == Ownership::Absent);
        if absent && !created.contains(&release.namespace) {
            created.push(release.namespace.clone());
            steps.push(Step::Namespace(namespace_object(&release.namespace, request)));
        }
        steps.push(Step::Release(release, action));
    }
    Ok(())
}

/// The treatment of a release.
pub(super) fn action(release: &Release, state: &ClusterState) -> Result<Action, Failure> {
    let Some(found) = state.release(release) else { return Ok(Action::Install) };
    let which = format!("release {} in namespace {}", found.name, found.namespace);
    if found.status.starts_with("pending-") || found.status == "uninstalling" {
        // A rollback keeps the running programs; the first install has nothing to go back to.
        let verb = if ["pending-upgrade", "pending-rollback"].contains(&found.status.as_str()) {
            "rollback"
        } else {
            "uninstall"
        };
        let command = Command::helm([verb, &found.name, "--namespace", &found.namespace]);
        let advice = format!("wait for the other helm; if none runs: {command}");
        return Err(Failure::step(
            format!("{which} is not finished: its status is {}", found.status),
            advice,
        ));
    }
    if !found.ours {
        return Err(Failure::step(
            format!("surge up did not install {which} ({})", found.chart),
            USE_OR_REMOVE,
        ));
    }
    let is_current = found.status == "deployed"
        && found.chart == release.chart_version()
        && found.values == release.values;
    Ok(if is_current { Action::Keep } else { Action::Upgrade })
}

fn namespace_object(name: &str, request: &Request) -> Value {
    let mut object = serde_json::json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
    owner::mark(&mut object, &request.namespace, request.profile.name());
    object
}

/// The steps on an existing stack: an adapter at its usual place gets our rules if it has none.
///
/// # Errors
/// If its rules do not serve the demo's metric.
pub(super) fn skip(
    request: &Request,
    state: &ClusterState,
    rules: Value,
    steps: &mut Vec<Step>,
) -> Result<(), Failure> {
    let known = matches!(&state.metrics, MetricsServer::Service { namespace, name }
        if (namespace.as_str(), name.as_str()) == upstream::ADAPTER);
    if request.profile == Profile::Keda || !known {
        return Ok(());
    }
    match state.rules {
        RulesState::Serving => {}
        RulesState::Absent => steps.push(Step::Rules(rules)),
        RulesState::Lacking => {
            let (namespace, name) = upstream::ADAPTER;
            let rule = rules["data"]["config.yaml"].as_str().unwrap_or_default();
            return Err(Failure::step(
                format!(
                    "ConfigMap {name} in namespace {namespace} has no rule for {} with profile {}",
                    contract::names::EXTERNAL_METRIC,
                    request.profile
                ),
                format!("add this rule and restart the adapter:\n{rule}"),
            ));
        }
    }
    Ok(())
}
