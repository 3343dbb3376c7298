//! Text of the dialog of the scenarios.

/// Keys of a dialog with their meaning.
type Keys = &'static [(&'static str, &'static str)];

pub(in crate::view) const TITLE: &str = "Scenarios";
pub(in crate::view) const PATH: &str = "file";
pub(in crate::view) const PATH_HINT: &str = "type the path of a TOML file";
pub(in crate::view) const READING: &str = "reading the file …";
pub(in crate::view) const START: &str = "Start";
pub(in crate::view) const ON: &str = "on ";
pub(in crate::view) const START_NOTE: &str = "its settings for the sandbox do not apply here";
pub(in crate::view) const LIST_KEYS: Keys = &[("↑ ↓", "choose"), ("enter", "start"), ("esc", "close")];
pub(in crate::view) const WRONG_KEYS: Keys = &[("esc", "back")];
pub(in crate::view) const RUNNING_KEYS: Keys = &[("x", "stop it"), ("esc", "close")];
pub(in crate::view) const OVER_KEYS: Keys = &[("enter", "other scenarios"), ("esc", "close")];

/// The badge of a running scenario.
pub(in crate::view) fn badge(name: &str, step: usize, steps: usize) -> String {
    format!("▶ {name} {}/{steps}", step.min(steps))
}

/// The place of the present step.
pub(in crate::view) fn step(step: usize, steps: usize) -> String {
    if step > steps { "after the last step".to_owned() } else { format!("step {step} of {steps}") }
}

/// The time of the present step, and its limit.
pub(in crate::view) fn time(since: &str, limit: Option<&str>) -> String {
    match limit {
        Some(limit) => format!("{since} of at most {limit}"),
        None => since.to_owned(),
    }
}

/// The summary of the steps and expectations before a start.
pub(in crate::view) fn counts(steps: usize, expectations: usize) -> String {
    format!("{steps} steps, {expectations} expectations")
}
