//! Progress of a start, as data for a screen.

pub use contract::StepState;
use tokio::sync::mpsc;

/// A new state of one step of the start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// The step's title, such as `API server`.
    pub step: String,
    /// Its state.
    pub state: StepState,
}

/// Sends a step's state; does nothing when the receiver is gone.
pub(crate) async fn report(to: &mpsc::Sender<Progress>, step: &str, state: StepState) {
    let _receiver_gone = to.send(Progress { step: step.to_owned(), state }).await;
}
