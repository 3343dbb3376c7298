//! Scenes of the chart, its cursor and legend, of panels alone, of filters, and of limited terminals.

use crate::clock::*;
use crate::message::*;
use crate::reported::*;
use crate::ui::appearance::Markers;
use crate::ui::state::Access;
use crossterm::event::KeyCode;
use observed::*;

use super::{Scene, World};

/// The scenes of this file.
pub const SCENES: &[Scene] = &[
    ("inspect", "the cursor in the past, among live panels"),
    ("inspect_lanes", "the cursor on the screen Pods"),
    ("panned", "an earlier stretch of time without a cursor"),
    ("legend", "the legend, with a hidden curve"),
    ("chart_alone", "the chart with the legend of its marks"),
    ("events_alone", "events in full, scrolled"),
    ("focused", "a chosen panel"),
    ("typing", "a filter that is being typed"),
    ("filtered", "a filter that is on"),
    ("filtered_nothing", "a filter that matches no line"),
    ("read_only", "a key that is off"),
    ("blocks", "a terminal without braille"),
    ("ascii", "a terminal with ASCII only"),
    ("errors", "a failed burst and stale sources"),
    ("hours", "a window of an hour"),
    ("empty", "no HPA, no workload, no pods, no value"),
];

/// Plays the scene of that name, in a window of that size.
pub(crate) fn play(scene: &str, columns: u16, rows: u16) -> Option<World> {
    let mut world = World::new(columns, rows);
    world.ready();
    if scene == "empty" {
        world.send(Event::Hpa(None));
        world.send(Event::Workload(None));
        world.send(Event::Pods(PodsEvent::Listed(Vec::new())));
        world.send(Event::Metric(MetricSample { value_milli: None, stamped: None }));
        return Some(world);
    }
    world.run(20);
    if scene == "hours" {
        for _ in 0..10 {
            world.burst(150);
            world.run(180);
        }
        (0..3).for_each(|_| world.keys("Z"));
        return Some(world);
    }
    world.burst(200);
    world.run(100);
    world.burst(50);
    world.run(45);
    match scene {
        "inspect" => {
            world.keys("v");
            (0..40).for_each(|_| world.press(KeyCode::Left));
            world.press(KeyCode::Up);
        }
        "inspect_lanes" => {
            world.keys("\tv");
            (0..40).for_each(|_| world.press(KeyCode::Left));
        }
        "panned" => world.keys("zz[[["),
        "legend" => {
            world.keys("o");
            world.press(KeyCode::Down);
            world.press(KeyCode::Down);
            world.keys(" ");
        }
        "chart_alone" => world.press(KeyCode::Enter),
        "events_alone" => {
            world.press(KeyCode::Up);
            world.press(KeyCode::Up);
            world.press(KeyCode::Enter);
            world.press(KeyCode::Up);
        }
        "focused" => {
            world.press(KeyCode::Down);
            world.press(KeyCode::Down);
        }
        "typing" => world.keys("/rescale 5"),
        "filtered" => {
            world.keys("/worker-scaler");
            world.press(KeyCode::Enter);
        }
        "filtered_nothing" => {
            world.keys("L/no such word");
            world.press(KeyCode::Enter);
        }
        "read_only" => {
            world.model.ui.access = Access::ReadOnly;
            world.keys(" ");
        }
        "blocks" => world.model.ui.markers = Markers::Block,
        "ascii" => world.model.ui.markers = Markers::Ascii,
        "errors" => world.fail(),
        _ => return None,
    }
    Some(world)
}

impl World {
    /// Fires a burst of which nothing is accepted, and makes sources stale.
    pub(crate) fn fail(&mut self) {
        self.keys(" ");
        let fired = |effect: &&Effect| matches!(effect, Effect::Fire { .. });
        let Some(Effect::Fire { id, size }) = self.effects.iter().rfind(fired).cloned() else { return };
        self.send(Event::Burst(BurstProgress {
            id,
            size,
            sent: size,
            accepted: 0,
            failed: [("503: the broker is away".to_owned(), size)].into(),
            new_ids: Vec::new(),
            first_sent: None,
            first_accepted: None,
            last_accepted: None,
            waiting: None,
            finished: true,
        }));
        for (source, cause) in [
            (Source::Broker, "the tunnel to rabbitmq-0:15672 was closed"),
            (Source::Workload, "the watch on Deployment worker ended: 403 Forbidden"),
            (Source::Events, "the watch on Events ended: connection reset by peer"),
            (Source::Pods, "the watch on pods ended: connection reset by peer"),
            (Source::Logs, "logs of worker-6f7d9c8b5-4kq2m: 401 Unauthorized"),
        ] {
            let next = At(self.model.data.now.0 + std::time::Duration::from_secs(4));
            self.send(Event::Source(source, SourceState::Retrying { cause: cause.to_owned(), next }));
        }
        self.run(1);
    }
}
