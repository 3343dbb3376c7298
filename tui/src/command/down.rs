//! `surge down`: its arguments, its questions, and its exit code.

use std::process::ExitCode;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::cluster::ClusterArgs;
use super::{duration, install};
use installer::down;
use installer::down::Wish;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Remove the namespaces that `up` made too, with whatever is in them
    #[arg(long)]
    namespaces: bool,
    /// How long each step may take
    #[arg(long, value_name = "TIME", default_value = "5m", value_parser = duration::parse)]
    timeout: Duration,
    /// Do not ask; namespaces stay unless --namespaces is given too
    #[arg(long, short = 'y')]
    yes: bool,
    /// Print the exact commands, and remove nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    cluster: ClusterArgs,
}

pub(super) fn main(arguments: Args) -> ExitCode {
    let mode = match install::mode(arguments.yes, arguments.dry_run) {
        Ok(mode) => mode,
        Err(failure) => return install::failed(&failure),
    };
    let wish = Wish {
        flags: arguments.cluster.flags(),
        namespace: arguments.cluster.namespace.unwrap_or_else(|| contract::names::NAMESPACE.to_owned()),
        namespaces: arguments.namespaces,
        timeout: arguments.timeout,
        again: install::command_line(),
    };
    install::run(async move |stop: CancellationToken| {
        let agree = async |question: &str| install::agree(question, &stop).await;
        down::run(&wish, mode, &stop, agree).await.map(|()| ExitCode::SUCCESS)
    })
}
