//! A played autoscaling loop: makes the events that the sources would send, so that screens, benchmarks and pictures
//! have something true to life to show. Times and numbers are made up here and depend on nothing but the seconds.

#![allow(
    dead_code,
    clippy::unwrap_used,
    reason = "each user of the scenes needs others of them, and all are tests at heart"
)]

pub(crate) mod chart;
pub(crate) mod decision;
pub(crate) mod doctor;
pub(crate) mod runs;

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use contract::{BurstId, JobEvent, JobEventKind};
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use tui::clock::DayClock;
use tui::event::*;
use tui::model::Model;
use tui::update::update;
use uuid::Uuid;

/// The scenes that can be played by name.
pub(crate) const SCENES: [&str; 15] = [
    "starting", "idle", "burst", "scaled", "draining", "done", "lost", "problem", "dropped", "unknown",
    "help", "kill", "confirm", "lanes", "logs",
];

/// Milliseconds of one step of the played world.
const STEP: u64 = 200;
/// How long a job takes, in milliseconds.
const WORK: u64 = 5_000;

/// Every scene of every panel.
pub(crate) fn all() -> Vec<&'static str> {
    [&SCENES[..], &decision::SCENES, &doctor::SCENES, chart::SCENES, &runs::SCENES].concat()
}

struct Worker {
    name: String,
    created: u64,
    job: Option<(Uuid, BurstId, u64)>,
    ends: bool,
    ready: bool,
}

/// The played world and the model that watches it.
pub(crate) struct World {
    /// What the dashboard made of it.
    pub(crate) model: Model,
    /// What the dashboard asked for, in order.
    pub(crate) effects: Vec<Effect>,
    ms: u64,
    queue: VecDeque<(Uuid, BurstId)>,
    jobs: u128,
    workers: Vec<Worker>,
    born: u32,
    spec: usize,
    scraped: u64,
    scraped_at: u64,
    reading: u64,
    current: usize,
    desired: usize,
    recommendations: VecDeque<(u64, usize)>,
    /// Milliseconds between two syncs of the played HPA.
    pub(crate) sync: u64,
    /// Milliseconds of its scale-down window.
    pub(crate) window: u64,
    broker: bool,
    /// Most replicas.
    max: usize,
    /// Sources that do not deliver.
    unread: Vec<Source>,
    /// Whether the HPA is KEDA's.
    keda: bool,
}

