//! A model that takes a recording's events is the same as the one that was recorded, at every moment.

use std::io::Cursor;

use dashboard::clock::{At, DayClock};
use dashboard::data::Data;
use dashboard::message::Timestamped;
use dashboard::model::Model;
use dashboard::scenes::{self, World};
use dashboard::update::update;
use jiff::tz::TimeZone;
use recording::format::Header;
use recording::reader::{Damage, Recording};
use recording::writer::{Lines, Settings};

/// The recorded events of a scene as a recording.
pub(crate) fn written(world: &World) -> String {
    let mut lines = Lines::new(Settings::new("2026-03-04T14:00:00Z".parse().unwrap(), "0.1.0"));
    let mut text: String = world.recorded.iter().map(|stamped| lines.take(stamped)).collect();
    text.push_str(&lines.release());
    text
}

pub(crate) fn read(text: String) -> Recording {
    Recording::of(Cursor::new(text)).unwrap()
}

/// The data after each whole second of the events.
fn data(header: &Header, events: &[Timestamped]) -> Vec<Data> {
    let mut model = Model::new(DayClock::new(header.started, TimeZone::UTC), (80, 24));
    let (mut second, mut all) = (0, Vec::new());
    for stamped in events {
        if stamped.at.0.as_secs() > second {
            second = stamped.at.0.as_secs();
            all.push(model.data.clone());
        }
        let _dropped = update(&mut model, stamped.clone());
    }
    all.push(model.data);
    all
}

/// Equality that holds for a missing value too, which a series keeps as NaN.
fn is_same(one: &Data, other: &Data) -> bool {
    one == other || format!("{one:?}") == format!("{other:?}")
}

#[test]
fn every_scene_comes_back_at_every_second() {
    let mut kinds = std::collections::BTreeSet::new();
    for scene in scenes::all() {
        let Some(world) = World::play(scene, 80, 24) else { panic!("{scene} is no scene") };
        let recording = read(written(&world));
        assert_eq!(recording.damage, Damage::default(), "{scene}");
        assert!(recording.events == world.recorded, "{scene}: the events differ");
        kinds.extend(
            world.recorded.iter().map(|stamped| {
                recording::format::Line::of(stamped).map(|line| line.kind).unwrap_or_default()
            }),
        );
        let (live, replayed) =
            (data(&recording.header, &world.recorded), data(&recording.header, &recording.events));
        assert_eq!(live.len(), replayed.len(), "{scene}");
        let differs = live.iter().zip(&replayed).position(|(live, replayed)| !is_same(live, replayed));
        assert_eq!(differs, None, "{scene}: the data differs at this second");
        let now = replayed.last().map_or(At::default(), |data| data.now);
        assert!(now >= recording.end(), "{scene}");
        // The scene's own model took keys, where the replay took requests.
        let mut last = replayed.last().unwrap().clone();
        // The reports about other HPAs are not recorded; they only move the time.
        last.now = world.model.data.now;
        assert!(is_same(&last, &world.model.data), "{scene}: keys changed the data without a request");
    }
    // A scene that exercises each kind keeps this test honest.
    for kind in ["hpa", "workload", "pods", "event", "depth", "metric", "scraped", "burst", "job", "request"]
    {
        assert!(kinds.contains(kind), "no scene has {kind}: {kinds:?}");
    }
}
