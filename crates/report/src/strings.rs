//! All words of the report.

use dashboard::workers::timelines::LaneMark;

pub(crate) const DEPTH: &str = "messages in the queue";
pub(crate) const SHARES: &str = "Metrics, % of target";
pub(crate) const REPLICAS: &str = "Replicas";
pub(crate) const TABLE: &str = "The values as a table";
pub(crate) const TIME: &str = "time";
pub(crate) const NO_VALUE: &str = "none";
pub(crate) const NO_LAG: &str = "below 2 s";

pub(crate) fn queue(name: Option<&str>) -> String {
    name.map_or_else(|| "Queue, messages".to_owned(), |name| format!("Queue {name}, messages"))
}

pub(crate) fn workers(hidden: usize) -> String {
    match hidden {
        0 => "Workers".to_owned(),
        hidden => format!("Workers ({hidden} older ones are left out)"),
    }
}

pub(crate) fn lane(name: &str, done: u32) -> String {
    format!("{name}: {done} jobs done")
}

pub(crate) const fn lane_mark(mark: LaneMark) -> &'static str {
    match mark {
        LaneMark::Restarted => "container restarted",
        LaneMark::Killed => "killed",
        LaneMark::Aborted => "job aborted",
    }
}

pub(crate) fn table_caption(seconds: f64) -> String {
    format!("Each row has the values at that time; rows are {seconds} s apart.")
}

/// The sentence of a decision that differs from our arithmetic.
pub(crate) fn other_size(ours: i32, cause: &str) -> String {
    format!("Surge calculates {ours}: {cause}")
}

// The head.

pub(crate) fn title(names: &[&str]) -> String {
    format!("Surge report: {}", names.join(", "))
}

pub(crate) const REPORT: &str = "Autoscaling report";
pub(crate) const CONTENTS: &str = "Contents";
pub(crate) const HPA: &str = "HPA";
pub(crate) const TARGET: &str = "scale target";
pub(crate) const CLUSTER: &str = "cluster";
pub(crate) const STARTED: &str = "started";
pub(crate) const LENGTH: &str = "length";
pub(crate) const VERSIONS: &str = "versions";
pub(crate) const REDACTED: &str = "names are replaced";
pub(crate) const UNKNOWN: &str = "unknown";
pub(crate) const NO_HPA: &str = "The recording has no HPA.";

pub(crate) fn versions(program: &str, kubernetes: Option<&str>) -> String {
    format!("{program}, Kubernetes {}", kubernetes.unwrap_or(UNKNOWN))
}

pub(crate) fn made_by(generator: &str) -> String {
    format!("{generator} made this file from a recording. It needs no network.")
}

// The verdict.

pub(crate) const VERDICT: &str = "Verdict";
pub(crate) const PASSED: &str = "Passed";
pub(crate) const FAILED: &str = "Failed";
pub(crate) const UNDECIDED: &str = "Not decided";
pub(crate) const OBSERVED: &str = "Observed";
pub(crate) const EXPECTATION: &str = "expectation";
pub(crate) const MEASURED: &str = "measured";
pub(crate) const RESULT: &str = "result";
pub(crate) const HELD: &str = "held";
pub(crate) const NOT_HELD: &str = "failed";
pub(crate) const NOT_DECIDED: &str = "unknown";
pub(crate) const NO_EXPECTATIONS: &str = "The run has no expectations.";

pub(crate) fn held(scenario: &str, held: usize, all: usize) -> String {
    format!("Scenario {scenario}: {held} of {all} expectations held.")
}

pub(crate) fn bursts(bursts: usize, jobs: &str) -> String {
    match bursts {
        0 => "No burst was fired.".to_owned(),
        1 => format!("One burst, {jobs} jobs confirmed."),
        bursts => format!("{bursts} bursts, {jobs} jobs confirmed."),
    }
}

pub(crate) fn rescales(count: usize, least: i32, most: i32) -> String {
    match count {
        0 => "The HPA did not rescale.".to_owned(),
        1 => format!("The HPA rescaled once, between {least} and {most} replicas."),
        count => format!("The HPA rescaled {count} times, between {least} and {most} replicas."),
    }
}

pub(crate) fn slowest(hop: &str, lag: &str, clock: &str) -> String {
    format!("The slowest hop was {hop}: {lag} behind at {clock}.")
}

pub(crate) fn lost(count: &str) -> String {
    format!("{count} jobs were lost.")
}

pub(crate) const NONE_LOST: &str = "No job was lost.";
pub(crate) const LOST_UNKNOWN: &str = "Lost jobs are unknown.";

// The figures.

pub(crate) const FIGURES: &str = "Figures";
pub(crate) const COMPARISON: &str = "Comparison";
pub(crate) const FIGURE: &str = "figure";
pub(crate) const SETTINGS_ROW: &str = "last settings";
pub(crate) const RUN_LENGTH: &str = "length of the run";
pub(crate) const RESCALES: &str = "rescales";
pub(crate) const NO_FIGURE: &str = "–";
pub(crate) const FIGURES_NOTE: &str =
    "Counts are sums over the bursts, times the longest of a burst. ≈ marks an estimate.";

pub(crate) fn lag_of(hop: &str) -> String {
    format!("worst lag, {hop}")
}

