//! Text that the user reads.

use std::path::Path;
use std::time::Duration;

use dashboard::autoscaler::shadow::rehearsal::Outcome;

use crate::format::Version;

pub(crate) fn not_opened(path: &Path, error: &std::io::Error) -> String {
    format!("opening {} failed: {error}", path.display())
}

pub(crate) fn not_read(error: &std::io::Error) -> String {
    format!("reading failed: {error}")
}

pub(crate) const EMPTY: &str = "the file is empty: it has no header";

pub(crate) fn no_header(cause: &str) -> String {
    format!("the first line is not the header of a recording: {cause}")
}

pub(crate) fn other_major(found: Version) -> String {
    let known = Version::CURRENT.major;
    format!("the recording has version {found}; this program reads versions {known}.x: install a newer one")
}

pub(crate) fn exists(path: &Path) -> String {
    format!("{} exists already: choose another name, or remove it", path.display())
}

pub(crate) fn not_created(path: &Path, error: &std::io::Error) -> String {
    format!("creating {} failed: {error}", path.display())
}

pub(crate) fn not_written(path: &Path, error: &std::io::Error) -> String {
    format!("writing {} failed: {error}", path.display())
}

pub(crate) const NO_SPEC: &str = "the recording has no HPA with a valid specification and a workload";

pub(crate) fn no_setting(setting: &str) -> String {
    format!("{setting:?} is not FIELD=VALUE, such as target=40")
}

pub(crate) fn no_field(path: &str) -> String {
    format!("{path} is no field of an HPA's specification; paths are as in kubectl explain hpa.spec")
}

pub(crate) fn wrong_value(path: &str, cause: &str) -> String {
    format!("{path}: {cause}")
}

pub(crate) const SETTINGS: &str = "settings";
pub(crate) const RESCALES: &str = "rescales";
pub(crate) const PEAK: &str = "most replicas";
pub(crate) const POD_SECONDS: &str = "pod-seconds";
pub(crate) const LONGEST_SHORT: &str = "longest too small";
pub(crate) const LONGEST_WAIT: &str = "longest wait";
pub(crate) const UNKNOWN: &str = "unknown";
pub(crate) const SIZES: &str = "replicas asked for, from which time on";
pub(crate) const RECORDED: &str = "recorded";
pub(crate) const TRIED: &str = "tried";
pub(crate) const OPEN_LOOP: &str = "Both decide with the recorded readings, which the real size shaped: the tried sizes are exact until the two \
                                    differ, and a hint later.\n";

/// A time as `00:02:30`.
pub(crate) fn clock(time: Duration) -> String {
    let seconds = time.as_secs();
    format!("{:02}:{:02}:{:02}", seconds / 3_600, seconds / 60 % 60, seconds % 60)
}

pub(crate) fn compared(hpa: &str, length: Duration) -> String {
    format!("HPA {hpa}, {} of a recording\n\n", clock(length))
}

/// The simulated burst under both settings.
pub(crate) fn rehearsed(jobs: u32, recorded: &Outcome, tried: &Outcome) -> String {
    let one = |outcome: &Outcome| {
        let drained = match outcome.drained {
            Some(drained) => format!("done after {:.0} s", drained.as_secs_f64()),
            None => "not done in half an hour".to_owned(),
        };
        format!("{drained}, at most {} replicas, {} pod-seconds", outcome.peak, outcome.pod_seconds)
    };
    format!(
        "Estimate with a queue that reacts, for a burst of {jobs} jobs:\n  recorded settings: {}\n  tried settings: {}\n",
        one(recorded),
        one(tried)
    )
}
