//! The dashboard: takes the terminal, draws, and only then looks for something to watch.

use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::cluster::ClusterArgs;
use super::{UNREACHABLE, USAGE, complain, log};
use crate::runtime;
use crate::source::event_sender::EventSender;
use crate::source::load::plan;
use crate::source::load::plan::{LoadPlan, ServicePath, UserRequest};
use crate::source::recorder;
use crate::source::session;
use crate::source::session::Settings;
use crate::source::target;
use crate::source::target::{Fallback, TargetOptions};
use crate::terminal;
use crate::terminal::Terminal;
use cluster::connect;
use cluster::prometheus::Address;
use dashboard::clock::{At, Clock, DayClock};
use dashboard::message::{Effect, Event};
use dashboard::model::Model;
use dashboard::strings::sentences::size;
use dashboard::ui::appearance::{Markers, Theme};
use dashboard::ui::drills;
use dashboard::ui::state::{Access, Greeting};
use recording::writer::Writer;

/// Events that may wait for the screen before the sources wait.
const EVENTS: usize = 1024;

/// Time after which a running credential plugin is mentioned.
const PLUGIN_NOTICE: Duration = Duration::from_secs(1);

/// Exit code when the terminal is gone: that of a shell after SIGHUP.
const HUNG_UP: u8 = 129;

/// Effects that may wait for the sources.
const EFFECTS: usize = 64;

#[derive(Debug, Clone, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    pub(super) cluster: ClusterArgs,
    /// Name of the HorizontalPodAutoscaler to watch [default: worker-scaler, else all HPAs]
    #[arg(long, value_name = "NAME", help_heading = "Cluster")]
    hpa: Option<String>,
    /// Service of Prometheus [default: those named prometheus-operated]
    #[arg(long, value_name = "NAMESPACE/SERVICE:PORT", help_heading = "Cluster")]
    prometheus: Option<Address>,
    #[command(flatten)]
    load: LoadArgs,
    /// Do nothing that changes the cluster: no load, no kill, no tuning, no drill
    #[arg(long, help_heading = "Cluster")]
    read_only: bool,
    #[command(flatten)]
    screen: ScreenArgs,
    #[command(flatten)]
    record: RecordArgs,
    /// Write the program's own log to this file
    #[arg(long, value_name = "FILE")]
    log: Option<PathBuf>,
    #[cfg(feature = "sandbox")]
    #[command(flatten)]
    sandbox: SandboxArgs,
}

/// The screen.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct ScreenArgs {
    /// Disable mouse capture
    #[arg(long)]
    no_mouse: bool,
    /// Characters to draw with [default: what TERM and the locale allow]
    #[arg(long, value_name = "KIND", value_parser = ["braille", "block", "ascii"])]
    markers: Option<String>,
}

impl ScreenArgs {
    /// Returns true if the mouse is on.
    pub(super) fn mouse(&self) -> bool {
        !self.no_mouse
    }

    /// Applies the settings, and what the environment says.
    pub(super) fn apply(&self, model: &mut Model) {
        let variable = |name: &str| std::env::var(name).ok();
        model.ui.mouse = self.mouse();
        model.ui.theme = Theme::from_env(variable("NO_COLOR").as_deref(), variable("COLORFGBG").as_deref());
        model.ui.markers = self.markers();
    }

    fn markers(&self) -> Markers {
        match self.markers.as_deref() {
            Some("braille") => Markers::Braille,
            Some("block") => Markers::Block,
            Some("ascii") => Markers::Ascii,
            _ => {
                let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
                let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(variable);
                Markers::from_env(variable("TERM").as_deref(), locale.as_deref())
            }
        }
    }
}

/// The recording of a command with another purpose.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Recording")]
pub(super) struct RecordArgs {
    /// Record into this new file; compressed if its name ends with .gz
    #[arg(long, value_name = "FILE")]
    pub(super) record: Option<PathBuf>,
    #[command(flatten)]
    pub(super) limits: RecordLimits,
}

