//! The facts as ten lines, each of which is as it should be, is not, or says nothing about that.

use std::time::Duration;

use hpa::quantity::{Format, format_milli};
use jiff::Timestamp;
use serde::Serialize;

use super::{Autoscaler, Facts};
use crate::ready::Rollout;
use crate::seen::Metrics;
use observed::MetricSample;
use text::clean;

/// How a line is to be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// As it should be.
    Ok,
    /// Not as it should be.
    Bad,
    /// It says nothing about right and wrong.
    Note,
}

/// A line of the answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Line {
    /// What it is about.
    pub about: &'static str,
    /// How it is to be taken.
    pub state: State,
    /// What was seen.
    pub text: String,
}

/// How old an autoscaler may be without having looked at its metric: two of the controller's rounds, of 15 s unless it was
/// started with others.
const FIRST_SYNC: Duration = Duration::from_secs(30);

/// The facts as lines; `now` is this machine's time. Where there is no demo at all, nothing is said of its parts.
#[must_use]
pub fn lines(facts: &Facts, now: Timestamp) -> Vec<Line> {
    let cluster = line("cluster", State::Ok, format!("{}, namespace {}", facts.place, facts.namespace));
    if is_empty(facts) {
        let demo = line("demo", State::Bad, format!("not installed: {}", facts.up));
        return vec![cluster, demo, stack(facts), line("metric", State::Note, server(facts))];
    }
    let mut lines = vec![cluster, demo(facts), stack(facts)];
    lines.extend(facts.workloads.iter().map(|(name, rollout)| workload(name, rollout)));
    lines.extend([queue(facts), scraped(facts), metric(facts, now), autoscaler(facts, now)]);
    lines
}

/// Whether no line is bad.
#[must_use]
pub fn is_fine(lines: &[Line]) -> bool {
    lines.iter().all(|line| line.state != State::Bad)
}

fn line(about: &'static str, state: State, text: impl AsRef<str>) -> Line {
    Line { about, state, text: clean::text(text.as_ref()) }
}

/// What could not be had: a fault, unless we just may not see it.
fn unseen(about: &'static str, cause: &str) -> Line {
    let hidden = cause.contains("is forbidden");
    line(
        about,
        if hidden { State::Note } else { State::Bad },
        if hidden { format!("not permitted: {cause}") } else { cause.to_owned() },
    )
}

/// Whether there is nothing of the demo, whoever might have installed it.
fn is_empty(facts: &Facts) -> bool {
    facts.installed == 0
        && facts.workloads.iter().all(|(_, rollout)| matches!(rollout, Ok(None)))
        && matches!(facts.hpa, Ok(None))
}

fn demo(facts: &Facts) -> Line {
    match (facts.installed, &facts.profile) {
        (0, _) => line("demo", State::Note, "not installed by surge up"),
        (count, profile) => {
            let profile = profile.as_deref().unwrap_or("unknown");
            line("demo", State::Ok, format!("installed by surge up, profile {profile}, {count} objects"))
        }
    }
}

fn stack(facts: &Facts) -> Line {
    match &facts.releases {
        Err(cause) if cause.contains("is forbidden") => line(
            "stack",
            State::Note,
            "not permitted: helm's releases are Secrets that this user may not list",
        ),
        Err(cause) => line("stack", State::Note, format!("not known: {cause}")),
        Ok(releases) if releases.is_empty() => line("stack", State::Note, "not installed by surge up"),
        Ok(releases) => {
            let bad = releases.iter().any(|release| release.status != "deployed");
            let told: Vec<String> =
                releases.iter().map(|release| format!("{} {}", release.chart, release.status)).collect();
            line("stack", if bad { State::Bad } else { State::Ok }, told.join(", "))
        }
    }
}

fn workload(name: &'static str, rollout: &Result<Option<Rollout>, String>) -> Line {
    match rollout {
        Ok(Some(Rollout::Done { ready })) => line(name, State::Ok, format!("{ready} ready")),
        // An autoscaler adds pods all the time: that some are not ready yet is no fault.
        Ok(Some(Rollout::Going { ready, wanted, complaint })) if *ready > 0 && complaint.is_empty() => {
            line(name, State::Note, format!("{ready} of {wanted} ready, the others not yet"))
        }
        Ok(Some(Rollout::Going { ready, wanted, complaint })) => {
            let complaint = if complaint.is_empty() { String::new() } else { format!(": {complaint}") };
            line(name, State::Bad, format!("{ready} of {wanted} ready{complaint}"))
        }
        Ok(None) => line(name, State::Bad, "not there"),
        Err(cause) => unseen(name, cause),
    }
}

