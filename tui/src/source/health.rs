//! One source's state: says only what has changed, and waits out failures.

use crate::source::event_sender::EventSender;
use cluster::backoff::Backoff;
use cluster::failure::Failure;
use dashboard::message::Event;
use dashboard::reported::{Problem, Source, SourceState, TargetEvent};

/// Keeps a source's state and back-off.
#[derive(Debug)]
pub(crate) struct Health {
    source: Source,
    outbox: EventSender,
    said: Option<SourceState>,
    backoff: Backoff,
    target: Target,
}

/// Whether the source's state is the whole target's too.
#[derive(Debug, PartialEq, Eq)]
enum Target {
    /// It is not.
    Apart,
    /// It is, and the target was not said to be lost.
    Fine,
    /// It is, and the target was said to be lost.
    Lost,
}

impl Health {
    pub(crate) fn new(source: Source, outbox: EventSender) -> Self {
        Self { source, outbox, said: None, backoff: Backoff::default(), target: Target::Apart }
    }

    /// As [`Self::new`], for the source without which the target as a whole cannot be reached.
    pub(crate) fn of_target(source: Source, outbox: EventSender) -> Self {
        Self { target: Target::Fine, ..Self::new(source, outbox) }
    }

    /// The source is being opened, which is said the first time only.
    pub(crate) async fn connecting_if_new(&mut self) {
        if self.said.is_none() {
            self.say(SourceState::Connecting).await;
        }
    }

    /// The source delivers.
    pub(crate) async fn live(&mut self) {
        self.backoff.succeeded();
        self.say(SourceState::Live).await;
        if self.target == Target::Lost {
            self.outbox.send(Event::Target(TargetEvent::Ready)).await;
            self.target = Target::Fine;
        }
    }

    /// The source was lost for `cause`: says so with the time of the next try, and waits until then.
    pub(crate) async fn lost(&mut self, cause: String) {
        let wait = self.backoff.failed(fastrand::f64());
        let next = self.outbox.after(wait);
        if self.target != Target::Apart {
            let advice = "what is shown is old; it goes on by itself once the API server answers".to_owned();
            self.outbox.failed(Problem { what: cause.clone(), advice, retry: Some(next) }).await;
            self.target = Target::Lost;
        }
        self.say(SourceState::Retrying { cause, next }).await;
        tokio::time::sleep(wait).await;
    }

    /// The source is not to be had, for `cause`: says so once, and waits all the same, because rights are granted and
    /// things are installed while the dashboard runs.
    pub(crate) async fn unavailable(&mut self, cause: String) {
        self.say(SourceState::Unavailable(cause)).await;
        tokio::time::sleep(self.backoff.failed(fastrand::f64())).await;
    }

    /// Waits out `failure` in the way that it asks for.
    pub(crate) async fn failed(&mut self, failure: Failure) {
        match failure {
            Failure::Lost(cause) => self.lost(cause).await,
            Failure::Unavailable(cause) => self.unavailable(cause).await,
        }
    }

    /// Says the state if it differs from what was said last.
    pub(crate) async fn say(&mut self, state: SourceState) {
        if self.said.as_ref() != Some(&state) {
            self.outbox.source(self.source, state.clone()).await;
            self.said = Some(state);
        }
    }
}