/// The limits of a recording.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct RecordLimits {
    /// Most bytes of a recording, such as 50MB; the oldest part goes first
    #[arg(long, value_name = "SIZE", value_parser = bytes)]
    pub(super) max_size: Option<u64>,
    /// Replace names in recordings, and drop free text
    #[arg(long)]
    pub(super) redact: bool,
}

impl RecordLimits {
    /// The settings of the recordings of a run.
    pub(super) fn settings(&self, day: &DayClock) -> recording::writer::Settings {
        recording::writer::Settings {
            intervals: crate::source::dispatch::intervals(),
            max_size: self.max_size,
            redact: self.redact,
            ..recording::writer::Settings::new(day.timestamp(At::default()), env!("CARGO_PKG_VERSION"))
        }
    }
}

/// Reads a size such as `50MB`: decimal units.
fn bytes(text: &str) -> Result<u64, String> {
    const LEAST: u64 = 100_000;
    let wrong = || format!("{text:?} is not a size such as 500kB, 50MB or 2GB, of at least 100kB");
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let factor = match text[digits.len()..].to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kb" => 1_000,
        "m" | "mb" => 1_000_000,
        "g" | "gb" => 1_000_000_000,
        _ => return Err(wrong()),
    };
    let size = digits.parse::<u64>().ok().and_then(|count| count.checked_mul(factor)).ok_or_else(wrong)?;
    if size >= LEAST { Ok(size) } else { Err(wrong()) }
}

/// The requests of bursts and of the continuous load.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Load")]
pub(super) struct LoadArgs {
    /// Service that gets the requests [default: the demo's producer]
    #[arg(long, value_name = "svc/NAME:PORT/PATH")]
    load: Option<ServicePath>,
    /// Method of the requests to --load
    #[arg(long, value_name = "METHOD", default_value = "GET", requires = "load")]
    load_method: http::Method,
    /// Header of the requests to --load; may be given several times
    #[arg(long, value_name = "NAME: VALUE", value_parser = plan::header, requires = "load")]
    load_header: Vec<(http::HeaderName, http::HeaderValue)>,
    /// Body of the requests to --load
    #[arg(long, value_name = "TEXT", requires = "load")]
    load_body: Option<String>,
}

impl LoadArgs {
    /// The Service that gets the requests, for the screen; `None` for the demo's producer.
    pub(super) fn target(&self) -> Option<String> {
        self.load.as_ref().map(ToString::to_string)
    }

    pub(super) fn plan(&self) -> LoadPlan {
        let Some(to) = self.load.clone() else { return LoadPlan::Jobs };
        LoadPlan::Requests(Box::new(UserRequest {
            to,
            method: self.load_method.clone(),
            headers: self.load_header.iter().cloned().collect(),
            body: self.load_body.clone().unwrap_or_default().into(),
        }))
    }
}

/// The sandbox's settings from the dashboard's command line.
#[cfg(feature = "sandbox")]
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Sandbox")]
pub(super) struct SandboxArgs {
    /// Watch a sandbox on this machine, even if a cluster has the demo
    #[arg(long, conflicts_with_all = ["context", "namespace", "kubeconfig"])]
    pub(super) sandbox: bool,
    #[command(flatten)]
    pub(super) options: super::sandbox::Options,
}

impl Args {
    fn sources(&self) -> Settings {
        Settings {
            flags: self.cluster.flags(),
            prometheus: self.prometheus.clone(),
            load: self.load.plan(),
            read_only: self.read_only,
        }
    }

    fn wish(&self) -> TargetOptions {
        let (fallback, straight_to_fallback) = self.fallback();
        TargetOptions {
            flags: self.cluster.flags(),
            namespace: self.cluster.namespace.clone(),
            hpa: self.hpa.clone(),
            fallback,
            straight_to_fallback,
        }
    }

    #[cfg(feature = "sandbox")]
    fn is_sandbox(&self) -> bool {
        self.sandbox.sandbox
    }

    #[cfg(not(feature = "sandbox"))]
    fn is_sandbox(&self) -> bool {
        false
    }

    #[cfg(feature = "sandbox")]
    fn fallback(&self) -> (Option<Box<dyn Fallback>>, bool) {
        (Some(super::sandbox::fallback(self.sandbox.options.clone())), self.sandbox.sandbox)
    }

