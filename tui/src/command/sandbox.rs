//! The sandbox: the dashboard's fallback, and by itself as `surge sandbox`.
//!
//! Its input is a cluster's input, the manifests, and the subcommand of this executable that replaces each image.

mod demo;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use kube::Client;
use sandbox::{Argv, Progress, Sandbox, Workload, WorkloadKind};
use serde_json::Value;
use text::command::Command;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::duration;
use crate::source::event_sender::EventSender;
use crate::source::target;
use crate::source::target::{Boxed, Fallback, Running};
use dashboard::message::Event;
use dashboard::reported::{Problem, Target, TargetEvent};

use demo::{Numbers, TargetType};

/// Limit for the demo to become ready.
const READY: Duration = Duration::from_secs(60);

/// Settings of both forms of the sandbox.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct Options {
    /// Time between two syncs of the HPA
    #[arg(long, value_name = "TIME", default_value = "15s", value_parser = duration::parse)]
    sync_period: Duration,
    /// Scale-down stabilization window
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = duration::parse)]
    scale_down_window: Duration,
    /// Duration of one job
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = duration::parse)]
    work_duration: Duration,
    /// Minimum number of workers
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=250))]
    min: u32,
    /// Maximum number of workers
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=250))]
    max: u32,
    /// Target of the HPA, in messages
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
    target: u32,
    /// Type of the target: per worker, or total
    #[arg(long, value_name = "TYPE", default_value = "average-value")]
    target_type: TargetType,
}

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Write the kubeconfig to this file; an existing file is not overwritten
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    #[command(flatten)]
    options: Options,
    /// Start without the demo, so that it can be installed
    #[arg(long)]
    empty: bool,
}

impl Options {
    fn objects(&self) -> Result<Vec<Value>, String> {
        if self.min > self.max {
            return Err(format!("--min {} is more than --max {}", self.min, self.max));
        }
        let mut objects = parsed()?;
        let numbers = Numbers {
            min: self.min,
            max: self.max,
            target: self.target,
            target_type: self.target_type,
            scale_down_window: self.scale_down_window,
            work_duration: self.work_duration,
        };
        demo::adapt(&mut objects, &numbers)?;
        Ok(objects)
    }

    /// The sandbox's configuration: this executable with a subcommand replaces every image.
    fn config(&self, kubeconfig: Option<PathBuf>) -> Result<sandbox::Config, String> {
        let program = std::env::current_exe()
            .map_err(|error| format!("this executable's own path cannot be found: {error}"))?;
        let pod = |name: &str| Argv::new(&program, ["pod", name]);
        let mut config = sandbox::Config::new(Argv::new(&program, ["reaper"]));
        config.images = demo::PROGRAMS.iter().map(|(_, name)| (demo::image(name), pod(name))).collect();
        config.images.insert(sandbox::Config::PROMETHEUS_IMAGE.to_owned(), pod("prometheus"));
        config.kubeconfig = kubeconfig;
        config.namespace = contract::names::NAMESPACE.to_owned();
        config.autoscaling.sync_period = self.sync_period;
        Ok(config)
    }
}

/// The demo's objects, as for any cluster.
fn parsed() -> Result<Vec<Value>, String> {
    let mut objects = Vec::new();
    for text in demo::MANIFESTS {
        objects.extend(sandbox::parse_manifests(text).map_err(|error| error.to_string())?);
    }
    Ok(objects)
}

/// Starts the sandbox, and applies the demo unless `--empty` is given.
async fn start(
    options: &Options,
    kubeconfig: Option<PathBuf>,
    empty: bool,
    progress: mpsc::Sender<Progress>,
) -> Result<Sandbox, String> {
    let objects = if empty { Vec::new() } else { options.objects()? };
    let mut config = options.config(kubeconfig)?;
    if empty {
        for (image, program) in demo::named_images(&mut parsed()?)? {
            let argv = config.images.get(&demo::image(program)).cloned();
            config.images.extend(argv.map(|argv| (image, argv)));
        }
    }
    let sandbox = Sandbox::start(config, progress).await.map_err(|error| error.to_string())?;
    if let Err(error) = sandbox.apply(contract::names::NAMESPACE, &objects).await {
        sandbox.stop().await;
        return Err(error.to_string());
    }
    Ok(sandbox)
}

