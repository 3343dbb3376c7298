//! Entries of the list of events: a reason of one to three words, and a message.

use std::collections::BTreeMap;
use std::time::Duration;

/// The reason and the message of an entry.
pub(crate) type EntryText = (&'static str, String);

/// A key needs a target that is ready.
pub(crate) const NOT_READY: &str = "the target is not ready yet";
/// A key needs a target that answers.
pub(crate) const UNREACHABLE: &str = "the target is unreachable";
/// The load stopped after its time.
pub(crate) const TIME_LIMIT: &str = "the limit of ten minutes is reached";
/// The user stopped the load.
pub(crate) const SWITCHED_OFF: &str = "switched off";
/// The user goes to another target.
pub(crate) const ANOTHER_TARGET: &str = "another target is opened";
/// A scenario sets the load.
pub(crate) const SCENARIO: &str = "the scenario switched it off";
/// The user quit.
pub(crate) const QUIT: &str = "quit";

const NO_READABLE_HPA: &str = "no HPA can be read";

/// The limit of bursts that are being sent is reached.
pub(crate) fn too_many_bursts(limit: usize) -> String {
    format!("{limit} bursts are still being sent")
}

/// The burst key without effect.
pub(crate) fn no_burst(reason: String) -> EntryText {
    ("no burst", reason)
}

/// A burst was fired.
pub(crate) fn burst(number: u32, size: u32) -> EntryText {
    let jobs = if size == 1 { "job" } else { "jobs" };
    ("burst", format!("#{number}: {size} {jobs}"))
}

/// A burst ended with failed requests.
pub(crate) fn burst_failures(
    number: u32,
    accepted: u32,
    size: u32,
    failed: &BTreeMap<String, u32>,
) -> EntryText {
    let causes: Vec<String> = failed.iter().map(|(cause, count)| format!("{count} × {cause}")).collect();
    ("burst", format!("#{number}: {accepted} of {size} accepted; {}", causes.join(", ")))
}

/// A confirmed question without effect.
pub(crate) fn not_sent(reason: String) -> EntryText {
    ("not sent", reason)
}

/// Jobs of a burst are lost.
pub(crate) fn lost_jobs(number: u32, lost: u32) -> EntryText {
    ("lost", format!("#{number}: {lost} confirmed jobs are neither done nor in the queue"))
}

/// A worker ended with an unfinished job.
pub(crate) fn aborted(pod: &str, work: Duration) -> EntryText {
    ("aborted", format!("{pod} lost {:.1} s of work on an unfinished job", work.as_secs_f64()))
}

/// A worker's log has a gap.
pub(crate) fn log_gap(cause: String) -> EntryText {
    ("log gap", cause)
}

/// The load key without effect.
pub(crate) fn no_load(reason: String) -> EntryText {
    ("no load", reason)
}

/// The load started.
pub(crate) fn load_on(rate: f64) -> EntryText {
    ("load", format!("on, {rate} requests/s"))
}

/// The load stopped.
pub(crate) fn load_off(accepted: u64, reason: &str) -> EntryText {
    ("load", format!("off after {accepted} jobs: {reason}"))
}

/// A request of the load failed with a new cause.
pub(crate) fn load_failure(cause: String) -> EntryText {
    ("load", cause)
}

/// The kill key without effect.
pub(crate) fn no_kill() -> EntryText {
    ("no kill", "there is no worker".to_owned())
}

/// A key that changes the cluster, with `--read-only`.
pub(crate) fn read_only() -> EntryText {
    ("read-only", "nothing is sent to the cluster: started with --read-only".to_owned())
}

/// A mark of the user.
pub(crate) fn mark(note: String) -> EntryText {
    ("mark", note)
}

/// The target went away.
pub(crate) fn cluster_lost(problem: String) -> EntryText {
    ("cluster lost", problem)
}

/// A container restarted.
pub(crate) fn restarted(pod: &str, last_exit: Option<&str>) -> EntryText {
    let exit = last_exit.map(|exit| format!(" after {exit}")).unwrap_or_default();
    ("restarted", format!("{pod}{exit}"))
}

/// The broker went away.
pub(crate) fn broker_gone(known: u64) -> EntryText {
    ("broker gone", format!("{known} messages were in it"))
}

/// The broker came back without messages.
pub(crate) fn broker_back_with_loss(lost: u64, known: u64) -> EntryText {
    ("broker back", format!("{lost} of {known} messages are lost"))
}

/// The broker came back with its messages.
pub(crate) fn broker_back(total: u64) -> EntryText {
    ("broker back", format!("with {total} messages"))
}

/// A source went away.
pub(crate) fn source_lost(source: &str, cause: &str) -> EntryText {
    ("source lost", format!("{source}: {cause}"))
}

/// A source came back.
pub(crate) fn source_back(source: &str, after: Duration) -> EntryText {
    ("source back", format!("{source}, after {} s", after.as_secs()))
}

/// The drill key without effect.
pub(crate) fn no_drill() -> EntryText {
    ("no drill", NOT_READY.to_owned())
}

/// A drill stopped a part, such as `StatefulSet rabbitmq`.
pub(crate) fn drill_stopped(part: &str, kind: &str, name: &str) -> EntryText {
    ("drill", format!("{part} is stopped ({kind} {name} to 0); D starts it again"))
}

/// A drill started its part again.
pub(crate) fn drill_over(part: &str, kind: &str, name: &str, replicas: i32) -> EntryText {
    ("drill", format!("{part} is started again ({kind} {name} to {replicas})"))
}

/// A drill failed.
pub(crate) fn drill_failed(part: &str, cause: &str) -> EntryText {
    ("drill", format!("{part}: {cause}"))
}

/// The shadow key without effect.
pub(crate) fn no_shadow() -> EntryText {
    ("no shadow", NO_READABLE_HPA.to_owned())
}

/// The shadow started.
pub(crate) fn shadow_on(settings: &str) -> EntryText {
    ("shadow", format!("on: {settings}"))
}

/// The shadow stopped.
pub(crate) fn shadow_off(settings: &str) -> EntryText {
    ("shadow", format!("off: {settings}"))
}

/// The tune key without effect.
pub(crate) fn no_tuning() -> EntryText {
    ("no tuning", NO_READABLE_HPA.to_owned())
}

/// The undo key without effect.
pub(crate) fn no_undo() -> EntryText {
    ("no undo", "no change was made from here".to_owned())
}

/// A client changed the HPA's settings.
pub(crate) fn hpa_changed(settings: &str) -> EntryText {
    ("HPA changed", format!("now {settings}"))
}

/// A change was made.
pub(crate) fn tuned(differences: &[String]) -> EntryText {
    ("tuned", format!("{}; u undoes it", differences.join(", ")))
}

/// A change was refused.
pub(crate) fn not_tuned(sentences: &[String]) -> EntryText {
    ("not tuned", sentences.join(" "))
}

/// A change was undone.
pub(crate) fn undone(differences: &[String]) -> EntryText {
    ("undone", differences.join(", "))
}

/// An undo was refused.
pub(crate) fn not_undone(sentences: &[String]) -> EntryText {
    ("not undone", sentences.join(" "))
}

/// A scenario that cannot start.
pub(crate) fn no_scenario() -> EntryText {
    ("no scenario", "one runs already, or the target is not ready".to_owned())
}

/// The mark at the start of a scenario.
pub(crate) fn scenario_begins(name: &str) -> String {
    format!("scenario {name} begins")
}

/// The mark at the end of a scenario.
pub(crate) fn scenario_ends(name: &str, outcome: &str, failure: Option<String>) -> String {
    let failure = failure.map_or_else(String::new, |failure| format!(": {failure}"));
    format!("scenario {name} {outcome}{failure}")
}
