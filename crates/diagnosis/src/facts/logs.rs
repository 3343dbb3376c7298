//! The logs of containers that do not work.

use super::Fact;

/// The run of a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Run {
    /// The newest run.
    Current,
    /// The run before the newest restart.
    Previous,
}

/// A container, and one of its runs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct LogOf {
    /// Name of the pod.
    pub pod: String,
    /// Name of the container.
    pub container: String,
    /// The run.
    pub run: Run,
}

/// The last lines of a container's log.
#[derive(Debug, Clone, PartialEq)]
pub struct ContainerLog {
    /// The container.
    pub of: LogOf,
    /// The lines, oldest first.
    pub text: Fact<String>,
}
