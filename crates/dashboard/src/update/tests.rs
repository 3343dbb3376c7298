//! Whole dialogues with the model: events in, effects and changes out.

use std::collections::BTreeMap;
use std::time::Duration;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::*;
use crate::bursts::load::MAX_TIME;
use crate::bursts::stopwatch::{MissingReason, Stage, StageTime};
use crate::clock::At;
use crate::clock::DayClock;
use crate::message::Input;
use crate::reported::{
    BurstProgress, LoadProgress, PollRate, Problem, Source, SourceState, Target, TargetEvent,
};
use crate::testing::pod;
use crate::ui::state::{Confirm, Mode, View};
use observed::{DepthSample, ExternalTarget, Hpa, MetricRef, Pod, PodPhase, PodsEvent, Role, Workload};

pub(super) struct Talk {
    pub(super) model: Model,
    ms: u64,
}

impl Talk {
    fn new() -> Self {
        Self { model: Model::new(DayClock::new(Timestamp::UNIX_EPOCH, TimeZone::UTC), (80, 24)), ms: 0 }
    }

    /// A dialogue with a ready target; `confirm_first_burst` makes the first burst ask.
    pub(super) fn ready(confirm_first_burst: bool) -> Self {
        let mut talk = Self::new();
        talk.send(Event::Target(TargetEvent::Chosen(Target {
            title: "kind-demo".to_owned(),
            reason: String::new(),
            namespace: "autoscaling-demo".to_owned(),
            version: None,
            confirm_first_burst,
            sync_period: None,
            first_burst: None,
        })));
        talk.send(Event::Target(TargetEvent::Ready));
        talk
    }

    pub(super) fn at(&mut self, ms: u64) -> &mut Self {
        self.ms = ms;
        self
    }

    pub(super) fn send(&mut self, event: Event) -> Vec<Effect> {
        let at = At(Duration::from_millis(self.ms));
        update(&mut self.model, Timestamped { at, event })
    }

    /// The line at the bottom, if there is one.
    pub(super) fn notice(&self) -> Option<&str> {
        self.model.ui.notice(self.model.data.now).map(|notice| notice.text.as_str())
    }

    pub(super) fn key(&mut self, code: KeyCode) -> Vec<Effect> {
        self.send(Event::Input(Input::Key(KeyEvent::new(code, KeyModifiers::NONE))))
    }

    /// Types keys; `↵ ⎋ ↑ ↓ ← → ⌦ ⌫ ⇥` are keys without a letter.
    pub(super) fn keys(&mut self, keys: &str) -> Vec<Effect> {
        let code = |c| match c {
            '↵' => KeyCode::Enter,
            '⎋' => KeyCode::Esc,
            '↑' => KeyCode::Up,
            '↓' => KeyCode::Down,
            '←' => KeyCode::Left,
            '→' => KeyCode::Right,
            '⌦' => KeyCode::Delete,
            '⌫' => KeyCode::Backspace,
            '⇥' => KeyCode::Tab,
            c => KeyCode::Char(c),
        };
        keys.chars().flat_map(|c| self.key(code(c))).collect()
    }

    fn depth(&mut self, ready: u64) -> Vec<Effect> {
        self.send(Event::Depth(DepthSample { ready, unacked: 0, consumers: None, staleness: Duration::ZERO }))
    }

    /// The jobs of a burst have the IDs from 0.
    fn accept(&mut self, accepted: u32, finished: bool) -> Vec<Effect> {
        let burst = self.model.data.bursts.newest().unwrap();
        let progress = BurstProgress {
            id: burst.id.clone(),
            size: burst.size,
            sent: accepted,
            accepted,
            failed: BTreeMap::new(),
            new_ids: (burst.accepted..accepted).map(|n| uuid::Uuid::from_u128(n.into())).collect(),
            first_sent: Some(At(Duration::from_millis(self.ms))),
            first_accepted: Some(At(Duration::from_millis(self.ms))),
            last_accepted: Some(At(Duration::from_millis(self.ms))),
            waiting: None,
            finished,
        };
        self.send(Event::Burst(progress))
    }

    pub(super) fn events(&self) -> Vec<String> {
        self.model.data.events.iter().map(|e| format!("{}: {}", e.reason, e.message)).collect()
    }
}

fn fired(effects: &[Effect]) -> Vec<u32> {
    effects
        .iter()
        .filter_map(|e| if let Effect::Fire { size, .. } = e { Some(*size) } else { None })
        .collect()
}

