//! Text of the lists of events and of log lines.

use dashboard::workers::logs::EARLIER_LINES;

pub(in crate::view) const EVENTS: &str = "Events";
pub(in crate::view) const NO_EVENTS: &str = " no events yet: rescales, bursts and warnings come here";
pub(in crate::view) const NO_EVENT_MATCHES: &str = " no event matches the filter";

pub(in crate::view) const LOGS: &str = "Logs";
pub(in crate::view) const NO_LOGS: &str = "no worker has logged anything yet: space fires a burst of jobs";
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

pub(in crate::view) fn lines_shown(words: &str, shown: usize, all: usize) -> String {
    format!("/{words}  {shown} of {all} lines, newest last")
}

/// A filter that is on.
pub(in crate::view) fn filtered(words: &str, shown: usize, all: usize) -> String {
    format!("/{words}  {shown} of {all}")
}

/// A rescale by the HPA.
pub(in crate::view) fn rescale(from: i32, to: i32, why: &str) -> String {
    format!("{from} → {to}  {why}")
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
