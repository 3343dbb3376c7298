//! A played autoscaling loop: it sends the events that the sources would send, so that tests, benchmarks and pictures have
//! realistic screens. Its times and numbers depend only on the seconds that were played.
//!
//! Each scene has a reason: the state that only it shows.

#![allow(clippy::unwrap_used, reason = "support of tests and benchmarks")]

pub mod any_hpa;
pub mod chart;
pub mod decision;
pub mod doctor;
pub mod fleet;
pub mod runs;
pub mod states;
pub mod world;

use std::time::Duration;

use crate::clock::*;
use crate::message::*;
use crate::reported::*;

pub use self::world::World;
pub use self::world::cluster::spec;

/// The name of a scene, and its reason.
pub type Scene = (&'static str, &'static str);

/// The scenes of this file.
const SCENES: &[Scene] = &[
    ("starting", "the steps of a start, one of them waiting for a cause"),
    ("connected", "the target is ready, and nothing is listed yet"),
    ("unsynced", "the HPA has not synced yet"),
    ("idle", "one worker, an empty queue, no burst yet"),
    ("scaled", "one burst at the maximum size, held by the scale-down window"),
    ("draining", "two bursts that overlap, on the way back to the minimum"),
    ("lost", "the broker's pod and its queue are gone"),
    ("problem", "the start has failed"),
    ("dropped", "the target cannot be reached any more"),
    ("help", "the help"),
    ("kill", "the question with a list"),
    ("confirm", "the question before a large burst"),
    ("logs", "log lines about jobs, and one about something else"),
];

/// The names of all scenes.
pub fn all() -> Vec<&'static str> {
    let scenes = [
        SCENES,
        any_hpa::SCENES,
        decision::SCENES,
        doctor::SCENES,
        fleet::SCENES,
        chart::SCENES,
        runs::SCENES,
        states::SCENES,
    ]
    .concat();
    scenes.into_iter().map(|(name, _)| name).collect()
}

impl World {
    /// Plays the scene of that name, in a window of that size.
    pub fn play(scene: &str, columns: u16, rows: u16) -> Option<Self> {
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
            world.send(Event::Request(Request::Size(2_000)));
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
        _ => {
            return decision::play(scene, columns, rows)
                .or_else(|| any_hpa::play(scene, columns, rows))
                .or_else(|| doctor::play(scene, columns, rows))
                .or_else(|| fleet::play(scene, columns, rows))
                .or_else(|| chart::play(scene, columns, rows))
                .or_else(|| runs::play(scene, columns, rows))
                .or_else(|| states::play(scene, columns, rows));
        }
    }
        Some(world)
    }
}
