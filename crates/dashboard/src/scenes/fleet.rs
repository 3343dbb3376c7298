//! Scenes of the screen Fleet.

use std::time::Duration;

use crate::clock::At;
use crate::message::Event;
use crate::reported::{FleetEvent, Place, PlaceKind, Source, SourceState, Target, TargetEvent};
use explain::figure::Unit;
use explain::fleet::{Amount, MetricRow, Number, Row, Verdict};
use hpa::spec::Direction;

use super::{Scene, World};

/// The scenes of this file.
pub const SCENES: &[Scene] = &[
    ("fleet", "a dozen HPAs with each kind of verdict, synced every 15 s"),
    ("fleet_reading", "the list is not there yet"),
    ("fleet_none", "a cluster without an HPA"),
    ("fleet_one", "one HPA, in a namespace, because the user may not list all"),
    ("fleet_thousand", "a thousand HPAs, the choice near the end"),
    ("fleet_lost", "the watch is lost"),
    ("fleet_open", "the list while an HPA is open"),
    ("fleet_contexts", "the dialog with contexts"),
    ("fleet_namespaces_refused", "the dialog with namespaces that may not be listed"),
];

/// Plays the scene of that name, in a window of that size.
pub(crate) fn play(scene: &str, columns: u16, rows: u16) -> Option<World> {
    let mut world = World::new(columns, rows);
    if scene == "fleet_open" {
        world.ready();
        world.run(10);
        world.keys("H");
    } else {
        alone(&mut world);
    }
    let (namespace, note) = match scene {
        "fleet_one" => (Some("payments".to_owned()), "no right to list all namespaces".to_owned()),
        _ => (None, String::new()),
    };
    world.send(Event::Fleet(FleetEvent::Began { namespace, note }));
    let list = |rows| Event::Fleet(FleetEvent::Listed(rows));
    match scene {
        "fleet_reading" => {}
        "fleet_none" => world.send(list(Vec::new())),
        "fleet_one" => world.send(list(vec![dozen(&world).swap_remove(1)])),
        "fleet_thousand" => {
            world.send(list(thousand(&world)));
            world.press(crossterm::event::KeyCode::End);
            (0..3).for_each(|_| world.press(crossterm::event::KeyCode::Up));
        }
        "fleet" | "fleet_open" | "fleet_contexts" | "fleet_namespaces_refused" | "fleet_lost" => {
            world.send(list(dozen(&world)));
            syncs(&mut world);
        }
        _ => return None,
    }
    world.send(Event::Source(Source::Fleet, SourceState::Live));
    match scene {
        "fleet_lost" => {
            let cause = "watching the HPAs of all namespaces: connection refused".to_owned();
            let next = At(Duration::from_secs(90));
            world.send(Event::Source(Source::Fleet, SourceState::Retrying { cause, next }));
        }
        "fleet_contexts" => {
            world.keys("C");
            let place = |name: &str, server: &str, is_current| Place {
                name: Some(name.to_owned()),
                server: server.to_owned(),
                is_current,
            };
            let places = vec![
                place("kind-demo", "https://127.0.0.1:6443/", true),
                place("production", "https://api.production.example.com:6443/", false),
                place("staging", "https://api.staging.example.com:6443/", false),
            ];
            world.send(Event::Fleet(FleetEvent::Places(PlaceKind::Context, Ok(places))));
        }
        "fleet_namespaces_refused" => {
            world.keys("N");
            let why = "namespaces is forbidden: User \"ada\" cannot list it (403); start with: surge -n NAME";
            world.send(Event::Fleet(FleetEvent::Places(PlaceKind::Namespace, Err(why.to_owned()))));
        }
        _ => {}
    }
    Some(world)
}

/// A cluster with HPAs and without the demo.
fn alone(world: &mut World) {
    world.send(Event::Fleet(FleetEvent::Alone));
    world.send(Event::Target(TargetEvent::Chosen(Target {
        title: "kind-demo".to_owned(),
        reason: "no demo here; surge --sandbox starts one".to_owned(),
        namespace: String::new(),
        version: Some("v1.34.4".to_owned()),
        confirm_first_burst: true,
        sync_period: None,
        first_burst: None,
    })));
    world.send(Event::Target(TargetEvent::Ready));
}

