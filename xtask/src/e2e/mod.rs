//! The end-to-end suite: builds and loads the images, installs the demo on a cluster, runs every test target named `cluster`,
//! and removes what it installed.
//!
//! It takes any cluster that has the stack the demo reads its metric from, and touches no demo that it did not install.

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

/// What some tests are told by variables alone.
pub(crate) const VARIABLES: &str = "\
What some tests need besides; without it they are not run, or use what a registry has:
  SURGE_E2E_ADDRESS       an address of this machine that the API server reaches: a test serves the external metrics API there
  SURGE_E2E_NETWORK       a network namespace that has this address (/run/netns/NAME)
  SURGE_E2E_SYNC_SECONDS  the autoscaler's sync period, if it is not 15
  SURGE_E2E_PAUSE_IMAGE   an image whose pods do nothing
  SURGE_E2E_PERL_IMAGE    an image with Perl, for pods that answer, write logs and end";

/// Arguments of `cargo xtask e2e`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Kubeconfig of the cluster; its current context is used
    #[arg(long, env = "SURGE_E2E_KUBECONFIG", value_name = "FILE")]
    kubeconfig: PathBuf,
    /// Command that loads an image; `{archive}` stands for its file [default: known for kind, minikube and k3d]
    #[arg(long, env = "SURGE_E2E_LOAD", value_name = "COMMAND")]
    load: Option<String>,
    /// Folder with the archives of `cargo xtask image`, if they are built already
    #[arg(long, env = "SURGE_E2E_IMAGES", value_name = "DIR")]
    images: Option<PathBuf>,
    /// RabbitMQ image to use in place of the manifests' own
    #[arg(long, env = "SURGE_E2E_RABBITMQ_IMAGE", value_name = "NAME:TAG")]
    rabbitmq_image: Option<String>,
    /// Install the stack that serves the metric too, with Helm; without it the cluster must have one
    #[arg(long)]
    stack: bool,
    /// Command that restarts the API server and returns when it serves again
    #[arg(long, env = "SURGE_E2E_RESTART_APISERVER", value_name = "COMMAND")]
    restart_apiserver: Option<String>,
    /// Program to use as kubectl
    #[arg(long, env = "SURGE_E2E_KUBECTL", default_value = "kubectl", value_name = "FILE")]
    kubectl: PathBuf,
    /// Run only tests whose names contain this
    #[arg(long, value_name = "TEXT")]
    filter: Option<String>,
    /// Leave the demo on the cluster
    #[arg(long)]
    keep: bool,
    /// Write what the cluster answered over the golden files; read the difference before committing it
    #[arg(long)]
    update_goldens: bool,
}

/// Runs the suite; prints one line a test.
///
/// # Errors
/// When the cluster cannot be used, the demo does not come up, a test fails, or the cluster is not as it was before. What was
/// installed is removed all the same, also when a signal asks for the end.
pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("xtask has no folder above it")?;
    let kubeconfig = args
        .kubeconfig
        .canonicalize()
        .with_context(|| format!("there is no kubeconfig {}", args.kubeconfig.display()))?;
    let kubectl = Kubectl::new(&args.kubectl, &kubeconfig)?;
    let context = kubectl.context()?;
    println!("context {context}, {}", kubectl.version()?);
    demo::refuse_a_foreign_one(&kubectl, &context)?;
    // Everything that may fail for reasons of this machine comes before the cluster is touched.
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
        ensure!(archive.is_file(), "there is no image archive {}", archive.display());
    }
    let before = Inventory::take(&kubectl)?;
    let interrupt = Interrupt::watched()?;
    let tested = load_all(&load, &archives).and_then(|()| demo.install()).and_then(|()| {
        let environment = environment(args, &kubeconfig, &kubectl);
        suite::run(&built.tests, &environment, &root.join("target/e2e"), &interrupt)
    });
    match &tested {
        Ok(summary) => println!("{summary}"),
        Err(_) if interrupt.came() => println!("interrupted"),
        Err(error) => println!("no tests were run: {error:#}"),
    }
    let left = leave(&demo, &before, args);
    let summary = match (tested, left) {
        (Err(error), Err(another)) => bail!("{error:#}; and then: {another:#}"),
        (Err(error), Ok(())) | (Ok(_), Err(error)) => return Err(error),
        (Ok(summary), Ok(())) => summary,
    };
    ensure!(summary.failed == 0, "{} of the tests failed; what they wrote is in target/e2e/", summary.failed);
    ensure!(summary.interrupted == 0, "{} of the tests were not gone through", summary.interrupted);
    Ok(())
}

/// Takes everything away that was brought, unless it is to be kept, and compares the cluster with what it was.
fn leave(demo: &Demo<'_>, before: &Inventory, args: &Args) -> anyhow::Result<()> {
    if args.keep {
        println!("the demo is kept; remove it with: {}", demo.removal());
        return Ok(());
    }
    println!("removing what was installed; if that is interrupted too: {}", demo.removal());
    demo.remove()?;
    let difference = before.restored(demo.kubectl)?;
    // What a stack's charts leave is their decision: Helm removes no custom resource definitions.
    if args.stack || difference.is_none() {
        println!("the cluster is as it was{difference}");
        return Ok(());
    }
    bail!(
        "the demo is removed, but the cluster is not as it was; what nobody else did meanwhile is a test's fault:{difference}"
    )
}

/// What tests are told.
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

/// Runs a command of the user's.
fn shell(command: &str) -> anyhow::Result<()> {
    let status = Command::new("sh").args(["-c", command]).status().context("there is no shell")?;
    ensure!(status.success(), "`{command}` failed: {status}");
    Ok(())
}
