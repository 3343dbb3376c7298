//! `surge up`: read the state, plan, ask, apply, wait. Nothing changes before the user agrees to the plan.

use std::path::Path;

use serde_json::Value;
use text::command::Command;
use tokio_util::sync::CancellationToken;

use super::bundled::CHART_NAME;
use super::chart;
use super::cluster_state::ClusterState;
use super::connected_cluster::ConnectedCluster;
use super::failure::Failure;
use super::helm::Helm;
use super::hints::{self, Hints};
use super::images::{self, LocalCluster};
use super::object::Key;
use super::plan::{self, Plan, Step};
use super::print::{self, say};
use super::progress::Progress;
use super::request::{ChartSource, Mode, Request, Stack};
use super::rules;
use super::secret;
use super::stack_values;
use super::survey;
use super::upstream::{self, Release};
use super::wait::Waiting;

mod executor;

use executor::InstallExecutor;

/// Runs `surge up`; `agree` asks the user after the plan was printed.
///
/// # Errors
/// [`Failure`] with the step and the cause.
pub async fn run(
    request: &Request,
    mode: Mode,
    stop: &CancellationToken,
    agree: impl AsyncFnOnce() -> Result<bool, Failure>,
) -> Result<(), Failure> {
    let prepared = prepare(request, stop).await.map_err(|failure| failure.with("\nnothing was changed"));
    let Prepared { connected, helm, state, plan } = prepared?;
    let headline = text::clean::text(&format!(
        "{}, namespace {}, profile {}",
        connected.title(),
        request.namespace,
        request.profile
    ));
    if mode == Mode::DryRun {
        say(&format!("# {headline}\n{}", print::exact(&plan, request, &helm)));
        return Ok(());
    }
    say(&summary(request, &plan, &headline, &helm));
    if mode == Mode::Ask && !agree().await? {
        say("nothing was changed\n");
        return Ok(());
    }
    let mut progress = Progress::stdout(plan.steps.len());
    let hints = Hints::new(&request.flags, &request.namespace);
    let ConnectedCluster { cluster, objects, .. } = connected;
    let waiting = Waiting { client: &cluster.client, timeout: request.timeout, stop, hints: &hints };
    let mut executor =
        InstallExecutor { request, state: &state, helm: &helm, objects, waiting, stop, extra: Vec::new() };
    for step in &plan.steps {
        progress.begin(&step.title(request));
        executor.step(step, &mut progress).await.map_err(|failure| {
            failure.in_step(progress.title(), &hints::continue_with(&request.command_line))
        })?;
    }
    say(&format!("\nnext: {}\n      {}\n", hints.surge(&[]), hints.surge(&["doctor"])));
    Ok(())
}

/// The plan, and the state that it is based on.
struct Prepared {
    connected: ConnectedCluster,
    helm: Helm,
    state: ClusterState,
    plan: Plan,
}

/// Reads the state and computes the plan. It changes nothing.
async fn prepare(request: &Request, stop: &CancellationToken) -> Result<Prepared, Failure> {
    check_files(request)?;
    let mut releases = match request.stack {
        Stack::Install => upstream::releases(request.profile, &request.charts)?,
        Stack::Skip => no_releases(request)?,
    };
    check_stack_options(request, &releases)?;
    let mut connected = ConnectedCluster::connect(&request.flags).await?;
    let helm = Helm::find(&connected.flags(&request.flags), stop.clone()).await?;
    let context = connected.cluster.context.clone();
    let objects = &mut connected.objects;
    for release in &mut releases {
        if !matches!(release.source, ChartSource::Repository(_)) {
            release.version = helm.chart_version(&release.chart_arguments()).await?;
        }
    }
    plan::check_metrics(request, &survey::metrics(objects).await?)?;
    let credentials = secret::read_or_make(objects, &request.namespace).await?;
    let rendered = chart::render(&helm, request, &credentials, &connected.version).await?;
    let state = survey::cluster_state(objects, &helm, request, &rendered, &releases).await?;
    for release in &mut releases {
        let found = state.release(release);
        let installed = found.map_or(&Value::Null, |found| &found.values);
        stack_values::add(release, &request.stack_options, installed, &helm).await?;
    }
    let load = load(request, &context)?;
    let lacks_images =
        load.is_empty() && request.images.is_empty() && LocalCluster::of_context(&context).is_some();
    let mut plan = plan::plan(request, &state, rendered, releases, rules::object(request)?, load)?;
    let keys: Vec<Key> = plan.steps.iter().flat_map(applied).collect();
    survey::check_rights(objects, &keys).await?;
    if lacks_images {
        let note =
            "no images will be loaded; to build them, run cargo xtask image all, or use --archives DIR";
        plan.notes.push(note.to_owned());
    }
    Ok(Prepared { connected, helm, state, plan })
}

