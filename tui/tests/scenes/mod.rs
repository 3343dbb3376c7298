//! A played autoscaling loop: makes the events that the sources would send, so that screens, benchmarks and pictures
//! have something true to life to show. Times and numbers are made up here and depend on nothing but the seconds.

#![allow(
    dead_code,
    clippy::unwrap_used,
    reason = "each user of the scenes needs others of them, and all are tests at heart"
)]

pub(crate) mod chart;
mod clockwork;
mod cluster;
pub(crate) mod decision;
pub(crate) mod doctor;
pub(crate) mod runs;
pub(crate) mod states;
mod traffic;
mod world;

use std::time::Duration;

use dashboard::clock::*;
use dashboard::message::*;
use dashboard::reported::*;

pub(crate) use self::cluster::spec;
pub(crate) use self::world::World;

/// The scenes that can be played by name.
pub(crate) const SCENES: [&str; 17] = [
    "starting",
    "connected",
    "unsynced",
    "idle",
    "burst",
    "scaled",
    "draining",
    "done",
    "lost",
    "problem",
    "dropped",
    "unknown",
    "help",
    "kill",
    "confirm",
    "lanes",
    "logs",
];

/// Every scene of every panel.
pub(crate) fn all() -> Vec<&'static str> {
    [&SCENES[..], &decision::SCENES, &doctor::SCENES, chart::SCENES, &runs::SCENES, states::SCENES].concat()
}

impl World {
    /// The scene of that name, in a window of that size.
    pub(crate) fn play(scene: &str, columns: u16, rows: u16) -> Option<Self> {
        let mut world = World::new(columns, rows);
        match scene {
        "starting" => world.starting([
            StepState::Ready,
            StepState::Waiting("the pod rabbitmq-0 is not ready".to_owned()),
            StepState::Waiting(String::new()),
            StepState::Waiting(String::new()),
        ]),
        "connected" => {
            world.starting([StepState::Ready, StepState::Ready, StepState::Ready, StepState::Ready]);
            world.send(Event::Target(TargetEvent::Ready));
        }
        "unsynced" => world.unsynced(),
        "idle" => {
            world.ready();
            world.run(40);
        }
        "burst" => {
            world.ready();
            world.run(20);
            world.burst(50);
            world.run(4);
        }
        "scaled" => {
            world.ready();
            world.run(20);
            world.burst(200);
            world.run(45);
        }
        "draining" => {
            world.ready();
            world.run(20);
            world.burst(200);
            world.run(100);
            world.burst(50);
            world.run(70);
        }
        "done" => {
            world.ready();
            world.run(20);
            world.burst(200);
            world.run(240);
        }
        "lost" => {
            world.ready();
            world.run(20);
            world.burst(100);
            world.run(30);
            world.lose_broker();
            world.run(12);
        }
        "problem" => world.send(Event::Target(TargetEvent::Failed(Problem {
            what: "context kind-demo: the API server at https://127.0.0.1:6443 could not be reached: connection refused".to_owned(),
            advice: "Is the cluster running? Try: kubectl --context kind-demo version".to_owned(),
            retry: Some(At(Duration::from_secs(4))),
        }))),
        "help" => {
            world.ready();
            world.run(20);
            world.keys("?");
        }
        "kill" => {
            world.ready();
            world.run(20);
            world.burst(200);
            world.run(45);
            world.keys("K");
        }
        "lanes" => {
            world.ready();
            world.run(20);
            world.burst(200);
            world.run(150);
            world.model.ui.screen = dashboard::ui::screen::Screen::Pods;
        }
        "logs" => {
            world.ready();
            world.run(20);
            world.burst(50);
            world.run(30);
            let (pod, line) = (world.workers[0].name.clone(), "connected to the broker at 127.0.0.1:5672");
            world.send(Event::Log { pod, line: line.to_owned() });
            world.keys("L");
        }
        "confirm" => {
            world.ready();
            world.run(20);
            world.model.data.load.size = 2_000;
            world.keys(" ");
        }
        "dropped" => {
            world.ready();
            world.run(20);
            world.burst(100);
            world.run(30);
            world.send(Event::Target(TargetEvent::Failed(Problem {
                what: "the API server at https://127.0.0.1:41523 could not be reached: connection refused".to_owned(),
                advice: "The watches go on trying; nothing on the screen is newer than this.".to_owned(),
                retry: Some(At(Duration::from_secs(54))),
            })));
        }
        "unknown" => {
            world.ready();
            world.run(20);
            world.no_reading();
        }
        _ => {
            return decision::play(scene, columns, rows)
                .or_else(|| doctor::play(scene, columns, rows))
                .or_else(|| chart::play(scene, columns, rows))
                .or_else(|| runs::play(scene, columns, rows))
                .or_else(|| states::play(scene, columns, rows));
        }
    }
        Some(world)
    }
}