fn hpa(reading: i64, current: i32, desired: i32) -> Event {
    Event::Hpa(Some(Box::new(Hpa {
        name: "worker-scaler".to_owned(),
        min: 1,
        max: 10,
        scaled_object: None,
        metric: Some(MetricRef {
            name: "rabbitmq_queue_length".to_owned(),
            selector: hpa::spec::LabelSelector::default(),
            queue: Some("Orders".to_owned()),
            target: ExternalTarget::AverageValue(20_000),
        }),
        spec: None,
        scale_target: ("Deployment".to_owned(), "worker".to_owned()),
        current_replicas: current,
        desired_replicas: desired,
        reading_milli: Some(reading),
        last_scale: None,
        conditions: Vec::new(),
        targets_column: String::new(),
        current: Vec::new(),
    })))
}

fn workload(spec_replicas: i32, replicas: i32, ready: i32) -> Event {
    let (name, selector) = ("worker".to_owned(), hpa::spec::LabelSelector::default());
    Event::Workload(Some(Workload { name, spec_replicas, replicas, ready, selector }))
}

#[test]
fn a_burst_counts_only_when_accepted() {
    let mut talk = Talk::ready(false);
    assert_eq!(fired(&talk.keys("3 ")), [50]);
    let burst = talk.model.data.bursts.newest().unwrap();
    assert_eq!((burst.size, burst.accepted, burst.sent), (50, 0, 0));
    talk.accept(20, false);
    assert_eq!(talk.model.data.bursts.newest().unwrap().accepted, 20);
    assert_eq!(talk.model.data.bursts.unfinished(), 1);
    talk.accept(50, true);
    assert_eq!(talk.model.data.bursts.unfinished(), 0);
}

#[test]
fn before_its_first_sync_an_hpa_wants_the_current_size() {
    let unsynced = || match hpa(0, 0, 0) {
        Event::Hpa(Some(hpa)) => Event::Hpa(Some(Box::new(Hpa { reading_milli: None, ..*hpa }))),
        other => other,
    };
    // The first sync may keep the size, or be the one that changes it.
    for first in [1, 3] {
        let mut talk = Talk::ready(false);
        talk.send(unsynced());
        talk.send(workload(1, 1, 1));
        talk.keys("3 ");
        talk.at(100).accept(50, true);
        talk.at(200).send(hpa(50_000, 1, first));
        let desired = |talk: &Talk| talk.model.data.bursts.newest().unwrap().watch.at(Stage::Desired);
        assert_eq!(desired(&talk).is_some(), first == 3);
        talk.at(300).send(hpa(50_000, 1, 3));
        let ms = if first == 3 { 200 } else { 300 };
        assert_eq!(desired(&talk), Some(At(Duration::from_millis(ms))));
    }
}

#[test]
fn every_burst_has_its_own_id() {
    let mut talk = Talk::ready(false);
    let effects = talk.keys("1   ");
    let ids: std::collections::BTreeSet<_> = effects
        .iter()
        .filter_map(|e| if let Effect::Fire { id, .. } = e { Some(id.as_str().to_owned()) } else { None })
        .collect();
    assert_eq!(ids.len(), 3);
}

#[test]
fn the_first_burst_on_a_shared_cluster_is_confirmed() {
    let mut talk = Talk::ready(true);
    assert_eq!(fired(&talk.keys(" ")), [] as [u32; 0]);
    assert_eq!(talk.model.ui.mode, Confirm::Burst { size: 50 }.put());
    assert_eq!(fired(&talk.keys(" 5 ")), [] as [u32; 0], "in a dialog these keys mean nothing");
    assert_eq!(fired(&talk.keys("n")), [] as [u32; 0]);
    assert_eq!(talk.model.ui.mode, Mode::Normal);
    assert_eq!(fired(&talk.keys(" y")), [50]);
    assert_eq!(fired(&talk.keys(" ")), [50], "the user has agreed");
}

#[test]
fn a_burst_above_a_thousand_is_always_confirmed() {
    let mut talk = Talk::ready(false);
    assert_eq!(fired(&talk.keys("6 ")), [1_000]);
    assert_eq!(fired(&talk.keys("+ ")), [] as [u32; 0]);
    assert_eq!(fired(&talk.keys("y")), [1_100]);
    assert_eq!(fired(&talk.keys(" ")), [] as [u32; 0]);
    assert_eq!(talk.model.ui.mode, Confirm::Burst { size: 1_100 }.put());
}

