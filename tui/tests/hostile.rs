//! Hostile input: text that would drive the terminal, events in any order, and windows of any size.

use std::collections::BTreeMap;
use std::time::Duration;

use contract::{JobEvent, JobEventKind};
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use dashboard::clock::*;
use dashboard::message::*;
use dashboard::model::Model;
use dashboard::reported::*;
use dashboard::scenes::World;
use dashboard::update::update;
use jiff::Timestamp;
use observed::*;
use proptest::prelude::*;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use tui::view::ScreenLayout;
use unicode_width::UnicodeWidthStr;
use uuid::Uuid;

fn burst_id() -> contract::BurstId {
    "0-1".parse().expect("letters, digits and dashes are legal")
}

fn draw(model: &Model, columns: u16, rows: u16) -> Buffer {
    let area = Rect::new(0, 0, columns, rows);
    let mut buffer = Buffer::empty(area);
    tui::view::draw(model, area, &mut buffer);
    buffer
}

/// Returns true for a character that a terminal would obey, or that would reverse the line.
fn is_harmful(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{61c}')
}

fn check(buffer: &Buffer) {
    for (index, cell) in buffer.content.iter().enumerate() {
        let symbol = cell.symbol();
        assert!(!symbol.chars().any(is_harmful), "{symbol:?}");
        assert!(symbol.chars().count() <= 3, "{symbol:?} is a pile");
        // A wide character covers the next cell, which must be on the screen.
        let column = index % usize::from(buffer.area.width.max(1));
        assert!(column + symbol.width() <= usize::from(buffer.area.width), "{symbol:?} hangs over the edge");
    }
}

/// Text as a hostile cluster would send it.
fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        any::<String>(),
        Just("\u{1b}[2J\u{1b}[31m".to_owned()),
        Just("\u{1b}]0;owned\u{7}".to_owned()),
        Just("\u{9b}31m\u{85}\r\n\t".to_owned()),
        Just("\u{202e}dnaloof\u{2066}".to_owned()),
        Just("e\u{301}\u{301}\u{301}\u{301}\u{301}".to_owned()),
        Just("日本語テキスト".repeat(20)),
        Just("👨\u{200d}👩\u{200d}👧".to_owned()),
        Just("x".repeat(3_000)),
        "[a-z0-9-]{0,80}",
    ];
    prop::collection::vec(piece, 0..3).prop_map(|pieces| pieces.concat())
}

fn a_pod() -> impl Strategy<Value = Pod> {
    let phase = prop_oneof![
        Just(PodPhase::Pending),
        Just(PodPhase::Starting),
        Just(PodPhase::Ready),
        Just(PodPhase::Terminating),
        Just(PodPhase::Failed),
        Just(PodPhase::Completed)
    ];
    let role = prop_oneof![4 => Just(Role::Worker), 1 => Just(Role::Broker), 1 => Just(Role::Producer), 1 => Just(Role::Other)];
    (text(), 0..6_u8, role, phase, any::<i32>(), prop::option::of(text())).prop_map(
        |(name, uid, role, phase, restarts, last_exit)| Pod {
            name: name.clone(),
            uid: uid.to_string(),
            role,
            status: name,
            phase,
            restarts,
            created: None,
            scheduled: None,
            started: None,
            ready_since: None,
            last_exit,
            ..Pod::default()
        },
    )
}

fn an_hpa() -> impl Strategy<Value = Hpa> {
    let target = prop_oneof![
        any::<i64>().prop_map(ExternalTarget::AverageValue),
        any::<i64>().prop_map(ExternalTarget::Value)
    ];
    let spec = prop_oneof![
        Just(None),
        Just(Some(Box::new(dashboard::scenes::spec()))),
        Just(Some(Box::new(hpa::Spec::default()))),
    ];
    (text(), any::<(i32, i32, i32, i32)>(), target, prop::option::of(any::<i64>()), text(), spec).prop_map(
        |(name, (min, max, current, desired), target, reading_milli, message, spec)| Hpa {
            name: name.clone(),
            min,
            max,
            scaled_object: Some(name.clone()),
            metric: Some(MetricRef {
                name: "rabbitmq_queue_length".to_owned(),
                selector: hpa::spec::LabelSelector {
                    match_labels: [(name.clone(), name.clone())].into(),
                    ..Default::default()
                },
                queue: Some(name.clone()),
                target,
            }),
            spec,
            scale_target: (name.clone(), name.clone()),
            current_replicas: current,
            desired_replicas: desired,
            reading_milli,
            last_scale: None,
            conditions: vec![
                Condition {
                    kind: "ScalingActive".to_owned(),
                    status: "False".to_owned(),
                    reason: name.clone(),
                    message,
                },
                Condition {
                    kind: name.clone(),
                    status: name.clone(),
                    reason: name.clone(),
                    message: String::new(),
                },
            ],
            targets_column: name,
            current: Vec::new(),
        },
    )
}

fn a_source() -> impl Strategy<Value = Source> {
    prop::sample::select(vec![
        Source::Hpa,
        Source::Workload,
        Source::Pods,
        Source::Events,
        Source::ExternalMetric,
        Source::Broker,
        Source::Prometheus,
        Source::Producer,
        Source::Logs,
    ])
}

