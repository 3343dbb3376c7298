//! Scenes of the stopwatch, the beliefs, the lanes and the runs: calm, busy, failing and empty.

use dashboard::message::*;
use dashboard::reported::*;
use dashboard::ui::screen::{Focus, Panel, Screen};
use observed::*;

use super::World;

/// The scenes that can be played by name.
pub(crate) const SCENES: [&str; 12] = [
    "runs_calm",
    "runs_busy",
    "runs_failing",
    "runs_empty",
    "stopwatch_calm",
    "stopwatch_busy",
    "stopwatch_failing",
    "beliefs_scrape",
    "beliefs_keda",
    "lanes_busy",
    "lanes_many",
    "lanes_empty",
];

/// The scene of that name, in a window of that size.
pub(super) fn play(scene: &str, columns: u16, rows: u16) -> Option<World> {
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
            // One job is never heard of again.
            world.workers[0].job = None;
            world.run(240);
            world.keys("2 ");
            world.refuse(10);
        }
        "runs_empty" | "lanes_empty" => {}
        "stopwatch_calm" => {
            world.burst(50);
            world.run(200);
            world.alone(Panel::Stopwatch);
        }
        "stopwatch_busy" => {
            world.burst(200);
            world.run(13);
            world.alone(Panel::Stopwatch);
        }
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
                .map(|n| super::cluster::other(&format!("worker-6f7d9c8b5-{n:05}"), Role::Worker))
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
    /// Three bursts, each with its way back, the last with another target.
    fn three_runs(&mut self) {
        self.model.ui.screen = Screen::Runs;
        for (size, max) in [(50, 10), (100, 10), (100, 4)] {
            self.max = max;
            self.hpa();
            self.burst(size);
            self.run(160);
        }
    }

    /// A source may not be read any more.
    fn unread(&mut self, source: Source, cause: &str) {
        self.send(Event::Source(source, SourceState::Unavailable(cause.to_owned())));
        self.unread.push(source);
    }

    /// The producer refuses all of the newest burst.
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

    /// One panel of the overview alone.
    fn alone(&mut self, panel: Panel) {
        self.model.ui.focus = Focus::Expanded(panel);
    }

    /// The HPA is KEDA's, and reads what waits in the queue only.
    fn keda(&mut self) {
        self.keda = true;
        self.hpa();
        self.unread(Source::Prometheus, "no Prometheus was found");
    }

    /// A worker is deleted without grace, with its job in hand.
    fn kill(&mut self, index: usize) {
        let pod = self.pod(index);
        self.workers.remove(index);
        self.send(Event::Pods(PodsEvent::Deleted { name: pod.name.clone(), uid: pod.uid }));
        self.send(Event::LogState { pod: pod.name, state: LogState::Ended });
        self.workload();
    }
}
