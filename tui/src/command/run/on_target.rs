//! A run on a cluster or on a sandbox: the sources, `update` and the model of the dashboard, without its screen.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::progress::Progress;
use super::{Args, Failed, Finished, context, has_terminal};
use crate::command::dashboard::is_complete;
use crate::command::{UNREACHABLE, USAGE, complain, install, signals};
use crate::source::event_sender::EventSender;
use crate::source::recorder;
use crate::source::recorder::Tap;
use crate::source::session;
use crate::source::target;
use crate::source::target::TargetOptions;
use cluster::connect;
use cluster::connect::ConnectError;
use dashboard::clock::{Clock, DayClock};
use dashboard::data::Presence;
use dashboard::message::{Effect, Event, Timestamped};
use dashboard::model::Model;
use dashboard::reported::ScenarioEvent;
use dashboard::update::recorded;
use installer::request::Mode as Asking;
use recording::writer::Writer;
use scenario::file::Scenario;
use scenario::results::Mode;
use std::sync::Arc;

/// Events that may wait for the model before the sources wait.
const EVENTS: usize = 1024;

/// Effects that may wait for the sources.
const EFFECTS: usize = 64;

/// Limit for the first answer of the cluster.
const REACH_TIMEOUT: Duration = Duration::from_secs(10);

/// Limit for the target to become ready.
const READY_TIMEOUT: Duration = Duration::from_secs(120);

/// Time after which sources that have not reported are not waited for.
const SETTLE_TIMEOUT: Duration = Duration::from_secs(15);

/// Time without an answer of the cluster after which the run ends.
const LOST_TIMEOUT: Duration = Duration::from_secs(60);

/// Window that no screen shows.
const SIZE: (u16, u16) = (120, 40);

/// Runs a scenario, and waits until everything that it started has ended.
pub(super) fn run(arguments: Args, scenario: Scenario) -> Result<Finished, Failed> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.map_err(|error| (1, format!("starting the runtime failed: {error}")))?;
    let finished = runtime.block_on(on_target(arguments, Arc::new(scenario)));
    runtime.shutdown_background();
    finished
}

async fn on_target(arguments: Args, scenario: Arc<Scenario>) -> Result<Finished, Failed> {
    let stop = CancellationToken::new();
    let caught =
        signals::first_signal(&stop).map_err(|error| (1, format!("catching signals failed: {error}")))?;
    let options = match arguments.is_sandbox() {
        #[cfg(feature = "sandbox")]
        true => TargetOptions {
            flags: arguments.cluster.flags(),
            namespace: None,
            hpa: None,
            fallback: Some(crate::command::sandbox::of_scenario(&scenario)),
            straight_to_fallback: true,
        },
        _ => cluster(&arguments, &scenario, &stop, &caught).await?,
    };
    let clock = Clock::start();
    let (events, received) = mpsc::channel(EVENTS);
    let (effects, wanted) = mpsc::channel(EFFECTS);
    let settings = session::Settings {
        flags: arguments.cluster.flags(),
        prometheus: arguments.prometheus.clone(),
        load: arguments.load.plan(),
        read_only: false,
    };
    let outbox = EventSender::new(events, clock);
    let day = DayClock::of_run(&clock);
    let recording = arguments.record.limits.settings(&day);
    let file = arguments.record.record.as_ref().map(|path| Writer::create(path, recording.clone()));
    let file = file.transpose().map_err(|error| (1, error.to_string()))?;
    let (tap, recorder) = match file {
        Some(file) => {
            let (tap, recorder) = recorder::start(recording, Some(file), outbox.clone());
            (tap, Some(recorder))
        }
        None => (Tap::closed(), None),
    };
    let ending = CancellationToken::new();
    let sources = tokio::spawn(watch_target(options, settings, outbox, clock, wanted, ending.clone()));
    let mut model = Model::new(day, SIZE);
    model.data.load.to = arguments.load.target();
    let mut driver = Driver {
        model,
        clock,
        received,
        effects: Some(effects),
        waiting: VecDeque::new(),
        tick: None,
        tap,
        progress: Progress::new(has_terminal()),
    };
    let mode = if arguments.is_sandbox() { Mode::Sandbox } else { Mode::Cluster };
    let finished = driver.play(scenario, mode, &stop, &caught).await;
    driver.progress.end();
    // Without a sender of effects the sources end by themselves, after they have restored the drills.
    driver.effects = None;
    driver.received.close();
    ending.cancel();
    for sentence in ended(sources).await {
        complain(&sentence);
    }
    // The recorder completes its file once the last tap is gone.
    drop(driver);
    let is_recorded = match recorder {
        Some(recorder) => is_complete(recorder).await,
        None => true,
    };
    if is_recorded { finished } else { Err((1, "the run was not recorded".to_owned())) }
}