fn queue(facts: &Facts) -> Line {
    let queue = &facts.queue;
    match &facts.depth {
        Ok(Some(depth)) => {
            let from = if depth.staleness == Duration::ZERO {
                "asked now, of the broker's management API".to_owned()
            } else {
                format!("broker statistics, up to {} s old", depth.staleness.as_secs())
            };
            line(
                "broker",
                State::Ok,
                format!("{queue}: {} ready, {} unacknowledged; {from}", depth.ready, depth.unacked),
            )
        }
        Ok(None) => line("broker", State::Bad, format!("it has no queue {queue}")),
        Err(cause) => unseen("broker", cause),
    }
}

fn scraped(facts: &Facts) -> Line {
    const ABOUT: &str = "prometheus";
    match &facts.scraped {
        None => line(ABOUT, State::Note, "not asked: the external metric does not come from it"),
        Some(Err(cause)) => unseen(ABOUT, cause),
        Some(Ok(sample)) => match (sample.value, sample.age) {
            (Some(value), Some(age)) => line(
                ABOUT,
                State::Ok,
                format!("{value}, scraped {:.1} s before it was asked", age.as_secs_f64()),
            ),
            (Some(value), None) => line(ABOUT, State::Ok, format!("{value}, of unknown age")),
            (None, _) => line(
                ABOUT,
                State::Bad,
                "no sample of the queue: the broker is not scraped, or has no such queue",
            ),
        },
    }
}

fn server(facts: &Facts) -> String {
    match &facts.server {
        Metrics::Service { namespace, name } => format!("served by {namespace}/{name}"),
        Metrics::Nobody => "served by nobody".to_owned(),
        Metrics::Hidden => "by whom may not be read".to_owned(),
    }
}

fn metric(facts: &Facts, now: Timestamp) -> Line {
    const ABOUT: &str = "metric";
    let server = server(facts);
    match &facts.metric {
        Err(cause) => unseen(ABOUT, &format!("{cause}; {server}")),
        Ok(MetricSample { value_milli: None, .. }) => {
            line(ABOUT, State::Bad, format!("no value: its query gives nothing; {server}"))
        }
        Ok(MetricSample { value_milli: Some(value), stamped }) => {
            let stamped = stamped.map_or_else(String::new, |at| format!(", stamped {} ago", age(at, now)));
            line(ABOUT, State::Ok, format!("{}{stamped}; {server}", format_milli(*value, Format::DecimalSi)))
        }
    }
}

fn autoscaler(facts: &Facts, now: Timestamp) -> Line {
    const ABOUT: &str = "hpa";
    let Autoscaler { hpa, made } = match &facts.hpa {
        Err(cause) => return unseen(ABOUT, cause),
        Ok(None) => return line(ABOUT, State::Bad, format!("there is no HPA {}", contract::names::HPA)),
        Ok(Some(autoscaler)) => autoscaler,
    };
    let scaled = hpa
        .last_scale
        .map_or_else(|| "never scaled".to_owned(), |at| format!("last scaled {} ago", age(at, now)));
    let text = format!(
        "{}, replicas {}, wanted {}, allowed {} to {}, {scaled}",
        hpa.targets_column, hpa.current_replicas, hpa.desired_replicas, hpa.min, hpa.max
    );
    let troubled = hpa
        .conditions
        .iter()
        .find(|c| c.status == "False" && matches!(c.kind.as_str(), "AbleToScale" | "ScalingActive"));
    let (complaint, so_far) = match troubled {
        Some(condition) => (
            format!("{}: {}", condition.reason, condition.message),
            format!("its first look gave {}", condition.reason),
        ),
        None if hpa.reading_milli.is_none() => {
            ("it has read nothing yet".to_owned(), "first sync not yet".to_owned())
        }
        None => return line(ABOUT, State::Ok, text),
    };
    let young = made.filter(|made| now.as_second() - made.as_second() <= FIRST_SYNC.as_secs().cast_signed());
    match young {
        Some(made) => {
            let since = age(made, now);
            line(ABOUT, State::Note, format!("{text}; {so_far}: made {since} ago, it looks every 15 s or so"))
        }
        None => line(ABOUT, State::Bad, format!("{text}; {complaint}")),
    }
}

/// How long ago, in whole units; clocks of two machines may disagree by a little, which is no age.
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
