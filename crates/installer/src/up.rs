//! `up`: look, plan, ask, do, wait. Nothing is changed before the plan stands and was agreed to.

use std::io::Write as _;
use std::path::Path;

use tokio_util::sync::CancellationToken;

use super::again;
use super::apply::{Objects, WITHIN};
use super::chart;
use super::failure::Failure;
use super::helm::Helm;
use super::hints::Hints;
use super::images::{self, Local};
use super::object::Key;
use super::plan::{self, Plan, Step};
use super::print;
use super::progress::Progress;
use super::request::{Place, Request, Stack};
use super::rules;
use super::secret;
use super::seen::Seen;
use super::survey;
use super::upstream::{self, Release};
use super::wait::Waiting;
use cluster::connect;
use cluster::connect::Cluster;

mod work;

use work::Work;

/// What is done with the plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// It is shown, asked for and done.
    Ask,
    /// It is shown and done.
    Yes,
    /// It is printed exactly, and not done.
    DryRun,
}

/// A cluster that answered, and the helm for it.
pub(super) struct Ground {
    pub(super) cluster: Cluster,
    pub(super) version: String,
    pub(super) objects: Objects,
}

/// Finds the cluster and asks it for its version, so that everything after it can be believed to have a server.
pub(super) async fn ground(flags: &connect::ConnectFlags) -> Result<Ground, Failure> {
    let cluster = connect::load(flags).await?;
    let what = format!("asking context {} ({}) for its version", cluster.context, cluster.server);
    let version = match tokio::time::timeout(WITHIN, cluster.client.apiserver_version()).await {
        Err(_late) => return Err(Failure::late(&what, WITHIN)),
        Ok(Err(error)) => return Err(Failure::api(&what, &error)),
        Ok(Ok(info)) => text::clean::text(&info.git_version),
    };
    let objects = Objects::new(cluster.client.clone());
    Ok(Ground { cluster, version, objects })
}

/// Runs `up`; `agree` is asked with what is about to happen. Returns whether something was done.
///
/// # Errors
/// A [`Failure`] with what was tried and what came back.
pub async fn run(
    request: &Request,
    mode: Mode,
    stop: &CancellationToken,
    agree: impl AsyncFnOnce() -> Result<bool, Failure>,
) -> Result<(), Failure> {
    let prepared = prepare(request, stop).await.map_err(|mut failure| {
        failure.what.push_str("\nnothing was changed");
        failure
    });
    let Prepared { cluster, version, helm, objects, seen, plan } = prepared?;
    if mode == Mode::DryRun {
        say(&format!("# {}\n{}", headline(request, &cluster, &version), print::exact(&plan, request, &helm)));
        return Ok(());
    }
    say(&shown(request, &plan, &cluster, &version, &helm));
    if mode == Mode::Ask && !agree().await? {
        say("nothing was changed\n");
        return Ok(());
    }
    let mut progress = Progress::stdout(plan.steps.len());
    let hints = Hints::new(&request.flags, &request.namespace);
    let waiting = Waiting { client: &cluster.client, timeout: request.timeout, stop, hints: &hints };
    let mut work = Work { request, seen: &seen, helm: &helm, objects, waiting, stop };
    for step in &plan.steps {
        progress.begin(&step.title(request));
        work.step(step, &mut progress).await.map_err(|failure| told(failure, &progress, request))?;
    }
    say(&format!("\nnext: {}\n      {}\n", hints.surge(&[]), hints.surge(&["doctor"])));
    Ok(())
}

/// Everything that is known before something is done.
struct Prepared {
    cluster: Cluster,
    version: String,
    helm: Helm,
    objects: Objects,
    seen: Seen,
    plan: Plan,
}