fn check_files(request: &Request) -> Result<(), Failure> {
    let values = request.values.iter().map(|path| ("--values", path));
    let stack_values = request.stack_options.files.iter().map(|file| ("--stack-values", &file.path));
    for (option, path) in values.chain(stack_values) {
        std::fs::File::open(path)
            .map_err(|error| Failure::usage(format!("{option} {}: {error}", path.display()), ""))?;
    }
    if let Some(at) = request
        .charts
        .iter()
        .find(|at| matches!(at.source, ChartSource::Repository(_)) && at.chart == CHART_NAME)
    {
        return Err(Failure::usage(
            format!("--chart {} needs a folder, an archive or an oci:// URL", at.chart),
            "",
        ));
    }
    Ok(())
}

fn check_stack_options(request: &Request, releases: &[Release]) -> Result<(), Failure> {
    if request.stack == Stack::Skip && request.stack_options.is_given() {
        return Err(Failure::usage(
            "values for the stack have no effect with --skip-stack",
            "leave out one of them",
        ));
    }
    let known: Vec<&str> = releases.iter().map(|release| release.chart.as_str()).collect();
    let mut named = request.stack_options.named();
    named.try_for_each(|(option, chart)| upstream::check_name(option, chart, &known, request.profile))
}

/// With `--skip-stack` there are no releases, and `--chart` may only name our chart.
fn no_releases(request: &Request) -> Result<Vec<Release>, Failure> {
    match request.charts.iter().find(|at| at.chart != CHART_NAME) {
        Some(at) => Err(Failure::usage(
            format!("--chart {} has no effect with --skip-stack", at.chart),
            "leave out one of them",
        )),
        None => Ok(Vec::new()),
    }
}

/// The commands that load images: from the folder of `--archives`, else from that of `cargo xtask image`.
fn load(request: &Request, context: &str) -> Result<Vec<Command>, Failure> {
    let local = LocalCluster::of_context(context);
    let built = Path::new(images::BUILT_ARCHIVES);
    let folder = match (&request.archives, &local) {
        (Some(folder), Some(_)) => folder.as_path(),
        (None, Some(_)) if images::archives(built).is_ok() => built,
        (None, _) => return Ok(Vec::new()),
        (Some(_), None) => {
            return Err(Failure::usage(
                format!("--archives: context {context} is not of kind, minikube or k3d"),
                "push the images to a registry, and use --image NAME=REF",
            ));
        }
    };
    let archives = images::archives(folder)?;
    Ok(local.iter().flat_map(|local| archives.iter().map(|archive| local.load(archive))).collect())
}

/// The objects that a step applies.
fn applied(step: &Step) -> Vec<Key> {
    match step {
        Step::Namespace(object) | Step::Rules(object) => vec![Key::of(object)],
        Step::Apply(objects) => objects.iter().map(Key::of).collect(),
        _ => Vec::new(),
    }
}

fn summary(request: &Request, plan: &Plan, headline: &str, helm: &Helm) -> String {
    let mut lines = vec![headline.to_owned(), format!("with helm {}, surge up will:", helm.version())];
    let steps = print::steps(plan, request);
    lines.extend(steps.iter().enumerate().map(|(index, step)| format!("{:>3}. {step}", index + 1)));
    lines.extend(plan.notes.iter().map(|note| format!("note: {note}")));
    lines.iter().map(|line| text::clean::text(line) + "\n").collect()
}
