//! Sentences of the calculation and of the dialogs.

/// The cause if there is no HPA.
pub const NO_HPA: &str = "the HorizontalPodAutoscaler does not exist";
/// The cause if the scale target is missing.
pub const NO_WORKLOAD: &str = "the HPA's scale target does not exist";
/// The state before a target is known.
pub const LOOKING_FOR_TARGET: &str = "Looking for a target";

/// The cause of a missing reading: an empty list.
pub const NO_METRIC_ITEM: &str = "the external metrics API has no item for it";
/// The controller's reading in a calculation, before the first answer of the metrics API.
pub const METRIC_NOT_READ: &str = "not read yet";
/// The shadow's reading if the real controller had none.
pub const NO_READING: &str = "there was no reading";

/// The cause of another size: no reading.
pub const CALCULATED_WITHOUT_READING: &str = "there was no reading to calculate with";
/// The cause of another size: the controller's scale events.
pub const OTHER_SCALE_EVENTS: &str = "its policies count changes that were not observed here";
/// The cause of another size: recommendations from before this run.
pub const OLDER_RECOMMENDATIONS: &str = "it remembers recommendations from before this run";
/// The cause of another size: the number of replicas at the sync.
pub const REPLICAS_UNOBSERVED: &str = "the replicas at that time were not observed";
/// The cause of another size: the total.
pub const TOTAL_COMPUTED_BACK: &str = "the total is computed back and may be off";
/// The cause of another size: anything else.
pub const OTHER_INPUTS: &str = "its memory or inputs differ from those observed here";

/// The form has no edits.
pub const NOTHING_CHANGED: &str = "nothing is changed";
/// The dry run has no differences.
pub const DRY_RUN_CHANGES_NOTHING: &str = "the dry run changes nothing";
/// Another client has changed the HPA; the differences follow.
pub const CONFLICT: &str = "another client changed the HPA; your edits are kept:";
/// A field without a value.
pub const ABSENT: &str = "(absent)";
/// The target is edited, but its metric is gone.
pub const NO_TARGET_TO_EDIT: &str = "the HPA has no such metric any more";

/// A field with text that is not a whole number.
#[must_use]
pub fn not_a_whole_number(path: &str, text: &str) -> String {
    format!("{path}: {text:?} is not a whole number")
}

/// A field with text that is not a scaling policy.
#[must_use]
pub fn not_a_policy(path: &str, text: &str) -> String {
    format!("{path}: {text:?} is not like 4 pods/15s, 100%/15s, max, min or disabled")
}

/// A factor above 1.
#[must_use]
pub fn times(factor: f64) -> String {
    format!("{factor:.0} times")
}

/// A factor below 1, by its inverse.
#[must_use]
pub fn parts(inverse: f64) -> String {
    format!("1/{inverse:.0}")
}

/// A difference of one field.
#[must_use]
pub fn difference(path: &str, before: &str, after: &str) -> String {
    format!("{path}: {before} → {after}")
}

/// The target of a metric that is not External.
#[must_use]
pub fn metric_target(name: &str, target: &str) -> String {
    format!("{name} {target}")
}

/// An AverageValue target.
#[must_use]
pub fn per_pod(target: &str) -> String {
    format!("{target} per pod")
}

/// A Value target.
#[must_use]
pub fn in_total(target: &str) -> String {
    format!("{target} in total")
}

/// The effect of stopping the exporter.
pub const EXPORTER_STOPPED: &str = "no new samples: the HPA loses its metric and keeps its size";
/// The effect of stopping Prometheus.
pub const PROMETHEUS_STOPPED: &str = "no scrapes and no queries: the external metric fails";
/// The effect of stopping the broker.
pub const BROKER_STOPPED: &str = "new jobs are refused; non-persistent messages are lost";

/// A key that changes the cluster, with `--read-only`.
pub const READ_ONLY_NOTICE: &str = "read-only: nothing is sent to the cluster";
/// A key that acts, in a replay.
pub const A_REPLAY: &str = "a replay: nothing can be changed";
/// The recording began.
pub(crate) fn recording_to(file: &str) -> String {
    format!("recording to {file}; R ends it")
}

/// The recording ended.
pub(crate) fn recorded(file: &str, bytes: u64) -> String {
    format!("recorded {} to {file}", size(bytes))
}

/// The memory was saved.
pub(crate) fn saved(file: &str, bytes: u64) -> String {
    format!("saved {} to {file}", size(bytes))
}

/// The recorder could not write.
pub(crate) fn recorder_failed(sentence: &str) -> String {
    format!("the recording stopped: {sentence}")
}

/// A size in bytes, such as `1.3 MB`: decimal units.
#[must_use]
pub fn size(bytes: u64) -> String {
    match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..1_000_000 => format!("{:.0} kB", bytes as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} MB", bytes as f64 / 1e6),
        _ => format!("{:.1} GB", bytes as f64 / 1e9),
    }
}

