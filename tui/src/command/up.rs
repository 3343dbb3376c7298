//! `surge up`: its arguments, its question, and its exit code.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::cluster::ClusterArgs;
use super::{duration, install};
use installer::request::{ChartAt, ImageAt, Profile, Request, Stack};
use installer::up;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Where the autoscaler's number comes from
    #[arg(long, value_name = "PROFILE", default_value = "plugin")]
    profile: Profile,
    /// File with values for the demo's chart; several, later ones win
    #[arg(long, value_name = "FILE")]
    values: Vec<PathBuf>,
    /// One value for the demo's chart, such as hpa.maxReplicas=20
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Build on the Prometheus and the adapter or KEDA that the cluster has
    #[arg(long)]
    skip_stack: bool,
    /// A chart from a folder, an archive, a repository or a registry
    #[arg(long, value_name = "NAME=PATH|URL")]
    chart: Vec<ChartAt>,
    /// An image from elsewhere: producer, worker, rabbitmq or exporter
    #[arg(long, value_name = "NAME=REF")]
    image: Vec<ImageAt>,
    /// Folder of image archives to load into a kind, minikube or k3d cluster [default: target/images, where it is]
    #[arg(long, value_name = "DIR")]
    archives: Option<PathBuf>,
    /// How long each step may take
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = duration::parse)]
    timeout: Duration,
    /// Do not ask
    #[arg(long, short = 'y')]
    yes: bool,
    /// Print the exact commands and objects, and change nothing
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
    let request = Request {
        flags: arguments.cluster.flags(),
        namespace: arguments.cluster.namespace.unwrap_or_else(|| contract::names::NAMESPACE.to_owned()),
        profile: arguments.profile,
        values: arguments.values,
        set: arguments.set,
        stack: if arguments.skip_stack { Stack::Skip } else { Stack::Install },
        charts: arguments.chart,
        images: arguments.image,
        archives: arguments.archives,
        timeout: arguments.timeout,
        again: install::command_line(),
    };
    install::run(async move |stop: CancellationToken| {
        up::run(&request, mode, &stop, async || install::agree("Go on?", &stop).await)
            .await
            .map(|()| ExitCode::SUCCESS)
    })
}

/// For tests of the arguments.
#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    #[derive(Debug, clap::Parser)]
    struct Line {
        #[command(flatten)]
        args: Args,
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        let parsed = |words: &[&str]| Line::try_parse_from(std::iter::once(&"up").chain(words));
        assert!(parsed(&["--profile", "keda", "--set", "a=1", "--set", "b=2", "-y"]).is_ok());
        for words in [
            ["--profile", "docker"],
            ["--image", "worker"],
            ["--image", "workers=a:1"],
            ["--chart", "ftp://x"],
            ["--timeout", "10"],
        ] {
            assert!(parsed(&words).is_err(), "{words:?}");
        }
    }

    #[test]
    fn the_default_is_the_plugin_with_its_stack() {
        let args = Line::try_parse_from(["up"]).unwrap().args;
        assert_eq!(args.profile, Profile::Plugin);
        assert!(!args.skip_stack && !args.yes && !args.dry_run);
        assert_eq!(args.timeout, Duration::from_secs(600));
    }
}
