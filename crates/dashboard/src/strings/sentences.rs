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
/// The filter key on a screen without a list.
pub const NO_LIST: &str = "this screen has no list to filter";
