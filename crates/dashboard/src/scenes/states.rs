//! Every screen, and every panel alone, in four states: calm, busy, failing and empty.

use crate::message::*;
use crate::ui::screen::{Panel, Screen};
use crossterm::event::KeyCode;
use observed::*;

use super::{Scene, World};

/// The states, in the order of the tables below.
pub const STATES: [&str; 4] = ["calm", "busy", "failing", "empty"];

/// The scenes of each screen, in the order of the states. The ones of this file are named after both.
pub const SCREENS: [(Screen, [&str; 4]); 6] = [
    (Screen::Overview, ["idle", "draining", "errors", "empty"]),
    (Screen::Pods, ["pods_calm", "lanes_busy", "pods_failing", "lanes_empty"]),
    (Screen::Decision, ["decision_calm", "decision_busy", "decision_failing", "decision_empty"]),
    (Screen::Runs, ["runs_calm", "runs_busy", "runs_failing", "runs_empty"]),
    (Screen::Doctor, ["doctor_fine", "doctor_looking", "doctor_failing", "doctor_empty"]),
    (Screen::Logs, ["logs_calm", "logs", "logs_failing", "logs_empty"]),
];

/// The scenes of this file.
pub const SCENES: &[Scene] = &[
    ("pods_calm", "the timelines after a burst"),
    ("pods_failing", "the timelines while the pods' watch is lost"),
    ("doctor_empty", "no check yet"),
    ("logs_calm", "log lines after a burst"),
    ("logs_failing", "log lines while logs cannot be read"),
    ("logs_empty", "no log line yet"),
];

/// Plays the scene of that name, in a window of that size.
pub(crate) fn play(scene: &str, columns: u16, rows: u16) -> Option<World> {
    let (screen, state) = scene.rsplit_once('_').filter(|_| SCENES.iter().any(|(name, _)| *name == scene))?;
    let screen = Screen::ALL.iter().find(|known| known.title().to_lowercase() == screen)?;
    let mut world = in_state(state, columns, rows)?;
    (0..screen.index()).for_each(|_| world.press(KeyCode::Tab));
    Some(world)
}

/// Plays a state with a panel alone on the screen.
pub fn alone(panel: Panel, state: &str, columns: u16, rows: u16) -> Option<World> {
    let mut world = in_state(state, columns, rows)?;
    let index = Panel::ALL.iter().position(|known| *known == panel)?;
    (0..=index).for_each(|_| world.press(KeyCode::Down));
    world.press(KeyCode::Enter);
    Some(world)
}

fn in_state(state: &str, columns: u16, rows: u16) -> Option<World> {
    let mut world = World::new(columns, rows);
    world.ready();
    match state {
        "calm" => {
            world.run(15);
            world.burst(10);
            world.run(200);
        }
        "busy" => {
            world.run(20);
            world.burst(200);
            world.run(100);
            world.burst(50);
            world.run(45);
        }
        "failing" => {
            world.run(20);
            world.burst(200);
            world.run(60);
            world.fail();
        }
        "empty" => {
            world.send(Event::Hpa(None));
            world.send(Event::Workload(None));
            world.send(Event::Pods(PodsEvent::Listed(Vec::new())));
            world.send(Event::Metric(MetricSample { value_milli: None, stamped: None }));
        }
        _ => return None,
    }
    Some(world)
}
