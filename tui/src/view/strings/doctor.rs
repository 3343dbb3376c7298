//! Text of the screen Doctor. The report's own sentences come from the crate `diagnosis`.

pub(in crate::view) const TITLE: &str = "Doctor";
pub(in crate::view) const INTRODUCTION: &str =
    "Checks the chain from the broker to the HPA, and shows the findings and the fix.";
pub(in crate::view) const RUN_KEY: &str = "r";
pub(in crate::view) const RUNS: &str = " checks";
/// A part was stopped or restored after the check.
pub(in crate::view) const BEFORE_DRILL: &str = "from before the last drill step  ";
pub(in crate::view) const RUNS_AGAIN: &str = " again";

pub(in crate::view) fn more_lines(count: usize) -> String {
    format!("↓ {count} more lines   ")
}

pub(in crate::view) fn running(time: &str) -> String {
    format!("checking for {time}")
}

pub(in crate::view) fn checked(age: &str) -> String {
    format!("checked {age} ago, ")
}

pub(in crate::view) fn stopped_by_drill(part: &str, age: &str) -> String {
    format!("{part}: your drill stopped it {age} ago; D restores it")
}

pub(in crate::view) fn fix(what: &str) -> String {
    format!("Fix: {what}")
}

pub(in crate::view) fn more_of_fix(count: usize) -> String {
    format!("  … {count} more lines: surge doctor")
}

// Verdicts.

pub(in crate::view) const OK: &str = "ok";
pub(in crate::view) const WARNING: &str = "warning";
pub(in crate::view) const FAILURE: &str = "FAILURE";
pub(in crate::view) const NOT_APPLICABLE: &str = "n/a";
pub(in crate::view) const NOT_PERMITTED: &str = "no access";
pub(in crate::view) const ASKED: &str = "asking";

pub(in crate::view) fn asked(part: &str, time: &str) -> String {
    format!("{part}, for {time}")
}
