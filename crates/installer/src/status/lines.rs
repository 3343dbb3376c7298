//! The facts as ten lines, each with a state.

use std::time::Duration;

use hpa::quantity::{Format, format_milli};
use jiff::Timestamp;
use serde::Serialize;

use super::{Autoscaler, Facts, StackRelease};
use crate::cluster_state::MetricsServer;
use crate::ready::{FIRST_SYNC_LIMIT, Rollout};
use observed::MetricSample;
use text::clean;

/// The state of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LineState {
    /// As expected.
    Ok,
    /// A fault.
    Bad,
    /// Neither.
    Note,
}

/// A line of the output.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StatusLine {
    /// Its subject.
    pub about: &'static str,
    /// Its state.
    pub state: LineState,
    /// The facts.
    pub text: String,
}

/// The facts as lines; `now` is this machine's time. Without any part of the demo, the lines of its parts are left out.
#[must_use]
pub fn lines(facts: &Facts, now: Timestamp) -> Vec<StatusLine> {
    let cluster = line("cluster", LineState::Ok, format!("{}, namespace {}", facts.place, facts.namespace));
    if is_empty(facts) {
        let demo = line("demo", LineState::Bad, format!("not installed: {}", facts.up));
        return vec![cluster, demo, stack(facts), line("metric", LineState::Note, server(facts))];
    }
    let mut lines = vec![cluster, demo(facts), stack(facts)];
    lines.extend(facts.workloads.iter().map(|(name, rollout)| workload(name, rollout)));
    lines.extend([queue(facts), scraped(facts), metric(facts, now), autoscaler(facts, now)]);
    lines
}

/// Returns true if no line is a fault.
#[must_use]
pub fn is_fine(lines: &[StatusLine]) -> bool {
    lines.iter().all(|line| line.state != LineState::Bad)
}

fn line(about: &'static str, state: LineState, text: impl AsRef<str>) -> StatusLine {
    StatusLine { about, state, text: clean::text(text.as_ref()) }
}

/// An unreadable fact: a fault, unless the user lacks the right to read it.
fn unreadable(about: &'static str, cause: &str) -> StatusLine {
    let is_forbidden = cause.contains("is forbidden");
    line(
        about,
        if is_forbidden { LineState::Note } else { LineState::Bad },
        if is_forbidden { format!("not permitted: {cause}") } else { cause.to_owned() },
    )
}

/// Returns true if the demo has no part on the cluster.
fn is_empty(facts: &Facts) -> bool {
    facts.installed == 0
        && facts.workloads.iter().all(|(_, rollout)| matches!(rollout, Ok(None)))
        && matches!(facts.hpa, Ok(None))
}

fn demo(facts: &Facts) -> StatusLine {
    match (facts.installed, &facts.profile) {
        (0, _) => line("demo", LineState::Note, "present; surge up did not install it"),
        (count, profile) => {
            let profile = profile.as_deref().unwrap_or("unknown");
            line("demo", LineState::Ok, format!("installed by surge up, profile {profile}, {count} objects"))
        }
    }
}

fn stack(facts: &Facts) -> StatusLine {
    match &facts.releases {
        Err(cause) if cause.contains("is forbidden") => line(
            "stack",
            LineState::Note,
            "not permitted: this user may not list Secrets, which hold helm's releases",
        ),
        Err(cause) => line("stack", LineState::Note, format!("unknown: {cause}")),
        Ok(releases) if releases.is_empty() => line("stack", LineState::Note, "not installed by surge up"),
        Ok(releases) => {
            let bad = releases.iter().any(|release| release.listed.status != "deployed");
            let shown: Vec<String> = releases.iter().map(release).collect();
            line("stack", if bad { LineState::Bad } else { LineState::Ok }, shown.join(", "))
        }
    }
}

fn release(StackRelease { listed, settings }: &StackRelease) -> String {
    let with = if settings.is_empty() { String::new() } else { format!(" with {}", settings.join(", ")) };
    format!("{} {}{with}", listed.chart, listed.status)
}

fn workload(name: &'static str, rollout: &Result<Option<Rollout>, String>) -> StatusLine {
    match rollout {
        Ok(Some(Rollout::Done { ready })) => line(name, LineState::Ok, format!("{ready} ready")),
        // An autoscaler adds pods all the time: unready ones are no fault.
        Ok(Some(Rollout::InProgress { ready, wanted, error })) if *ready > 0 && error.is_empty() => {
            line(name, LineState::Note, format!("{ready} of {wanted} ready"))
        }
        Ok(Some(Rollout::InProgress { ready, wanted, error })) => {
            let error = if error.is_empty() { String::new() } else { format!(": {error}") };
            line(name, LineState::Bad, format!("{ready} of {wanted} ready{error}"))
        }
        Ok(None) => line(name, LineState::Bad, "missing"),
        Err(cause) => unreadable(name, cause),
    }
}

