//! `surge doctor`: examines the metric chain once, and reports the findings and the first fix.

use std::io::{IsTerminal as _, Write as _};
use std::process::ExitCode;
use std::time::Duration;

use super::cluster::ClusterArgs;
use super::{Format, complain, log};
use cluster::connect;
use cluster::connect::ConnectError;
use cluster::prometheus::Address;
use diagnosis::Report;
use diagnosis::facts::Facts;
use doctor::{Observer, Settings, dry_run, examine};
use installer::print::say;
use text::command::ClusterFlags;

/// Time limit for the first answer of the API server.
const REACH_TIMEOUT: Duration = Duration::from_secs(10);

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    pub(super) cluster: ClusterArgs,
    /// Name of the HorizontalPodAutoscaler to examine
    #[arg(long, value_name = "NAME", default_value = contract::names::HPA, help_heading = "Cluster")]
    hpa: String,
    /// Service of Prometheus [default: every Service named prometheus-operated]
    #[arg(long, value_name = "NAMESPACE/SERVICE:PORT", help_heading = "Cluster")]
    prometheus: Option<Address>,
    /// Form of the report
    #[arg(long, short, value_name = "FORM", default_value = "text")]
    output: Format,
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
    let report = report(&arguments).await;
    say(&match arguments.output {
        Format::Text => report.text(),
        Format::Json => format!("{:#}\n", report.json()),
    });
    report.exit_code()
}

/// The report about the cluster of the kubeconfig. A cluster that cannot be reached has one, too.
async fn report(arguments: &Args) -> Report {
    let cluster = async {
        let cluster = connect::load(&arguments.cluster.flags()).await?;
        connect::answers(&cluster, REACH_TIMEOUT).await?;
        Ok::<_, ConnectError>(cluster)
    };
    match cluster.await {
        Ok(cluster) => {
            let settings = settings(arguments, cluster.context, cluster.server);
            Box::pin(examine(&cluster.client, &settings, progress())).await
        }
        Err(obstacle) => {
            let context = arguments.cluster.context.clone().unwrap_or_default();
            let subject = settings(arguments, context, String::new()).subject();
            diagnosis::examine(&Facts::unreachable(subject, &obstacle.what, &obstacle.advice))
        }
    }
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