fn input() -> impl Strategy<Value = Input> {
    let code = prop_oneof![
        8 => prop::sample::select(" 123456+-c<>KpzZ[]0vob/twuLTm?ynjkq".chars().collect::<Vec<_>>()).prop_map(KeyCode::Char),
        2 => any::<char>().prop_map(KeyCode::Char),
        4 => prop::sample::select(vec![
            KeyCode::Tab, KeyCode::BackTab, KeyCode::Enter, KeyCode::Esc, KeyCode::Backspace, KeyCode::Up, KeyCode::Down,
            KeyCode::Left, KeyCode::Right, KeyCode::PageUp, KeyCode::PageDown, KeyCode::Home, KeyCode::End, KeyCode::F(1),
        ]),
    ];
    let modifiers = prop_oneof![9 => Just(KeyModifiers::NONE), 1 => any::<u8>().prop_map(KeyModifiers::from_bits_truncate)];
    let mouse = prop::sample::select(vec![
        MouseEventKind::ScrollUp,
        MouseEventKind::ScrollDown,
        MouseEventKind::Moved,
        MouseEventKind::Down(MouseButton::Left),
        MouseEventKind::Down(MouseButton::Right),
        MouseEventKind::Drag(MouseButton::Left),
    ]);
    // Mostly on the screen, and sometimes anywhere.
    let place = prop_oneof![4 => (0..120_u16, 0..40_u16), 1 => any::<(u16, u16)>()];
    prop_oneof![
        10 => (code, modifiers).prop_map(|(code, modifiers)| Input::Key(KeyEvent::new(code, modifiers))),
        1 => text().prop_map(Input::Paste),
        1 => (0..300_u16, 0..100_u16).prop_map(|(columns, rows)| Input::Resize(columns, rows)),
        1 => (0..300_u16, 0..100_u16).prop_map(|(columns, rows)| Input::Resumed(columns, rows)),
        3 => (mouse, place).prop_map(|(kind, (column, row))| {
            // The target is found when the event is handled.
            Input::Mouse(MouseEvent { kind, column, row, modifiers: KeyModifiers::NONE }, HitTarget::Nothing)
        }),
    ]
}

fn target() -> impl Strategy<Value = TargetEvent> {
    let step = prop_oneof![
        text().prop_map(StepState::Waiting),
        Just(StepState::Starting),
        Just(StepState::Ready),
        text().prop_map(StepState::Failed)
    ];
    prop_oneof![
        1 => text().prop_map(TargetEvent::Looking),
        1 => (text(), text(), any::<bool>()).prop_map(|(title, reason, confirm_first_burst)| {
            TargetEvent::Chosen(Target {
                title,
                reason: reason.clone(),
                namespace: reason.clone(),
                version: Some(reason),
                confirm_first_burst, sync_period: None, first_burst: None,
            })
        }),
        1 => (text(), step).prop_map(|(name, state)| TargetEvent::Step(StartStep { name, state })),
        3 => Just(TargetEvent::Ready),
        1 => (text(), text(), prop::option::of(0..100_u64)).prop_map(|(what, advice, retry)| {
            let retry = retry.map(|seconds| At(Duration::from_secs(seconds)));
            TargetEvent::Failed(Problem { what, advice, retry })
        }),
    ]
}

