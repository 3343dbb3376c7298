//! Reports about scenarios.

use std::sync::Arc;

use scenario::file::Scenario;

/// A report about a scenario.
#[derive(Debug, Clone, PartialEq)]
pub enum ScenarioEvent {
    /// It begins now: the command line asks for it.
    Start(Arc<Scenario>),
    /// The running one ends now; the sentence says why.
    Stop(String),
    /// The answer to a request to read a file; `Err` with one sentence a mistake.
    Read(Result<Arc<Scenario>, Vec<String>>),
}
