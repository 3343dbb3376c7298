//! `down`: removes what `up` installed, known by its labels, and nothing else.

use std::time::Duration;

use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::apply::Objects;
use super::failure::{Failure, Kind};
use super::helm::Helm;
use super::object::Key;
use super::owner;
use super::print;
use super::removal::{self, Namespace, Release, Removal, Seen, Step};
use super::survey;
use super::up::{Ground, Mode, ground, say};
use cluster::connect::ConnectFlags;
use text::clean;

mod work;

use work::Work;

/// What `down` was asked for.
#[derive(Debug, Clone)]
pub struct Wish {
    /// Kubeconfig and context.
    pub flags: ConnectFlags,
    /// Namespace of the demo.
    pub namespace: String,
    /// Whether the namespaces that `up` made go too, without a question of their own.
    pub namespaces: bool,
    /// How long each step may take.
    pub timeout: Duration,
    /// The words of the command line, to be given again after a failure.
    pub again: Vec<String>,
}

/// Runs `down`; `agree` is asked with each question.
///
/// # Errors
/// A [`Failure`] with what was tried and what came back.
pub async fn run(
    wish: &Wish,
    mode: Mode,
    stop: &CancellationToken,
    agree: impl AsyncFn(&str) -> Result<bool, Failure>,
) -> Result<(), Failure> {
    let Ground { cluster, version, mut objects } = ground(&wish.flags).await?;
    let flags = ConnectFlags { context: Some(cluster.context.clone()), ..wish.flags.clone() };
    let (helm, unknown) = match Helm::find(&flags, stop.clone()).await {
        Ok(helm) => (Some(helm), None),
        Err(failure) if failure.kind == Kind::Stopped => return Err(failure),
        Err(failure) => (None, Some(failure)),
    };
    let mut seen = look(&mut objects, helm.as_ref(), &wish.namespace).await?;
    let mut removal = removal::plan(&seen, survey::api_service_key());
    if let Some(failure) = unknown {
        removal
            .notes
            .push(format!("helm cannot be asked for releases of ours, so none is removed: {}", failure.what));
        // Without helm nobody knows whether the stack is ours: its namespaces stay.
        removal.namespaces.retain(|namespace| namespace.name == wish.namespace);
        seen.releases.clear();
    }
    let headline = clean::text(&format!(
        "context {} ({}), Kubernetes {version}, namespace {}",
        cluster.context, cluster.server, wish.namespace
    ));
    if removal.steps.is_empty() && removal.namespaces.is_empty() {
        say(&format!("{headline}\nsurge up installed nothing here\n{}", notes(&removal)));
        return Ok(());
    }
    if mode == Mode::DryRun {
        say(&format!("# {headline}\n{}", exact(&removal, wish, helm.as_ref())));
        return Ok(());
    }
    say(&format!(
        "{headline}\nsurge down will remove:\n{}{}",
        shown(&removal, &wish.namespace),
        notes(&removal)
    ));
    if mode == Mode::Ask && !agree("Go on?").await? {
        say("nothing was removed\n");
        return Ok(());
    }
    let work = Work { wish, cluster: &cluster, helm: helm.as_ref(), stop };
    work.run(&mut objects, &removal, mode, agree).await
}

async fn look(objects: &mut Objects, helm: Option<&Helm>, namespace: &str) -> Result<Seen, Failure> {
    let mut seen = Seen {
        objects: survey::marked(objects, namespace).await?,
        metrics: survey::metrics(objects).await?,
        ..Seen::default()
    };
    if let Some(helm) = helm {
        let listed = helm.list(&survey::release_selector()).await?;
        let release = |listed: super::helm::Listed| Release {
            name: listed.name,
            namespace: listed.namespace,
            chart: listed.chart,
        };
        seen.releases = listed.into_iter().map(release).collect();
    }
    let of_kind = |api_version: &str, kind: &str, namespace: Option<&str>| Key {
        api_version: api_version.to_owned(),
        kind: kind.to_owned(),
        namespace: namespace.map(str::to_owned),
        name: String::new(),
    };
    let deployments = objects.list(&of_kind("apps/v1", "Deployment", None), &owner::selector()).await?;
    for demo in deployments.iter().filter_map(|object| object["metadata"]["labels"][owner::FOR].as_str()) {
        if demo != namespace && !seen.other_demos.iter().any(|known| known == demo) {
            seen.other_demos.push(demo.to_owned());
        }
    }
    for kind in ["ScaledObject", "ScaledJob"] {
        let found = objects.list(&of_kind("keda.sh/v1alpha1", kind, None), "").await?;
        let foreign = found.iter().filter(|object| !owner::is_ours(object, namespace));
        seen.foreign_keda.extend(foreign.map(|object| Key::of(object).to_string()));
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
                kind == "PersistentVolumeClaim" || !is_known(object, namespace, &seen.releases)
            });
            holds.extend(others.map(|object| format!("{kind} {}", Key::of(object).name)));
        }
        seen.namespaces.push(Namespace { name, holds });
    }
    Ok(seen)
}

/// Whether a workload is ours, of a release of ours, or made by a controller of one.
fn is_known(object: &Value, namespace: &str, releases: &[Release]) -> bool {
    let release = object["metadata"]["annotations"]["meta.helm.sh/release-name"].as_str();
    owner::is_ours(object, namespace)
        || object["metadata"]["ownerReferences"].as_array().is_some_and(|owners| !owners.is_empty())
        || release.is_some_and(|name| releases.iter().any(|release| release.name == name))
}

fn shown(removal: &Removal, demo: &str) -> String {
    let mut text = String::new();
    for (index, step) in removal.steps.iter().enumerate() {
        text.push_str(&clean::text(&format!("{:>3}. {}", index + 1, step.title())));
        if let Step::Objects { keys, .. } = step {
            let names: Vec<String> = keys.iter().map(|key| key.short(demo)).collect();
            text.push_str(&clean::text(&format!(": {}", names.join(", "))));
        }
        text.push('\n');
    }
    for namespace in &removal.namespaces {
        text.push_str(&clean::text(&format!("     then, if you say so: namespace {}", told(namespace))));
        text.push('\n');
    }
    text
}

fn told(namespace: &Namespace) -> String {
    if namespace.holds.is_empty() {
        namespace.name.clone()
    } else {
        format!("{}, which also holds {}", namespace.name, namespace.holds.join(", "))
    }
}

fn notes(removal: &Removal) -> String {
    removal.notes.iter().map(|note| format!("note: {}\n", clean::text(note))).collect()
}

fn uninstall(release: &Release) -> Vec<String> {
    ["uninstall", &release.name, "--namespace", &release.namespace].map(str::to_owned).into()
}

fn exact(removal: &Removal, wish: &Wish, helm: Option<&Helm>) -> String {
    let mut text = String::new();
    for step in &removal.steps {
        match step {
            Step::Objects { keys, .. } => text.extend(keys.iter().map(print::removal)),
            Step::Api(key) => text.push_str(&print::removal(key)),
            Step::Release(release) => {
                if let Some(helm) = helm {
                    text.push_str(&format!("# {}\n", helm.line(&uninstall(release))));
                }
            }
        }
    }
    for namespace in &removal.namespaces {
        let when = if wish.namespaces { "" } else { "# only with --namespaces, or after a question:\n" };
        text.push_str(when);
        text.push_str(&print::removal(&survey::namespace_key(&namespace.name)));
    }
    text + &notes(removal).lines().map(|line| format!("# {line}\n")).collect::<String>()
}