pub(crate) fn against(name: &str) -> String {
    format!("against {name}")
}

// The chart.

pub(crate) const CHART: &str = "Chart";
pub(crate) const SIGNS: &str = "Marks";
pub(crate) const WORKER_STATES: &str = "Workers' states";
pub(crate) const DRILL_SHADE: &str = "Shaded: a drill.";
pub(crate) const NO_CHART: &str = "The recording has no values to draw.";
pub(crate) const ZOOM_IN: &str = "Zoom in";
pub(crate) const ZOOM_OUT: &str = "Zoom out";
pub(crate) const WHOLE: &str = "Whole run";
pub(crate) const CHART_HELP: &str = "Point at the chart for values; drag to zoom. Keys: ← → + − 0.";

pub(crate) fn chart_name(name: &str) -> String {
    format!("Chart of {name}")
}

pub(crate) fn chart_description(plots: &[&str], clock_from: &str, clock_to: &str, rescales: usize) -> String {
    format!(
        "Over time from {clock_from} to {clock_to}: {}. {rescales} rescales. A table below has the values.",
        plots.join("; ")
    )
}

// The bursts.

pub(crate) const BURSTS: &str = "Bursts";
pub(crate) const NO_BURST: &str = "No burst was fired in this run.";
pub(crate) const STEP: &str = "step";
pub(crate) const SINCE_PRESS: &str = "since the press";
pub(crate) const SINCE_BEFORE: &str = "since the step before";
pub(crate) const MARGIN: &str = "±";
pub(crate) const SOURCE: &str = "source";
pub(crate) const NOT_YET: &str = "not in this recording";

pub(crate) fn burst(number: u32, size: &str, clock: &str) -> String {
    format!("Burst #{number}: {size} requests at {clock}")
}

pub(crate) fn outcome(accepted: &str, size: &str, done: &str) -> String {
    format!("{accepted} of {size} accepted, {done} done")
}

pub(crate) fn settings_then(settings: &str) -> String {
    format!("HPA then: {settings}")
}

pub(crate) fn requests_failed(count: &str) -> String {
    format!("{count} requests failed")
}

pub(crate) fn jobs_lost(count: &str) -> String {
    format!("{count} lost")
}

pub(crate) fn lost_unknown(why: &str) -> String {
    format!("lost unknown: {why}")
}

pub(crate) fn redelivered(count: &str) -> String {
    format!("{count} redelivered")
}

pub(crate) fn dead(count: &str) -> String {
    format!("{count} dead-lettered")
}

pub(crate) fn overlaps(bursts: &str) -> String {
    format!("overlaps {bursts}")
}

pub(crate) const WITH_LOAD: &str = "the continuous load";

// The decisions.

pub(crate) const DECISIONS: &str = "Decisions";
pub(crate) const BETWEEN_SAMPLES: &str = "No sync in the recording made this change.";
pub(crate) const NO_DECISION: &str = "No rescale was observed in this run.";
pub(crate) const SIZE: &str = "size";
pub(crate) const WANTED: &str = "metrics ask for";
pub(crate) const READING: &str = "reading/target";
pub(crate) const REASONS: &str = "why";
pub(crate) const DECISIONS_NOTE: &str =
    "Surge repeats the controller's arithmetic for each sync; the size is from the HPA's status.";

pub(crate) fn change(from: i32, to: i32) -> String {
    format!("{from} → {to}")
}

// The hops.

pub(crate) const HOPS: &str = "Who believed what";
pub(crate) const NO_HOPS: &str = "The recording has no figure of a metric.";
pub(crate) const HOP: &str = "hop";
pub(crate) const LAST_VALUE: &str = "last value";
pub(crate) const WORST_LAG: &str = "worst lag";
pub(crate) const AT: &str = "at";
pub(crate) const REFERENCE: &str = "the reference";
pub(crate) const METRIC_HEAD: [&str; 5] = [METRIC, "metrics API", "HPA status", WORST_LAG, AT];
pub(crate) const METRIC_HOPS_NOTE: &str =
    "Last figures. A lag is the time since the metrics API had the figure of the HPA's status.";
pub(crate) const HOPS_NOTE: &str = "A lag is the time since the hop's value was the broker's.";

// The jobs.

pub(crate) const JOBS: &str = "Jobs";
pub(crate) const NO_JOBS: &str = "The recording has no job of a worker.";
pub(crate) const JOB_ROWS: [&str; 5] =
    ["done", "redelivered", "dead-lettered", "aborted with their worker", "lost with the broker"];

// The settings.

pub(crate) const SETTINGS: &str = "Settings";
pub(crate) const METRIC: &str = "metric";
pub(crate) const TARGET_OF: &str = "target";
pub(crate) const FROM: &str = "from";
pub(crate) const IN_FORCE: &str = "settings";

// The doctor.

pub(crate) const DOCTOR: &str = "Doctor";
pub(crate) const NO_DOCTOR: &str = "The doctor did not run in this recording.";
pub(crate) const FINDING: &str = "finding";
pub(crate) const FIRST_FIX: &str = "Fix";

pub(crate) fn doctor_at(clock: &str, summary: &str) -> String {
    format!("Report of {clock}: {summary}.")
}

// The file.

pub(crate) const MISSING: &str = "Not in this file";