fn event() -> impl Strategy<Value = Event> {
    let state = prop_oneof![
        Just(SourceState::Connecting),
        Just(SourceState::Live),
        (text(), 0..100_u64)
            .prop_map(|(cause, next)| SourceState::Retrying { cause, next: At(Duration::from_secs(next)) }),
        text().prop_map(SourceState::Unavailable),
    ];
    let kind = prop::sample::select(vec![
        JobEventKind::Started,
        JobEventKind::Acked,
        JobEventKind::Requeued,
        JobEventKind::Failed,
    ]);
    prop_oneof![
        6 => input().prop_map(Event::Input),
        2 => Just(Event::Tick),
        2 => (0..50_usize).prop_map(|max_scroll| Event::Drawn { max_scroll }),
        2 => target().prop_map(Event::Target),
        2 => prop::option::of(an_hpa().prop_map(Box::new)).prop_map(Event::Hpa),
        2 => prop::option::of((text(), any::<(i32, i32, i32)>())).prop_map(|workload| {
            Event::Workload(workload.map(|(name, (spec_replicas, replicas, ready))| Workload {
                selector: hpa::spec::LabelSelector {
                    match_labels: [(name.clone(), name.clone())].into(),
                    ..Default::default()
                },
                name, spec_replicas, replicas, ready,
            }))
        }),
        2 => prop::collection::vec(a_pod(), 0..6).prop_map(|pods| Event::Pods(PodsEvent::Listed(pods))),
        2 => a_pod().prop_map(|pod| Event::Pods(PodsEvent::Applied(Box::new(pod)))),
        1 => (text(), 0..6_u8).prop_map(|(name, uid)| Event::Pods(PodsEvent::Deleted { name, uid: uid.to_string() })),
        2 => (text(), text(), any::<(bool, i32, bool)>()).prop_map(|(object, message, (warning, count, old))| {
            Event::Cluster(ClusterEvent {
                uid: object.clone(), warning, object: (object.clone(), object.clone()), reason: object,
                message, count, last_seen: None, old,
            })
        }),
        2 => (any::<u64>(), any::<u64>(), 0..20_u64).prop_map(|(ready, unacked, seconds)| {
            Event::Depth(DepthSample { ready, unacked, consumers: None, staleness: Duration::from_secs(seconds) })
        }),
        2 => prop::option::of(any::<i64>()).prop_map(|value_milli| Event::Metric(MetricSample { value_milli, stamped: None })),
        2 => prop::option::of(any::<f64>()).prop_map(|value| {
            Event::Scraped(ScrapedSample { value, scraped: None, age: Some(Duration::from_secs(3)) })
        }),
        2 => (a_source(), state).prop_map(|(source, state)| Event::Source(source, state)),
        2 => (text(), any::<(u32, u32, u32, bool)>()).prop_map(|(cause, (sent, accepted, failed, finished))| {
            Event::Burst(BurstProgress {
                id: burst_id(), size: 50, sent, accepted, failed: BTreeMap::from([(cause.clone(), failed)]),
                new_ids: Vec::new(), first_sent: Some(At::default()), first_accepted: None,
                last_accepted: Some(At::default()), waiting: Some(cause), finished,
            })
        }),
        1 => (text(), any::<(f64, u64)>()).prop_map(|(stopped, (rate, accepted))| {
            Event::Load(LoadProgress { rate, accepted, failed: BTreeMap::new(), stopped: Some(stopped) })
        }),
        2 => (text(), kind, 0..9_u128, any::<bool>()).prop_map(|(pod, kind, id, redelivered)| Event::Job {
            pod,
            event: JobEvent {
                kind, id: Some(Uuid::from_u128(id)), burst: Some(burst_id()), traceparent: None,
                at: Timestamp::UNIX_EPOCH, redelivered, wait_ms: None, work_ms: None, reason: None,
            },
        }),
        1 => (text(), text()).prop_map(|(pod, line)| Event::Log { pod, line }),
        1 => (text(), text()).prop_map(|(what, message)| Event::KillDone { attempt: what, result: Err(message) }),
        1 => Just(Event::Terminate),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn events_in_any_order_are_safe(
        events in prop::collection::vec((event(), 0..2_000_u64), 0..60),
        starts_ready in any::<bool>(),
    ) {
        let mut world = World::new(120, 40);
        if starts_ready {
            world.ready();
        }
        let mut model = world.model;
        let mut ms = 0;
        for (event, later) in events {
            ms += later;
            take(&mut model, ms, event);
        }
        for (columns, rows) in [(60, 15), (80, 24), (120, 40), (200, 50)] {
            check(&draw(&model, columns, rows));
        }
    }

    #[test]
    fn keys_and_window_sizes_are_safe(
        scene in prop::sample::select(dashboard::scenes::all().into_iter().filter(|scene| *scene != "hours").collect::<Vec<_>>()),
        inputs in prop::collection::vec((input(), 0..3_000_u64), 0..80),
        sizes in prop::collection::vec((1..260_u16, 1..80_u16), 4),
    ) {
        let mut world = World::play(scene, 120, 40).unwrap();
        let mut ms = u64::try_from(world.model.data.now.0.as_millis()).unwrap();
        for (input, later) in inputs {
            ms += later;
            take(&mut world.model, ms, Event::Input(input));
        }
        check(&draw(&world.model, 1, 1));
        for (columns, rows) in sizes {
            world.model.ui.size = (columns, rows);
            check(&draw(&world.model, columns, rows));
            for place in [(0, 0), (columns - 1, rows - 1), (columns / 2, rows / 2)] {
                let _target = layout(&world.model).hit_test(place);
            }
        }
    }
}

fn layout(model: &Model) -> ScreenLayout {
    let (columns, rows) = model.ui.size;
    ScreenLayout::new(model, Rect::new(0, 0, columns, rows))
}

/// Handles an event as the runtime does: with a hit test of the mouse's position.
fn take(model: &mut Model, ms: u64, event: Event) {
    let event = match event {
        Event::Input(Input::Mouse(mouse, _)) => {
            let target = layout(model).hit_test((mouse.column, mouse.row));
            Event::Input(Input::Mouse(mouse, target))
        }
        event => event,
    };
    let _ = update(model, Timestamped { at: At(Duration::from_millis(ms)), event });
}

#[test]
fn windows_of_any_size_are_drawn() {
    for scene in dashboard::scenes::all() {
        let world = World::play(scene, 100, 30).unwrap();
        for columns in [0, 1, 2, 59, 60, 61, 75, 99, 100, 130, 149, 150, 220, 300] {
            for rows in [0, 1, 14, 15, 16, 21, 29, 30, 37, 38, 60, 100] {
                check(&draw(&world.model, columns, rows));
            }
        }
    }
}
