//! Text of the lists of events and of log lines.

use dashboard::workers::logs::EARLIER_LINES;

pub(in crate::view) const EVENTS: &str = "Events";
pub(in crate::view) const NO_EVENTS: &str = " no events yet";
pub(in crate::view) const NO_EVENT_MATCHES: &str = " no event matches the filter";

pub(in crate::view) const LOGS: &str = "Logs";
pub(in crate::view) const NO_LOGS: &str = "no worker has logged anything yet";
pub(in crate::view) const NO_LINE_MATCHES: &str = "no line matches the filter";

/// The period that the log lines cover: everything since the dashboard started, and a few lines before.
pub(in crate::view) fn all_logs(start: &str, has_earlier: bool) -> String {
    match has_earlier {
        true => format!("all since {start}, before it {EARLIER_LINES} a worker, newest last"),
        false => format!("all since {start}, newest last"),
    }
}

pub(in crate::view) fn shown(shown: usize, all: usize) -> String {
    format!("{shown} of {all}")
}

pub(in crate::view) fn lines_shown(shown: usize, all: usize) -> String {
    format!("{shown} of {all} lines, newest last")
}

pub(in crate::view) fn newer_below(count: usize) -> String {
    format!(", {count} newer below")
}

pub(in crate::view) fn times(count: i32) -> String {
    format!(" ×{count}")
}

pub(in crate::view) fn redelivered(count: u64) -> String {
    format!("{count} redelivered")
}

pub(in crate::view) fn lost(count: u64) -> String {
    format!("{count} lost")
}
