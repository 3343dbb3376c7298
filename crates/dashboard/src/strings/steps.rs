//! Words for the times of a burst's steps: the uncertainty, the time since the step before, and the source.

use text::figures::{measured, upper_bound};

use crate::bursts::stopwatch::{Observation, Stage, StageTime, Stopwatch};
use crate::clock::{At, DayClock};

/// The meaning of the column with the time of a step.
pub const NOTE: &str = "step: since the row above";

/// The uncertainty of a time: `±0.2 s`, or `exact` for a report that came as it happened.
#[must_use]
pub fn margin(seen: &Observation) -> String {
    if seen.uncertainty.is_zero() {
        "exact".to_owned()
    } else {
        format!("±{}", upper_bound(seen.uncertainty))
    }
}

/// The time since the row above, at `above`: `+1.2 s`.
#[must_use]
pub fn since_above(seen: &Observation, above: At) -> String {
    format!("+{}", measured(seen.at.since(above)))
}

/// The source of a step's time, or the reason why it has none, in two phrasings; `None` for a step that has not happened.
#[must_use]
pub fn source(watch: &Stopwatch, stage: Stage, day: &DayClock) -> Option<[String; 2]> {
    match watch.get(stage) {
        StageTime::Seen(seen) => {
            let mut full = seen.provenance.words().to_owned();
            if let Some((own, margin)) = seen.object_time {
                full.push_str(&format!("; its own time {} ±{}", day.time_of_day(own), measured(margin)));
            }
            let Some(doubt) = seen.caveat else { return Some([full, seen.provenance.short().to_owned()]) };
            full.push_str(&format!("; {}", doubt.words()));
            Some([full, format!("{}, {}", seen.provenance.short(), doubt.short())])
        }
        // The times' columns have the short phrasing.
        StageTime::Never(why) => Some([why.sentence(), String::new()]),
        StageTime::NotYet => None,
    }
}
