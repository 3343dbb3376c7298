//! Recordings with the real program: recorded on a sandbox, replayed in a pseudo-terminal, tried with other settings.

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use dashboard::clock::{At, Clock};
use dashboard::data::Data;
use dashboard::message::{Event, Request};
use dashboard::model::Model;
use dashboard::update::update;
use recording::reader::Recording;
use recording::writer::{Settings, Writer};
use rustix::process::Signal;
use testkit::pty::Pty;
use testkit::wait;
use tui::headless::{self, Dashboard};
use tui::source::recorder;

use crate::sandboxed::{SURGE, Sandbox, signal};

/// A generous limit, because other tests use the machine.
const LONG: Duration = Duration::from_secs(90);

/// Columns and rows.
const SIZE: (u16, u16) = (160, 50);

/// The program in a folder of its own.
struct Program {
    pty: Pty,
}

impl Program {
    fn start(folder: &Path, arguments: &str) -> Self {
        let place = folder.to_str().unwrap();
        let environment =
            [("XDG_RUNTIME_DIR", place), ("TMPDIR", place), ("HOME", place), ("KUBECONFIG", "")];
        let command = format!("cd {place} && exec {SURGE} {arguments}");
        Self { pty: Pty::spawn("/bin/sh", &["-c", &command], &environment, SIZE).unwrap() }
    }

    fn wait(&self, wanted: &str) {
        let began = Instant::now();
        while !self.pty.screen().contains(wanted) {
            assert!(began.elapsed() < LONG, "waited {LONG:?} for {wanted:?}:\n{}", self.pty.screen());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn expect(&mut self, keys: &str, wanted: &str) {
        self.pty.send(keys).unwrap();
        self.wait(wanted);
    }

    fn quit(mut self) {
        self.pty.send("q").unwrap();
        assert_eq!(self.pty.exit_code(), 0);
    }
}

fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(SURGE);
    command
        .args(arguments)
        .current_dir(folder)
        .env("KUBECONFIG", "")
        .envs(["XDG_RUNTIME_DIR", "TMPDIR", "HOME"].map(|name| (name, folder)));
    command
}

fn surge(folder: &Path, arguments: &[&str]) -> Output {
    command(folder, arguments).output().unwrap()
}

fn files(folder: &Path, end: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.to_string_lossy().ends_with(end)).collect()
}

#[test]
fn a_run_is_recorded_and_replayed() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let mut live = Program::start(
        folder,
        "--sandbox --sync-period 1s --work-duration 400ms --max 3 --record run.surge.jsonl",
    );
    // The title of the panel once the HPA is read: the steps of the start say "1 ready", too.
    live.wait("worker-scaler → Deployment/worker");
    live.wait("● REC");
    live.expect("2 ", "10/10 accepted");
    live.expect("M", "A note for this moment");
    live.expect("peak\r", "peak");
    live.expect("e", "saved ");
    live.quit();
    let recording = Recording::open(&folder.join("run.surge.jsonl")).unwrap();
    assert_eq!(recording.damage.sentences(), [""; 0]);
    assert_eq!(recording.header.hpa.as_ref().map(|hpa| &*hpa.name), Some("worker-scaler"));
    assert_eq!(recording.marks().iter().map(|mark| &*mark.note).collect::<Vec<_>>(), ["peak"]);
    let bursts =
        recording.events.iter().filter(|stamped| stamped.event == Event::Request(Request::Burst(10)));
    assert_eq!(bursts.count(), 1);
    let saved = files(folder, ".surge.jsonl.gz");
    assert_eq!(saved.len(), 1, "{saved:?}");
    assert_eq!(Recording::open(&saved[0]).unwrap().marks().len(), 1);

    let mut replay = Program::start(folder, "replay run.surge.jsonl --speed 100");
    replay.wait("REPLAY run 00:00:");
    replay.wait("ended");
    replay.wait("10/10 accepted");
    assert!(!replay.pty.screen().contains("● live"), "{}", replay.pty.screen());
    replay.expect("c", "a replay: nothing can be changed");
    replay.expect("g", "REPLAY run 00:00:00 of");
    replay.expect("n", "◆");
    replay.quit();
}

#[test]
fn the_key_begins_and_ends_a_recording() {
    let folder = tempfile::tempdir().unwrap();
    let mut live = Program::start(folder.path(), "--sandbox --sync-period 1s --max 3");
    // The title of the panel once the HPA is read: the steps of the start say "1 ready", too.
    live.wait("worker-scaler → Deployment/worker");
    live.expect("R", "recording to surge-");
    live.wait("● REC");
    live.expect("R", "recorded ");
    live.quit();
    let all = files(folder.path(), ".surge.jsonl");
    assert_eq!(all.len(), 1, "{all:?}");
    let recording = Recording::open(&all[0]).unwrap();
    assert!(recording.header.from.seconds() > 0.0);
    let has_hpa = recording.events.iter().any(|stamped| matches!(stamped.event, Event::Hpa(Some(_))));
    assert!(has_hpa, "it begins with the state at that moment");
}