#[test]
fn nothing_is_sent_to_a_target_that_is_not_ready() {
    let mut talk = Talk::new();
    assert_eq!(fired(&talk.keys(" ")), [] as [u32; 0]);
    assert_eq!(talk.events(), ["no burst: the target is not ready yet"]);
    let mut talk = Talk::ready(true);
    talk.keys(" ");
    let problem = Problem { what: "gone".to_owned(), advice: String::new(), retry: None };
    for _ in 0..2 {
        talk.send(Event::Target(TargetEvent::Failed(problem.clone())));
    }
    assert_eq!(talk.events(), ["cluster lost: gone"], "said once");
    assert_eq!(fired(&talk.keys("y")), [] as [u32; 0], "it went away while the question stood");
}

#[test]
fn a_held_key_sends_a_limited_number_of_bursts() {
    let mut talk = Talk::ready(false);
    assert_eq!(fired(&talk.keys(&" ".repeat(100))).len(), 20);
}

#[test]
fn pasted_text_is_never_taken_for_keys() {
    let mut talk = Talk::ready(false);
    let before = talk.model.clone();
    talk.model.ui.changed = false;
    assert_eq!(talk.send(Event::Input(Input::Paste(" q6 cK".to_owned()))), []);
    assert_eq!(talk.model.data.bursts, before.data.bursts);
    assert_eq!(talk.model.data.load, before.data.load);
    assert!(!talk.model.ui.changed);
}

#[test]
fn the_load_stops_on_quit_disconnect_and_timeout() {
    let on = |talk: &mut Talk| {
        assert!(talk.keys("c").contains(&Effect::Load { rate: 5.0 }));
    };
    let off = Effect::Load { rate: 0.0 };

    let mut talk = Talk::ready(false);
    on(&mut talk);
    assert!(talk.keys(">").contains(&Effect::Load { rate: 10.0 }));
    assert!(talk.keys("c").contains(&off));
    assert!(!talk.keys(">").iter().any(|e| matches!(e, Effect::Load { .. })), "it is off");

    let mut talk = Talk::ready(false);
    on(&mut talk);
    let effects = talk.keys("q");
    let place = |wanted: &Effect| effects.iter().position(|e| e == wanted).unwrap();
    assert!(place(&off) < place(&Effect::Quit));

    let mut talk = Talk::ready(false);
    on(&mut talk);
    let effects = talk.send(Event::Terminate);
    assert!(effects.contains(&off) && effects.contains(&Effect::Quit));

    let mut talk = Talk::ready(false);
    on(&mut talk);
    let problem = Problem { what: "gone".to_owned(), advice: String::new(), retry: None };
    assert!(talk.send(Event::Target(TargetEvent::Failed(problem))).contains(&off));

    let mut talk = Talk::ready(false);
    on(&mut talk);
    let end = u64::try_from(MAX_TIME.as_millis()).unwrap();
    assert!(!talk.at(end - 1).send(Event::Tick).contains(&off));
    assert!(talk.at(end).send(Event::Tick).contains(&off));

    let mut talk = Talk::ready(false);
    on(&mut talk);
    let stopped = Some("no producer".to_owned());
    let failed = BTreeMap::from([("connection refused".to_owned(), 3)]);
    let progress = LoadProgress { rate: 0.0, accepted: 7, failed, stopped };
    talk.send(Event::Load(progress));
    assert!(!talk.model.data.load.is_on());
    assert_eq!(talk.model.data.load.failures(), 3);
    assert!(talk.events().contains(&"load: connection refused".to_owned()));
}

#[test]
fn the_load_on_a_shared_cluster_is_confirmed() {
    let mut talk = Talk::ready(true);
    assert!(!talk.keys("c").iter().any(|e| matches!(e, Effect::Load { .. })));
    assert_eq!(talk.model.ui.mode, Confirm::Load.put());
    assert!(talk.keys("y").contains(&Effect::Load { rate: 5.0 }));
}

