//! The played world: its state, its start, and the passing of its time.

mod clockwork;
pub(super) mod cluster;
mod traffic;

use std::collections::VecDeque;
use std::time::Duration;

use crate::clock::DayClock;
use crate::clock::*;
use crate::message::*;
use crate::model::Model;
use crate::reported::*;
use crate::update::recorded;
use contract::BurstId;
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use observed::*;
use uuid::Uuid;

use self::clockwork::STEP;
use self::cluster::other;

pub(crate) struct Worker {
    pub(crate) name: String,
    pub(crate) created: u64,
    pub(crate) job: Option<(Uuid, BurstId, u64)>,
    pub(crate) ends: bool,
    pub(crate) ready: bool,
}

/// The played world, and the model that observes it.
pub struct World {
    /// The dashboard's model.
    pub model: Model,
    /// The effects that `update` returned, in order.
    pub effects: Vec<Effect>,
    /// The events and requests that a recording would hold.
    pub recorded: Vec<Timestamped>,
    pub(crate) ms: u64,
    pub(crate) queue: VecDeque<(Uuid, BurstId)>,
    pub(crate) jobs: u128,
    pub(crate) workers: Vec<Worker>,
    pub(crate) born: u32,
    pub(crate) spec: usize,
    pub(crate) scraped: u64,
    pub(crate) scraped_at: u64,
    pub(crate) reading: u64,
    pub(crate) current: usize,
    pub(crate) desired: usize,
    pub(crate) recommendations: VecDeque<(u64, usize)>,
    /// Milliseconds between two syncs of the played HPA.
    pub sync: u64,
    /// Milliseconds of its scale-down window.
    pub window: u64,
    pub(crate) broker: bool,
    /// The maximum number of replicas.
    pub(crate) max: usize,
    /// The sources that do not deliver.
    pub(crate) unread: Vec<Source>,
    /// True if KEDA created the HPA.
    pub(crate) keda: bool,
}

impl World {
    /// A world whose dashboard has just opened a window of that size.
    pub fn new(columns: u16, rows: u16) -> Self {
        let day = DayClock::new("2026-03-04T14:00:00Z".parse().unwrap(), TimeZone::UTC);
        Self {
            model: Model::new(day, (columns, rows)),
            effects: Vec::new(),
            recorded: Vec::new(),
            ms: 0,
            queue: VecDeque::new(),
            jobs: 0,
            workers: Vec::new(),
            born: 0,
            spec: 1,
            scraped: 0,
            scraped_at: 0,
            reading: 0,
            current: 1,
            desired: 1,
            recommendations: VecDeque::new(),
            sync: 15_000,
            window: 60_000,
            broker: true,
            max: 10,
            unread: Vec::new(),
            keda: false,
        }
    }

    /// Sends an event now.
    pub fn send(&mut self, event: Event) {
        self.take(self.ms, event);
    }

    fn take(&mut self, ms: u64, event: Event) {
        let stamped = Timestamped { at: At(Duration::from_millis(ms)), event };
        self.effects.extend(recorded(&mut self.model, stamped, |kept| self.recorded.push(kept)));
    }

    /// Types keys.
    pub fn keys(&mut self, keys: &str) {
        for c in keys.chars() {
            let code = if c == '\t' { KeyCode::Tab } else { KeyCode::Char(c) };
            let key = KeyEvent::new(code, KeyModifiers::NONE);
            self.send(Event::Input(Input::Key(key)));
        }
    }

    pub(crate) fn stamp(&self, ms: u64) -> Option<Timestamp> {
        let start: Timestamp = "2026-03-04T14:00:00Z".parse().unwrap();
        start.checked_add(Duration::from_millis(ms)).ok()
    }

    /// Chooses the target, with the steps of its start in these states.
    pub fn starting(&mut self, states: [StepState; 4]) {
        self.send(Event::Target(TargetEvent::Chosen(Target {
            title: "sandbox".to_owned(),
            reason: "no kubeconfig was found at /home/ada/.kube/config".to_owned(),
            namespace: "autoscaling-demo".to_owned(),
            version: Some("v1.34".to_owned()),
            confirm_first_burst: false,
            sync_period: None,
            first_burst: None,
        })));
        for (name, state) in ["API server", "broker", "producer", "worker"].into_iter().zip(states) {
            self.send(Event::Target(TargetEvent::Step(StartStep { name: name.to_owned(), state })));
        }
    }

    /// Starts everything, with one worker.
    pub fn ready(&mut self) {
        self.starting([StepState::Ready, StepState::Ready, StepState::Ready, StepState::Ready]);
        self.send(Event::Target(TargetEvent::Ready));
        for source in [
            Source::Hpa,
            Source::Workload,
            Source::Pods,
            Source::Broker,
            Source::Prometheus,
            Source::ExternalMetric,
        ] {
            self.send(Event::Source(source, SourceState::Live));
        }
        self.workers.push(Worker { name: String::new(), created: 0, job: None, ends: false, ready: true });
        self.name_last();
        let mut pods: Vec<Pod> =
            vec![other("producer-7c9d8f6b5-x2x9p", Role::Producer), other("rabbitmq-0", Role::Broker)];
        pods.push(self.pod(0));
        self.send(Event::Pods(PodsEvent::Listed(pods)));
        self.hpa();
        self.workload();
        // The cluster's clock is a quarter of a second ahead of ours.
        for (asked, date) in [(40, 0), (745, 0), (760, 1), (1_730, 1), (1_755, 2)] {
            let (asked, answered) = (At(Duration::from_millis(asked)), At(Duration::from_millis(asked + 6)));
            let date = self.stamp(date * 1_000).unwrap();
            self.send(Event::ServerTime(ServerTime { asked, answered, date }));
        }
    }

    /// Plays that many seconds.
    pub fn run(&mut self, seconds: u64) {
        for _ in 0..seconds * 1_000 / STEP {
            self.step();
        }
    }

    /// Sends a tick, that many milliseconds after the last step.
    pub fn tick(&mut self, ms: u64) {
        self.take(self.ms + ms, Event::Tick);
    }
}
