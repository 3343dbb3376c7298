//! How far a start has come, as data for a screen.

use tokio::sync::mpsc;

/// One step of the start has a new state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// The step's title, such as `API server`.
    pub step: String,
    /// Its state.
    pub state: StepState,
}

/// State of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StepState {
    /// Its turn has not come, or what it needs is not there yet; with what it waits for, when that is known.
    Waiting(String),
    /// Under way.
    Starting,
    /// Done.
    Ready,
    /// It will not come; a sentence that says why and what to do.
    Failed(String),
}

/// Tells the listener; nobody listening is fine.
pub(crate) async fn report(to: &mpsc::Sender<Progress>, step: &str, state: StepState) {
    let _nobody_listens = to.send(Progress { step: step.to_owned(), state }).await;
}