fn queue(facts: &Facts) -> StatusLine {
    let queue = &facts.queue;
    match &facts.depth {
        Ok(Some(depth)) => {
            let source = if depth.staleness == Duration::ZERO {
                "from the management API".to_owned()
            } else {
                format!("from the broker's metrics, up to {} s old", depth.staleness.as_secs())
            };
            line(
                "broker",
                LineState::Ok,
                format!("{queue}: {} ready, {} unacknowledged, {source}", depth.ready, depth.unacked),
            )
        }
        Ok(None) => line("broker", LineState::Bad, format!("no queue {queue}")),
        Err(cause) => unreadable("broker", cause),
    }
}

fn scraped(facts: &Facts) -> StatusLine {
    const ABOUT: &str = "prometheus";
    match &facts.scraped {
        None => line(ABOUT, LineState::Note, "not used by the external metric"),
        Some(Err(cause)) => unreadable(ABOUT, cause),
        Some(Ok(sample)) => match (sample.value, sample.age) {
            (Some(value), Some(age)) => line(
                ABOUT,
                LineState::Ok,
                format!("{value}, scraped {:.1} s before the query", age.as_secs_f64()),
            ),
            (Some(value), None) => line(ABOUT, LineState::Ok, format!("{value}, of unknown age")),
            (None, _) => line(
                ABOUT,
                LineState::Bad,
                "no sample of the queue: no scrape of the broker, or no such queue",
            ),
        },
    }
}

fn server(facts: &Facts) -> String {
    match &facts.server {
        MetricsServer::Service { namespace, name } => format!("served by {namespace}/{name}"),
        MetricsServer::Absent => "no server".to_owned(),
        MetricsServer::Unreadable => "server not readable".to_owned(),
    }
}

fn metric(facts: &Facts, now: Timestamp) -> StatusLine {
    const ABOUT: &str = "metric";
    let server = server(facts);
    match &facts.metric {
        Err(cause) => unreadable(ABOUT, &format!("{cause}; {server}")),
        Ok(MetricSample { value_milli: None, .. }) => {
            line(ABOUT, LineState::Bad, format!("no value: the query has no result; {server}"))
        }
        Ok(MetricSample { value_milli: Some(value), stamped }) => {
            let stamped = stamped.map_or_else(String::new, |at| format!(", stamped {} ago", age(at, now)));
            line(
                ABOUT,
                LineState::Ok,
                format!("{}{stamped}; {server}", format_milli(*value, Format::DecimalSi)),
            )
        }
    }
}

fn autoscaler(facts: &Facts, now: Timestamp) -> StatusLine {
    const ABOUT: &str = "hpa";
    let Autoscaler { hpa, created } = match &facts.hpa {
        Err(cause) => return unreadable(ABOUT, cause),
        Ok(None) => return line(ABOUT, LineState::Bad, format!("no HPA {}", contract::names::HPA)),
        Ok(Some(autoscaler)) => autoscaler,
    };
    let scaled = hpa
        .last_scale
        .map_or_else(|| "never scaled".to_owned(), |at| format!("last scaled {} ago", age(at, now)));
    let text = format!(
        "{}, replicas {}, desired {}, min {}, max {}, {scaled}",
        hpa.targets_column, hpa.current_replicas, hpa.desired_replicas, hpa.min, hpa.max
    );
    let failing = hpa
        .conditions
        .iter()
        .find(|c| c.status == "False" && matches!(c.kind.as_str(), "AbleToScale" | "ScalingActive"));
    let (problem, so_far) = match failing {
        Some(condition) => (
            format!("{}: {}", condition.reason, condition.message),
            format!("first sync: {}", condition.reason),
        ),
        None if hpa.reading_milli.is_none() => ("it has no reading".to_owned(), "no sync yet".to_owned()),
        None => return line(ABOUT, LineState::Ok, text),
    };
    let is_new = created
        .filter(|created| now.as_second() - created.as_second() <= FIRST_SYNC_LIMIT.as_secs().cast_signed());
    match is_new {
        Some(created) => {
            let since = age(created, now);
            line(ABOUT, LineState::Note, format!("{text}; {so_far}, created {since} ago"))
        }
        None => line(ABOUT, LineState::Bad, format!("{text}; {problem}")),
    }
}

/// The age in whole units. A negative age, from clocks that disagree, counts as 0.
fn age(at: Timestamp, now: Timestamp) -> String {
    let seconds = now.as_second().saturating_sub(at.as_second()).max(0);
    match seconds {
        0..=119 => format!("{seconds} s"),
        120..=7199 => format!("{} min", seconds / 60),
        _ => format!("{} h", seconds / 3600),
    }
}

#[cfg(test)]
mod tests;
