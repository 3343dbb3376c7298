use serde::{Deserialize, Serialize};

/// State of one step while an environment starts, such as `API server` or `broker`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum StepState {
    /// The step waits; the text names the reason and is empty when it is unknown.
    Waiting(String),
    /// The step is under way.
    Starting,
    /// The step is done.
    Ready,
    /// The step failed; the text gives the reason and the remedy.
    Failed(String),
}
