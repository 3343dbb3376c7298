//! Scenes of the stopwatch, the chain's hops, the workers' timelines and the runs.

use crate::message::*;
use crate::reported::*;
use crate::ui::screen::{Focus, Panel, Screen};
use observed::*;

use super::{Scene, World};

/// The scenes of this file.
pub const SCENES: &[Scene] = &[
    ("runs_calm", "three finished runs, two of them compared"),
    ("runs_busy", "runs that are not finished"),
    ("runs_failing", "steps that were not observed, lost jobs, a failed burst"),
    ("runs_empty", "no burst yet"),
    ("stopwatch_failing", "a step whose source is stale"),
    ("beliefs_scrape", "Prometheus lags"),
    ("beliefs_keda", "KEDA counts ready messages only, and there is no Prometheus"),
    ("lanes_busy", "a worker that was killed during a job"),
    ("lanes_many", "more workers than rows"),
    ("lanes_empty", "no worker"),
];

/// Plays the scene of that name, in a window of that size.
pub(crate) fn play(scene: &str, columns: u16, rows: u16) -> Option<World> {
    let mut world = World::new(columns, rows);
    world.ready();
    world.run(20);
    match scene {
        "runs_calm" => {
            world.three_runs();
            world.keys("x");
            world.press(crossterm::event::KeyCode::Down);
        }
        "runs_busy" => {
            world.three_runs();
            world.burst(50);
            world.run(7);
            world.burst(200);
            world.run(25);
        }
        "runs_failing" => {
            world.unread(
                Source::Prometheus,
                "querying Prometheus: services \"prometheus-operated\" is forbidden (403)",
            );
            world.burst(100);
            world.run(22);
            world.send(Event::LogState {
                pod: world.workers[0].name.clone(),
                state: LogState::Gap(
                    "the log of a worker broke off, and lines are missing where it went on".to_owned(),
                ),
            });
            // One job is never reported done.
            world.workers[0].job = None;
            world.run(240);
            world.keys("2 ");
            world.refuse(10);
        }
        "runs_empty" | "lanes_empty" => {}
        "stopwatch_failing" => {
            world.unread(Source::ExternalMetric, "asking for the external metric rabbitmq_queue_length: the server is currently unable to handle the request (503)");
            world.burst(200);
            world.run(33);
            world.alone(Panel::Stopwatch);
        }
        "beliefs_scrape" => {
            world.burst(50);
            world.run(4);
            world.alone(Panel::Beliefs);
        }
        "beliefs_keda" => {
            world.keda();
            world.burst(50);
            world.run(31);
            world.alone(Panel::Beliefs);
        }
        "lanes_busy" => {
            world.burst(200);
            world.run(33);
            world.kill(1);
            world.run(3);
        }
        "lanes_many" => {
            let many = (0..45)
                .map(|n| super::world::cluster::other(&format!("worker-6f7d9c8b5-{n:05}"), Role::Worker))
                .collect();
            world.send(Event::Pods(PodsEvent::Listed(many)));
            world.run(9);
        }
        _ => return None,
    }
    if scene.starts_with("runs") {
        world.model.ui.screen = Screen::Runs;
    } else if scene.starts_with("lanes") {
        world.model.ui.screen = Screen::Pods;
    }
    if scene == "lanes_empty" {
        world.send(Event::Pods(PodsEvent::Listed(Vec::new())));
    }
    Some(world)
}

impl World {
    /// Plays three bursts until the workers are back at the minimum, the last with another maximum.
    fn three_runs(&mut self) {
        self.model.ui.screen = Screen::Runs;
        for (size, max) in [(50, 10), (100, 10), (100, 4)] {
            self.max = max;
            self.hpa();
            self.burst(size);
            self.run(160);
        }
    }

    /// Makes a source unavailable.
    fn unread(&mut self, source: Source, cause: &str) {
        self.send(Event::Source(source, SourceState::Unavailable(cause.to_owned())));
        self.unread.push(source);
    }

    /// Makes the producer refuse the whole newest burst.
    fn refuse(&mut self, size: u32) {
        let Some(id) = self.model.data.bursts.newest().map(|burst| burst.id.clone()) else { return };
        self.send(Event::Burst(BurstProgress {
            id,
            size,
            sent: size,
            accepted: 0,
            failed: [("broker away".to_owned(), size)].into(),
            new_ids: Vec::new(),
            first_sent: None,
            first_accepted: None,
            last_accepted: None,
            waiting: None,
            finished: true,
        }));
    }

    /// Expands a panel of the overview.
    fn alone(&mut self, panel: Panel) {
        self.model.ui.focus = Focus::Expanded(panel);
    }

    /// Makes the HPA one of KEDA's, which counts only ready messages.
    fn keda(&mut self) {
        self.keda = true;
        self.hpa();
        self.unread(Source::Prometheus, "no Prometheus was found");
    }

    /// Deletes a worker without a grace period, during its job.
    fn kill(&mut self, index: usize) {
        let pod = self.pod(index);
        self.workers.remove(index);
        self.send(Event::Pods(PodsEvent::Deleted { name: pod.name.clone(), uid: pod.uid }));
        self.send(Event::LogState { pod: pod.name, state: LogState::Ended });
        self.workload();
    }
}
