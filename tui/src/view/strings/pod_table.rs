//! Text of the tables of pods.

pub(in crate::view) const POD: &str = "pod";
pub(in crate::view) const USAGE: &str = "usage";
pub(in crate::view) const REQUEST: &str = "request";
pub(in crate::view) const SHARE: &str = "share";
pub(in crate::view) const PART: &str = "part in the calculation";
pub(in crate::view) const NO_USAGE: &str = "no reading";

pub(in crate::view) fn note(pods: &str, usage: &str, target: &str) -> String {
    format!("{usage} of {target}   {pods}")
}

pub(in crate::view) fn foreign(part: &str) -> String {
    format!("{part}, of another workload")
}

pub(in crate::view) fn with_reason(part: &str, reason: &str) -> String {
    format!("{part}: {reason}")
}

pub(in crate::view) fn with_assumed(part: &str, assumed: &str) -> String {
    format!("{part}, {assumed}")
}