/// A key for one HPA on the screen of all HPAs.
pub const OPEN_AN_HPA: &str = "open an HPA first: enter";
/// The notice until another context answers.
pub(crate) fn connecting_to(context: &str) -> String {
    format!("connecting to context {context}")
}
/// The inspect key on a screen without a time axis.
pub const NO_TIME_AXIS: &str = "this screen has no time axis";
/// A zoom key at the end of its range.
pub(crate) fn zoom_end(closer: bool, seconds: u64) -> String {
    format!("{} is the {} stretch of time", stretch(seconds), if closer { "shortest" } else { "longest" })
}
/// The stretch of time after a zoom key.
pub(crate) fn zoomed(seconds: u64) -> String {
    format!("the chart shows {}; f fits it", stretch(seconds))
}
/// A length of time in its largest unit.
fn stretch(seconds: u64) -> String {
    match seconds {
        0..120 => format!("{seconds} s"),
        120..3_600 => format!("{} min", seconds / 60),
        _ => format!("{} h", seconds / 3_600),
    }
}
/// The width of the chart is automatic again.
pub const FITTED: &str = "the width of the chart is automatic";
/// The chart follows the present.
pub const AT_PRESENT: &str = "the chart follows the present";
/// The key for an earlier stretch at the start of the run.
pub const NOTHING_EARLIER: &str = "the run began here: nothing is earlier";
/// The key for a later stretch at the present.
pub const NOTHING_LATER: &str = "this is the present: nothing is later";
/// The expand key on a screen without panels.
pub const NOTHING_TO_EXPAND: &str = "enter expands panels of Overview, and the history of Decision";
/// The compare key elsewhere than on Runs.
pub const ONLY_ON_RUNS: &str = "x compares runs: it works on the screen Runs";
/// The theme key.
pub(crate) fn theme(name: &str) -> String {
    format!("theme: {name}")
}
/// The key for the characters of the chart.
pub(crate) fn markers(name: &str) -> String {
    format!("the chart draws with {name}")
}
/// The mouse key, now on or off.
pub(crate) fn mouse(is_on: bool) -> &'static str {
    if is_on { "mouse on: clicks and the wheel come here" } else { "mouse off: the terminal selects text" }
}
/// The pause key, now paused or not.
pub(crate) fn paused(is_paused: bool) -> &'static str {
    if is_paused { "view paused: p resumes it" } else { "view live again" }
}
/// The size of the next burst, by a key that did not change it.
pub(crate) fn same_size(size: u32) -> String {
    format!("the burst size is {size} already")
}
/// The rate of the continuous load while it is off.
pub(crate) fn rate_while_off(rate: f64) -> String {
    format!("load {rate}/s, off: c starts it")
}
/// The drain time of the forecast.
pub(crate) fn drain_time(seconds: u64) -> String {
    format!("drain time {}: see the forecast on Decision", stretch(seconds))
}
/// A key that changed nothing.
pub(crate) fn no_effect(key: &str) -> String {
    format!("{key} has no effect here")
}
/// A key that the table does not have.
pub(crate) fn unknown_key(key: &str) -> String {
    format!("{key} is no key here; ? lists the keys")
}
/// A key that the help does not have.
pub(crate) fn no_key_of_help(key: &str) -> String {
    format!("{key} is no key of the help; esc closes it")
}
/// The filter key on a screen without a list.
pub const NO_LIST: &str = "this screen has no list to filter";

/// A count of lost jobs that the logs do not give.
pub const LOST_UNKNOWN: &str = "a worker's log has a gap";
/// A kill without a ready worker.
pub(crate) const NO_WORKER_TO_KILL: &str = "there is no ready worker to kill";
/// An undo without a change.
pub(crate) const NOTHING_TO_UNDO: &str = "there is no change to undo";
/// The reason of a run that ends with the dashboard.
pub(crate) const QUIT_STOPS_SCENARIO: &str = "the dashboard ends";
/// The reason of a run that the user ends.
pub(crate) const USER_STOPS_SCENARIO: &str = "stopped by the user";
/// The notice while a scenario restores its changes before the end.
pub(crate) const PUTTING_BACK: &str = "putting back what the scenario changed; q quits at once";
/// A key that leaves the target while a scenario runs.
pub(crate) const SCENARIO_RUNS: &str = "a scenario runs: s, then x stops it";

/// The notice at the end of a scenario.
pub(crate) fn scenario_over(name: &str, outcome: &str) -> String {
    format!("scenario {name} {outcome}: s shows the results")
}

/// A start of a part that is not stopped.
pub(crate) fn not_stopped(part: &str) -> String {
    format!("{part} is not stopped")
}

/// A stop of a part that is stopped.
pub(crate) fn already_stopped(part: &str) -> String {
    format!("{part} is stopped already")
}