    #[cfg(not(feature = "sandbox"))]
    fn fallback(&self) -> (Option<Box<dyn Fallback>>, bool) {
        (None, false)
    }
}

pub(super) fn main(arguments: Args) -> ExitCode {
    if !std::io::stdout().is_terminal() || !std::io::stdin().is_terminal() {
        complain("the dashboard needs a terminal (stdin and stdout must be a TTY)");
        return ExitCode::from(USAGE);
    }
    if let Some(path) = &arguments.log
        && let Err(sentence) = log::to_file(path)
    {
        complain(&sentence);
        return ExitCode::from(USAGE);
    }
    let clock = Clock::start();
    let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            complain(&format!("starting the runtime failed: {error}"));
            return ExitCode::FAILURE;
        }
    };
    let code = runtime.block_on(run(arguments, clock));
    // Nothing that still runs must finish: the sandbox is stopped, and requests count only when answered.
    runtime.shutdown_background();
    code
}

async fn run(arguments: Args, clock: Clock) -> ExitCode {
    if !arguments.is_sandbox()
        && let Err(code) = ask_first(&arguments.cluster).await
    {
        return code;
    }
    let day = wall_clock(&clock);
    let settings = arguments.record.limits.settings(&day);
    let first = match arguments.record.record.as_ref().map(|path| Writer::create(path, settings.clone())) {
        Some(Ok(writer)) => Some(writer),
        Some(Err(error)) => {
            complain(&error.to_string());
            return ExitCode::FAILURE;
        }
        None => None,
    };
    let mut terminal = match Terminal::enter(arguments.screen.mouse()) {
        Ok(terminal) => terminal,
        Err(error) => {
            complain(&format!("the terminal cannot be used: {error}"));
            return ExitCode::FAILURE;
        }
    };
    let (events, received) = mpsc::channel(EVENTS);
    let (effects, wanted) = mpsc::channel(EFFECTS);
    let outbox = EventSender::new(events, clock);
    let (end, ended) = tokio::sync::oneshot::channel();
    let signals = tokio::spawn(tell_of_signals(outbox.clone()));
    let (tap, recorder) = recorder::start(settings, first, outbox.clone());
    let (wish, wanted_sources) = (arguments.wish(), arguments.sources());
    let sources = tokio::spawn(watch(wish, wanted_sources, outbox, clock, wanted, ended));
    let mut model = Model::new(day, terminal.size());
    model.data.load.to = arguments.load.target();
    arguments.screen.apply(&mut model);
    if arguments.read_only {
        model.ui.access = Access::ReadOnly;
    } else {
        model.ui.greeting = Greeting::Shown;
    }
    let result = runtime::run(&mut terminal, &mut model, received, effects, clock, &tap).await;
    terminal.leave();
    // From here on, another signal ends the process at once.
    signals.abort();
    drop(end);
    for (drill, open) in model.data.drills.iter() {
        let (kind, name, replicas) = (open.scaled.kind.word(), &open.scaled.name, open.scaled.replicas);
        complain(&format!(
            "restoring the {} failed: scale {kind} {name} to {replicas}",
            drills::title(drill)
        ));
    }
    let stopped = sources.await;
    for sentence in stopped.iter().flatten() {
        complain(sentence);
    }
    // The recorder completes its file once the last tap is gone.
    drop(tap);
    let is_recorded = is_complete(recorder).await;
    match (exit_code(result), stopped) {
        (ExitCode::SUCCESS, Ok(left)) if left.is_empty() && is_recorded => ExitCode::SUCCESS,
        (ExitCode::SUCCESS, Ok(_)) => ExitCode::FAILURE,
        (ExitCode::SUCCESS, Err(error)) => {
            complain(&format!("stopping failed: {error}"));
            ExitCode::FAILURE
        }
        (code, _) => code,
    }
}