#[test]
fn messages_of_a_lost_broker_are_counted_as_lost() {
    let mut talk = Talk::ready(false);
    let broker = observed::Pod { role: Role::Broker, ..pod("rabbitmq-0", PodPhase::Ready) };
    talk.send(Event::Pods(PodsEvent::Listed(vec![broker.clone()])));
    talk.depth(0);
    talk.keys("3 ");
    talk.at(100).accept(50, true);
    talk.at(200).depth(50);
    talk.at(300).send(Event::Pods(PodsEvent::Deleted {
        name: "rabbitmq-0".to_owned(),
        uid: "rabbitmq-0".to_owned(),
    }));
    talk.at(400).depth(50);
    assert_eq!(talk.model.data.jobs.away.map(|away| away.known), Some(50), "that answer was on its way");
    let again = observed::Pod { uid: "second".to_owned(), ..broker };
    talk.at(500).send(Event::Pods(PodsEvent::Applied(Box::new(again))));
    talk.at(600).depth(0);
    assert_eq!(talk.model.data.jobs.lost, 50);
    assert_eq!(talk.events().last().unwrap(), "broker back: 50 of 50 messages are lost");
    let watch = &talk.model.data.bursts.newest().unwrap().watch;
    assert_eq!(*watch.get(Stage::Drained), StageTime::Never(MissingReason::Lost));
}

#[test]
fn a_restart_is_logged_with_its_last_exit() {
    let mut talk = Talk::ready(false);
    let producer = Pod { role: Role::Producer, ..pod("producer-1", PodPhase::Ready) };
    // Restarts from before the first list are not logged.
    let mut now = Pod { restarts: 2, ..producer };
    talk.send(Event::Pods(PodsEvent::Listed(vec![now.clone()])));
    assert!(talk.events().is_empty(), "{:?}", talk.events());
    for (restarts, last_exit, expected) in [
        (3, Some("OOMKilled (137)"), "restarted: producer-1 after OOMKilled (137)"),
        (3, Some("OOMKilled (137)"), "restarted: producer-1 after OOMKilled (137)"),
        (4, None, "restarted: producer-1"),
    ] {
        now = Pod { restarts, last_exit: last_exit.map(str::to_owned), ..now };
        talk.send(Event::Pods(PodsEvent::Applied(Box::new(now.clone()))));
        assert_eq!(talk.events().last().unwrap(), expected);
    }
    assert_eq!(talk.events().len(), 2, "each restart once");
}

#[test]
fn one_of_several_brokers_is_no_loss() {
    let mut talk = Talk::ready(false);
    let broker = |name| observed::Pod { role: Role::Broker, ..pod(name, PodPhase::Ready) };
    talk.send(Event::Pods(PodsEvent::Listed(vec![broker("rabbitmq-0"), broker("rabbitmq-1")])));
    talk.depth(50);
    talk.send(Event::Pods(PodsEvent::Deleted {
        name: "rabbitmq-0".to_owned(),
        uid: "rabbitmq-0".to_owned(),
    }));
    assert_eq!(talk.model.data.jobs.away, None);
}

#[test]
fn sources_poll_fast_while_jobs_are_in_flight() {
    let mut talk = Talk::ready(false);
    let busy = Effect::PollRate(PollRate::Busy);
    let idle = Effect::PollRate(PollRate::Idle);
    assert!(talk.keys(" ").contains(&busy));
    assert!(!talk.accept(50, true).contains(&idle));
    talk.depth(50);
    assert!(talk.depth(0).contains(&idle));
}

#[test]
fn existing_logs_are_followed() {
    let mut talk = Talk::ready(false);
    let listed = vec![pod("a", PodPhase::Ready), pod("b", PodPhase::Pending)];
    let effects = talk.send(Event::Pods(PodsEvent::Listed(listed)));
    assert!(effects.contains(&Effect::FollowLogs(vec!["a".to_owned()])));
    let effects = talk.send(Event::Pods(PodsEvent::Applied(Box::new(pod("b", PodPhase::Starting)))));
    assert!(effects.contains(&Effect::FollowLogs(vec!["a".to_owned(), "b".to_owned()])));
    let effects = talk.send(Event::Tick);
    assert!(!effects.iter().any(|e| matches!(e, Effect::FollowLogs(_))));
}

#[test]
fn a_worker_is_killed_only_after_a_question() {
    let mut talk = Talk::ready(false);
    talk.keys("K");
    assert_eq!(talk.events(), ["no kill: there is no worker"]);
    talk.send(Event::Pods(PodsEvent::Listed(vec![pod("a", PodPhase::Ready), pod("b", PodPhase::Ready)])));
    assert!(!talk.keys("K").iter().any(|e| matches!(e, Effect::KillPod { .. })));
    // An accidental enter kills no worker: the answer that is chosen at first is no.
    assert!(!talk.keys("↵").iter().any(|e| matches!(e, Effect::KillPod { .. })));
    let effects = talk.keys("K↓→↵");
    assert!(effects.contains(&Effect::KillPod { name: "b".to_owned(), uid: "b".to_owned() }));
    assert_eq!(talk.model.ui.mode, Mode::Normal);
}