/// Looks and plans; nothing is changed here.
async fn prepare(request: &Request, stop: &CancellationToken) -> Result<Prepared, Failure> {
    check_files(request)?;
    let mut releases = match request.stack {
        Stack::Install => upstream::releases(request.profile, &request.charts)?,
        Stack::Skip => skipped(request)?,
    };
    let Ground { cluster, version, mut objects } = ground(&request.flags).await?;
    let flags = connect::ConnectFlags { context: Some(cluster.context.clone()), ..request.flags.clone() };
    let helm = Helm::find(&flags, stop.clone()).await?;
    for release in &mut releases {
        if !matches!(release.place, Place::Repository(_)) {
            release.version = helm.chart_version(&release.source()).await?;
        }
    }
    plan::check_metrics(request, &survey::metrics(&mut objects).await?)?;
    let credentials = secret::read_or_make(&mut objects, &request.namespace).await?;
    let rendered = chart::render(&helm, request, &credentials, &version).await?;
    let seen = survey::look(&mut objects, &helm, request, &rendered, &releases).await?;
    let load = load(request, &cluster.context)?;
    let unloaded =
        load.is_empty() && request.images.is_empty() && Local::of_context(&cluster.context).is_some();
    let mut plan = plan::plan(request, &seen, rendered, releases, rules::object(request)?, load)?;
    let keys: Vec<Key> = plan.steps.iter().flat_map(touched).collect();
    survey::rights(&mut objects, &keys).await?;
    if unloaded {
        plan.notes.push(format!(
            "no images are loaded: build them with cargo xtask image all, here or with --output DIR and --archives DIR, unless \
             the cluster behind context {} has them",
            cluster.context
        ));
    }
    Ok(Prepared { cluster, version, helm, objects, seen, plan })
}

/// Text of our own or cleaned before; a closed standard output is nobody's loss.
pub fn say(text: &str) {
    let mut out = std::io::stdout();
    let _closed = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

fn told(mut failure: Failure, progress: &Progress, request: &Request) -> Failure {
    failure.what = format!("step \"{}\" was not done: {}", progress.title(), failure.what);
    let again = format!("what was done stays; go on with: {}", again::line(&request.again, failure.change));
    failure.advice = if failure.advice.is_empty() { again } else { format!("{}\n{again}", failure.advice) };
    failure
}

fn check_files(request: &Request) -> Result<(), Failure> {
    for path in &request.values {
        std::fs::File::open(path)
            .map_err(|error| Failure::usage(format!("--values {}: {error}", path.display()), ""))?;
    }
    if let Some(at) =
        request.charts.iter().find(|at| matches!(at.place, Place::Repository(_)) && at.chart == chart::NAME)
    {
        return Err(Failure::usage(
            format!("--chart {} takes a folder, an archive or an oci:// address", at.chart),
            "",
        ));
    }
    Ok(())
}

/// With `--skip-stack` no chart but ours is installed, so none but ours can come from elsewhere.
fn skipped(request: &Request) -> Result<Vec<Release>, Failure> {
    match request.charts.iter().find(|at| at.chart != chart::NAME) {
        Some(at) => Err(Failure::usage(
            format!("--chart {} has no use with --skip-stack", at.chart),
            "leave one of both out",
        )),
        None => Ok(Vec::new()),
    }
}

/// The commands that load images: those in the folder that was named, else those that `cargo xtask image` left here.
fn load(request: &Request, context: &str) -> Result<Vec<Vec<String>>, Failure> {
    let local = Local::of_context(context);
    let folder = match (&request.archives, &local) {
        (Some(folder), Some(_)) => folder.as_path(),
        (None, Some(_)) if images::archives(Path::new(images::BUILT)).is_ok() => Path::new(images::BUILT),
        (None, _) => return Ok(Vec::new()),
        (Some(_), None) => {
            return Err(Failure::usage(
                format!(
                    "--archives: context {context} is not one of kind, minikube or k3d, which take images from files"
                ),
                "push the images to a registry that the cluster can reach, and name them with --image NAME=REF",
            ));
        }
    };
    let archives = images::archives(folder)?;
    Ok(local.iter().flat_map(|local| archives.iter().map(|archive| local.load(archive))).collect())
}

/// The objects that a step applies.
fn touched(step: &Step) -> Vec<Key> {
    match step {
        Step::Namespace(object) | Step::Rules(object) => vec![Key::of(object)],
        Step::Apply(objects) => objects.iter().map(Key::of).collect(),
        _ => Vec::new(),
    }
}

fn headline(request: &Request, cluster: &Cluster, version: &str) -> String {
    let place = format!("context {} ({}), Kubernetes {version}", cluster.context, cluster.server);
    text::clean::text(&format!("{place}, namespace {}, profile {}", request.namespace, request.profile))
}

fn shown(request: &Request, plan: &Plan, cluster: &Cluster, version: &str, helm: &Helm) -> String {
    let mut lines =
        vec![headline(request, cluster, version), format!("with helm {}, surge up will:", helm.version())];
    lines.extend(
        print::steps(plan, request)
            .iter()
            .enumerate()
            .map(|(index, step)| format!("{:>3}. {step}", index + 1)),
    );
    lines.extend(plan.notes.iter().map(|note| format!("note: {note}")));
    lines.iter().map(|line| text::clean::text(line) + "\n").collect()
}
