//! The end-to-end suite: builds and loads the images, installs the demo on a cluster, runs every test target named
//! `cluster`, and removes the demo.
//!
//! It runs on any cluster that has the monitoring stack (or installs it, with `--stack`). It refuses a cluster with a demo
//! of another owner.
//!
//! The runner needs nothing but cargo, so that it works on a new machine. It also adds two things to a plain test run: a
//! test without its prerequisites counts as "not run", and Ctrl-C ends the test but still removes the demo.

mod demo;
mod interrupt;
mod inventory;
mod kubectl;
mod load;
mod suite;

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail, ensure};

use crate::image;
use demo::Demo;
use interrupt::Interrupt;
use inventory::Inventory;
use kubectl::Kubectl;

/// Help text for the settings that are environment variables only.
pub(crate) const VARIABLES: &str = "\
More settings; without them the tests are skipped as \"not run\", or pull images from a registry:
  SURGE_E2E_ADDRESS       address of this machine that the API server can reach; a test serves the external metrics API on it
  SURGE_E2E_NETWORK       network namespace that has this address (/run/netns/NAME)
  SURGE_E2E_SYNC_SECONDS  sync period of the autoscaler, if it is not 15
  SURGE_E2E_PAUSE_IMAGE   image whose pods do nothing
  SURGE_E2E_PERL_IMAGE    image with Perl, for pods that serve HTTP, write logs and exit";

/// Arguments of `cargo xtask e2e`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Kubeconfig of the cluster; its current context is used
    #[arg(long, env = "SURGE_E2E_KUBECONFIG", value_name = "FILE")]
    kubeconfig: PathBuf,
    /// Command that loads an image; `{archive}` is replaced by its file [default for kind, minikube and k3d]
    #[arg(long, env = "SURGE_E2E_LOAD", value_name = "COMMAND")]
    load: Option<String>,
    /// Folder with archives that `cargo xtask image` has already built
    #[arg(long, env = "SURGE_E2E_IMAGES", value_name = "DIR")]
    images: Option<PathBuf>,
    /// RabbitMQ image to use instead of the default
    #[arg(long, env = "SURGE_E2E_RABBITMQ_IMAGE", value_name = "NAME:TAG")]
    rabbitmq_image: Option<String>,
    /// Also install the monitoring stack, with Helm; without this flag the cluster must have one
    #[arg(long)]
    stack: bool,
    /// Command that restarts the API server and waits until it serves requests
    #[arg(long, env = "SURGE_E2E_RESTART_APISERVER", value_name = "COMMAND")]
    restart_apiserver: Option<String>,
    /// The kubectl program
    #[arg(long, env = "SURGE_E2E_KUBECTL", default_value = "kubectl", value_name = "FILE")]
    kubectl: PathBuf,
    /// Run only tests whose names contain this text
    #[arg(long, value_name = "TEXT")]
    filter: Option<String>,
    /// Keep the demo on the cluster
    #[arg(long)]
    keep: bool,
    /// Overwrite the golden files with the responses of the cluster; review the diff before you commit it
    #[arg(long)]
    update_goldens: bool,
}

