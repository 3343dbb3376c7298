//! A replay of the dashboard as an asciicast, version 3: newline-delimited JSON with the bytes that a terminal gets.
//!
//! Source: asciinema's documentation, "asciicast v3". The intervals are those of the run, so a player shows it in real time.

use std::io::{self, Write};
use std::time::Duration;

use dashboard::clock::DayClock;
use dashboard::model::Model;
use dashboard::session::{Motion, Session};
use dashboard::update::update;
use recording::player::Player;
use serde_json::json;

use crate::terminal::Terminal;
use crate::view;

/// The time between two frames.
const FRAME: Duration = Duration::from_millis(250);

/// Writes the frames of a replay from its position on, at its speed. `day` is the clock of the recorded run. Returns the number
/// of frames that differ from the one before.
///
/// # Errors
/// Fails if `out` cannot be written.
pub fn write(out: &mut impl Write, mut player: Player, day: DayClock, size: (u16, u16)) -> io::Result<usize> {
    let header = json!({
        "version": 3,
        "term": {"cols": size.0, "rows": size.1, "type": "xterm-256color"},
        "timestamp": day.timestamp(player.state().start).as_second(),
        "title": player.state().name,
    });
    writeln!(out, "{header}")?;
    let mut model = Model::new(day, size);
    model.data = player.data().clone();
    let mut terminal = Terminal::pretend(Vec::new(), size);
    let (mut waited, mut frames) = (Duration::ZERO, 0);
    loop {
        model.session = Session::Replay(player.state().clone());
        terminal.draw(|area, buffer| view::draw(&model, area, buffer))?;
        let bytes = std::mem::take(terminal.writer());
        if !bytes.is_empty() {
            writeln!(out, "{}", json!([waited.as_secs_f64(), "o", String::from_utf8_lossy(&bytes)]))?;
            (waited, frames) = (Duration::ZERO, frames + 1);
        }
        if player.state().motion == Motion::Ended {
            writeln!(out, "{}", json!([waited.as_secs_f64(), "x", "0"]))?;
            return Ok(frames);
        }
        for stamped in player.advance(FRAME) {
            // A replay has no cluster to carry the effects out on.
            let _effects = update(&mut model, stamped);
        }
        waited += FRAME;
    }
}

#[cfg(test)]
mod tests {
    use dashboard::clock::At;
    use dashboard::message::{Event, Timestamped};
    use dashboard::reported::{Target, TargetEvent};
    use jiff::Timestamp;
    use jiff::tz::TimeZone;
    use observed::DepthSample;
    use recording::format::Header;
    use recording::reader::{Damage, Recording};
    use serde_json::Value;

    use super::*;

    #[test]
    fn a_cast_has_a_header_and_relative_intervals() {
        let target = Target {
            title: "kind-demo".to_owned(),
            reason: String::new(),
            namespace: "demo".to_owned(),
            version: None,
            confirm_first_burst: false,
            sync_period: None,
            first_burst: None,
        };
        let depth = |ready| {
            Event::Depth(DepthSample { ready, unacked: 0, consumers: None, staleness: Duration::ZERO })
        };
        let at = |ms, event| Timestamped { at: At(Duration::from_millis(ms)), event };
        let events = vec![
            at(0, Event::Target(TargetEvent::Chosen(target))),
            at(0, Event::Target(TargetEvent::Ready)),
            at(100, depth(7)),
            at(2_600, depth(4_321)),
        ];
        let started = Timestamp::from_second(1_800_000_000).unwrap();
        let day = DayClock::new(started, TimeZone::UTC);
        let recording = Recording { header: Header::new(started), events, damage: Damage::default() };
        let player = Player::new(recording, "spike".to_owned(), day.clone(), 1.0);
        let mut out = Vec::new();
        let frames = write(&mut out, player, day, (80, 24)).unwrap();
        let text = String::from_utf8(out).unwrap();
        let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines[0]["version"], 3);
        assert_eq!((&lines[0]["term"]["cols"], &lines[0]["timestamp"]), (&80.into(), &1_800_000_000.into()));
        let (last, output) = lines[1..].split_last().unwrap();
        assert_eq!((last[1].as_str(), output.len()), (Some("x"), frames));
        let time: f64 = output.iter().map(|line| line[0].as_f64().unwrap()).sum();
        assert!((time - 2.75).abs() < 0.01, "the last frame is at 2.75 s: {time}");
        let mut screen = testkit::vt100::Parser::new(24.try_into().unwrap(), 80.try_into().unwrap(), 0);
        for line in output {
            screen.process(line[2].as_str().unwrap().as_bytes());
        }
        assert!(screen.screen().contents().contains("4,321"), "{}", screen.screen().contents());
    }
}
