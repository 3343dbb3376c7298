//! The result of a run as files for other programs, and for people.

pub mod csv;
pub mod json;
pub mod junit;
pub mod markdown;
pub mod openmetrics;

#[cfg(test)]
mod tests;

/// The circumstances of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Context {
    /// The kind of the target.
    pub mode: Mode,
    /// The target, as in the title of the dashboard.
    pub target: String,
    /// Version of Surge.
    pub surge: String,
    /// Version of the API server, once known.
    pub kubernetes: Option<String>,
    /// The start of the run, in milliseconds since 1970.
    pub started_ms: i64,
}

/// The kind of the target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// A cluster.
    Cluster,
    /// A sandbox of its own.
    Sandbox,
    /// Virtual time on a simulated queue.
    Virtual,
}

impl Mode {
    /// The word in results.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Cluster => "cluster",
            Self::Sandbox => "sandbox",
            Self::Virtual => "virtual",
        }
    }
}
