//! The sources' end of the event channel: stamps every event with the time of its arrival.

use std::time::Duration;

use tokio::sync::mpsc;

use dashboard::clock::At;
use dashboard::clock::Clock;
use dashboard::message::{Event, Timestamped};
use dashboard::reported::{Problem, Source, SourceState, StartStep, StepState, TargetEvent};

/// Sends events to the model. Clones share the channel.
#[derive(Debug, Clone)]
pub struct EventSender {
    events: mpsc::Sender<Timestamped>,
    clock: Clock,
}

impl EventSender {
    /// A sender that stamps with the run's clock.
    #[must_use]
    pub fn new(events: mpsc::Sender<Timestamped>, clock: Clock) -> Self {
        Self { events, clock }
    }

    /// The current time of the run.
    #[must_use]
    pub fn now(&self) -> At {
        self.clock.now()
    }

    /// The time `wait` from now.
    #[must_use]
    pub fn after(&self, wait: Duration) -> At {
        At(self.clock.now().0 + wait)
    }

    /// Sends an event and waits for room: a source never runs ahead of the screen by more than the channel.
    pub async fn send(&self, event: Event) {
        // The receiver goes away when the dashboard ends; then the event has no reader.
        let _ended = self.events.send(self.clock.stamp(event)).await;
    }

    /// Reports the state of a source.
    pub async fn source(&self, source: Source, state: SourceState) {
        self.send(Event::Source(source, state)).await;
    }

    /// Reports the state of a start-up step; its text may come from outside and is cleaned here.
    pub async fn step(&self, name: &str, state: StepState) {
        let state = match state {
            StepState::Waiting(reason) => StepState::Waiting(text::clean::text(&reason)),
            StepState::Failed(reason) => StepState::Failed(text::clean::text(&reason)),
            StepState::Starting | StepState::Ready => state,
        };
        self.send(Event::Target(TargetEvent::Step(StartStep { name: name.to_owned(), state }))).await;
    }

    /// Reports a problem of the target.
    pub async fn failed(&self, problem: Problem) {
        self.send(Event::Target(TargetEvent::Failed(problem))).await;
    }
}