/// The sources' sentences about drills that could not be restored.
async fn ended(sources: JoinHandle<Vec<String>>) -> Vec<String> {
    match tokio::time::timeout(session::END_TIMEOUT * 2, sources).await {
        Ok(Ok(left)) => left,
        Ok(Err(error)) => vec![format!("stopping failed: {error}")],
        Err(_late) => vec!["stopping failed: no end in time".to_owned()],
    }
}

/// Reaches the cluster, and asks before the first load.
async fn cluster(
    arguments: &Args,
    scenario: &Scenario,
    stop: &CancellationToken,
    caught: &watch::Receiver<u8>,
) -> Result<TargetOptions, Failed> {
    let unreachable = |ConnectError { what, advice, .. }: ConnectError| {
        let advice = if advice.is_empty() { advice } else { format!("; {advice}") };
        (UNREACHABLE, format!("{what}{advice}"))
    };
    let flags = arguments.cluster.flags();
    let namespace =
        arguments.cluster.namespace.clone().unwrap_or_else(|| contract::names::NAMESPACE.to_owned());
    let hpa = arguments.hpa.clone().unwrap_or_else(|| contract::names::HPA.to_owned());
    let reaching = async {
        let cluster = connect::load(&flags).await?;
        connect::probe(&cluster, &namespace, &hpa, REACH_TIMEOUT).await?;
        Ok::<_, ConnectError>(text::clean::text(&cluster.context))
    };
    let stopped = || (*caught.borrow(), "stopped before the run began".to_owned());
    let context = tokio::select! {
        reached = reaching => reached.map_err(unreachable)?,
        () = stop.cancelled() => return Err(stopped()),
    };
    if let Asking::Ask = install::mode(arguments.yes, false).map_err(|failure| {
        (USAGE, failure.what + "; " + "use --yes to put load on the cluster without a question")
    })? {
        let question = format!(
            "Run {} with {} steps on HPA {} in namespace {} of {context}?",
            scenario.name,
            scenario.steps.len(),
            text::clean::text(&hpa),
            text::clean::text(&namespace),
        );
        match install::agree(&question, stop).await {
            Ok(true) => {}
            Ok(false) => return Err((1, "nothing was run".to_owned())),
            Err(_stopped) => return Err(stopped()),
        }
    }
    Ok(TargetOptions {
        flags,
        namespace: Some(namespace),
        hpa: Some(hpa),
        fallback: None,
        straight_to_fallback: false,
    })
}

/// Finds the target and runs its sources until their effects end, or until `ending` while there is none.
async fn watch_target(
    options: TargetOptions,
    settings: session::Settings,
    outbox: EventSender,
    clock: Clock,
    effects: mpsc::Receiver<Effect>,
    ending: CancellationToken,
) -> Vec<String> {
    let running = tokio::select! {
        () = ending.cancelled() => return Vec::new(),
        running = target::choose(options, &outbox) => running,
    };
    let Some(mut running) = running else { return Vec::new() };
    let stop = std::mem::replace(&mut running.stop, Box::new(|| Box::pin(async {})));
    let left = session::run(running, settings, outbox, clock, effects).await;
    stop().await;
    left
}

/// The dashboard's loop without a screen.
struct Driver {
    model: Model,
    clock: Clock,
    received: mpsc::Receiver<Timestamped>,
    effects: Option<mpsc::Sender<Effect>>,
    /// Effects that did not fit into the channel: the loop never waits for the sources.
    waiting: VecDeque<Effect>,
    tick: Option<Instant>,
    tap: Tap,
    progress: Progress,
}

