//! Text of the frame around the screens: title line, footer, start, state of sources.

use std::time::Duration;

use dashboard::reported::Source;
use dashboard::session::{Motion, Replay};

pub(in crate::view) const BRAND: &str = " surge";

// The window that is too small.

pub(in crate::view) const WINDOW_TOO_SMALL: &str = "surge needs a larger window";
pub(in crate::view) const QUIT_HINT: &str = "q quits";

pub(in crate::view) fn window_sizes(here: (u16, u16), smallest: (u16, u16)) -> String {
    format!("{}x{} here, at least {}x{} needed", here.0, here.1, smallest.0, smallest.1)
}

// The title line: badges, and the state at the right end.

pub(in crate::view) const READ_ONLY: &str = "read-only";
pub(in crate::view) const READING: &str = "○ reading";
pub(in crate::view) const LIVE: &str = "● live";
pub(in crate::view) const LOOKING: &str = "○ looking";
pub(in crate::view) const STARTING: &str = "○ starting";
pub(in crate::view) const NOW: &str = "now";

/// A source that was read before and is not now, and the number of others.
pub(in crate::view) fn source_stopped(name: &str, time: &str, others: usize) -> String {
    match others {
        0 => format!("! {name} {time}"),
        others => format!("! {name} {time} +{others}"),
    }
}

pub(in crate::view) fn paused(time: &str) -> String {
    format!("║ paused {time}")
}

pub(in crate::view) fn unreachable(time: &str) -> String {
    format!("× not reachable for {time}")
}

pub(in crate::view) fn inspecting(clock: &str, ago: &str) -> [String; 2] {
    [format!("◄ inspect {clock} ({ago})"), format!("◄ inspect {clock}")]
}

pub(in crate::view) fn panned(clock: &str, ago: &str) -> [String; 2] {
    [format!("◄ until {clock} ({ago}), 0 for now"), format!("◄ until {clock} ({ago})")]
}

pub(in crate::view) fn drilled(first: &str, more: usize) -> String {
    match more {
        0 => format!("■ {first} off"),
        more => format!("■ {} parts off", more + 1),
    }
}

// The footer.

pub(in crate::view) const BURST_SIZE: &str = "burst ";
pub(in crate::view) const LOAD: &str = " load ";
pub(in crate::view) const KEY_OFF: &str = "off";

pub(in crate::view) fn load_rate(rate: f64, is_on: bool) -> String {
    format!("{rate}/s {} ", if is_on { "on" } else { "off" })
}

pub(in crate::view) fn failed_requests(count: &str) -> String {
    format!("{count} failed ")
}

/// Key texts for one place, where the table of keys has a more general word.
pub(in crate::view) mod keys {
    pub(in crate::view) type Keys = &'static [(&'static str, &'static str)];

    pub(in crate::view) const HELP: Keys = &[("esc", "close"), ("↑ ↓", "scroll")];
    pub(in crate::view) const CURSOR: Keys = &[("← →", "move"), ("esc", "leave"), ("↑ ↓", "marks")];
    pub(in crate::view) const EVENTS_ALONE: Keys = &[("esc", "back"), ("↑ ↓", "scroll")];
    pub(in crate::view) const PANEL_ALONE: Keys = &[("esc", "back")];
    pub(in crate::view) const PANEL_CHOSEN: Keys = &[("← →", "choose"), ("enter", "expand")];
    pub(in crate::view) const RUNS: Keys = &[("↑ ↓", "choose"), ("x", "compare")];
    pub(in crate::view) const DOCTOR: Keys = &[("r", "check again"), ("↑ ↓", "scroll")];
    pub(in crate::view) const DECISION: Keys = &[("enter", "history"), ("w", "shadow"), ("a", "drain time")];
    pub(in crate::view) const LOGS: Keys = &[("/", "filter"), ("↑ ↓", "scroll")];
    pub(in crate::view) const FLEET: Keys = &[
        ("enter", "open"),
        ("/", "filter"),
        ("← →", "sort"),
        ("C", "context"),
        ("N", "namespace"),
        ("esc", "back"),
    ];
    pub(in crate::view) const PODS: Keys = &[("/", "filter")];
}

// The start.

pub(in crate::view) const STEP_WAITING: &str = "waiting";
pub(in crate::view) const STEP_STARTING: &str = "starting";
pub(in crate::view) const STEP_READY: &str = "ready";
pub(in crate::view) const RETRYING: &str = "retrying";

pub(in crate::view) fn step_waiting(cause: &str) -> String {
    format!("waiting: {cause}")
}

pub(in crate::view) fn steps_ready(ready: usize, all: usize, time: &str) -> String {
    format!("{ready} of {all} ready after {time}; the first start takes a few seconds")
}

pub(in crate::view) fn retry_in(time: &str) -> String {
    format!("next retry in {time}")
}

// A source that does not deliver, or has not delivered yet.

pub(in crate::view) const NOT_READ: &str = "not read";
pub(in crate::view) const LOADING: &str = "loading";

pub(in crate::view) fn old(age: &str) -> String {
    format!("{age} old")
}

pub(in crate::view) fn stale(age: &str, cause: &str) -> String {
    format!("{age} old: {cause}")
}

/// The first value that a source waits for; `None` for sources that report only when something happens.
pub(in crate::view) fn waiting_for(source: Source) -> Option<String> {
    let first = match source {
        Source::Hpa => "the HPA",
        Source::Workload => "the Deployment",
        Source::Pods => "the list of pods",
        Source::Broker => "the broker",
        Source::Prometheus => "Prometheus",
        Source::ExternalMetric => "the external metric",
        Source::Metrics => "the metrics",
        Source::Events | Source::Producer | Source::Logs | Source::Fleet => return None,
    };
    Some(format!("waiting for {first}"))
}

pub(in crate::view) fn hidden_rows(count: u16) -> String {
    format!(" ↓ {count} more rows in a taller window")
}

/// The badge while the recorder writes.
pub(in crate::view) fn recording(size: &str) -> String {
    format!("● REC {size}")
}

/// The badge after the recorder failed.
pub(in crate::view) const NOT_RECORDED: &str = "REC stopped";

/// The state of a replay, in place of the connection: `REPLAY name 00:02:30 of 00:10:00 ×10`.
pub(in crate::view) fn replay(replay: &Replay, has_name: bool) -> String {
    let clock = |time: Duration| {
        let seconds = time.as_secs();
        format!("{:02}:{:02}:{:02}", seconds / 3_600, seconds / 60 % 60, seconds % 60)
    };
    let name = if has_name { format!(" {}", replay.name) } else { String::new() };
    let motion = match replay.motion {
        Motion::Playing => format!("×{}", replay.speed),
        Motion::Paused => "paused".to_owned(),
        Motion::Ended => "ended".to_owned(),
    };
    format!("REPLAY{name} {} of {} {motion}", clock(replay.passed()), clock(replay.length()))
}
