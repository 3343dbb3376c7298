//! Text of the stopwatch: what became of a burst, and the time of each of its steps. The names of the steps are in
//! `dashboard::bursts`.

use dashboard::ui::state::Access;

pub(in crate::view) const TITLE: &str = "Stopwatch";
pub(in crate::view) const LINE: &str = "stopwatch ";

/// The state before the first burst, with the key for it where that acts.
pub(in crate::view) fn no_burst(access: Access) -> &'static str {
    match access {
        Access::Full => "no burst yet: space fires one",
        Access::ReadOnly => "no burst yet",
    }
}

// What became of a burst.

pub(in crate::view) fn accepted(accepted: &str, size: &str) -> String {
    format!("{accepted}/{size} accepted")
}

pub(in crate::view) fn failed(count: &str) -> String {
    format!("{count} failed")
}

pub(in crate::view) fn lost(count: &str) -> String {
    format!("{count} lost")
}

pub(in crate::view) fn lost_unknown(why: &str) -> String {
    format!("lost unknown: {why}")
}

pub(in crate::view) fn done(count: &str) -> String {
    format!("{count} done")
}

pub(in crate::view) fn redelivered(count: &str) -> String {
    format!("←{count} redelivered")
}

pub(in crate::view) fn dead(count: &str) -> String {
    format!("{count} dead")
}

pub(in crate::view) fn not_sampled(workers: usize) -> String {
    format!("{workers} workers not sampled")
}

pub(in crate::view) fn waits(cause: &str) -> String {
    format!("waits: {cause}")
}

/// The other load during a burst; `None` without any.
pub(in crate::view) fn overlaps(bursts: &[u32], more: bool, with_load: bool) -> Option<String> {
    let mut words: Vec<String> = bursts.iter().map(|number| format!("#{number}")).collect();
    words.extend(more.then(|| "…".to_owned()));
    words.extend(with_load.then(|| "the load".to_owned()));
    (!words.is_empty()).then(|| format!("overlaps {}", words.join(", ")))
}

pub(in crate::view) fn number_and(number: u32, text: &str) -> String {
    format!("#{number} {text}")
}

pub(in crate::view) fn number_at(number: u32, clock: &str) -> String {
    format!("#{number} at {clock}")
}

// The table of the steps.

pub(in crate::view) const COLUMNS: [&str; 3] = ["press", "step", "±"];
pub(in crate::view) const NOT_READ_NOW: &str = "not read now";

pub(in crate::view) fn earlier_steps(count: u16) -> String {
    format!("↑ {count} earlier steps")
}

/// The offset of the cluster's clock, in two phrasings.
pub(in crate::view) fn cluster_clock(ahead: f64, uncertainty: f64) -> [String; 2] {
    let figures = format!("cluster's clock {ahead:+.2} s ±{uncertainty:.2} s");
    [format!("{figures}, by the API server's Date"), figures]
}

pub(in crate::view) const CLOCK_UNKNOWN: &str = "cluster's clock not compared yet";