/// Runs the suite; prints one line a test.
///
/// # Errors
/// When the cluster is unusable, the demo does not start, a test fails, or the cluster differs from its state before the
/// run. The demo is removed in all cases, also after a signal.
pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("xtask has no folder above it")?;
    let kubeconfig = args
        .kubeconfig
        .canonicalize()
        .with_context(|| format!("cannot find the kubeconfig {}", args.kubeconfig.display()))?;
    let kubectl = Kubectl::new(&args.kubectl, &kubeconfig)?;
    let context = kubectl.context()?;
    println!("context {context}, {}", kubectl.version()?);
    demo::refuse_foreign(&kubectl, &context)?;
    // Steps that fail because of this machine come before the first change to the cluster.
    let load = load::command(args.load.as_deref(), &context)?;
    let built = suite::build(root, args.filter.as_deref())?;
    let demo = Demo {
        kubectl: &kubectl,
        surge: built.surge,
        kubeconfig: &kubeconfig,
        stack: args.stack,
        rabbitmq_image: args.rabbitmq_image.as_deref(),
    };
    let images = match &args.images {
        Some(folder) => folder.clone(),
        None => build_images(root)?,
    };
    let archives = [contract::names::PRODUCER, contract::names::WORKER]
        .map(|program| images.join(format!("{program}.tar")));
    for archive in &archives {
        ensure!(archive.is_file(), "cannot find the image archive {}", archive.display());
    }
    let before = Inventory::take(&kubectl)?;
    let interrupt = Interrupt::install()?;
    let tested = load_all(&load, &archives).and_then(|()| demo.install()).and_then(|()| {
        let environment = environment(args, &kubeconfig, &kubectl);
        suite::run(&built.tests, &environment, &root.join("target/e2e"), &interrupt)
    });
    match &tested {
        Ok(summary) => println!("{summary}"),
        Err(_) if interrupt.requested() => println!("interrupted"),
        Err(error) => println!("no tests ran: {error:#}"),
    }
    let removed = remove(&demo, &before, args);
    let summary = match (tested, removed) {
        (Err(error), Err(another)) => bail!("{error:#}; then the removal failed: {another:#}"),
        (Err(error), Ok(())) | (Ok(_), Err(error)) => return Err(error),
        (Ok(summary), Ok(())) => summary,
    };
    ensure!(summary.failed == 0, "{} tests failed; their logs are in target/e2e/", summary.failed);
    ensure!(summary.interrupted == 0, "{} tests were interrupted", summary.interrupted);
    Ok(())
}

/// Removes the demo, unless `--keep` is set, and compares the cluster with its state before the run.
fn remove(demo: &Demo<'_>, before: &Inventory, args: &Args) -> anyhow::Result<()> {
    if args.keep {
        println!("the demo is kept; remove it with: {}", demo.removal_command());
        return Ok(());
    }
    println!("removing the demo; if you interrupt that too, run: {}", demo.removal_command());
    demo.remove()?;
    let difference = before.wait_until_restored(demo.kubectl)?;
    // Helm does not remove custom resource definitions, so a stack leaves some.
    if args.stack || difference.is_empty() {
        println!("the cluster is unchanged{difference}");
        return Ok(());
    }
    bail!(
        "the demo is removed, but the cluster has changed; unless another user changed it, a test did:{difference}"
    )
}

/// The environment variables of the tests.
fn environment(args: &Args, kubeconfig: &Path, kubectl: &Kubectl) -> Vec<(&'static str, String)> {
    let always = [
        ("SURGE_E2E_KUBECONFIG", kubeconfig.display().to_string()),
        ("SURGE_E2E_KUBECTL", kubectl.program().display().to_string()),
    ];
    let given = [
        ("SURGE_E2E_RESTART_APISERVER", args.restart_apiserver.clone()),
        ("SURGE_E2E_RABBITMQ_IMAGE", args.rabbitmq_image.clone()),
        ("SURGE_UPDATE_GOLDENS", args.update_goldens.then(|| "1".to_owned())),
    ];
    always.into_iter().chain(given.into_iter().filter_map(|(name, value)| Some((name, value?)))).collect()
}

fn load_all(command: &str, archives: &[PathBuf]) -> anyhow::Result<()> {
    archives
        .iter()
        .try_for_each(|archive| shell(&command.replace(load::ARCHIVE, &archive.display().to_string())))
}

fn build_images(root: &Path) -> anyhow::Result<PathBuf> {
    let folder = root.join("target/images");
    image::run(&image::Args::all(folder.clone()))?;
    Ok(folder)
}

/// Runs a command that the user has given.
fn shell(command: &str) -> anyhow::Result<()> {
    let status = Command::new("sh").args(["-c", command]).status().context("cannot start sh")?;
    ensure!(status.success(), "`{command}` failed: {status}");
    Ok(())
}
