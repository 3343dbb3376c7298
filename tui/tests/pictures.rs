//! The pictures of the README and of the gallery equal the screens.
//!
//! They are drawn from a recording of a burst on a sandbox, `docs/recordings/burst.surge.jsonl.gz`. After a change of a screen,
//! `cargo xtask picture` draws them again; look at them before you commit.

mod drawing;
mod shapes;

use std::path::{Path, PathBuf};
use std::time::Duration;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use dashboard::clock::{At, DayClock};
use dashboard::message::{Event, Input, Timestamped};
use dashboard::model::Model;
use dashboard::scenes::World;
use dashboard::ui::appearance::Theme;
use dashboard::update::update;
use jiff::tz::TimeZone;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use recording::reader::Recording;

use self::drawing::{DARK, Frame, LIGHT, svg};

/// Columns and rows of all pictures.
const SIZE: (u16, u16) = (120, 36);

/// The time of the run between two frames of the animation.
const EVERY: Duration = Duration::from_secs(3);

/// The time for which the animation shows a frame, in seconds, and the frames for which it shows the last one.
const FRAME_SECONDS: f32 = 0.4;
const LAST_FRAME: u32 = 8;

/// The largest size of a picture in bytes.
const MAX_BYTES: usize = 2_000_000;

fn docs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs")
}

/// A replay of the recording.
struct Replay {
    model: Model,
    events: std::vec::IntoIter<Timestamped>,
    next: Option<Timestamped>,
}

impl Replay {
    fn open(theme: Theme) -> (Self, At) {
        let recording = Recording::open(&docs().join("recordings/burst.surge.jsonl.gz")).unwrap();
        let day = DayClock::new(recording.header.started, TimeZone::UTC);
        let mut model = Model::new(day, SIZE);
        model.ui.theme = theme;
        let end = recording.end();
        let mut events = recording.events.into_iter();
        let next = events.next();
        (Self { model, events, next }, end)
    }

    fn play_until(&mut self, until: At) {
        while let Some(stamped) = self.next.take_if(|stamped| stamped.at <= until) {
            let _effects = update(&mut self.model, stamped);
            self.next = self.events.next();
        }
    }

    fn key(&mut self, code: KeyCode) {
        let at = self.model.data.now;
        let event = Event::Input(Input::Key(KeyEvent::new(code, KeyModifiers::NONE)));
        let _effects = update(&mut self.model, Timestamped { at, event });
    }
}

fn draw(model: &Model) -> Buffer {
    let area = Rect::new(0, 0, SIZE.0, SIZE.1);
    let mut buffer = Buffer::empty(area);
    tui::view::draw(model, area, &mut buffer);
    buffer
}

/// The time of the first burst.
fn burst() -> At {
    let (mut replay, end) = Replay::open(Theme::Dark);
    replay.play_until(end);
    replay.model.data.bursts.iter().next().expect("the recording has a burst").pressed
}

/// The frames of the burst: from a little before it until the recording's end.
fn frames(theme: Theme) -> Vec<Frame> {
    let (mut replay, end) = Replay::open(theme);
    let mut at = At(burst().0.saturating_sub(EVERY));
    let mut frames = Vec::new();
    while at < end {
        replay.play_until(at);
        frames.push(Frame { buffer: draw(&replay.model), steps: 1 });
        at = At(at.0 + EVERY);
    }
    frames.last_mut().expect("the recording is longer than a frame").steps = LAST_FRAME;
    frames
}

/// A screen in the middle of the burst, after these keys.
fn still(theme: Theme, keys: &str) -> Vec<Frame> {
    let (mut replay, _) = Replay::open(theme);
    replay.play_until(At(burst().0 + Duration::from_secs(33)));
    for key in keys.chars() {
        replay.key(if key == '\t' { KeyCode::Tab } else { KeyCode::Char(key) });
    }
    vec![Frame { buffer: draw(&replay.model), steps: 1 }]
}

/// A screen that the recording does not have: of a played cluster.
fn scene(name: &str) -> Vec<Frame> {
    let world = World::play(name, SIZE.0, SIZE.1).unwrap();
    vec![Frame { buffer: draw(&world.model), steps: 1 }]
}

/// Compares a picture with its file, or writes it.
fn check(name: &str, frames: &[Frame], palette: &drawing::Palette, description: &str) {
    let picture = svg(frames, palette, FRAME_SECONDS, description);
    assert!(picture.len() < MAX_BYTES, "{name} has {} bytes", picture.len());
    let path = docs().join("pictures").join(name);
    if std::env::var("INSTA_UPDATE").is_ok_and(|value| value == "always") {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, picture).unwrap();
        return;
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(committed == picture, "docs/pictures/{name} no longer matches the screen: cargo xtask picture");
}

#[test]
fn the_animation_matches_the_screens() {
    const DESCRIPTION: &str = "The dashboard while a burst fills the queue and the HPA adds workers";
    check("burst-dark.svg", &frames(Theme::Dark), &DARK, DESCRIPTION);
    check("burst-light.svg", &frames(Theme::Light), &LIGHT, DESCRIPTION);
}

#[test]
fn the_still_pictures_match_the_screens() {
    const OVERVIEW: &str = "The dashboard while a burst drains";
    check("overview-dark.svg", &still(Theme::Dark, ""), &DARK, OVERVIEW);
    check("overview-light.svg", &still(Theme::Light, ""), &LIGHT, OVERVIEW);
    for (name, keys, description) in [
        ("pods.svg", "\t", "The screen Pods"),
        ("decision.svg", "\t\t", "The screen Decision"),
        ("runs.svg", "\t\t\t", "The screen Runs"),
        ("logs.svg", "L", "The screen Logs"),
        ("help.svg", "?", "The help"),
    ] {
        check(name, &still(Theme::Dark, keys), &DARK, description);
    }
    for (name, scene_name, description) in
        [("doctor.svg", "doctor_failing", "The screen Doctor"), ("fleet.svg", "fleet", "The screen Fleet")]
    {
        check(name, &scene(scene_name), &DARK, description);
    }
}
