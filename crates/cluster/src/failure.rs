//! Why a source does not deliver.

/// Why a source does not deliver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// It was there, or may be there at any moment.
    Lost(String),
    /// Trying again soon is of no use: no rights, no such API, nothing to ask.
    Unavailable(String),
}
