//! The format stays readable: recordings of earlier versions, the schema, unknown kinds and versions.

use std::collections::HashSet;
use std::io::Cursor;

use dashboard::scenes::World;
use recording::reader::{Reader, Recording};

use crate::round_trip::{played, read, written};

const HEADER: &str = r#"{"format":"surge-recording","version":"1.0","started":"2026-03-04T14:00:00Z"}"#;

fn refusal(text: &str) -> String {
    Recording::of(Cursor::new(text.to_owned())).unwrap_err().to_string()
}

#[test]
fn a_recording_of_version_1_0_stays_readable() {
    let golden = include_str!("data/version-1.0.surge.jsonl");
    let recording = read(golden.to_owned());
    assert_eq!(recording.damage.sentences(), [""; 0]);
    assert_eq!(recording.events.len(), golden.lines().count() - 1);
    assert_eq!(recording.header.kubernetes.as_deref(), Some("v1.34"));
    assert_eq!(recording.header.hpa.as_ref().map(|hpa| &*hpa.name), Some("worker-scaler"));
    assert!(recording.header.hpa.as_ref().is_some_and(|hpa| hpa.spec.is_some()));
    assert_eq!(recording.marks().len(), 1);
}

/// Writes the golden file of a new version: `cargo test -p recording -- --ignored write_the_golden_file`.
#[test]
#[ignore = "writes a file of the repository"]
fn write_the_golden_file() {
    let mut world = World::new(80, 24);
    world.ready();
    world.run(2);
    world.keys("2 ");
    world.run(12);
    world.send(dashboard::message::Event::Request(dashboard::message::Request::Mark("peak".to_owned())));
    world.run(8);
    std::fs::write("tests/data/version-1.0.surge.jsonl", written(&world.recorded)).unwrap();
}

#[test]
fn everything_written_matches_the_schema() {
    let mut compiler = boon::Compiler::new();
    let mut schemas = boon::Schemas::new();
    let schema = compiler.compile("../../docs/schema/recording.json", &mut schemas).unwrap();
    // The same event at another time is valid too.
    let mut valid = HashSet::new();
    for scene in played() {
        for line in written(&scene.recorded).lines() {
            let event = line.split_once(',').map_or(line, |(_time, event)| event);
            if !valid.insert(event.to_owned()) {
                continue;
            }
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            if let Err(error) = schemas.validate(&line, schema) {
                panic!("{}: {error:#}\n{line}", scene.name);
            }
        }
    }
    for wrong in [r#"[1,"depth",{"ready":"many"}]"#, r#"["1","tick",null]"#, r#"{"format":"x"}"#, "7"] {
        let wrong: serde_json::Value = serde_json::from_str(wrong).unwrap();
        assert!(schemas.validate(&wrong, schema).is_err(), "{wrong}");
    }
}

#[test]
fn other_files_are_refused_with_a_sentence() {
    for (text, sentence) in [
        ("", "the file is empty: it has no header"),
        ("hello\n", "the first line is not the header of a recording: expected value"),
        ("{\"version\":2}\n", "the first line is not the header of a recording"),
        (
            "{\"format\":\"surge-recording\",\"version\":\"2.0\"}\n",
            "the recording has version 2.0; this program reads versions 1.x: install a newer one",
        ),
        ("{\"format\":\"k6\",\"version\":\"1.0\"}\n", "its format is \"k6\""),
    ] {
        let refusal = refusal(text);
        assert!(refusal.contains(sentence), "{text:?}: {refusal}");
    }
}

#[test]
fn a_newer_minor_version_is_read_without_its_news() {
    let text = format!(
        "{}\n[1,\"weather\",{{}}]\n[2,\"tick\",null]\n[3,\"weather\",7]\n\n[4,\"tick\",null,\"more\"]\nnoise\n",
        HEADER.replace("1.0", "1.7").replace("\"started\"", "\"mood\":\"good\",\"started\"")
    );
    let recording = read(text);
    assert_eq!(recording.events.len(), 2);
    assert_eq!(
        recording.damage.sentences(),
        ["1 unreadable lines were skipped", "2 events of the unknown kind \"weather\" were skipped"]
    );
}

#[test]
fn parts_of_one_run_are_read_as_one() {
    let one = format!("{HEADER}\n[1,\"tick\",null]\n");
    let both = read(format!("{one}{HEADER}\n[2,\"tick\",null]\n"));
    assert_eq!((both.events.len(), both.damage.has_another), (2, false));
    let other = HEADER.replace("14:00", "15:00");
    let foreign = read(format!("{one}{other}\n[2,\"tick\",null]\n"));
    assert_eq!((foreign.events.len(), foreign.damage.has_another), (1, true));
}

#[test]
fn a_reader_counts_as_it_goes() {
    let text = format!("{HEADER}\n[1,\"weather\",null]\n[2,\"tick\",null]\n[3,\"ti");
    let mut reader = Reader::new(Cursor::new(text)).unwrap();
    assert!(reader.next().is_some());
    assert!(!reader.damage().is_torn);
    assert!(reader.next().is_none());
    assert!(reader.damage().is_torn);
}
