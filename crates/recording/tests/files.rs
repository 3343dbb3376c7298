//! Files: compressed, killed, rotated, in the middle of a run.

use std::fs;
use std::io::Cursor;
use std::path::Path;
use std::sync::OnceLock;

use dashboard::clock::At;
use dashboard::data::Data;
use dashboard::message::Timestamped;
use dashboard::model::Model;
use dashboard::scenes::World;
use dashboard::update::update;
use observed::Role;
use proptest::prelude::*;
use recording::reader::Recording;
use recording::writer::{Settings, Writer, old_path};

use crate::round_trip::{read, written};

fn world(seconds: u64) -> World {
    let mut world = World::new(80, 24);
    world.ready();
    world.run(5);
    world.keys("3 ");
    world.run(seconds);
    world
}

fn settings() -> Settings {
    Settings::new("2026-03-04T14:00:00Z".parse().unwrap(), "0.1.0")
}

fn write(path: &Path, settings: Settings, events: &[Timestamped]) -> u64 {
    let mut writer = Writer::create(path, settings).unwrap();
    for event in events {
        writer.write(event).unwrap();
    }
    writer.finish().unwrap()
}

fn model(events: &[Timestamped]) -> Data {
    let day =
        dashboard::clock::DayClock::new("2026-03-04T14:00:00Z".parse().unwrap(), jiff::tz::TimeZone::UTC);
    let mut model = Model::new(day, (80, 24));
    for event in events {
        let _dropped = update(&mut model, event.clone());
    }
    model.data
}

#[test]
fn a_file_holds_all_events() {
    let folder = tempfile::tempdir().unwrap();
    let world = world(40);
    let mut sizes = Vec::new();
    for name in ["run.surge.jsonl", "run.surge.jsonl.gz"] {
        let path = folder.path().join(name);
        let bytes = write(&path, settings(), &world.recorded);
        assert_eq!(bytes, fs::metadata(&path).unwrap().len(), "{name}");
        sizes.push(bytes);
        let recording = Recording::open(&path).unwrap();
        assert!(recording.events == world.recorded, "{name}");
        assert_eq!(recording.damage.sentences(), [""; 0], "{name}");
        let again = Writer::create(&path, settings()).unwrap_err().to_string();
        assert!(again.ends_with("exists already: choose another name, or remove it"), "{again}");
    }
    assert!(sizes[1] * 5 < sizes[0], "{sizes:?}");
}

#[test]
fn a_killed_recorder_leaves_a_readable_file() {
    let folder = tempfile::tempdir().unwrap();
    let world = world(40);
    for name in ["run.surge.jsonl", "run.surge.jsonl.gz"] {
        let path = folder.path().join(name);
        let mut writer = Writer::create(&path, settings()).unwrap();
        for event in &world.recorded {
            writer.write(event).unwrap();
        }
        let end = world.recorded.last().unwrap().at;
        let killed = Recording::open(&path).unwrap();
        assert!(end.since(killed.end()).as_secs() <= 2, "{name}: {:?} of {end:?}", killed.end());
        assert!(world.recorded.starts_with(&killed.events), "{name}");
        // What a kill leaves in the buffers must not be lost by the test.
        writer.finish().unwrap();
    }
}

#[test]
fn a_rotated_recording_keeps_its_newest_part() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.surge.jsonl");
    let world = world(120);
    let most = 120_000;
    let bytes = write(&path, Settings { max_size: Some(most), ..settings() }, &world.recorded);
    let old = old_path(&path);
    let sum = [&path, &old].map(|path| fs::metadata(path).unwrap().len()).iter().sum::<u64>();
    assert_eq!(bytes, sum);
    assert!(sum <= most + 20_000, "{sum}");
    let (first, second) = (Recording::open(&old).unwrap(), Recording::open(&path).unwrap());
    assert_eq!(first.end(), second.start());
    assert!(second.header.from > At::default());
    assert!(second.header.hpa.is_some());
    let live = world.model.data;
    let replayed = model(&second.events);
    assert_eq!(
        (&replayed.hpa, &replayed.workload, replayed.depth, &replayed.watched.target),
        (&live.hpa, &live.workload, live.depth, &live.watched.target)
    );
    let pods = |data: &Data| {
        let mut uids: Vec<_> = data.pods.of(Role::Worker).iter().map(|known| known.pod.uid.clone()).collect();
        uids.sort();
        uids
    };
    assert_eq!(pods(&replayed), pods(&live));
}

#[test]
fn a_full_disk_is_a_sentence() {
    let full = Path::new("/dev/full");
    if !full.exists() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("no/run.surge.jsonl");
    let sentence = Writer::create(&missing, settings()).unwrap_err().to_string();
    assert!(sentence.contains("creating") && sentence.contains("No such file"), "{sentence}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn any_prefix_of_a_recording_is_a_recording(cut in 0.0..1.0f64, is_compressed: bool) {
        static WORLD: OnceLock<(Vec<Timestamped>, String)> = OnceLock::new();
        let (recorded, text) = WORLD.get_or_init(|| {
            let world = world(10);
            let text = written(&world.recorded);
            (world.recorded, text)
        });
        let mut bytes = text.clone().into_bytes();
        let header = bytes.iter().position(|byte| *byte == b'\n').unwrap();
        if is_compressed {
            use std::io::Write as _;
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            for line in bytes.split_inclusive(|byte| *byte == b'\n') {
                encoder.write_all(line).unwrap();
                encoder.flush().unwrap();
            }
            let compressed = encoder.finish().unwrap();
            let cut = (compressed.len() as f64 * cut) as usize;
            match Recording::of(Cursor::new(compressed[..cut].to_vec())) {
                Ok(recording) => prop_assert!(recorded.starts_with(&recording.events)),
                Err(error) => prop_assert!(cut <= header + 100, "{cut}: {error}"),
            }
        } else {
            let cut = (bytes.len() as f64 * cut) as usize;
            bytes.truncate(cut);
            let lines = bytes.iter().filter(|byte| **byte == b'\n').count();
            match Recording::of(Cursor::new(bytes)) {
                Ok(recording) => {
                    prop_assert!(recorded.starts_with(&recording.events));
                    prop_assert!(recording.events.len() + 1 >= lines);
                    prop_assert_eq!(recording.damage.unreadable, 0);
                }
                Err(error) => prop_assert!(cut < header, "{cut}: {error}"),
            }
        }
    }
}

#[test]
fn cut_inside_a_number_is_no_other_number() {
    let world = world(2);
    let text = written(&world.recorded);
    let torn = &text[..text.len() - 1];
    // The last line is complete without its newline.
    assert_eq!(read(torn.to_owned()).events.len(), world.recorded.len());
    assert!(read(text[..text.len() - 2].to_owned()).damage.is_torn);
}
