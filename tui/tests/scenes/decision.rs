//! Scenes of the screen Decision: calm, busy, disagreeing, failing and empty.

use tui::event::*;
use tui::model::{Found, Screen};

use super::World;

/// The scenes that can be played by name.
pub(crate) const SCENES: [&str; 5] =
    ["decision_calm", "decision_busy", "decision_differs", "decision_failing", "decision_empty"];

/// The scene of that name, in a window of that size.
pub(super) fn play(scene: &str, columns: u16, rows: u16) -> Option<World> {
    let mut world = World::new(columns, rows);
    world.ready();
    world.run(20);
    match scene {
        "decision_calm" => world.run(40),
        "decision_busy" => {
            world.burst(200);
            world.run(62);
        }
        "decision_differs" => {
            world.burst(200);
            world.run(62);
            world.hold_at(8);
        }
        "decision_failing" => {
            world.burst(100);
            world.run(20);
            world.no_reading();
        }
        "decision_empty" => world.send(Event::Hpa(None)),
        _ => return None,
    }
    world.model.ui.screen = Screen::Decision;
    Some(world)
}

impl World {
    /// The controller's status says another size than the arithmetic gives.
    fn hold_at(&mut self, desired: i32) {
        let Found::Here(mut hpa) = self.model.data.hpa.clone() else { return };
        hpa.desired_replicas = desired;
        self.send(Event::Hpa(Some(Box::new(hpa))));
    }
}