impl Driver {
    /// Waits for the target, and runs the scenario to its end.
    async fn play(
        &mut self,
        scenario: Arc<Scenario>,
        mode: Mode,
        stop: &CancellationToken,
        caught: &watch::Receiver<u8>,
    ) -> Result<Finished, Failed> {
        let began = Instant::now();
        while !self.is_ready(began) {
            tokio::select! {
                () = self.step() => {}
                () = stop.cancelled() => return Err((*caught.borrow(), "stopped before the run began".to_owned())),
                () = tokio::time::sleep_until(began + READY_TIMEOUT) => {
                    return Err((1, format!("the target is not ready after {} s", READY_TIMEOUT.as_secs())));
                }
            }
            self.progress.starting(&self.model);
            if let Some(problem) = self.model.data.watched.problem() {
                let advice =
                    if problem.advice.is_empty() { String::new() } else { format!("; {}", problem.advice) };
                let code = if mode == Mode::Sandbox { 1 } else { UNREACHABLE };
                return Err((code, format!("{}{advice}", problem.what)));
            }
        }
        let target = self.model.data.watched.target.as_ref();
        let (title, version) =
            target.map(|target| (target.title.clone(), target.version.clone())).unwrap_or_default();
        let context = context(mode, title, version);
        self.take(Event::Scenario(ScenarioEvent::Start(scenario)));
        let mut stopped = 1;
        loop {
            let run = self.model.data.scenario.as_ref();
            let Some(run) = run else { return Err((1, "the scenario could not start".to_owned())) };
            self.progress.running(&self.model, &run.engine);
            if let Some(result) = run.engine.result() {
                return Ok(Finished { result: result.clone(), context, stopped });
            }
            let is_stopped = stopped != 1;
            tokio::select! {
                () = self.step() => {}
                () = stop.cancelled(), if !is_stopped => {
                    stopped = *caught.borrow();
                    self.take(Event::Scenario(ScenarioEvent::Stop("stopped by a signal".to_owned())));
                }
            }
            if let Some(why) = self.lost().filter(|_| !is_stopped) {
                stopped = UNREACHABLE;
                self.take(Event::Scenario(ScenarioEvent::Stop(why)));
            }
        }
    }

    /// Returns true once the target is ready, and each source has reported or had its time.
    fn is_ready(&self, began: Instant) -> bool {
        let data = &self.model.data;
        let is_known = data.hpa != Presence::Unknown
            && data.workload != Presence::Unknown
            && data.pods.is_listed()
            && (data.depth.is_some() || !data.has_queue());
        data.watched.is_ready() && (is_known || began.elapsed() > SETTLE_TIMEOUT)
    }

    /// The reason why the cluster is lost, if it has not answered for too long.
    fn lost(&self) -> Option<String> {
        use dashboard::target::TargetState;
        match &self.model.data.watched.state {
            TargetState::Failed { problem, since, .. }
                if self.model.data.now.since(*since) >= LOST_TIMEOUT =>
            {
                Some(format!("the cluster is lost: {}", problem.what))
            }
            _ => None,
        }
    }

    /// Waits for the next event or tick, and takes it. Dropping the future loses none.
    async fn step(&mut self) {
        let tick = self.tick;
        let due = async {
            match tick {
                Some(due) => tokio::time::sleep_until(due).await,
                None => std::future::pending().await,
            }
        };
        let waits = !self.waiting.is_empty();
        let effects = self.effects.clone();
        let room = async {
            match &effects {
                Some(effects) => effects.reserve().await.ok(),
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            stamped = self.received.recv() => match stamped {
                Some(stamped) => self.fold(stamped),
                // The sources have ended by themselves, which they do only without a target.
                None => tokio::time::sleep(Duration::from_secs(1)).await,
            },
            () = due => {
                self.tick = None;
                self.take(Event::Tick);
            }
            permit = room, if waits => {
                if let (Some(permit), Some(effect)) = (permit, self.waiting.pop_front()) {
                    permit.send(effect);
                }
            }
        }
    }

    fn take(&mut self, event: Event) {
        let stamped = self.clock.stamp(event);
        self.fold(stamped);
    }

    fn fold(&mut self, stamped: Timestamped) {
        let tap = &self.tap;
        for effect in recorded(&mut self.model, stamped, |kept| tap.keep(kept)) {
            match effect {
                Effect::TickIn(period) => self.tick = Some(Instant::now() + period),
                // There is no screen.
                Effect::Quit | Effect::Redraw | Effect::Suspend => {}
                effect => self.waiting.push_back(effect),
            }
        }
    }
}