#[test]
fn a_recording_without_a_screen_can_be_tried() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let arguments = ["record", "--sandbox", "--sync-period", "1s", "run.surge.jsonl.gz"];
    let child = command(folder, &arguments).stderr(Stdio::piped()).spawn().unwrap();
    let began = Instant::now();
    // Some syncs after the first one.
    let is_long = |recording: Recording| {
        let first = recording.events.iter().find(|stamped| matches!(stamped.event, Event::Hpa(Some(_))));
        first.is_some_and(|first| recording.end().since(first.at) > Duration::from_secs(8))
    };
    while !Recording::open(&folder.join("run.surge.jsonl.gz")).is_ok_and(is_long) {
        assert!(began.elapsed() < LONG, "no HPA is recorded within {LONG:?}");
        std::thread::sleep(Duration::from_millis(200));
    }
    signal(&child, Signal::INT);
    let recorded = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&recorded.stderr);
    assert!(recorded.status.success(), "{said}");
    assert!(
        said.contains("recording to run.surge.jsonl.gz") && said.contains("surge: recorded 00:00:"),
        "{said}"
    );
    let again = surge(folder, &arguments);
    assert_eq!(again.status.code(), Some(74));
    assert!(String::from_utf8_lossy(&again.stderr).contains("exists already"));

    let tried = |arguments: &[&str]| surge(folder, &[&["replay", "run.surge.jsonl.gz"], arguments].concat());
    let json = tried(&["--set", "target=40", "--set", "min=2", "--output", "json"]);
    let json: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(json["recorded"]["peak"], 1);
    assert_eq!(json["tried"]["peak"], 2, "{json}");
    let text = tried(&["--set", "min=2", "--output", "text"]);
    assert!(String::from_utf8_lossy(&text.stdout).contains("most replicas"), "{text:?}");
    for (setting, sentence) in [("behaviour=1", "is no field"), ("target", "is not FIELD=VALUE")] {
        let refused = tried(&["--set", setting, "--output", "text"]);
        assert_eq!(refused.status.code(), Some(2));
        assert!(String::from_utf8_lossy(&refused.stderr).contains(sentence), "{refused:?}");
    }
    let no_terminal = tried(&[]);
    assert_eq!(no_terminal.status.code(), Some(2), "{no_terminal:?}");
    let missing = surge(folder, &["replay", "no.surge.jsonl"]);
    assert_eq!(missing.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&missing.stderr).contains("opening no.surge.jsonl failed"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replay_has_the_data_of_every_second() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.surge.jsonl");
    let sandbox = Sandbox::with(&["--sync-period", "1s", "--work-duration", "400ms", "--max", "3"]);
    let client = headless::client(&sandbox.kubeconfig()).await.unwrap();
    let dashboard =
        Dashboard::start_with(client, Clock::start(), contract::names::NAMESPACE, |outbox, day| {
            let settings = Settings::new(day.timestamp(At::default()), "test");
            let writer = Writer::create(&path, settings.clone()).unwrap();
            recorder::start(settings, Some(writer), outbox).0
        });
    dashboard.ready().await;
    wait::until_within(LONG, "a ready worker", async || {
        dashboard.read(|model| model.data.workload.get().is_some_and(|it| it.ready == 1)).then_some(())
    })
    .await;
    dashboard.keys("2 z4+ M").await;
    // The data of the live run, once a second.
    let live: RefCell<Vec<Data>> = RefCell::default();
    wait::until_within(LONG, "twelve seconds with two bursts", async || {
        let data = dashboard.read(|model| model.data.clone());
        let mut live = live.borrow_mut();
        let is_done = live.len() >= 12 && data.bursts.fired() == 2;
        if live.last().is_none_or(|last| last.now.0.as_secs() < data.now.0.as_secs()) {
            live.push(data);
        }
        is_done.then_some(())
    })
    .await;
    let live = live.into_inner();
    // The recorder may be a moment behind.
    let last = live.last().unwrap().now;
    let read = async || Some(Recording::open(&path).ok()?).filter(|recording| recording.end() > last);
    let recording = wait::until_within(LONG, "the recorder to catch up", read).await;
    let mut model = Model::new(live[0].day.clone(), (80, 24));
    let mut wanted = live.iter().enumerate().peekable();
    for stamped in recording.events {
        let _dropped = update(&mut model, stamped);
        // Reports of the recorder itself are not recorded: they only move the time.
        let now = model.data.now;
        while wanted
            .next_if(|(_, live)| {
                model.data.now = live.now;
                live.now >= now && **live == model.data
            })
            .is_some()
        {}
        model.data.now = now;
    }
    let missing = wanted.next().map(|(second, data)| (second, data.now));
    assert_eq!(missing, None, "the replay never had the data of this second, of {}", live.len());
}
