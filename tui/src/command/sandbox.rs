//! The sandbox: the dashboard's fallback, and by itself as `surge sandbox`.
//!
//! Its input is a cluster's input, the manifests, and the subcommand of this executable that replaces each image.

mod cpu;
mod demo;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args as _, FromArgMatches as _};
use contract::names::Port;
use installer::print::say;
use kube::Client;
use sandbox::{Argv, Image, Progress, Sandbox, Sockets, WorkloadKind};
use scenario::file::Scenario;
use serde_json::Value;
use text::command::Command;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::duration;
use crate::source::event_sender::EventSender;
use crate::source::target;
use crate::source::target::{Boxed, Fallback, Opens, Running};
use dashboard::bursts::load::CONFIRM_ABOVE;
use dashboard::message::Event;
use dashboard::reported::{Problem, Target, TargetEvent};

use demo::{Numbers, TargetType};

/// Limit for the demo to become ready.
const READY: Duration = Duration::from_secs(60);
/// Target of the demo's HPA, in messages.
const DEFAULT_MESSAGES: u32 = 20;
/// Shortest interval between two measurements of CPU. The kernel counts CPU time in steps of 10 ms.
const SHORTEST_RESOLUTION: Duration = Duration::from_secs(1);

/// The programs of pods, each with the ports on which its container listens.
const PROGRAMS: [(&str, &[Port]); 4] = [
    (contract::names::PRODUCER, &[contract::names::PRODUCER_HTTP]),
    (contract::names::WORKER, &[contract::names::WORKER_METRICS]),
    (
        contract::names::RABBITMQ,
        &[
            contract::names::RABBITMQ_AMQP,
            contract::names::RABBITMQ_MANAGEMENT,
            contract::names::RABBITMQ_METRICS,
        ],
    ),
    (cpu::NAME, &[cpu::HTTP]),
];

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
    /// Target of the HPA: messages, or percent of the requested CPU [default: 20, or 50 with --workload cpu]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    target: Option<u32>,
    /// Type of the target: per worker, or total
    #[arg(long, value_name = "TYPE", default_value = "average-value")]
    target_type: TargetType,
    /// Further settings of the HPA, of a scenario.
    #[arg(skip)]
    hpa: scenario::settings::Settings,
}

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Write the kubeconfig to this file; an existing file is not overwritten
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    #[command(flatten)]
    options: Options,
    /// Workload: jobs in a queue, or requests that use CPU
    #[arg(long, value_name = "WORKLOAD", default_value = "queue")]
    workload: Workload,
    #[command(flatten)]
    own: OwnPrograms,
    /// Start without a workload, so that one can be installed
    #[arg(long, conflicts_with_all = ["workload", "worker_command", "producer_command"])]
    empty: bool,
}

/// A workload of the sandbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Workload {
    /// The demo: producer, queue and workers, scaled by the queue's length
    Queue,
    /// An HTTP server that uses CPU per request, scaled by CPU
    Cpu,
}

/// The user's own programs in the place of the demo's. They run in the folder in which the sandbox was started.
#[derive(Debug, Clone, Default, PartialEq, Eq, clap::Args)]
struct OwnPrograms {
    /// Command to run as the worker pods, such as 'node worker.js'; AMQP_HOST and others tell it the queue
    #[arg(long, value_name = "COMMAND")]
    worker_command: Option<String>,
    /// Command to run as the producer; it serves HTTP on the address in LISTEN or the port in PORT
    #[arg(long, value_name = "COMMAND")]
    producer_command: Option<String>,
}

/// The objects and programs of a new sandbox.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Content {
    Queue(OwnPrograms),
    Cpu,
    Empty,
}

impl Args {
    fn content(&self) -> Content {
        match (self.empty, self.workload) {
            (true, _) => Content::Empty,
            (false, Workload::Queue) => Content::Queue(self.own.clone()),
            (false, Workload::Cpu) => Content::Cpu,
        }
    }
}

impl Options {
    /// The size of a burst that asks for the maximum: its first syncs meet the scaling policies.
    fn first_burst(&self) -> u32 {
        let target = self.target.unwrap_or(DEFAULT_MESSAGES);
        target.saturating_mul(self.max).clamp(1, CONFIRM_ABOVE)
    }

    fn objects(&self, content: &Content) -> Result<Vec<Value>, String> {
        if self.min > self.max {
            return Err(format!("--min {} is more than --max {}", self.min, self.max));
        }
        match content {
            Content::Empty => Ok(Vec::new()),
            Content::Cpu => cpu::objects(self.min, self.max, self.target, self.scale_down_window),
            Content::Queue(own) => {
                let mut objects = parsed()?;
                let numbers = Numbers {
                    min: self.min,
                    max: self.max,
                    target: self.target.unwrap_or(DEFAULT_MESSAGES),
                    target_type: self.target_type,
                    scale_down_window: self.scale_down_window,
                    work_duration: self.work_duration,
                };
                demo::adapt(&mut objects, &numbers)?;
                demo::set_hpa(&mut objects, &self.hpa)?;
                for (program, _) in own.commands() {
                    demo::replace_probes(&mut objects, program)?;
                }
                Ok(objects)
            }
        }
    }

