//! `surge down`: removes the objects and releases with the labels of `surge up`, and no others.

use std::time::Duration;

use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::apply::Objects;
use super::connected_cluster::ConnectedCluster;
use super::failure::{Failure, FailureKind};
use super::helm::Helm;
use super::object::Key;
use super::owner;
use super::print::{self, say};
use super::request::Mode;
use super::survey;
use super::uninstall_plan::{
    self, CreatedNamespace, InstalledRelease, InstalledState, UninstallPlan, UninstallStep,
};
use cluster::connect::ConnectFlags;
use text::clean;

mod executor;

use executor::UninstallExecutor;

/// A request to `surge down`.
#[derive(Debug, Clone)]
pub struct DownRequest {
    /// Kubeconfig and context.
    pub flags: ConnectFlags,
    /// Namespace of the demo.
    pub namespace: String,
    /// Deletes the namespaces that `surge up` made without a separate question.
    pub namespaces: bool,
    /// Time limit of each step.
    pub timeout: Duration,
    /// The command line, for a retry after a failure.
    pub command_line: Vec<String>,
}

/// Runs `surge down`; `agree` asks the user a question.
///
/// # Errors
/// [`Failure`] with the step and the cause.
pub async fn run(
    request: &DownRequest,
    mode: Mode,
    stop: &CancellationToken,
    agree: impl AsyncFn(&str) -> Result<bool, Failure>,
) -> Result<(), Failure> {
    let mut connected = ConnectedCluster::connect(&request.flags).await?;
    let (helm, no_helm) = match Helm::find(&connected.flags(&request.flags), stop.clone()).await {
        Ok(helm) => (Some(helm), None),
        Err(failure) if failure.kind == FailureKind::Stopped => return Err(failure),
        Err(failure) => (None, Some(failure)),
    };
    let state = installed_state(&mut connected.objects, helm.as_ref(), &request.namespace).await?;
    let mut plan = uninstall_plan::plan(&state, survey::api_service_key());
    if let Some(failure) = no_helm {
        plan.notes.push(format!("releases stay, because helm does not work: {}", failure.what));
        // Only helm knows whether the stack is ours: its namespaces stay.
        plan.namespaces.retain(|namespace| namespace.name == request.namespace);
    }
    let headline = clean::text(&format!("{}, namespace {}", connected.title(), request.namespace));
    if plan.steps.is_empty() && plan.namespaces.is_empty() {
        say(&format!("{headline}\nsurge up installed nothing here\n{}", notes(&plan)));
        return Ok(());
    }
    if mode == Mode::DryRun {
        say(&format!("# {headline}\n{}", exact(&plan, request, helm.as_ref())));
        return Ok(());
    }
    say(&format!(
        "{headline}\nsurge down will remove:\n{}{}",
        summary(&plan, &request.namespace),
        notes(&plan)
    ));
    if mode == Mode::Ask && !agree("Continue?").await? {
        say("nothing was removed\n");
        return Ok(());
    }
    let executor = UninstallExecutor { request, cluster: &connected.cluster, helm: helm.as_ref(), stop };
    executor.run(&mut connected.objects, &plan, mode, agree).await
}