/// Reports the recording, and returns true if it is complete, or if there is none.
pub(super) async fn is_complete(recorder: JoinHandle<recorder::Completed>) -> bool {
    match recorder.await {
        Ok(Ok(Some((path, bytes)))) => {
            complain(&format!("recorded {} to {}", size(bytes), path.display()));
            true
        }
        Ok(Ok(None)) => true,
        Ok(Err(sentence)) => {
            complain(&format!("the recording is incomplete: {sentence}"));
            false
        }
        Err(error) => {
            complain(&format!("the recorder failed: {error}"));
            false
        }
    }
}

/// The exit code of the loop, after a complaint if it failed.
pub(super) fn exit_code(result: Result<(), runtime::Error>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&error.to_string());
            if matches!(error, runtime::Error::Gone) { ExitCode::from(HUNG_UP) } else { ExitCode::FAILURE }
        }
    }
}

/// Lets the kubeconfig's credential plugin ask, before the dashboard takes the terminal. Ctrl-C ends the process as usual.
/// The error is the exit code after a complaint.
pub(super) async fn ask_first(cluster: &ClusterArgs) -> Result<(), ExitCode> {
    let flags = cluster.flags();
    let mut asking = std::pin::pin!(connect::ask_first(&flags));
    let asked = match tokio::time::timeout(PLUGIN_NOTICE, &mut asking).await {
        Ok(asked) => asked,
        Err(_elapsed) => {
            complain("the kubeconfig's credential plugin is running; Ctrl-C ends it");
            asking.await
        }
    };
    asked.map_err(|obstacle| {
        complain(&format!("{}; {}", obstacle.what, obstacle.advice));
        ExitCode::from(UNREACHABLE)
    })
}

/// The machine's wall clock at the start of the run. Tests set it wrong to prove that nothing depends on it.
pub(super) fn wall_clock(clock: &Clock) -> DayClock {
    let day = DayClock::of_run(clock);
    #[cfg(debug_assertions)]
    if let Some(seconds) = std::env::var("SURGE_TEST_CLOCK").ok().and_then(|text| text.parse().ok()) {
        return day.set_forward(seconds);
    }
    day
}

/// Finds the target and runs its sources until `ended`, then ends everything that it started. Returns one sentence for each
/// drill that could not be restored.
pub(super) async fn watch(
    wish: TargetOptions,
    settings: Settings,
    outbox: EventSender,
    clock: Clock,
    effects: mpsc::Receiver<Effect>,
    ended: tokio::sync::oneshot::Receiver<()>,
) -> Vec<String> {
    // Tests use it to see that a panic in any task restores the terminal.
    #[cfg(debug_assertions)]
    assert!(std::env::var_os("SURGE_TEST_PANIC").is_none(), "SURGE_TEST_PANIC asks for a panic");
    let mut ended = std::pin::pin!(async {
        // Dropping the sender ends it.
        let _dropped = ended.await;
    });
    let running = tokio::select! {
        () = &mut ended => return Vec::new(),
        running = target::choose(wish, &outbox) => running,
    };
    let Some(mut running) = running else {
        ended.await;
        return Vec::new();
    };
    let stop = std::mem::replace(&mut running.stop, Box::new(|| Box::pin(async {})));
    let mut sources = std::pin::pin!(session::run(running, settings, outbox, clock, effects));
    let left = tokio::select! {
        // Effects have no sender any more: the sources end by themselves, after they have restored the drills.
        () = &mut ended => tokio::time::timeout(session::END_TIMEOUT, &mut sources).await.unwrap_or_default(),
        left = &mut sources => left,
    };
    stop().await;
    left
}

/// The first signal asks the dashboard to end; a second one does not wait for it.
pub(super) async fn tell_of_signals(outbox: EventSender) {
    let handlers = [SignalKind::terminate(), SignalKind::hangup(), SignalKind::interrupt()].map(signal);
    let [Ok(mut terminate), Ok(mut hang_up), Ok(mut interrupt)] = handlers else {
        tracing::error!("signals cannot be caught");
        return;
    };
    let mut is_ending = false;
    loop {
        let code = tokio::select! {
            _ = terminate.recv() => 143,
            _ = hang_up.recv() => 129,
            _ = interrupt.recv() => 130,
        };
        if is_ending {
            terminal::restore();
            std::process::exit(code);
        }
        is_ending = true;
        outbox.send(Event::Terminate).await;
    }
}