    /// The sandbox's configuration: this executable with a subcommand, or the user's own program, replaces every image.
    fn config(&self, content: &Content, kubeconfig: Option<PathBuf>) -> Result<sandbox::Config, String> {
        let program = std::env::current_exe()
            .map_err(|error| format!("this executable's own path cannot be found: {error}"))?;
        let pod = |name: &str| Argv::new(&program, ["pod", name]);
        let mut config = sandbox::Config::new(Argv::new(&program, ["reaper"]));
        for (name, ports) in PROGRAMS {
            let ports = ports.iter().map(|port| (port.name.to_owned(), port.number)).collect();
            config.images.insert(demo::image(name), Image { ports, ..Image::from(pod(name)) });
        }
        config.images.insert(sandbox::Config::PROMETHEUS_IMAGE.to_owned(), pod("prometheus").into());
        match content {
            Content::Queue(own) => {
                for (program, command) in own.commands() {
                    config.images.insert(demo::image(program), own_image(command)?);
                }
            }
            Content::Empty => {
                for (image, program) in demo::named_images(&mut parsed()?)? {
                    let known = config.images.get(&demo::image(program)).cloned();
                    config.images.extend(known.map(|known| (image, known)));
                }
            }
            Content::Cpu => {}
        }
        config.kubeconfig = kubeconfig;
        config.namespace = contract::names::NAMESPACE.to_owned();
        config.autoscaling.sync_period = self.sync_period;
        // A sync that is shorter than the interval of metrics-server would read each measurement several times.
        config.metrics.resolution = config.metrics.resolution.min(self.sync_period.max(SHORTEST_RESOLUTION));
        Ok(config)
    }
}

impl OwnPrograms {
    /// The program that each command replaces.
    fn commands(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let commands = [
            (contract::names::WORKER, &self.worker_command),
            (contract::names::PRODUCER, &self.producer_command),
        ];
        commands.into_iter().filter_map(|(program, command)| Some((program, command.as_deref()?)))
    }
}

/// The user's command as an image. A shell runs it in the current folder, because a pod has a folder of its own.
fn own_image(command: &str) -> Result<Image, String> {
    let folder =
        std::env::current_dir().map_err(|error| format!("the current folder is unknown: {error}"))?;
    let enter = Command::new("cd").arg(folder.to_string_lossy());
    let argv = Argv::new("/bin/sh", ["-c".to_owned(), format!("{enter} && exec {command}")]);
    Ok(Image { sockets: Sockets::Environment, ..Image::from(argv) })
}

/// The demo's objects, as for any cluster.
fn parsed() -> Result<Vec<Value>, String> {
    let mut objects = Vec::new();
    for text in demo::MANIFESTS {
        objects.extend(sandbox::parse_manifests(text).map_err(|error| error.to_string())?);
    }
    Ok(objects)
}

/// Starts the sandbox and applies its workload.
async fn start(
    options: &Options,
    kubeconfig: Option<PathBuf>,
    content: &Content,
    progress: mpsc::Sender<Progress>,
) -> Result<Sandbox, String> {
    let objects = options.objects(content)?;
    let config = options.config(content, kubeconfig)?;
    let sandbox = Sandbox::start(config, progress).await.map_err(|error| error.to_string())?;
    if let Err(error) = sandbox.apply(contract::names::NAMESPACE, &objects).await {
        sandbox.stop().await;
        return Err(error.to_string());
    }
    Ok(sandbox)
}

/// The workloads that the start waits for, in the order of their dependence.
fn workloads(sandbox: &Sandbox, content: &Content) -> Vec<sandbox::Workload> {
    let workload = |kind, name: &str, title: &str| sandbox::Workload {
        kind,
        namespace: contract::names::NAMESPACE.to_owned(),
        name: name.to_owned(),
        title: title.to_owned(),
    };
    let mut workloads = match content {
        Content::Empty => return Vec::new(),
        Content::Cpu => vec![workload(WorkloadKind::Deployment, cpu::NAME, cpu::NAME)],
        Content::Queue(_) => vec![
            workload(WorkloadKind::StatefulSet, contract::names::RABBITMQ, "broker"),
            workload(WorkloadKind::Deployment, contract::names::PRODUCER, "producer"),
            workload(WorkloadKind::Deployment, contract::names::WORKER, "worker"),
        ],
    };
    workloads.extend(sandbox.system_workloads());
    workloads
}

/// The sandbox as the dashboard's fallback.
pub(super) fn fallback(options: Options) -> Box<dyn Fallback> {
    Box::new(InTheDashboard(options))
}

