//! A model that takes a recording's events is the same as the one that was recorded, at every moment.

use std::collections::BTreeSet;
use std::io::Cursor;
use std::sync::OnceLock;

use dashboard::clock::DayClock;
use dashboard::data::Data;
use dashboard::message::{Event, Request, Timestamped};
use dashboard::model::Model;
use dashboard::scenes::{self, World};
use dashboard::update::update;
use jiff::tz::TimeZone;
use recording::format::{Header, Line};
use recording::reader::{Damage, Recording};
use recording::writer::{Lines, Settings};

/// A scene of the dashboard, played once for all tests.
pub(crate) struct Played {
    pub(crate) name: &'static str,
    /// The events that a recording holds.
    pub(crate) recorded: Vec<Timestamped>,
    /// The data of the model that took them.
    pub(crate) data: Data,
}

/// All scenes. Threads share the work, because it takes most of the time of these tests.
pub(crate) fn played() -> &'static [Played] {
    static PLAYED: OnceLock<Vec<Played>> = OnceLock::new();
    PLAYED.get_or_init(|| {
        let play = |name: &&'static str| {
            let world = World::play(name, 80, 24).unwrap();
            Played { name, recorded: world.recorded, data: world.model.data }
        };
        let names = scenes::all();
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        std::thread::scope(|scope| {
            let chunks = names.chunks(names.len().div_ceil(threads));
            let playing: Vec<_> =
                chunks.map(|names| scope.spawn(move || names.iter().map(play).collect::<Vec<_>>())).collect();
            playing.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
        })
    })
}

/// Events as a recording.
pub(crate) fn written(events: &[Timestamped]) -> String {
    let mut lines = Lines::new(Settings::new("2026-03-04T14:00:00Z".parse().unwrap(), "0.1.0"));
    let mut text: String = events.iter().map(|stamped| lines.take(stamped)).collect();
    text.push_str(&lines.release());
    text
}

pub(crate) fn read(text: String) -> Recording {
    Recording::of(Cursor::new(text)).unwrap()
}

fn model(header: &Header) -> Model {
    Model::new(DayClock::new(header.started, TimeZone::UTC), (80, 24))
}

/// Returns true if both are the same but for the time. The reports about other HPAs are not recorded; they only move the time.
fn is_same(replayed: &Data, live: &Data) -> bool {
    let mut replayed = replayed.clone();
    replayed.now = live.now;
    replayed == *live
}

#[test]
fn every_scene_comes_back() {
    let mut kinds = BTreeSet::new();
    for scene in played() {
        let recording = read(written(&scene.recorded));
        assert_eq!(recording.damage, Damage::default(), "{}", scene.name);
        assert!(recording.events == scene.recorded, "{}: the events differ", scene.name);
        kinds.extend(scene.recorded.iter().filter_map(|stamped| Some(Line::of(stamped)?.kind)));
        let (end, mut model) = (recording.end(), model(&recording.header));
        for stamped in recording.events {
            let _dropped = update(&mut model, stamped);
        }
        assert!(model.data.now >= end, "{}", scene.name);
        // The scene's own model took keys, where the replay took requests.
        assert!(is_same(&model.data, &scene.data), "{}: keys changed the data without a request", scene.name);
    }
    // A scene that exercises each kind keeps this test honest.
    for kind in ["hpa", "workload", "pods", "event", "depth", "metric", "scraped", "burst", "job", "request"]
    {
        assert!(kinds.contains(kind), "no scene has {kind}: {kinds:?}");
    }
}

#[test]
fn a_run_comes_back_at_every_second() {
    let mut world = World::new(80, 24);
    world.ready();
    // The data of the live model after each second, with the number of events that it had taken.
    let mut live = Vec::new();
    for second in 0..150 {
        match second {
            5 => world.burst(200),
            20 => world.keys("3 z4+ "),
            30 => world.send(Event::Request(Request::Mark("half".to_owned()))),
            _ => {}
        }
        world.run(1);
        live.push((world.recorded.len(), world.model.data.clone()));
    }
    assert!(live.iter().any(|(_, data)| data.replicas() > Some(1)), "it scales");
    let recording = read(written(&world.recorded));
    let (mut model, mut taken) = (model(&recording.header), 0);
    for (second, (count, live)) in live.iter().enumerate() {
        for stamped in &recording.events[taken..*count] {
            let _dropped = update(&mut model, stamped.clone());
        }
        taken = *count;
        assert!(is_same(&model.data, live), "the data differs at second {second}");
    }
}