async fn installed_state(
    objects: &mut Objects,
    helm: Option<&Helm>,
    namespace: &str,
) -> Result<InstalledState, Failure> {
    let mut state = InstalledState {
        objects: survey::marked(objects, namespace).await?,
        metrics: survey::metrics(objects).await?,
        ..InstalledState::default()
    };
    if let Some(helm) = helm {
        let listed = helm.list(&survey::release_selector()).await?;
        let release = |listed: super::helm::Listed| InstalledRelease {
            name: listed.name,
            namespace: listed.namespace,
            chart: listed.chart,
        };
        state.releases = listed.into_iter().map(release).collect();
    }
    let of_kind = |api_version: &str, kind: &str, namespace: Option<&str>| Key {
        api_version: api_version.to_owned(),
        kind: kind.to_owned(),
        namespace: namespace.map(str::to_owned),
        name: String::new(),
    };
    let deployments = objects.list(&of_kind("apps/v1", "Deployment", None), &owner::selector()).await?;
    for demo in deployments.iter().filter_map(|object| object["metadata"]["labels"][owner::DEMO].as_str()) {
        if demo != namespace && !state.other_demos.iter().any(|known| known == demo) {
            state.other_demos.push(demo.to_owned());
        }
    }
    for kind in ["ScaledObject", "ScaledJob"] {
        let found = objects.list(&of_kind("keda.sh/v1alpha1", kind, None), "").await?;
        let foreign = found.iter().filter(|object| !owner::is_ours(object, namespace));
        state.foreign_keda.extend(foreign.map(|object| Key::of(object).to_string()));
    }
    for object in objects.list(&of_kind("v1", "Namespace", None), &owner::selector_of(namespace)).await? {
        let name = Key::of(&object).name;
        let mut holds = Vec::new();
        for (api_version, kind) in [
            ("apps/v1", "Deployment"),
            ("apps/v1", "StatefulSet"),
            ("apps/v1", "DaemonSet"),
            ("v1", "PersistentVolumeClaim"),
        ] {
            let found = objects.list(&of_kind(api_version, kind, Some(&name)), "").await?;
            let others = found.iter().filter(|object| {
                kind == "PersistentVolumeClaim" || !is_ours_or_owned(object, namespace, &state.releases)
            });
            holds.extend(others.map(|object| format!("{kind} {}", Key::of(object).name)));
        }
        state.namespaces.push(CreatedNamespace { name, holds });
    }
    Ok(state)
}

/// Returns true if a workload is ours, of one of our releases, or has an owner.
fn is_ours_or_owned(object: &Value, namespace: &str, releases: &[InstalledRelease]) -> bool {
    let release = object["metadata"]["annotations"]["meta.helm.sh/release-name"].as_str();
    owner::is_ours(object, namespace)
        || object["metadata"]["ownerReferences"].as_array().is_some_and(|owners| !owners.is_empty())
        || release.is_some_and(|name| releases.iter().any(|release| release.name == name))
}

fn summary(plan: &UninstallPlan, demo: &str) -> String {
    let mut text = String::new();
    for (index, step) in plan.steps.iter().enumerate() {
        let mut line = format!("{:>3}. {}", index + 1, step.title());
        if let UninstallStep::Objects { keys, .. } = step {
            let names: Vec<String> = keys.iter().map(|key| key.short(demo)).collect();
            line.push_str(&format!(": {}", names.join(", ")));
        }
        text.push_str(&(clean::text(&line) + "\n"));
    }
    for namespace in &plan.namespaces {
        text.push_str(&(clean::text(&format!("     after a question: namespace {namespace}")) + "\n"));
    }
    text
}

fn notes(plan: &UninstallPlan) -> String {
    plan.notes.iter().map(|note| format!("note: {}\n", clean::text(note))).collect()
}

/// Helm's arguments for uninstalling a release.
fn uninstall(release: &InstalledRelease) -> [&str; 4] {
    ["uninstall", &release.name, "--namespace", &release.namespace]
}

fn exact(plan: &UninstallPlan, request: &DownRequest, helm: Option<&Helm>) -> String {
    let mut text = String::new();
    for step in &plan.steps {
        match step {
            UninstallStep::Objects { keys, .. } => text.extend(keys.iter().map(print::deletion)),
            UninstallStep::Api(key) => text.push_str(&print::deletion(key)),
            UninstallStep::Release(release) => {
                if let Some(helm) = helm {
                    text.push_str(&print::commented(&helm.command(&uninstall(release))));
                }
            }
        }
    }
    for namespace in &plan.namespaces {
        if !request.namespaces {
            text.push_str("# only with --namespaces, or after a question:\n");
        }
        text.push_str(&print::deletion(&survey::namespace_key(&namespace.name)));
    }
    text + &notes(plan).lines().map(|line| format!("# {line}\n")).collect::<String>()
}
