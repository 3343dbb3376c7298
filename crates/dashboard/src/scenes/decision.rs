//! Scenes of the screen Decision and of the dialogs about the HPA.

use crate::data::Presence;
use crate::edits::*;
use crate::message::*;
use crate::reported::*;
use crate::ui::screen::Screen;
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::{Scene, World};

/// The scenes of this file.
pub const SCENES: &[Scene] = &[
    ("decision_calm", "the screen Decision without a burst"),
    ("decision_busy", "the size is held by the scale-down window"),
    ("decision_differs", "the controller decided otherwise than calculated"),
    ("decision_failing", "the HPA has no reading"),
    ("decision_empty", "there is no HPA"),
    ("tune", "the form with a changed field"),
    ("tune_review", "the dry run's result"),
    ("tune_conflict", "someone else changed the HPA meanwhile"),
    ("shadow", "a running shadow with its score"),
    ("shadow_choice", "the form of the shadow"),
    ("drill", "the list of drills, one of them on"),
    ("drill_question", "the question before a drill"),
];

/// Plays the scene of that name, in a window of that size.
pub(crate) fn play(scene: &str, columns: u16, rows: u16) -> Option<World> {
    let mut world = World::new(columns, rows);
    world.ready();
    world.run(20);
    if scene.starts_with("tune") {
        world.tune(scene);
        return Some(world);
    }
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
        "shadow" | "shadow_choice" => {
            world.burst(10);
            world.run(20);
            world.keys("w");
            if scene == "shadow" {
                world.press(KeyCode::Left);
            }
            for _ in 0..5 {
                world.press(KeyCode::Down);
            }
            world.press(KeyCode::Delete);
            world.keys("0");
            if scene == "shadow" {
                world.press(KeyCode::Enter);
                world.burst(200);
                world.run(70);
            }
        }
        "drill" | "drill_question" => world.drill(scene),
        "decision_empty" => world.send(Event::Hpa(None)),
        _ => return None,
    }
    world.model.ui.screen = Screen::Decision;
    Some(world)
}

impl World {
    /// Opens the form that tunes the HPA, and changes a field.
    fn tune(&mut self, scene: &str) {
        self.keys("t");
        self.send(Event::Tune(TuneEvent::Rights(Ok(()))));
        for code in [KeyCode::Down, KeyCode::Down, KeyCode::Down, KeyCode::Delete] {
            self.press(code);
        }
        self.keys("8");
        self.press(KeyCode::Down);
        self.press(KeyCode::Down);
        if scene == "tune" {
            return;
        }
        self.press(KeyCode::Enter);
        let difference = |path: &str, before: &str, after: &str| Difference {
            path: path.to_owned(),
            before: Some(before.to_owned()),
            after: Some(after.to_owned()),
        };
        let result = if scene == "tune_review" {
            Ok(vec![difference("spec.maxReplicas", "10", "8")])
        } else {
            let mut now = super::spec();
            now.min_replicas = Some(2);
            let theirs = vec![difference("spec.minReplicas", "1", "2")];
            Err(Refusal::Conflict { theirs, now: Box::new(now) })
        };
        self.send(Event::Tune(TuneEvent::Tried { number: 1, result }));
    }

    /// Opens the list of drills while Prometheus is stopped.
    fn drill(&mut self, scene: &str) {
        let scaled = |kind, namespace: &str, name: &str| ScaledWorkload {
            kind,
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            replicas: 1,
        };
        let prometheus = scaled(ScaledKind::Prometheus, "monitoring", "prometheus");
        self.send(Event::Drill(DrillEvent::Stopped(Drill::Prometheus, prometheus.clone())));
        self.run(12);
        self.keys("D");
        let why = "there is no exporter in the namespace: the broker's own plugin is scraped";
        self.send(Event::Drill(DrillEvent::Found(vec![
            (Drill::Exporter, Err(why.to_owned())),
            (Drill::Prometheus, Ok(ScaledWorkload { replicas: 0, ..prometheus })),
            (Drill::Broker, Ok(scaled(ScaledKind::StatefulSet, "autoscaling-demo", "rabbitmq"))),
        ])));
        if scene == "drill_question" {
            self.press(KeyCode::Down);
            self.press(KeyCode::Down);
            self.press(KeyCode::Enter);
        }
    }

    /// Presses a key that has no letter.
    pub fn press(&mut self, code: KeyCode) {
        self.send(Event::Input(Input::Key(KeyEvent::new(code, KeyModifiers::NONE))));
    }

    /// Makes the controller's status report another size than the calculated one.
    fn hold_at(&mut self, desired: i32) {
        let Presence::Here(mut hpa) = self.model.data.hpa.clone() else { return };
        hpa.desired_replicas = desired;
        self.send(Event::Hpa(Some(Box::new(hpa))));
    }
}
