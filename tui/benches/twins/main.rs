//! The chain's figures on the sandbox and on a cluster in one run: from a burst to each step of the dashboard's stopwatch,
//! compared with what the intervals allow; and the cost of the processes of both control planes.
//!
//! `cargo bench -p tui --bench twins -- --kubeconfig FILE` watches a cluster that has the demo, at rest, and starts a sandbox
//! with the cluster's HPA settings and job duration. Without a kubeconfig it measures the sandbox alone. Figures without a handle
//! are printed as not measured. Memory and start times come from `/proc`, so on Linux only.

mod process;
mod side;
mod start;
mod table;

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use clap::Parser as _;

use process::Watched;
use side::{Demo, Side};

/// The default namespace.
const NAMESPACE: &str = contract::names::NAMESPACE;

#[derive(clap::Parser)]
#[command(
    about = "Burst to each stage, memory and start-up of the control planes: sandbox and cluster side by side"
)]
struct Args {
    /// Kubeconfig of a cluster with the demo, at rest; its current context is used
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    /// Namespace of the demo there
    #[arg(long, value_name = "NAME", default_value = NAMESPACE)]
    namespace: String,
    /// Number of bursts; their phases are spread evenly over the sync period
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=50))]
    bursts: u32,
    /// The dashboard's key for the size of a burst: 1, 10, 50, 100, 500, 1000
    #[arg(long, value_name = "1..6", default_value_t = '4')]
    size: char,
    /// Sync period of the cluster's HPA controller in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 15)]
    sync_seconds: u64,
    /// A process of the cluster, by its ID or a file that holds it; may be given again
    #[arg(long, value_name = "NAME=PID|FILE")]
    process: Vec<Watched>,
    /// Command that restarts the API server; it is timed to the first 200 of /readyz
    #[arg(long, value_name = "COMMAND")]
    restart_apiserver: Option<String>,
    /// Number of starts of each API server
    #[arg(long, value_name = "N", default_value_t = 5)]
    starts: u32,
    /// Cargo's flag for every benchmark
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let done = runtime.block_on(run(&args));
    runtime.shutdown_background();
    done
}

async fn run(args: &Args) -> anyhow::Result<()> {
    let folder = tempfile::tempdir().context("a folder for the sandbox's kubeconfig")?;
    let cluster = match &args.kubeconfig {
        Some(kubeconfig) => Some(Side::of_cluster(kubeconfig, &args.namespace).await?),
        None => None,
    };
    let demo = cluster.as_ref().map_or_else(Demo::default, |side| side.demo.clone());
    let sandbox = start::Sandbox::of_demo(folder.path(), &demo, args.sync_seconds)?;
    let ours = Side::of_sandbox(&sandbox.kubeconfig(), &demo).await?;
    println!("{}", demo.reported(args.sync_seconds));

    let period = Duration::from_secs(args.sync_seconds);
    let theirs = async {
        match &cluster {
            Some(side) => side.bursts(args.bursts, args.size, period).await.map(Some),
            None => Ok(None),
        }
    };
    let (ours_took, theirs_took) = tokio::join!(ours.bursts(args.bursts, args.size, period), theirs);
    let (ours_took, theirs_took) = (ours_took?, theirs_took?);
    table::stages(&ours_took, theirs_took.as_ref(), period);

    println!("\n| process | resident | of it its own |\n| --- | ---: | ---: |");
    process::report("surge sandbox, with the demo", Some(sandbox.pid()));
    drop(sandbox);
    empty_sandbox(folder.path())?;
    for watched in &args.process {
        process::report(&watched.name, watched.pid());
    }
    if args.process.is_empty() {
        println!("| the cluster's processes | not measured | no --process was given |");
    }

    println!("\n| start to the first 200 of /readyz | best | median | worst |\n| --- | ---: | ---: | ---: |");
    let mut took = Vec::new();
    for round in 0..args.starts {
        took.push(start::sandbox(&folder.path().join(format!("start-{round}"))).await?);
    }
    table::starts("surge sandbox", &took);
    match (&args.restart_apiserver, &args.kubeconfig) {
        (Some(command), Some(kubeconfig)) => {
            let server = args.process.iter().find(|watched| watched.is_a_file());
            let (what, took) = start::cluster(command, kubeconfig, server, args.starts).await?;
            table::starts(&what, &took);
        }
        _ => println!("| the cluster's API server | not measured | no --restart-apiserver was given | |"),
    }
    Ok(())
}

/// The API server and the controllers before there is anything to control.
fn empty_sandbox(folder: &Path) -> anyhow::Result<()> {
    let sandbox = start::Sandbox::empty(&folder.join("empty"))?;
    process::report("surge sandbox --empty", Some(sandbox.pid()));
    Ok(())
}
