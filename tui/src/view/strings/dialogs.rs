//! Text of the dialogs: questions, the form that tunes the HPA, drills, the shadow, legend and help. The names of the form's
//! fields and the keys' help are in `dashboard`.

use dashboard::ui::screen::Screen;

/// Keys of a dialog with their meaning.
type Keys = &'static [(&'static str, &'static str)];

// Answers.

pub(in crate::view) const CANCEL: &str = "Cancel";
pub(in crate::view) const ANSWER_KEYS: Keys = &[("y", "yes"), ("n", "no"), ("← →", "answer")];
pub(in crate::view) const KILL_KEYS: Keys =
    &[("↑ ↓", "worker"), ("← →", "answer"), ("y", "yes"), ("n", "no")];

// Questions: the title, and the answer that is no cancel.

pub(in crate::view) const FIRE: (&str, &str) = ("Fire this burst?", "Fire");
pub(in crate::view) const LOAD: (&str, &str) = ("Start continuous load?", "Start");
pub(in crate::view) const KILL: (&str, &str) = ("Kill which worker?", "Kill");
pub(in crate::view) const UNDO: (&str, &str) = ("Undo this change?", "Undo");
pub(in crate::view) const STOP: (&str, &str) = ("Stop it?", "Stop");
pub(in crate::view) const APPLY: &str = "Apply";

pub(in crate::view) const UNKNOWN_TARGET: &str = "the target";
pub(in crate::view) const LOAD_END: &str = "until c, q or ten minutes from now";
pub(in crate::view) const BUSY: &str = "  has a job";
pub(in crate::view) const KILL_NOTE: &str = "no grace period: the broker redelivers its job";
pub(in crate::view) const UNDO_ON: &str = "restores the HPA on ";
pub(in crate::view) const UNDO_NOTE: &str = "refused if someone has changed the same fields since";

/// The receiver of the requests: the demo's producer, or a Service of the user.
pub(in crate::view) fn receiver(to: Option<&str>) -> String {
    format!(" to {} of", to.unwrap_or("the producer"))
}

pub(in crate::view) fn requests(count: u32) -> &'static str {
    if count == 1 { " request" } else { " requests" }
}

pub(in crate::view) fn namespace(name: &str) -> String {
    format!("namespace {name}")
}

pub(in crate::view) fn requests_a_second(rate: f64) -> String {
    format!("{rate} requests a second")
}

pub(in crate::view) fn more_lines(count: usize) -> String {
    format!("… {count} more lines")
}

// The form that tunes the HPA.

pub(in crate::view) const THE_HPA: &str = "the HPA";
pub(in crate::view) const DEFAULT_WINDOW: &str = "the controller's default";
pub(in crate::view) const DEFAULT_POLICIES: &str = "none: double, or 4";
pub(in crate::view) const EMPTY_FIELD: &str = "-";
pub(in crate::view) const CHOICE_HINT: &str = "  ← →";
pub(in crate::view) const REPLACE_HINT: &str = " ◄";
pub(in crate::view) const EDIT_HINT: &str = "enter asks the API server for a dry run";
pub(in crate::view) const ASKING_RIGHTS: &str = "checking your permissions …";
pub(in crate::view) const ASKING_DRY_RUN: &str = "waiting for the API server's dry run …";
pub(in crate::view) const WOULD_CHANGE: &str = "the API server would change on ";
pub(in crate::view) const REVIEW_NOTE: &str = "nothing else changes; u undoes it";
pub(in crate::view) const APPLYING: &str = "applying the change …";
pub(in crate::view) const EDIT_KEYS: Keys =
    &[("enter", "dry run"), ("↑ ↓", "field"), ("type", "replace"), ("esc", "close")];
pub(in crate::view) const BACK_KEYS: Keys = &[("esc", "back")];
pub(in crate::view) const CLOSE_KEYS: Keys = &[("esc", "close")];

pub(in crate::view) fn tune(hpa: &str) -> String {
    format!("Tune {hpa}")
}

/// A value that looks like a slip.
pub(in crate::view) fn is_meant(after: &str, times: &str, before: &str) -> String {
    format!("is {after} meant? It is {times} of {before}")
}

pub(in crate::view) fn view_only(why: &str) -> String {
    format!("view only: {why}")
}

// The drills.

pub(in crate::view) const DRILLS: &str = "Drill: stop a part of the chain";
pub(in crate::view) const LOADING_DRILLS: &str = "looking for parts that can be stopped …";
pub(in crate::view) const DRILL_NOTE: &str = "D restores it, and so does q; killing surge does not";
pub(in crate::view) const DRILL_KEYS: Keys =
    &[("↑ ↓", "choose"), ("enter", "stop or restore"), ("esc", "close")];

pub(in crate::view) fn stopped_for(time: &str, kind: &str, name: &str) -> String {
    format!("stopped for {time}: {kind} {name}; enter restores it")
}

pub(in crate::view) fn without_replicas(kind: &str, name: &str) -> String {
    format!("{kind} {name} has no replicas; enter starts one")
}

pub(in crate::view) fn running(kind: &str, name: &str, replicas: i32, namespace: &str) -> String {
    format!("{kind} {name}, {replicas} in {namespace}")
}

pub(in crate::view) fn stops(part: &str) -> String {
    format!("stops the {part} of ")
}