#[test]
fn a_paused_view_is_still_while_the_data_goes_on() {
    let mut talk = Talk::ready(false);
    talk.depth(7);
    talk.keys("p");
    talk.model.ui.changed = false;
    talk.at(900).depth(9);
    assert!(!talk.model.ui.changed, "nothing to draw");
    assert_eq!(talk.model.shown().depth.unwrap().ready, 7);
    assert_eq!(talk.model.data.depth.unwrap().ready, 9);
    talk.keys("p");
    assert_eq!(talk.model.ui.view, View::Live);
    assert_eq!(talk.model.shown().depth.unwrap().ready, 9);
}

#[test]
fn repeated_reports_are_not_drawn() {
    let mut talk = Talk::ready(false);
    let source = Event::Source(Source::Broker, SourceState::Live);
    for event in [source, hpa(0, 1, 1), workload(1, 1, 1)] {
        talk.send(event.clone());
        talk.model.ui.changed = false;
        talk.send(event.clone());
        assert!(!talk.model.ui.changed, "{event:?}");
    }
    talk.depth(0);
    talk.model.ui.changed = false;
    talk.depth(0);
    assert!(!talk.model.ui.changed);
    talk.depth(1);
    assert!(talk.model.ui.changed);
}

#[test]
fn one_tick_is_requested_at_a_time() {
    let mut talk = Talk::ready(false);
    let ticks = |effects: Vec<Effect>| effects.iter().filter(|e| matches!(e, Effect::TickIn(_))).count();
    talk.send(Event::Tick);
    assert_eq!(ticks(talk.depth(0)), 0, "one is on its way");
    assert_eq!(ticks(talk.send(Event::Tick)), 1);
    // A burst needs a shorter period.
    assert_eq!(ticks(talk.keys(" ")), 1);
}

#[test]
fn an_idle_picture_moves_seldom() {
    let period = |effects: Vec<Effect>| {
        effects.into_iter().find_map(|e| if let Effect::TickIn(period) = e { Some(period) } else { None })
    };
    let mut talk = Talk::ready(false);
    talk.depth(0);
    assert_eq!(period(talk.send(Event::Tick)), Some(Duration::from_secs(5)));
    assert_eq!(period(talk.depth(3)), Some(Duration::from_secs(1)), "a queue that fills is worth a look");
    talk.depth(0);
    talk.send(Event::Tick);
    let lost = SourceState::Retrying { cause: "gone".to_owned(), next: At::default() };
    assert_eq!(period(talk.send(Event::Source(Source::Hpa, lost))), Some(Duration::from_secs(1)));
}

#[test]
fn the_totals_follow_the_target_type() {
    let mut talk = Talk::ready(false);
    talk.send(workload(5, 4, 3));
    talk.send(hpa(30_500, 4, 5));
    assert_eq!(talk.model.data.target_total(), Some(80.0));
    let (total, rounding_error) = talk.model.data.believed_total().unwrap();
    assert!((total - 122.0).abs() < 1e-9 && rounding_error > 0.0);
    let Event::Hpa(Some(mut value)) = hpa(50_000, 4, 5) else { unreachable!() };
    value.metric.as_mut().unwrap().target = ExternalTarget::Value(20_000);
    talk.send(Event::Hpa(Some(value)));
    assert_eq!(talk.model.data.target_total(), Some(20.0));
    assert_eq!(talk.model.data.believed_total(), Some((50.0, 0.0)));
}

#[test]
fn control_keys_work_everywhere() {
    let mut talk = Talk::ready(true);
    talk.keys(" ");
    let ctrl = |c| Event::Input(Input::Key(KeyEvent::new(KeyCode::Char(c), KeyModifiers::CONTROL)));
    assert!(talk.send(ctrl('z')).contains(&Effect::Suspend));
    assert!(talk.send(ctrl('l')).contains(&Effect::Redraw));
    assert!(talk.send(ctrl('c')).contains(&Effect::Quit));
    assert!(talk.send(Event::Input(Input::Resumed(90, 30))).contains(&Effect::Redraw));
    assert_eq!(talk.model.ui.size, (90, 30));
}