/// The workloads that the start waits for, in the order of their dependence.
fn workloads(sandbox: &Sandbox) -> Vec<Workload> {
    let workload = |kind, name: &str, title: &str| Workload {
        kind,
        namespace: contract::names::NAMESPACE.to_owned(),
        name: name.to_owned(),
        title: title.to_owned(),
    };
    let mut workloads = vec![
        workload(WorkloadKind::StatefulSet, contract::names::RABBITMQ, "broker"),
        workload(WorkloadKind::Deployment, contract::names::PRODUCER, "producer"),
        workload(WorkloadKind::Deployment, contract::names::WORKER, "worker"),
    ];
    workloads.extend(sandbox.system_workloads());
    workloads
}

/// The sandbox as the dashboard's fallback.
pub(super) fn fallback(options: Options) -> Box<dyn Fallback> {
    Box::new(InTheDashboard(options))
}

struct InTheDashboard(Options);

impl Fallback for InTheDashboard {
    fn start(self: Box<Self>, reason: String, outbox: EventSender) -> Boxed<Result<Running, Problem>> {
        Box::pin(start_for_dashboard(self.0, reason, outbox))
    }
}

async fn start_for_dashboard(
    options: Options,
    reason: String,
    outbox: EventSender,
) -> Result<Running, Problem> {
    let namespace = contract::names::NAMESPACE.to_owned();
    let mut target = Target {
        title: "sandbox".to_owned(),
        reason,
        namespace: namespace.clone(),
        version: None,
        confirm_first_burst: false,
    };
    outbox.send(Event::Target(TargetEvent::Chosen(target.clone()))).await;
    let (progress, mut states) = mpsc::channel::<Progress>(64);
    let steps = outbox.clone();
    tokio::spawn(async move {
        while let Some(Progress { step, state }) = states.recv().await {
            steps.step(&step, state).await;
        }
    });
    let problem = |what: String| Problem { what, advice: String::new(), retry: None };
    let sandbox = start(&options, None, false, progress).await.map_err(problem)?;
    let sandbox = std::sync::Arc::new(sandbox);
    let client: Client = sandbox.client();
    let waiting = tokio::spawn({
        let (sandbox, client) = (std::sync::Arc::clone(&sandbox), client.clone());
        async move {
            target.version = target::version(&client).await;
            outbox.send(Event::Target(TargetEvent::Chosen(target))).await;
            match sandbox.ready(&workloads(&sandbox), READY).await {
                Ok(()) => outbox.send(Event::Target(TargetEvent::Ready)).await,
                Err(error) => {
                    let advice = "see the pods below; `surge --log FILE` logs more".to_owned();
                    outbox.failed(Problem { what: error.to_string(), advice, retry: None }).await;
                }
            }
        }
    });
    let stop = move || -> Boxed<()> {
        Box::pin(async move {
            waiting.abort();
            let _aborted = waiting.await;
            if let Some(sandbox) = std::sync::Arc::into_inner(sandbox) {
                sandbox.stop().await;
            }
        })
    };
    Ok(Running { client, namespace, stop: Box::new(stop) })
}

/// `surge reaper`.
pub(super) fn reaper() -> ExitCode {
    match sandbox::reaper::run(std::io::stdin()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            super::complain(&format!("the reaper cannot catch signals: {error}"));
            ExitCode::FAILURE
        }
    }
}

/// `surge sandbox`.
pub(super) fn main(arguments: Args) -> ExitCode {
    super::log::to_standard_error();
    let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            super::complain(&format!("starting the runtime failed: {error}"));
            return ExitCode::FAILURE;
        }
    };
    let result = runtime.block_on(run(arguments));
    runtime.shutdown_background();
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(sentence) => {
            super::complain(&sentence);
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Args) -> Result<(), String> {
    let shutdown = CancellationToken::new();
    let _signals = super::signals::cancel_on_signal(&shutdown)
        .map_err(|error| format!("signals cannot be caught: {error}"))?;
    let (progress, states) = mpsc::channel(64);
    tokio::spawn(print_progress(states));
    let Args { kubeconfig, options, empty } = arguments;
    let starting = start(&options, kubeconfig, empty, progress);
    let sandbox = tokio::select! {
        started = starting => started?,
        // Everything that was started ends with this process.
        () = shutdown.cancelled() => return Ok(()),
    };
    let result = tokio::select! {
        ready = ready(&sandbox, empty) => ready,
        () = shutdown.cancelled() => Ok(()),
    };
    if result.is_ok() {
        shutdown.cancelled().await;
    }
    sandbox.stop().await;
    result
}