/// The sandbox of a scenario, with its settings.
pub(super) fn of_scenario(scenario: &Scenario) -> Box<dyn Fallback> {
    // A command line without words has the defaults.
    let defaults = Options::augment_args(clap::Command::new("sandbox")).get_matches_from([""; 0]);
    let mut options = Options::from_arg_matches(&defaults).unwrap_or_else(|error| error.exit());
    options.sync_period = scenario.sandbox.sync_period;
    options.work_duration = scenario.sandbox.work_duration;
    options.hpa = scenario.hpa.clone();
    fallback(options)
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
        sync_period: None,
        first_burst: Some(options.first_burst()),
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
    let content = Content::Queue(OwnPrograms::default());
    let sandbox = start(&options, None, &content, progress).await.map_err(problem)?;
    let sandbox = std::sync::Arc::new(sandbox);
    let client: Client = sandbox.client();
    let waiting = tokio::spawn({
        let (sandbox, client) = (std::sync::Arc::clone(&sandbox), client.clone());
        async move {
            target::describe(&client, &mut target).await;
            outbox.send(Event::Target(TargetEvent::Chosen(target))).await;
            match sandbox.ready(&workloads(&sandbox, &content), READY).await {
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
    let opens = Opens::Hpa { namespace, name: contract::names::HPA.to_owned() };
    Ok(Running { client, title: "sandbox".to_owned(), is_own: true, opens, stop: Box::new(stop) })
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
    let content = arguments.content();
    let Args { kubeconfig, options, .. } = arguments;
    let starting = start(&options, kubeconfig, &content, progress);
    let sandbox = tokio::select! {
        started = starting => started?,
        // Everything that was started ends with this process.
        () = shutdown.cancelled() => return Ok(()),
    };
    let result = tokio::select! {
        ready = ready(&sandbox, &content) => ready,
        () = shutdown.cancelled() => Ok(()),
    };
    if result.is_ok() {
        shutdown.cancelled().await;
    }
    sandbox.stop().await;
    result
}

/// Waits for the workload and prints the line that a shell evaluates.
async fn ready(sandbox: &Sandbox, content: &Content) -> Result<(), String> {
    sandbox.ready(&workloads(sandbox, content), READY).await.map_err(|error| error.to_string())?;
    let kubeconfig = sandbox.kubeconfig_path().to_string_lossy();
    say(&format!("{}\n", Command::new("export").arg(format!("KUBECONFIG={kubeconfig}"))));
    Ok(())
}

async fn print_progress(mut states: mpsc::Receiver<Progress>) {
    while let Some(Progress { step, state }) = states.recv().await {
        super::note(&match state {
            sandbox::StepState::Waiting(for_what) if for_what.is_empty() => format!("{step}: waiting"),
            sandbox::StepState::Waiting(for_what) => format!("{step}: waiting for {for_what}"),
            sandbox::StepState::Starting => format!("{step}: starting"),
            sandbox::StepState::Ready => format!("{step}: ready"),
            sandbox::StepState::Failed(sentence) => format!("{step}: failed: {sentence}"),
        });
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    #[derive(Debug, clap::Parser)]
    struct Line {
        #[command(flatten)]
        arguments: Args,
    }

    fn objects(arguments: &[&str]) -> Result<Vec<Value>, String> {
        let line = Line::try_parse_from(std::iter::once(&"surge").chain(arguments)).unwrap();
        line.arguments.options.objects(&line.arguments.content())
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
    fn the_cpu_workload_takes_the_same_settings() {
        let objects =
            objects(&["--workload", "cpu", "--max", "4", "--target", "70", "--scale-down-window", "5s"]);
        let objects = objects.unwrap();
        let spec = &hpa(&objects)["spec"];
        assert_eq!((&spec["minReplicas"], &spec["maxReplicas"]), (&1.into(), &4.into()));
        assert_eq!(spec["metrics"][0]["resource"]["target"]["averageUtilization"], 70);
        assert_eq!(spec["behavior"]["scaleDown"]["stabilizationWindowSeconds"], 5);
        let deployment = objects.iter().find(|object| object["kind"] == "Deployment").unwrap();
        let container = &deployment["spec"]["template"]["spec"]["containers"][0];
        assert_eq!(container["image"], demo::image(cpu::NAME));
    }

    #[test]
    fn own_programs_have_no_probes_of_the_demo() {
        let objects =
            objects(&["--worker-command", "node worker.js", "--producer-command", "node server.js"]).unwrap();
        let container = |name: &str| {
            let workload =
                objects.iter().find(|o| o["kind"] == "Deployment" && o["metadata"]["name"] == name).unwrap();
            workload["spec"]["template"]["spec"]["containers"][0].clone()
        };
        assert!(
            container("worker")["readinessProbe"].is_null() && container("worker")["livenessProbe"].is_null()
        );
        assert_eq!(container("producer")["readinessProbe"]["tcpSocket"]["port"], "http");
        let image = own_image("node worker.js").unwrap();
        assert!(image.argv.args[1].to_string_lossy().ends_with(" && exec node worker.js"));
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
