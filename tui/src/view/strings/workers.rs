//! Text of the workers: the panel of the overview, and the timelines of the screen Pods.

pub(in crate::view) const TITLE: &str = "Workers";
pub(in crate::view) const LINE: &str = "workers   ";
pub(in crate::view) const NOT_LISTED: &str = "not listed yet";
pub(in crate::view) const NONE: &str = "none";
pub(in crate::view) const NO_WORKER: &str = "no worker yet: the HPA's pods appear here";
pub(in crate::view) const NO_MATCH: &str = "no worker matches the filter";

// The states of a pod and of a worker.

pub(in crate::view) const PENDING: &str = "pending";
pub(in crate::view) const NOT_READY: &str = "not ready";
pub(in crate::view) const STARTING: &str = "starting";
pub(in crate::view) const READY: &str = "ready";
pub(in crate::view) const IDLE: &str = "idle";
pub(in crate::view) const BUSY: &str = "busy";
pub(in crate::view) const NOT_SAMPLED: &str = "not sampled";
pub(in crate::view) const TERMINATING: &str = "terminating";
pub(in crate::view) const FAILED: &str = "failed";
pub(in crate::view) const COMPLETED: &str = "completed";

// The marks on a timeline.

pub(in crate::view) const RESTARTED: &str = "restarted";
pub(in crate::view) const KILLED: &str = "killed";
pub(in crate::view) const ABORTED: &str = "job aborted";

pub(in crate::view) fn count_of(count: impl std::fmt::Display, word: &str) -> String {
    format!("{count} {word}")
}

// What went wrong with jobs.

pub(in crate::view) const LOST: &str = "lost";
pub(in crate::view) const REDELIVERED: &str = "redelivered";
pub(in crate::view) const JOBS_ABORTED: &str = "aborted";
pub(in crate::view) const DEAD: &str = "dead";

pub(in crate::view) fn more_workers(count: usize) -> String {
    format!("  and {count} more")
}

pub(in crate::view) fn restarts(count: i32) -> String {
    format!("  ↨{count}")
}

// The screen Pods.

pub(in crate::view) const DETAILS: &str = "Pods";
/// The columns of the details. CPU and memory are the usage and the request.
pub(in crate::view) const DETAIL_COLUMNS: [&str; 7] =
    ["name", "node", "age", "restarts", "CPU used of", "memory used of", "last exit"];

/// A row of the details, with the name and the node in that number of columns.
pub(in crate::view) fn details(cells: [String; 7], name_width: usize, node_width: usize) -> String {
    let [name, node, age, restarts, cpu, memory, exit] = cells;
    format!(
        " {name:<name_width$}  {node:<node_width$}  {age:>6}  {restarts:>8}  {cpu:>13}  {memory:>16}  {exit}"
    )
}

/// A usage and the request.
pub(in crate::view) fn used_of(usage: Option<String>, request: Option<String>) -> String {
    let or_none = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    format!("{} of {}", or_none(usage), or_none(request))
}

pub(in crate::view) const POD_SECONDS: &str = "pod-seconds  ";

pub(in crate::view) const BUSY_SECONDS: &str = " busy";

pub(in crate::view) fn idle_seconds(percent: Option<f64>) -> String {
    percent.map_or_else(|| " idle".to_owned(), |percent| format!(" idle ({percent:.0} %)"))
}

pub(in crate::view) fn seconds_not_ready(seconds: &str) -> String {
    format!("{seconds} not ready")
}

pub(in crate::view) fn seconds_not_sampled(seconds: &str) -> String {
    format!("{seconds} not sampled")
}

pub(in crate::view) fn workers_not_sampled(workers: usize, limit: usize) -> String {
    format!("{workers} workers not sampled: Surge reads {limit} logs")
}

pub(in crate::view) fn aborted_jobs(jobs: u64, count: &str, work: &str) -> String {
    format!("† {count} {} aborted, {work} of work", if jobs == 1 { "job" } else { "jobs" })
}

pub(in crate::view) fn workers_not_counted(workers: impl std::fmt::Display) -> String {
    format!("{workers} workers not counted")
}

pub(in crate::view) fn done(jobs: &str) -> String {
    format!("{jobs} done")
}

pub(in crate::view) fn hidden(older: usize, newer: usize) -> String {
    let newer = if newer > 0 { format!(", {newer} newer below") } else { String::new() };
    format!("{older} older above{newer}")
}