pub(in crate::view) fn scales_to_zero(kind: &str, name: &str, namespace: &str, replicas: i32) -> String {
    format!("{kind} {name} in {namespace}: {replicas} → 0")
}

// The shadow.

pub(in crate::view) const SHADOW: &str = "Shadow: a second HPA";
pub(in crate::view) const SHADOW_NOTE: [&str; 2] = [
    "reads the same queue and scales nothing; * differs from the HPA",
    "reads the same queue, scales nothing; * differs",
];
pub(in crate::view) const SHADOW_KEYS: Keys =
    &[("enter", "start"), ("↑ ↓", "field"), ("← →", "type"), ("type", "replace"), ("esc", "close")];

// The keys for a new user.

pub(in crate::view) const GREET: &str = "Three keys to begin";
pub(in crate::view) const GREET_SCREENS: &str = "shows the next screen: pods, decision, runs";
pub(in crate::view) const GREET_HELP: &str = "lists every key and symbol";
pub(in crate::view) const GREET_CLOSE: &str = "the first key closes this, and acts";

pub(in crate::view) fn greet_burst(size: &str) -> String {
    format!("fires a burst of {size} jobs: watch the HPA react")
}

// The legend.

pub(in crate::view) const LEGEND: &str = "Legend";
pub(in crate::view) const LEGEND_KEYS: Keys = &[("space", "show or hide"), ("esc", "close")];

// The help.

pub(in crate::view) const HELP: &str = "Help";
pub(in crate::view) const ALL_KEYS: &str = "all keys";

pub(in crate::view) fn this_screen(title: &str) -> String {
    format!("on the screen {title}")
}

/// The symbols of a screen that only it has, with their meaning.
pub(in crate::view) fn symbols(screen: Screen) -> Keys {
    match screen {
        Screen::Overview => &[
            ("■ ● ▪", "worker busy, idle, not sampled"),
            ("□ ○ ◦", "worker pending, starting, terminating"),
            ("▄ ─ ┄", "on its timeline: busy, idle, not sampled"),
            ("░ ▒ ▓", "on its timeline: pending, starting, finishing"),
            ("›", "the next hop; in the events, what Surge did"),
            ("◄", "the hop that lags or is silent"),
            ("»", "the chosen panel"),
            ("━ ╸ ╺", "on the stopwatch: the time since the row above"),
            ("≠", "the controller reports something else"),
        ],
        Screen::Pods => &[
            ("▄ ─", "busy, idle"),
            ("░ ▒", "pending, starting"),
            ("▓ ·", "finishing its job, terminating"),
            ("┄", "not sampled: its log is not read"),
            ("× † ↨", "killed, job aborted, restarted"),
        ],
        Screen::Decision => &[
            ("►", "the step that decides"),
            ("≈", "calculated: the controller's memory cannot be read"),
            ("?", "too old to rely on, or missing"),
            ("≠", "the controller reports something else"),
            ("┄", "the shadow"),
        ],
        Screen::Runs => &[
            ("▲ ▼", "best and worst of runs of the same size"),
            ("∩", "another burst or the load ran too"),
            ("► ◊", "the chosen run, and the one it is compared with"),
            ("by #2", "another burst was the cause: no figure of this run"),
        ],
        Screen::Doctor | Screen::Logs | Screen::Fleet => &[],
    }
}

/// The symbols of the chart.
pub(in crate::view) const CHART_SYMBOLS: Keys = &[
    ("━", "messages, ready and unacked; replicas desired"),
    ("▓", "the unacked messages: a worker has them"),
    ("╍ ┅ ┈", "target, the HPA's reading, the external metric"),
    ("█ ▒", "replicas ready, and current: they exist"),
    ("≡", "pods above the size that the metric wants"),
    ("⠂", "the size that the scale-down window keeps"),
    ("┊", "the inspected instant"),
];

pub(in crate::view) const HELP_MARKS: &str = "on the row of marks";
pub(in crate::view) const HELP_SIGNS: &str = "everywhere";
pub(in crate::view) const HELP_TARGET: &str = "target";
pub(in crate::view) const HELP_END: &str = "↑ the end";
pub(in crate::view) const SIGN_ESTIMATE: &str = "an estimate";
pub(in crate::view) const SIGN_MARGIN: &str = "uncertainty of a time";
pub(in crate::view) const SIGN_BINDS: &str = "decides, lags or is chosen";
pub(in crate::view) const SIGN_OPEN: &str = "not finished yet";
pub(in crate::view) const SIGN_STALE: &str = "stale: source disconnected";
pub(in crate::view) const SIGN_SCREEN: &str = "this screen";
pub(in crate::view) const SIGN_LIVE: &str = "in the title: all sources report";
pub(in crate::view) const SIGN_WAITS: &str = "in the title: waiting for the first data";
pub(in crate::view) const SIGN_PAST: &str = "in the title: the past, not the present";
pub(in crate::view) const SIGN_DRILL: &str = "in the title: a drill is on";
pub(in crate::view) const SIGN_WARNING: &str = "stale, with cause; or needs attention";

pub(in crate::view) fn help_more(count: usize) -> String {
    format!("↓ {count} more")
}

/// The title of the dialog with the note of a mark.
pub(in crate::view) const MARK: &str = "A note for this moment";
/// Its keys.
pub(in crate::view) const MARK_KEYS: &[(&str, &str)] = &[("enter", "set the mark"), ("esc", "no mark")];
