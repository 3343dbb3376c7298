//! `surge up`: arguments, question and exit code.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::cluster::ClusterArgs;
use super::{duration, install};
use installer::request::{ChartOption, DEFAULT_TIMEOUT, ImageOption, Profile, Request, Stack};
use installer::stack_options::{Earlier, Part, StackFile, StackOptions, StackSetting};
use installer::up;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Source of the autoscaler's metric
    #[arg(long, value_name = "PROFILE", default_value = "plugin")]
    profile: Profile,
    /// File with values for the demo's chart; later files override earlier ones
    #[arg(long, value_name = "FILE")]
    values: Vec<PathBuf>,
    /// Value for the demo's chart, such as hpa.maxReplicas=20
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Use the cluster's own Prometheus, and its adapter or KEDA
    #[arg(long)]
    skip_stack: bool,
    /// File with values for a chart of the stack; the next up keeps them
    #[arg(long, value_name = "NAME=FILE")]
    stack_values: Vec<StackFile>,
    /// Value for a chart of the stack, such as kube-prometheus-stack.grafana.enabled=false
    #[arg(long, value_name = "NAME.KEY=VALUE")]
    stack_set: Vec<StackSetting>,
    /// Leave out a part of the stack that the metric does not need
    #[arg(long, value_name = "PART")]
    without: Vec<Part>,
    /// Drop the stack's values of earlier runs
    #[arg(long)]
    reset_stack_values: bool,
    /// Other source of a chart: folder, archive, repository or registry
    #[arg(long, value_name = "NAME=PATH|URL")]
    chart: Vec<ChartOption>,
    /// Other image for producer, worker, rabbitmq or exporter
    #[arg(long, value_name = "NAME=REF")]
    image: Vec<ImageOption>,
    /// Folder of image archives for kind, minikube or k3d [default: target/images, if it exists]
    #[arg(long, value_name = "DIR")]
    archives: Option<PathBuf>,
    /// Time limit of each step
    #[arg(long, value_name = "TIME", default_value = DEFAULT_TIMEOUT, value_parser = duration::parse)]
    timeout: Duration,
    /// Continue without a question
    #[arg(long, short = 'y')]
    yes: bool,
    /// Print the exact commands and objects, and change nothing
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
    let request = Request {
        flags: arguments.cluster.flags(),
        namespace: arguments.cluster.namespace.unwrap_or_else(|| contract::names::NAMESPACE.to_owned()),
        profile: arguments.profile,
        values: arguments.values,
        set: arguments.set,
        stack: if arguments.skip_stack { Stack::Skip } else { Stack::Install },
        stack_options: StackOptions {
            files: arguments.stack_values,
            settings: arguments.stack_set,
            without: arguments.without,
            earlier: if arguments.reset_stack_values { Earlier::Reset } else { Earlier::Keep },
        },
        charts: arguments.chart,
        images: arguments.image,
        archives: arguments.archives,
        timeout: arguments.timeout,
        command_line: install::command_line(),
    };
    install::run(async move |stop: CancellationToken| {
        up::run(&request, mode, &stop, async || install::agree("Continue?", &stop).await)
            .await
            .map(|()| ExitCode::SUCCESS)
    })
}

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
    fn invalid_arguments_are_refused() {
        let parsed = |words: &[&str]| Line::try_parse_from(std::iter::once(&"up").chain(words));
        assert!(parsed(&["--profile", "keda", "--set", "a=1", "--set", "b=2", "-y"]).is_ok());
        for words in [
            ["--profile", "docker"],
            ["--image", "worker"],
            ["--image", "workers=a:1"],
            ["--chart", "ftp://x"],
            ["--stack-set", "grafana.enabled"],
            ["--stack-values", "stack.yaml"],
            ["--without", "prometheus"],
            ["--timeout", "10"],
        ] {
            assert!(parsed(&words).is_err(), "{words:?}");
        }
    }

    #[test]
    fn the_default_is_plugin_with_its_stack() {
        let args = Line::try_parse_from(["up"]).unwrap().args;
        assert_eq!(args.profile, Profile::Plugin);
        assert!(!args.skip_stack && !args.yes && !args.dry_run);
        assert_eq!(args.timeout, Duration::from_secs(600));
    }
}
