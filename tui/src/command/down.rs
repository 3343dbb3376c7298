//! `surge down`: arguments, questions and exit code.

use std::process::ExitCode;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::cluster::ClusterArgs;
use super::{duration, install};
use installer::down::{self, DownRequest};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Also delete the namespaces that `surge up` made, with all their objects
    #[arg(long)]
    namespaces: bool,
    /// Time limit of each step
    #[arg(long, value_name = "TIME", default_value = "5m", value_parser = duration::parse)]
    timeout: Duration,
    /// Continue without a question; namespaces stay without --namespaces
    #[arg(long, short = 'y')]
    yes: bool,
    /// Print the exact commands, and remove nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    pub(super) cluster: ClusterArgs,
}

pub(super) fn main(arguments: Args) -> ExitCode {
    let mode = match install::mode(arguments.yes, arguments.dry_run) {
        Ok(mode) => mode,
        Err(failure) => return install::failed(&failure),
    };
    let request = DownRequest {
        flags: arguments.cluster.flags(),
        namespace: arguments.cluster.namespace.unwrap_or_else(|| contract::names::NAMESPACE.to_owned()),
        namespaces: arguments.namespaces,
        timeout: arguments.timeout,
        command_line: install::command_line(),
    };
    install::run(async move |stop: CancellationToken| {
        let agree = async |question: &str| install::agree(question, &stop).await;
        down::run(&request, mode, &stop, agree).await.map(|()| ExitCode::SUCCESS)
    })
}