impl World {
    /// A world whose dashboard has just opened a window of that size.
    pub(crate) fn new(columns: u16, rows: u16) -> Self {
        let day = DayClock::new("2026-03-04T14:00:00Z".parse().unwrap(), TimeZone::UTC);
        Self {
            model: Model::new(day, (columns, rows)),
            effects: Vec::new(),
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

    /// The scene of that name, in a window of that size.
    pub(crate) fn play(scene: &str, columns: u16, rows: u16) -> Option<Self> {
        let mut world = World::new(columns, rows);
        match scene {
        "starting" => world.starting([
            StepState::Ready,
            StepState::Starting("the pod rabbitmq-0 is not ready".to_owned()),
            StepState::Waiting,
            StepState::Waiting,
        ]),
        "idle" => {
            world.ready();
            world.run(40);
        }
        "burst" => {
            world.ready();
            world.run(20);
            world.burst(50);
            world.run(4);
        }
        "scaled" => {
            world.ready();
            world.run(20);
            world.burst(200);
            world.run(45);
        }
        "draining" => {
            world.ready();
            world.run(20);
            world.burst(200);
            world.run(100);
            world.burst(50);
            world.run(70);
        }
        "done" => {
            world.ready();
            world.run(20);
            world.burst(200);
            world.run(240);
        }
        "lost" => {
            world.ready();
            world.run(20);
            world.burst(100);
            world.run(30);
            world.lose_broker();
            world.run(12);
        }
        "problem" => world.send(Event::Target(TargetEvent::Failed(Problem {
            what: "context kind-demo: the API server at https://127.0.0.1:6443 could not be reached: connection refused".to_owned(),
            advice: "Is the cluster running? Try: kubectl --context kind-demo version".to_owned(),
            retry: Some(At(Duration::from_secs(4))),
        }))),
        "help" => {
            world.ready();
            world.run(20);
            world.keys("?");
        }
        "kill" => {
            world.ready();
            world.run(20);
            world.burst(200);
            world.run(45);
            world.keys("K");
        }
        "lanes" => {
            world.ready();
            world.run(20);
            world.burst(200);
            world.run(150);
            world.model.ui.screen = tui::model::Screen::Pods;
        }
        "logs" => {
            world.ready();
            world.run(20);
            world.burst(50);
            world.run(30);
            let (pod, line) = (world.workers[0].name.clone(), "connected to the broker at 127.0.0.1:5672");
            world.send(Event::Log { pod, line: line.to_owned() });
            world.keys("L");
        }
        "confirm" => {
            world.ready();
            world.run(20);
            world.model.data.load.size = 2_000;
            world.keys(" ");
        }
        "dropped" => {
            world.ready();
            world.run(20);
            world.burst(100);
            world.run(30);
            world.send(Event::Target(TargetEvent::Failed(Problem {
                what: "the API server at https://127.0.0.1:41523 could not be reached: connection refused".to_owned(),
                advice: "The watches go on trying; nothing on the screen is newer than this.".to_owned(),
                retry: Some(At(Duration::from_secs(54))),
            })));
        }
        "unknown" => {
            world.ready();
            world.run(20);
            world.no_reading();
        }
        _ => {
            return decision::play(scene, columns, rows)
                .or_else(|| doctor::play(scene, columns, rows))
                .or_else(|| chart::play(scene, columns, rows))
                .or_else(|| runs::play(scene, columns, rows));
        }
    }
        Some(world)
    }

    /// Sends an event now.
    pub(crate) fn send(&mut self, event: Event) {
        let at = At(Duration::from_millis(self.ms));
        self.effects.extend(update(&mut self.model, Stamped { at, event }));
    }

    /// Types keys.
    pub(crate) fn keys(&mut self, keys: &str) {
        for c in keys.chars() {
            let code = if c == '\t' { KeyCode::Tab } else { KeyCode::Char(c) };
            let key = KeyEvent::new(code, KeyModifiers::NONE);
            self.send(Event::Input(Input::Key(key)));
        }
    }

    fn stamp(&self, ms: u64) -> Option<Timestamp> {
        let start: Timestamp = "2026-03-04T14:00:00Z".parse().unwrap();
        start.checked_add(Duration::from_millis(ms)).ok()
    }

    /// The target is chosen, with the steps of its start in these states.
    pub(crate) fn starting(&mut self, states: [StepState; 4]) {
        self.send(Event::Target(TargetEvent::Chosen(Target {
            title: "sandbox".to_owned(),
            reason: "no kubeconfig was found at /home/ada/.kube/config".to_owned(),
            namespace: "autoscaling-demo".to_owned(),
            version: Some("v1.34".to_owned()),
            confirm_first_burst: false,
        })));
        for (name, state) in ["API server", "broker", "producer", "worker"].into_iter().zip(states) {
            self.send(Event::Target(TargetEvent::Step(Step { name: name.to_owned(), state })));
        }
    }

    /// Everything is up and quiet, with one worker.
    pub(crate) fn ready(&mut self) {
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
            self.send(Event::Dated(Dated { asked, answered, date }));
        }
    }

    fn name_last(&mut self) {
        const LETTERS: [&str; 12] = [
            "4kq2m", "9xh7t", "b6r5w", "cj8zd", "ffl2n", "g7v4s", "hm3qk", "k2x6p", "l9wjt", "mzr48",
            "n5td7", "pq6bv",
        ];
        let name = format!("worker-6f7d9c8b5-{}", LETTERS[self.born as usize % LETTERS.len()]);
        self.born += 1;
        self.workers.last_mut().unwrap().name = name;
    }

    fn pod(&self, index: usize) -> Pod {
        let worker = &self.workers[index];
        let age = self.ms - worker.created;
        let phase = match () {
            () if worker.ends => PodPhase::Terminating,
            () if worker.ready => PodPhase::Ready,
            () if age >= 400 => PodPhase::Starting,
            () => PodPhase::Pending,
        };
        Pod {
            name: worker.name.clone(),
            uid: format!("{}-{}", worker.name, worker.created),
            role: Role::Worker,
            status: "Running".to_owned(),
            phase,
            restarts: 0,
            created: self.stamp(worker.created),
            scheduled: self.stamp(worker.created),
            started: None,
            ready_since: None,
            last_exit: None,
        }
    }

    fn hpa(&mut self) {
        let each = self.reading.div_ceil(self.current.max(1) as u64);
        let reading_milli = (self.reading as f64 * 1_000.0 / self.current.max(1) as f64).ceil() as i64;
        let condition = |kind: &str, status: &str, reason: &str| Condition {
            kind: kind.to_owned(),
            status: status.to_owned(),
            reason: reason.to_owned(),
            message: String::new(),
        };
        let raw = self.reading.div_ceil(20) as usize;
        let conditions = vec![
            condition(
                "AbleToScale",
                "True",
                if raw < self.desired { "ScaleDownStabilized" } else { "ReadyForNewScale" },
            ),
            condition("ScalingActive", "True", "ValidMetricFound"),
            condition(
                "ScalingLimited",
                if !(1..=10).contains(&raw) { "True" } else { "False" },
                if raw > 10 {
                    "TooManyReplicas"
                } else if raw < 1 {
                    "TooFewReplicas"
                } else {
                    "DesiredWithinRange"
                },
            ),
        ];
        let hpa = Hpa {
            name: "worker-scaler".to_owned(),
            min: 1,
            max: self.max as i32,
            metric: Some(MetricRef {
                name: if self.keda { "s0-rabbitmq-Orders" } else { "rabbitmq_queue_length" }.to_owned(),
                selector: "queue=Orders".to_owned(),
                queue: Some("Orders".to_owned()),
                target: MetricTarget::Average(20_000),
            }),
            spec: Some(Box::new(spec())),
            scale_target: ("Deployment".to_owned(), "worker".to_owned()),
            current_replicas: self.current as i32,
            desired_replicas: self.desired as i32,
            reading_milli: Some(reading_milli),
            last_scale: None,
            conditions,
            targets_column: format!("{each}/20 (avg)"),
        };
        self.send(Event::Hpa(Some(Box::new(hpa))));
    }

    /// The HPA gets no number any more, and says why.
    fn no_reading(&mut self) {
        let tui::model::Found::Here(mut hpa) = self.model.data.hpa.clone() else { return };
        hpa.reading_milli = None;
        hpa.targets_column = "<unknown>/20 (avg)".to_owned();
        hpa.conditions[1] = Condition {
            kind: "ScalingActive".to_owned(),
            status: "False".to_owned(),
            reason: "FailedGetExternalMetric".to_owned(),
            message: "the HPA was unable to compute the replica count: unable to get external metric \
                      autoscaling-demo/rabbitmq_queue_length/&LabelSelector{MatchLabels:map[string]string{queue: \
                      Orders,},MatchExpressions:[]LabelSelectorRequirement{},}: no metrics returned from external \
                      metrics API"
                .to_owned(),
        };
        self.send(Event::Hpa(Some(Box::new(hpa))));
        self.send(Event::Metric(MetricSample { value_milli: None, stamped: None }));
    }

    fn workload(&mut self) {
        let workload = Workload {
            name: "worker".to_owned(),
            spec_replicas: self.spec as i32,
            replicas: self.workers.iter().filter(|w| !w.ends).count() as i32,
            ready: self.workers.iter().filter(|w| w.ready && !w.ends).count() as i32,
            selector: "app.kubernetes.io/name=worker".to_owned(),
        };
        self.send(Event::Workload(Some(workload)));
    }

    fn kubernetes(&mut self, kind: &str, object: &str, reason: &str, message: String) {
        let event = ClusterEvent {
            uid: format!("{object}-{reason}-{}", self.ms),
            warning: false,
            object: (kind.to_owned(), object.to_owned()),
            reason: reason.to_owned(),
            message,
            count: 1,
            last_seen: None,
            old: false,
        };
        self.send(Event::Cluster(event));
    }

    fn total(&self) -> u64 {
        (self.queue.len() + self.workers.iter().filter(|w| w.job.is_some()).count()) as u64
    }

    /// Fires a burst with the keys and lets the producer accept all of it.
    pub(crate) fn burst(&mut self, size: u32) {
        self.model.data.load.size = size;
        self.keys(" ");
        self.accept(size, size);
    }

    /// The producer has accepted so many of the newest burst's jobs.
    pub(crate) fn accept(&mut self, accepted: u32, size: u32) {
        let Some(Effect::Fire { id, .. }) =
            self.effects.iter().rev().find(|effect| matches!(effect, Effect::Fire { .. })).cloned()
        else {
            panic!("no burst was fired");
        };
        let at = |ms| Some(At(Duration::from_millis(ms)));
        self.send(Event::Burst(BurstProgress {
            id: id.clone(),
            size,
            sent: size.min(accepted + 12),
            accepted,
            failed: BTreeMap::new(),
            new_ids: (1..=u128::from(accepted)).map(|n| Uuid::from_u128(self.jobs + n)).collect(),
            first_sent: at(self.ms + 3),
            first_accepted: at(self.ms + 9),
            last_accepted: at(self.ms + 42),
            waiting: None,
            finished: accepted == size,
        }));
        for _ in 0..accepted {
            self.jobs += 1;
            self.queue.push_back((Uuid::from_u128(self.jobs), id.clone()));
        }
    }

    /// Milliseconds that a job of a burst has waited for a worker that says that about it now.
    fn waited(&self, burst: &BurstId, kind: JobEventKind) -> u64 {
        let burst = self.model.data.bursts.iter().find(|known| known.id == *burst);
        let pressed = burst.map_or(0, |burst| burst.pressed.0.as_millis() as u64);
        let work = if kind == JobEventKind::Acked { WORK } else { 0 };
        self.ms.saturating_sub(pressed + work)
    }

    fn job(&mut self, pod: String, kind: JobEventKind, id: Uuid, burst: BurstId) {
        let event = JobEvent {
            kind,
            id: Some(id),
            traceparent: None,
            // The cluster's clock is a quarter of a second ahead.
            at: self.stamp(self.ms + 250).unwrap(),
            redelivered: false,
            wait_ms: Some(self.waited(&burst, kind)),
            burst: Some(burst),
            work_ms: None,
            reason: None,
        };
        self.send(Event::Job { pod, event });
    }

    /// The broker's pod is gone, with everything in it.
    pub(crate) fn lose_broker(&mut self) {
        self.broker = false;
        self.queue.clear();
        for index in 0..self.workers.len() {
            if let Some((id, burst, _)) = self.workers[index].job.take() {
                self.job(self.workers[index].name.clone(), JobEventKind::Requeued, id, burst);
            }
        }
        self.send(Event::Source(
            Source::Broker,
            SourceState::Retrying {
                cause: "the tunnel to rabbitmq-0:15672 was closed".to_owned(),
                next: At(Duration::from_millis(self.ms + 2_000)),
            },
        ));
        let pod = other("rabbitmq-0", Role::Broker);
        self.send(Event::Pods(PodsEvent::Deleted { name: pod.name, uid: pod.uid }));
    }

    /// Lets so many seconds go by.
    pub(crate) fn run(&mut self, seconds: u64) {
        for _ in 0..seconds * 1_000 / STEP {
            self.step();
        }
    }

    /// Tells the dashboard the time, so many milliseconds after the last step.
    pub(crate) fn tick(&mut self, ms: u64) {
        let at = At(Duration::from_millis(self.ms + ms));
        self.effects.extend(update(&mut self.model, Stamped { at, event: Event::Tick }));
    }

    /// Lets one step of time go by.
    pub(crate) fn step(&mut self) {
        self.ms += STEP;
        let now = self.ms;
        // Workers: start, take jobs, finish them, end.
        for index in 0..self.workers.len() {
            let age = now - self.workers[index].created;
            if !self.workers[index].ready && (age == 400 || age == 1_600) {
                self.workers[index].ready = age == 1_600;
                let pod = self.pod(index);
                self.send(Event::Pods(PodsEvent::Applied(Box::new(pod))));
                self.workload();
            }
            if let Some((id, burst, until)) = self.workers[index].job.clone()
                && now >= until
            {
                self.workers[index].job = None;
                self.job(self.workers[index].name.clone(), JobEventKind::Acked, id, burst);
            }
            if self.broker
                && self.workers[index].ready
                && !self.workers[index].ends
                && self.workers[index].job.is_none()
                && let Some((id, burst)) = self.queue.pop_front()
            {
                self.workers[index].job = Some((id, burst.clone(), now + WORK));
                self.job(self.workers[index].name.clone(), JobEventKind::Started, id, burst);
            }
        }
        while let Some(index) = self.workers.iter().position(|w| w.ends && w.job.is_none()) {
            let pod = self.pod(index);
            self.workers.remove(index);
            self.send(Event::Pods(PodsEvent::Deleted { name: pod.name, uid: pod.uid }));
            self.workload();
        }
        // The chain: broker, scrape, API, HPA.
        let busy = self.model.data.bursts.in_flight();
        if self.broker && now.is_multiple_of(if busy { 200 } else { 1_000 }) {
            let ready = self.queue.len() as u64;
            let sample = DepthSample {
                ready,
                unacked: self.total() - ready,
                consumers: Some(self.workers.len() as u64),
                staleness: Duration::ZERO,
            };
            self.send(Event::Depth(sample));
        }
        if now.is_multiple_of(5_000) {
            self.scraped = if self.keda { self.queue.len() as u64 } else { self.total() };
            self.scraped_at = now;
        }
        if now.is_multiple_of(1_000) && self.broker {
            if !self.unread.contains(&Source::Prometheus) {
                let scraped = ScrapedSample {
                    value: Some(self.scraped as f64),
                    scraped: None,
                    age: Some(Duration::from_millis(now - self.scraped_at)),
                };
                self.send(Event::Scraped(scraped));
            }
            if !self.unread.contains(&Source::ExternalMetric) {
                self.send(Event::Metric(MetricSample {
                    value_milli: Some(self.scraped as i64 * 1_000),
                    stamped: None,
                }));
            }
            self.send(Event::Tick);
        }
        if now.is_multiple_of(self.sync) {
            self.decide();
        }
    }

    fn decide(&mut self) {
        let now = self.ms;
        let n = self.workers.iter().filter(|w| !w.ends).count();
        self.reading = self.scraped;
        self.current = n;
        let ratio = self.scraped as f64 / (20.0 * n as f64);
        let raw = if (0.9..=1.1).contains(&ratio) { n } else { self.scraped.div_ceil(20) as usize };
        self.recommendations.push_back((now, raw));
        self.recommendations.retain(|(at, _)| *at + self.window > now);
        let stabilised = self.recommendations.iter().map(|(_, n)| *n).max().unwrap_or(raw).max(raw);
        self.desired = stabilised.clamp(1, self.max).min((2 * n).max(n + 4));
        let old = self.spec;
        self.spec = self.desired;
        self.hpa();
        if self.spec == old {
            return;
        }
        let reason = if self.spec > old {
            "external metric rabbitmq_queue_length(&LabelSelector{MatchLabels:map[string]string{queue: Orders,},}) above target"
        } else {
            "All metrics below target"
        };
        self.kubernetes(
            "HorizontalPodAutoscaler",
            "worker-scaler",
            "SuccessfulRescale",
            format!("New size: {}; reason: {reason}", self.spec),
        );
        self.workload();
        while self.workers.iter().filter(|w| !w.ends).count() < self.spec {
            self.workers.push(Worker {
                name: String::new(),
                created: now,
                job: None,
                ends: false,
                ready: false,
            });
            self.name_last();
            let pod = self.pod(self.workers.len() - 1);
            let name = pod.name.clone();
            self.send(Event::Pods(PodsEvent::Applied(Box::new(pod))));
            self.kubernetes(
                "ReplicaSet",
                "worker-6f7d9c8b5",
                "SuccessfulCreate",
                format!("Created pod: {name}"),
            );
        }
        for index in (0..self.workers.len()).rev() {
            if self.workers.iter().filter(|w| !w.ends).count() <= self.spec {
                break;
            }
            if !self.workers[index].ends {
                self.workers[index].ends = true;
                let pod = self.pod(index);
                self.send(Event::Pods(PodsEvent::Applied(Box::new(pod))));
            }
        }
        self.workload();
    }
}

fn other(name: &str, role: Role) -> Pod {
    Pod {
        name: name.to_owned(),
        uid: name.to_owned(),
        role,
        status: "Running".to_owned(),
        phase: PodPhase::Ready,
        restarts: 0,
        created: None,
        scheduled: None,
        started: None,
        ready_since: None,
        last_exit: None,
    }
}

/// The demo's HPA: a scale-down window of a minute, all else as Kubernetes defaults it.
pub(crate) fn spec() -> hpa::Spec {
    let mut spec: hpa::Spec = serde_json::from_value(serde_json::json!({
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "worker"},
        "minReplicas": 1,
        "maxReplicas": 10,
        "metrics": [{"type": "External", "external": {
            "metric": {"name": "rabbitmq_queue_length", "selector": {"matchLabels": {"queue": "Orders"}}},
            "target": {"type": "AverageValue", "averageValue": "20"}}}],
        "behavior": {"scaleDown": {"stabilizationWindowSeconds": 60}},
    }))
    .unwrap();
    hpa::defaults::default_spec(&mut spec);
    spec
}
