//! `surge doctor`: examines the metric chain once, and reports the findings and the first fix.

use std::io::{IsTerminal as _, Write as _};
use std::process::ExitCode;

use super::cluster::ClusterArgs;
use super::{complain, log};
use cluster::connect;
use cluster::prometheus::Address;

use doctor::{Observer, Settings, dry_run, examine};
use installer::print::say;
use text::command::ClusterFlags;

/// Exit code when the cluster cannot be reached.
const UNREACHABLE: u8 = 3;

/// The form of the report.
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
    /// Name of the HorizontalPodAutoscaler to examine
    #[arg(long, value_name = "NAME", default_value = contract::names::HPA, help_heading = "Cluster")]
    hpa: String,
    /// Service of Prometheus [default: every Service named prometheus-operated]
    #[arg(long, value_name = "NAMESPACE/SERVICE:PORT", help_heading = "Cluster")]
    prometheus: Option<Address>,
    /// Form of the report
    #[arg(long, value_name = "FORM", default_value = "text")]
    output: Output,
    /// Print the requests without sending them (uses the default names of `surge up`)
    #[arg(long)]
    dry_run: bool,
}

pub(super) fn main(arguments: Args) -> ExitCode {
    // Errors of the API are part of the report, so they are logged only on request.
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
    let code = runtime.block_on(async {
        if arguments.dry_run {
            say(&dry_run(&settings(&arguments, String::new(), String::new())).await);
            return 0;
        }
        run(arguments).await
    });
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
    let report = Box::pin(examine(&cluster.client, &settings, progress())).await;
    let text = match arguments.output {
        Output::Text => report.text(),
        Output::Json => format!("{:#}\n", report.json()),
    };
    // The exit code is valid without a reader.
    let _closed = std::io::stdout().write_all(text.as_bytes());
    report.exit_code()
}

/// Shows on a terminal's standard error what is asked, in one line that the next one overwrites.
fn progress() -> Observer {
    let is_terminal = std::io::stderr().is_terminal();
    Box::new(move |progress| {
        if !is_terminal {
            return;
        }
        let mut line = progress.titles();
        if !line.is_empty() {
            line.insert_str(0, "checking ");
        }
        // The report does not depend on it.
        let _closed = write!(std::io::stderr(), "\r\x1b[K{line}");
    })
}

/// The HPA to examine, in the cluster of the context.
fn settings(arguments: &Args, context: String, server: String) -> Settings {
    let cluster = &arguments.cluster;
    Settings {
        context,
        server,
        namespace: cluster.namespace.clone().unwrap_or_else(|| contract::names::NAMESPACE.to_owned()),
        hpa: arguments.hpa.clone(),
        prometheus: arguments.prometheus.clone(),
        flags: ClusterFlags {
            context: cluster.context.clone(),
            kubeconfig: cluster.kubeconfig.as_ref().map(|path| path.display().to_string()),
        },
    }
}
