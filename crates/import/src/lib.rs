//! Histories of other tools as events of a recording. Pure.
//!
//! - [`prometheus`]: series of kube-state-metrics, and queries of the user's.
//! - [`hpa_status`]: the JSON lines that `kubectl hpa-status record` writes.
//!
//! Both know less than a recording does. [`Imported::missing`] says what they do not know, and each source without data is
//! reported as unavailable, so that a replay shows the same.

pub mod hpa_status;
mod object;
pub mod prometheus;
mod strings;

use dashboard::clock::At;
use dashboard::message::{Event, Timestamped};
use dashboard::reported::{Source, SourceState, Target, TargetEvent};
use jiff::Timestamp;

pub use self::object::ImportError;

/// An imported run.
#[derive(Debug, Clone, PartialEq)]
pub struct Imported {
    /// The start of the run: second 0 of its events.
    pub started: Timestamp,
    /// The tool that the data comes from, such as `prometheus`.
    pub tool: &'static str,
    /// Sentences about what the data does not have.
    pub missing: Vec<String>,
    /// The events, oldest first.
    pub events: Vec<Timestamped>,
}

/// The events with which each import begins: the target, and the sources that deliver or do not.
fn beginning(title: String, namespace: &str, tool: &str, delivers: &[Source]) -> Vec<Timestamped> {
    let target = Target {
        title,
        reason: String::new(),
        namespace: namespace.to_owned(),
        version: None,
        confirm_first_burst: false,
        sync_period: None,
        first_burst: None,
    };
    let all = [
        Source::Hpa,
        Source::Workload,
        Source::Pods,
        Source::Events,
        Source::ExternalMetric,
        Source::Metrics,
        Source::Broker,
        Source::Prometheus,
        Source::Logs,
    ];
    let state = |source: Source| match delivers.contains(&source) {
        true => SourceState::Live,
        false => SourceState::Unavailable(strings::not_imported(tool)),
    };
    [Event::Target(TargetEvent::Chosen(target)), Event::Target(TargetEvent::Ready)]
        .into_iter()
        .chain(all.into_iter().map(|source| Event::Source(source, state(source))))
        .map(|event| Timestamped { at: At::default(), event })
        .collect()
}

/// The time of the run of a timestamp.
fn at(time: Timestamp, started: Timestamp) -> At {
    At(time.duration_since(started).try_into().unwrap_or_default())
}
