//! `surge doctor`: walks the metric chain once and says what is wrong and what to do first.

use std::io::Write as _;
use std::process::ExitCode;

use super::cluster::ClusterArgs;
use super::{complain, log};
use cluster::connect;
use cluster::prometheus::Address;

use doctor::{Settings, collect, questions};
use installer::up::say;

/// The cluster cannot be reached.
const UNREACHABLE: u8 = 3;

/// How the report is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Output {
    /// For a person
    Text,
    /// For a program
    Json,
}

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    cluster: ClusterArgs,
    /// Name of the HorizontalPodAutoscaler to look at
    #[arg(long, value_name = "NAME", default_value = contract::names::HPA, help_heading = "Cluster")]
    hpa: String,
    /// Service of Prometheus [default: those named prometheus-operated]
    #[arg(long, value_name = "NAMESPACE/SERVICE:PORT", help_heading = "Cluster")]
    prometheus: Option<Address>,
    /// How to write what was found
    #[arg(long, value_name = "FORM", default_value = "text")]
    output: Output,
    /// Print the requests that would be made, and ask nothing; names that only an answer tells are those of `surge up`
    #[arg(long)]
    dry_run: bool,
}

pub(super) fn main(arguments: Args) -> ExitCode {
    if arguments.dry_run {
        say(&questions(&settings(&arguments, String::new(), String::new())));
        return ExitCode::SUCCESS;
    }
    // What the API refuses is part of the report, and not worth a line of a log that nobody asked for.
    if std::env::var_os("RUST_LOG").is_some() {
        log::to_standard_error();
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            complain(&format!("starting the runtime failed: {error}"));
            return ExitCode::FAILURE;
        }
    };
    let code = runtime.block_on(run(arguments));
    runtime.shutdown_background();
    ExitCode::from(code)
}

async fn run(arguments: Args) -> u8 {
    let cluster = match connect::load(&arguments.cluster.flags()).await {
        Ok(cluster) => cluster,
        Err(obstacle) => {
            complain(&format!("{}; {}", obstacle.what, obstacle.advice));
            return UNREACHABLE;
        }
    };
    let settings = settings(&arguments, cluster.context, cluster.server);
    let report = diagnosis::examine(&Box::pin(collect(&cluster.client, &settings)).await);
    let text = match arguments.output {
        Output::Text => report.text(),
        Output::Json => format!("{:#}\n", report.json()),
    };
    // A reader that has gone away needs no report; the exit code stands.
    let _closed = std::io::stdout().write_all(text.as_bytes());
    report.exit_code()
}

/// What is to be looked at, in the cluster that the context leads to.
fn settings(arguments: &Args, context: String, server: String) -> Settings {
    let cluster = &arguments.cluster;
    Settings {
        context,
        server,
        namespace: cluster.namespace.clone().unwrap_or_else(|| contract::names::NAMESPACE.to_owned()),
        hpa: arguments.hpa.clone(),
        prometheus: arguments.prometheus.clone(),
        flags: diagnosis::Flags {
            context: cluster.context.clone(),
            kubeconfig: cluster.kubeconfig.as_ref().map(|path| path.display().to_string()),
        },
    }
}
