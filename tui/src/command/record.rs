//! `surge record`: the sources without a screen, into a file.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::cluster::ClusterArgs;
use super::dashboard::{RecordLimits, ask_first, wall_clock, watch};
use super::{WRITE_FAILED, complain, signals};
use crate::headless;
use crate::source::event_sender::EventSender;
use crate::source::load::plan::LoadPlan;
use crate::source::recorder;
use crate::source::session::Settings;
use crate::source::target::{Fallback, TargetOptions};
use cluster::prometheus::Address;
use dashboard::clock::Clock;
use dashboard::model::Model;
use dashboard::session::{Recorder, Session};
use dashboard::strings::sentences::size;
use recording::writer::Writer;

/// Events that may wait before the sources wait.
const EVENTS: usize = 1_024;
/// Effects that may wait for the sources.
const EFFECTS: usize = 64;
/// The time between two lines about the progress.
const LINE_INTERVAL: Duration = Duration::from_secs(60);
/// The time between two looks at the state of the recording.
const LOOK_INTERVAL: Duration = Duration::from_millis(500);

#[derive(Debug, Clone, clap::Args)]
pub(super) struct Args {
    /// The new file, NAME.surge.jsonl; with .gz at its end it is compressed [default: surge-DATE-TIME.surge.jsonl]
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    /// Name of the HorizontalPodAutoscaler to record [default: worker-scaler]
    #[arg(long, value_name = "NAME")]
    hpa: Option<String>,
    /// Service of Prometheus [default: those named prometheus-operated]
    #[arg(long, value_name = "NAMESPACE/SERVICE:PORT")]
    prometheus: Option<Address>,
    /// End after this time, such as 10m; without it Ctrl-C ends the recording
    #[arg(long = "for", value_name = "TIME", value_parser = text::duration::parse)]
    time: Option<Duration>,
    #[command(flatten)]
    limits: RecordLimits,
    #[cfg(feature = "sandbox")]
    #[command(flatten)]
    sandbox: super::dashboard::SandboxArgs,
    #[command(flatten)]
    pub(super) cluster: ClusterArgs,
}

impl Args {
    #[cfg(feature = "sandbox")]
    fn fallback(&self) -> Option<Box<dyn Fallback>> {
        self.sandbox.sandbox.then(|| super::sandbox::fallback(self.sandbox.options.clone()))
    }

    #[cfg(not(feature = "sandbox"))]
    fn fallback(&self) -> Option<Box<dyn Fallback>> {
        None
    }
}

pub(super) fn main(arguments: Args) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            complain(&format!("starting the runtime failed: {error}"));
            return ExitCode::FAILURE;
        }
    };
    let code = runtime.block_on(run(arguments));
    runtime.shutdown_background();
    code
}

async fn run(arguments: Args) -> ExitCode {
    let stop = CancellationToken::new();
    if let Err(error) = signals::first_signal(&stop) {
        complain(&format!("signals cannot be caught: {error}"));
        return ExitCode::FAILURE;
    }
    let fallback = arguments.fallback();
    if fallback.is_none()
        && let Err(code) = ask_first(&arguments.cluster).await
    {
        return code;
    }
    let clock = Clock::start();
    let day = wall_clock(&clock);
    let path = arguments.file.clone().unwrap_or_else(|| recorder::default_name(day.timestamp(clock.now())));
    let settings = arguments.limits.settings(&day);
    let writer = match Writer::create(&path, settings.clone()) {
        Ok(writer) => writer,
        Err(error) => {
            complain(&error.to_string());
            return ExitCode::from(WRITE_FAILED);
        }
    };
    complain(&format!("recording to {}; Ctrl-C ends it", path.display()));
    let (events, received) = mpsc::channel(EVENTS);
    let (effects, wanted) = mpsc::channel(EFFECTS);
    let outbox = EventSender::new(events, clock);
    let (tap, recorder) = recorder::start(settings, Some(writer), outbox.clone());
    let (end, ended) = oneshot::channel();
    let sources = Settings {
        flags: arguments.cluster.flags(),
        prometheus: arguments.prometheus.clone(),
        load: LoadPlan::Jobs,
        read_only: true,
    };
    let wish = TargetOptions {
        flags: arguments.cluster.flags(),
        namespace: arguments.cluster.namespace.clone(),
        hpa: arguments.hpa.clone(),
        straight_to_fallback: fallback.is_some(),
        fallback,
    };
    let sources = tokio::spawn(watch(wish, sources, outbox, clock, wanted, ended));
    let model = Arc::new(Mutex::new(Model::new(day, (120, 40))));
    let driven = Arc::clone(&model);
    let driving = tokio::spawn(async move { headless::run(&driven, received, effects, clock, &tap).await });
    let deadline = arguments.time.unwrap_or(Duration::MAX);
    let is_whole = tokio::select! {
        () = stop.cancelled() => true,
        () = tokio::time::sleep(deadline) => true,
        () = progress(&model, &clock) => false,
    };
    // Without the loop, the recorder completes its file, and the sources have no effects to wait for.
    driving.abort();
    let _aborted = driving.await;
    drop(end);
    let _left = sources.await;
    match recorder.await {
        Ok(Ok(Some((path, bytes)))) if is_whole => {
            let time = recording_time(clock.now().0);
            complain(&format!("recorded {time}, {} to {}", size(bytes), path.display()));
            ExitCode::SUCCESS
        }
        Ok(Err(sentence)) => {
            complain(&format!("the recording stopped: {sentence}"));
            ExitCode::from(WRITE_FAILED)
        }
        Ok(Ok(_)) | Err(_) => ExitCode::FAILURE,
    }
}

/// Writes a line about the progress each minute, and each new problem. Returns when the recording has failed.
async fn progress(model: &Mutex<Model>, clock: &Clock) {
    let mut next = LINE_INTERVAL;
    let mut problem = None;
    loop {
        tokio::time::sleep(LOOK_INTERVAL).await;
        let now = clock.now().0;
        let model = model.lock().unwrap_or_else(PoisonError::into_inner);
        if model.session == Session::Live(Recorder::Failed) {
            return;
        }
        let newest =
            model.data.watched.problem().map(|problem| format!("{}; {}", problem.what, problem.advice));
        if newest != problem {
            if let Some(sentence) = &newest {
                complain(sentence.trim_end_matches("; "));
            }
            problem = newest;
        }
        if now >= next {
            next += LINE_INTERVAL;
            complain(&line(&model, now));
        }
    }
}

/// One line, such as `00:05:00, 43 kB: worker-scaler 3 of 1..10, queue 12`.
fn line(model: &Model, now: Duration) -> String {
    let data = &model.data;
    let bytes = match &model.session {
        Session::Live(Recorder::On { bytes }) => size(*bytes),
        _ => size(0),
    };
    let hpa = match data.hpa.get() {
        Some(hpa) => {
            let replicas = data.replicas().map_or_else(|| "?".to_owned(), |replicas| replicas.to_string());
            format!("{} has {replicas} of {}..{} replicas", hpa.name, hpa.min, hpa.max)
        }
        None => "no HPA yet".to_owned(),
    };
    let queue = data.depth.map(|depth| format!(", queue {}", depth.total())).unwrap_or_default();
    format!("{}, {bytes}: {hpa}{queue}", recording_time(now))
}

fn recording_time(time: Duration) -> String {
    let seconds = time.as_secs();
    format!("{:02}:{:02}:{:02}", seconds / 3_600, seconds / 60 % 60, seconds % 60)
}
