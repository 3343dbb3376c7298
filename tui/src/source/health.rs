//! The state of one source: reports changes only, and waits after failures.

use crate::source::event_sender::EventSender;
use cluster::backoff::Backoff;
use cluster::errors::Failure;
use dashboard::message::Event;
use dashboard::reported::{Problem, Source, SourceState, TargetEvent};

/// The state and the back-off of a source.
#[derive(Debug)]
pub(crate) struct Health {
    source: Source,
    outbox: EventSender,
    reported: Option<SourceState>,
    backoff: Backoff,
    target: Target,
}

/// Connection between the state of the source and that of the whole target.
#[derive(Debug, PartialEq, Eq)]
enum Target {
    /// The source does not stand for the target.
    Apart,
    /// The source stands for the target, which is reachable.
    Fine,
    /// The source stands for the target, which was reported as lost.
    Lost,
}

impl Health {
    pub(crate) fn new(source: Source, outbox: EventSender) -> Self {
        Self { source, outbox, reported: None, backoff: Backoff::default(), target: Target::Apart }
    }

    /// As [`Self::new`], for the source that stands for the whole target.
    pub(crate) fn of_target(source: Source, outbox: EventSender) -> Self {
        Self { target: Target::Fine, ..Self::new(source, outbox) }
    }

    /// Reports that the source is being opened, the first time only.
    pub(crate) async fn connecting_if_new(&mut self) {
        if self.reported.is_none() {
            self.report(SourceState::Connecting).await;
        }
    }

    /// Reports that the source delivers.
    pub(crate) async fn live(&mut self) {
        self.backoff.reset();
        self.report(SourceState::Live).await;
        if self.target == Target::Lost {
            self.outbox.send(Event::Target(TargetEvent::Ready)).await;
            self.target = Target::Fine;
        }
    }

    /// Reports that the source was lost for `cause`, with the time of the next try, and waits until then.
    pub(crate) async fn lost(&mut self, cause: String) {
        let wait = self.backoff.next_wait();
        let next = self.outbox.after(wait);
        if self.target != Target::Apart {
            let advice = "the screen is stale; it continues when the API server answers".to_owned();
            self.outbox.failed(Problem { what: cause.clone(), advice, retry: Some(next) }).await;
            self.target = Target::Lost;
        }
        self.report(SourceState::Retrying { cause, next }).await;
        tokio::time::sleep(wait).await;
    }

    /// Reports once that the source is unavailable for `cause`, and waits: rights may be granted and parts installed while the
    /// dashboard runs.
    pub(crate) async fn unavailable(&mut self, cause: String) {
        self.report(SourceState::Unavailable(cause)).await;
        tokio::time::sleep(self.backoff.next_wait()).await;
    }

    /// Waits as `failure` requires.
    pub(crate) async fn failed(&mut self, failure: Failure) {
        match failure {
            Failure::Lost(cause) => self.lost(cause).await,
            Failure::Unavailable(cause) => self.unavailable(cause).await,
        }
    }

    /// Reports the state if it differs from the last reported one.
    pub(crate) async fn report(&mut self, state: SourceState) {
        if self.reported.as_ref() != Some(&state) {
            self.outbox.source(self.source, state.clone()).await;
            self.reported = Some(state);
        }
    }
}