/// Waits for the demo and prints the line that a shell evaluates.
async fn ready(sandbox: &Sandbox, empty: bool) -> Result<(), String> {
    if !empty {
        sandbox.ready(&workloads(sandbox), READY).await.map_err(|error| error.to_string())?;
    }
    let kubeconfig = sandbox.kubeconfig_path().to_string_lossy();
    println!("{}", Command::new("export").arg(format!("KUBECONFIG={kubeconfig}")));
    Ok(())
}

async fn print_progress(mut states: mpsc::Receiver<Progress>) {
    while let Some(Progress { step, state }) = states.recv().await {
        match state {
            sandbox::StepState::Waiting(for_what) if for_what.is_empty() => eprintln!("{step}: waiting"),
            sandbox::StepState::Waiting(for_what) => eprintln!("{step}: waiting for {for_what}"),
            sandbox::StepState::Starting => eprintln!("{step}: starting"),
            sandbox::StepState::Ready => eprintln!("{step}: ready"),
            sandbox::StepState::Failed(sentence) => eprintln!("{step}: failed: {sentence}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    #[derive(Debug, clap::Parser)]
    struct Line {
        #[command(flatten)]
        options: Options,
    }

    fn objects(arguments: &[&str]) -> Result<Vec<Value>, String> {
        Line::try_parse_from(std::iter::once(&"surge").chain(arguments)).unwrap().options.objects()
    }

    fn hpa(objects: &[Value]) -> &Value {
        objects.iter().find(|object| object["kind"] == "HorizontalPodAutoscaler").unwrap()
    }

    #[test]
    fn the_defaults_equal_the_manifests() {
        let objects = objects(&[]).unwrap();
        let mut plain = sandbox::parse_manifests(demo::HPA).unwrap();
        assert_eq!(hpa(&objects), &plain.remove(0));
        let worker = objects.iter().find(|o| o["kind"] == "Deployment" && o["metadata"]["name"] == "worker");
        let env = &worker.unwrap()["spec"]["template"]["spec"]["containers"][0]["env"];
        assert!(
            env.as_array().unwrap().contains(&serde_json::json!({"name": "WORK_DURATION", "value": "5s"}))
        );
    }

    #[test]
    fn every_setting_reaches_its_object() {
        let objects = objects(&[
            "--min",
            "2",
            "--max",
            "7",
            "--target",
            "30",
            "--target-type",
            "value",
            "--scale-down-window",
            "3s",
            "--work-duration",
            "1.5s",
        ])
        .unwrap();
        let spec = &hpa(&objects)["spec"];
        assert_eq!((&spec["minReplicas"], &spec["maxReplicas"]), (&2.into(), &7.into()));
        assert_eq!(
            spec["metrics"][0]["external"]["target"],
            serde_json::json!({"type": "Value", "value": "30"})
        );
        assert_eq!(spec["behavior"]["scaleDown"]["stabilizationWindowSeconds"], 3);
        let worker = objects.iter().find(|o| o["kind"] == "Deployment" && o["metadata"]["name"] == "worker");
        let container = &worker.unwrap()["spec"]["template"]["spec"]["containers"][0];
        assert_eq!(container["image"], demo::image("worker"));
        assert!(
            container["env"]
                .as_array()
                .unwrap()
                .contains(&serde_json::json!({"name": "WORK_DURATION", "value": "1500ms"}))
        );
    }

    #[test]
    fn an_empty_sandbox_knows_the_demos_images() {
        let images = demo::named_images(&mut parsed().unwrap()).unwrap();
        let programs: Vec<&str> = images.iter().map(|(_, program)| *program).collect();
        assert_eq!(programs, ["producer", "worker", "rabbitmq"]);
        assert!(images[2].0.starts_with("rabbitmq:") && images[0].0 != demo::image("producer"), "{images:?}");
    }

    #[test]
    fn min_above_max_is_refused() {
        assert_eq!(objects(&["--min", "3", "--max", "2"]).unwrap_err(), "--min 3 is more than --max 2");
    }
}
