//! The sources' end of the event channel: stamps every event with the time of its arrival.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{RwLock, mpsc};

use dashboard::clock::At;
use dashboard::clock::Clock;
use dashboard::message::{Event, Timestamped};
use dashboard::reported::{Problem, Source, SourceState, StartStep, StepState, TargetEvent};

/// Sends events to the model. Clones share the channel.
#[derive(Debug, Clone)]
pub struct EventSender {
    events: mpsc::Sender<Timestamped>,
    clock: Clock,
    /// Shared by the clones: false once they are closed.
    is_open: Arc<RwLock<bool>>,
}

impl EventSender {
    /// A sender that stamps with the run's clock.
    #[must_use]
    pub fn new(events: mpsc::Sender<Timestamped>, clock: Clock) -> Self {
        Self { events, clock, is_open: Arc::new(RwLock::new(true)) }
    }

    /// A sender to the same channel that can be closed by itself.
    #[must_use]
    pub fn branch(&self) -> Self {
        Self { is_open: Arc::new(RwLock::new(true)), ..self.clone() }
    }

    /// Closes the sender and its clones. No event of theirs comes after the return.
    pub async fn close(&self) {
        *self.is_open.write().await = false;
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
        let is_open = self.is_open.read().await;
        if !*is_open {
            return;
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_closed_branch_sends_nothing_more() {
        let (events, mut received) = mpsc::channel(8);
        let trunk = EventSender::new(events, Clock::start());
        let branch = trunk.branch();
        let clone = branch.clone();
        clone.send(Event::Tick).await;
        branch.close().await;
        clone.send(Event::Terminate).await;
        trunk.send(Event::Tick).await;
        drop((trunk, branch, clone));
        let mut all = Vec::new();
        while let Some(stamped) = received.recv().await {
            all.push(stamped.event);
        }
        assert_eq!(all, [Event::Tick, Event::Tick]);
    }
}
