//! The last hours in memory, and redacted recordings.

use dashboard::clock::At;
use dashboard::message::{Event, Request, Timestamped};
use dashboard::scenes::World;
use dashboard::strings::sentences::size;
use recording::memory::Memory;
use recording::reader::Recording;
use recording::writer::{Lines, Settings};
use std::time::Duration;

use crate::round_trip::{played, read};

fn settings() -> Settings {
    Settings::new("2026-03-04T14:00:00Z".parse().unwrap(), "0.1.0")
}

fn world() -> World {
    let mut world = World::new(80, 24);
    world.ready();
    world.run(20);
    world.keys("3 ");
    world.run(60);
    world
}

#[test]
fn the_memory_is_saved_after_the_fact() {
    let folder = tempfile::tempdir().unwrap();
    let world = world();
    let mut memory = Memory::new(settings());
    for stamped in &world.recorded {
        memory.take(stamped);
    }
    for name in ["one.surge.jsonl", "two.surge.jsonl.gz"] {
        let path = folder.path().join(name);
        let bytes = memory.save(&path).unwrap();
        assert_eq!(bytes, std::fs::metadata(&path).unwrap().len());
        let saved = Recording::open(&path).unwrap();
        assert!(saved.events == world.recorded, "{name}");
        assert!(saved.header.hpa.is_some() && saved.header.from == At::default());
    }
}

#[test]
fn the_memory_forgets_what_is_older_than_ten_hours() {
    let folder = tempfile::tempdir().unwrap();
    let world = world();
    let mut memory = Memory::new(settings());
    for stamped in &world.recorded {
        memory.take(stamped);
    }
    // Twelve hours of ticks, one a minute.
    for minute in 2..720 {
        memory.take(&Timestamped { at: At(Duration::from_secs(minute * 60)), event: Event::Tick });
    }
    let begins = memory.start().0.as_secs();
    assert!((6_600..=7_200).contains(&begins), "{begins}");
    assert!(memory.bytes() < 200_000, "{}", size(memory.bytes() as u64));
    let path = folder.path().join("late.surge.jsonl");
    memory.save(&path).unwrap();
    let saved = Recording::open(&path).unwrap();
    assert_eq!((saved.start(), saved.damage.sentences().len()), (memory.start(), 0));
    let has = |found: &dyn Fn(&Event) -> bool| saved.events.iter().any(|stamped| found(&stamped.event));
    assert!(has(&|event| matches!(event, Event::Hpa(Some(_)))), "the state at its beginning");
    assert!(has(&|event| matches!(event, Event::Pods(_))));
    assert!(saved.events.iter().all(|stamped| stamped.at >= saved.start()));
}

#[test]
fn a_redacted_recording_has_no_names_and_no_free_text() {
    for scene in played() {
        let pods: Vec<&str> = scene.data.lanes.iter().map(|lane| lane.name.as_str()).collect();
        let note = format!("look at {}", pods.first().unwrap_or(&"it"));
        let at = scene.recorded.last().map_or(At::default(), |stamped| stamped.at);
        let mark = Timestamped { at, event: Event::Request(Request::Mark(note)) };
        let mut lines = Lines::new(Settings { redact: true, ..settings() });
        let mut text: String =
            scene.recorded.iter().chain([&mark]).map(|stamped| lines.take(stamped)).collect();
        text.push_str(&lines.release());
        for name in pods.into_iter().chain(["kubeconfig", "New size", "node-a", "Created pod"]) {
            let line = text.lines().find(|line| line.contains(name)).unwrap_or_default();
            assert!(line.is_empty(), "{}: {name} in {line}", scene.name);
        }
        let redacted = read(text);
        assert!(redacted.header.redacted);
        assert_eq!(redacted.damage.sentences(), [""; 0], "{}", scene.name);
        assert_eq!(redacted.events.len(), scene.recorded.len() + 1, "{}", scene.name);
    }
}