/// Plays some syncs of the HPA of the namespace `web`, whose CPU changes with each.
fn syncs(world: &mut World) {
    for percent in [71, 73, 70, 72] {
        world.ms += 15_010;
        let mut row = dozen(world).swap_remove(0);
        row.metrics[0].reading = Some(Amount::Percent(percent));
        world.send(Event::Fleet(FleetEvent::Applied(Box::new(row))));
    }
}

fn metric(name: &str, reading: Option<Amount>, target: Amount) -> MetricRow {
    MetricRow {
        kind: "Resource".to_owned(),
        name: name.to_owned(),
        short_name: name.to_owned(),
        reading,
        target: Some(target),
        failed: reading.is_none(),
    }
}

fn cpu(percent: i32) -> MetricRow {
    metric("cpu", Some(Amount::Percent(percent)), Amount::Percent(80))
}

fn number(milli: i64) -> Number {
    Number { milli, unit: Unit::Number }
}

fn row(
    world: &World,
    (namespace, name): (&str, &str),
    size: i32,
    metric: MetricRow,
    verdict: Verdict,
) -> Row {
    Row {
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        target: ("Deployment".to_owned(), name.to_owned()),
        winner: metric.reading.is_some().then_some(0),
        metrics: vec![metric],
        current: Some(size),
        desired: Some(size),
        wants: None,
        min: 1,
        max: 10,
        last_scale: world.stamp(0).and_then(|start| start.checked_sub(Duration::from_secs(260)).ok()),
        created: world.stamp(0).and_then(|start| start.checked_sub(Duration::from_secs(9_000)).ok()),
        scaled_object: None,
        verdict,
    }
}

/// A dozen HPAs with each kind of verdict.
fn dozen(world: &World) -> Vec<Row> {
    let row = |place, size, metric, verdict| row(world, place, size, metric, verdict);
    let message = "failed to get cpu utilization: unable to get metrics for resource cpu: no metrics returned from \
        resource metrics API";
    let unreadable = Verdict::Unreadable {
        metrics: vec!["cpu".to_owned()],
        only_down: false,
        message: message.to_owned(),
    };
    let depth =
        |reading: i64| metric("depth", Some(Amount::PerPod(number(reading))), Amount::PerPod(number(20_000)));
    let both = |mut row: Row| {
        row.metrics.push(metric("memory", None, Amount::Percent(70)));
        row
    };
    vec![
        row(("web", "frontend"), 3, cpu(72), Verdict::Steady),
        Row { wants: Some(17), ..row(("payments", "api"), 10, cpu(130), Verdict::AtMax) },
        row(("payments", "ledger"), 2, metric("cpu", None, Amount::Percent(80)), unreadable),
        Row { desired: Some(5), ..row(("web", "search"), 3, cpu(128), Verdict::Scaling(Direction::Up)) },
        Row { wants: Some(3), ..row(("web", "images"), 9, cpu(21), Verdict::HeldByWindow(Direction::Down)) },
        row(("batch", "orders-worker"), 0, depth(0), Verdict::ScaledToZero { by_keda: true }),
        row(("batch", "mail-worker"), 1, depth(3_000), Verdict::AtMin),
        both(row(
            ("payments", "fraud-detection-with-a-long-name"),
            4,
            cpu(77),
            Verdict::Unreadable {
                metrics: vec!["memory".to_owned()],
                only_down: true,
                message: String::new(),
            },
        )),
        row(("legacy", "monolith"), 2, cpu(40), Verdict::TargetMissing),
        Row {
            current: None,
            desired: None,
            last_scale: None,
            ..row(
                ("web", "new"),
                0,
                metric("cpu", None, Amount::Percent(80)),
                Verdict::NotSynced { since: world.stamp(0) },
            )
        },
        row(("legacy", "reports"), 0, cpu(0), Verdict::Paused),
        Row { min: 3, max: 3, ..row(("legacy", "cache"), 3, cpu(95), Verdict::Fixed) },
    ]
}

fn thousand(world: &World) -> Vec<Row> {
    (0..1_000)
        .map(|index| {
            let (namespace, name) = (format!("team-{:02}", index % 40), format!("service-{index:04}"));
            let percent = 40 + index % 60;
            let verdict = if percent > 90 { Verdict::AtMax } else { Verdict::Steady };
            row(world, (&namespace, &name), 1 + index % 10, cpu(percent), verdict)
        })
        .collect()
}
