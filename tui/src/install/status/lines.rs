//! The facts as ten lines, each of which is as it should be, is not, or says nothing about that.

use std::time::Duration;

use hpa::quantity::{Format, format_milli};
use jiff::Timestamp;
use serde::Serialize;

use super::Facts;
use crate::clean;
use crate::event::MetricSample;
use crate::install::ready::Rollout;
use crate::install::seen::Metrics;

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

/// The facts as lines; `now` is this machine's time.
#[must_use]
pub fn lines(facts: &Facts, now: Timestamp) -> Vec<Line> {
    let mut lines = vec![
        line("cluster", State::Ok, format!("{}, namespace {}", facts.place, facts.namespace)),
        demo(facts),
        stack(facts),
    ];
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

fn metric(facts: &Facts, now: Timestamp) -> Line {
    const ABOUT: &str = "metric";
    let server = match &facts.server {
        Metrics::Service { namespace, name } => format!("served by {namespace}/{name}"),
        Metrics::Nobody => "served by nobody".to_owned(),
        Metrics::Hidden => "by whom may not be read".to_owned(),
    };
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
    let hpa = match &facts.hpa {
        Err(cause) => return unseen(ABOUT, cause),
        Ok(None) => return line(ABOUT, State::Bad, format!("there is no HPA {}", contract::names::HPA)),
        Ok(Some(hpa)) => hpa,
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
    match troubled {
        Some(condition) => {
            line(ABOUT, State::Bad, format!("{text}; {}: {}", condition.reason, condition.message))
        }
        None if hpa.reading_milli.is_none() => {
            line(ABOUT, State::Bad, format!("{text}; it has read nothing yet"))
        }
        None => line(ABOUT, State::Ok, text),
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
mod tests {
    use super::*;
    use crate::event::{Condition, DepthSample, Hpa, MetricRef, MetricTarget, ScrapedSample};
    use crate::install::helm::Listed;

    fn now() -> Timestamp {
        "2026-01-01T00:01:00Z".parse().unwrap()
    }

    fn hpa() -> Hpa {
        Hpa {
            name: "worker-scaler".into(),
            min: 1,
            max: 10,
            metric: Some(MetricRef {
                name: "m".into(),
                selector: "queue=Orders".into(),
                queue: Some("Orders".into()),
                target: MetricTarget::Average(20_000),
            }),
            reading_milli: Some(7_000),
            spec: None,
            scale_target: ("Deployment".into(), "worker".into()),
            current_replicas: 1,
            desired_replicas: 1,
            last_scale: None,
            conditions: Vec::new(),
            targets_column: "7/20 (avg)".into(),
        }
    }

    fn facts() -> Facts {
        Facts {
            place: "context here (https://far), Kubernetes v1.34.4".into(),
            namespace: "demo".into(),
            installed: 3,
            profile: Some("plugin".into()),
            releases: Ok(vec![Listed {
                name: "prometheus".into(),
                namespace: "monitoring".into(),
                status: "deployed".into(),
                chart: "kube-prometheus-stack-88.5.3".into(),
            }]),
            workloads: vec![
                ("rabbitmq", Ok(Some(Rollout::Done { ready: 1 }))),
                ("producer", Ok(Some(Rollout::Done { ready: 1 }))),
                ("worker", Ok(Some(Rollout::Done { ready: 1 }))),
            ],
            depth: Ok(Some(DepthSample { ready: 6, unacked: 1, consumers: None, staleness: Duration::ZERO })),
            queue: "Orders".into(),
            scraped: Some(Ok(ScrapedSample {
                value: Some(7.0),
                scraped: None,
                age: Some(Duration::from_millis(400)),
            })),
            metric: Ok(MetricSample {
                value_milli: Some(7_000),
                stamped: "2026-01-01T00:00:58Z".parse().ok(),
            }),
            server: Metrics::Service { namespace: "monitoring".into(), name: "prometheus-adapter".into() },
            hpa: Ok(Some(hpa())),
        }
    }

    fn text(facts: &Facts) -> Vec<String> {
        lines(facts, now())
            .iter()
            .map(|line| format!("{} {:?}: {}", line.about, line.state, line.text))
            .collect()
    }

    #[test]
    fn ten_lines_say_how_fresh_each_hop_is() {
        assert_eq!(
            text(&facts()),
            [
                "cluster Ok: context here (https://far), Kubernetes v1.34.4, namespace demo",
                "demo Ok: installed by surge up, profile plugin, 3 objects",
                "stack Ok: kube-prometheus-stack-88.5.3 deployed",
                "rabbitmq Ok: 1 ready",
                "producer Ok: 1 ready",
                "worker Ok: 1 ready",
                "broker Ok: Orders: 6 ready, 1 unacknowledged; asked now, of the broker's management API",
                "prometheus Ok: 7, scraped 0.4 s before it was asked",
                "metric Ok: 7, stamped 2 s ago; served by monitoring/prometheus-adapter",
                "hpa Ok: 7/20 (avg), replicas 1, wanted 1, allowed 1 to 10, never scaled",
            ]
        );
        assert!(is_fine(&lines(&facts(), now())));
    }

    /// What makes a fact a bad one.
    type Spoil = fn(&mut Facts);

    #[test]
    fn each_thing_that_is_wrong_is_a_bad_line() {
        let cases: [(&str, Spoil, &str); 9] = [
            (
                "stack",
                |f| f.releases.as_mut().unwrap()[0].status = "failed".into(),
                "kube-prometheus-stack-88.5.3 failed",
            ),
            ("worker", |f| f.workloads[2].1 = Ok(None), "not there"),
            (
                "worker",
                |f| {
                    f.workloads[2].1 =
                        Ok(Some(Rollout::Going { ready: 0, wanted: 1, complaint: "quota".into() }));
                },
                "0 of 1 ready: quota",
            ),
            ("broker", |f| f.depth = Ok(None), "it has no queue Orders"),
            ("prometheus", |f| f.scraped = Some(Err("no answer".into())), "no answer"),
            (
                "prometheus",
                |f| f.scraped = Some(Ok(ScrapedSample { value: None, scraped: None, age: None })),
                "no sample",
            ),
            ("metric", |f| f.metric = Ok(MetricSample { value_milli: None, stamped: None }), "no value"),
            ("hpa", |f| f.hpa = Ok(None), "there is no HPA worker-scaler"),
            (
                "hpa",
                |f| {
                    let mut hpa = hpa();
                    hpa.conditions.push(Condition {
                        kind: "ScalingActive".into(),
                        status: "False".into(),
                        reason: "FailedGetExternalMetric".into(),
                        message: "unable".into(),
                    });
                    f.hpa = Ok(Some(hpa));
                },
                "FailedGetExternalMetric: unable",
            ),
        ];
        for (about, spoil, expected) in cases {
            let mut facts = facts();
            spoil(&mut facts);
            let lines = lines(&facts, now());
            let bad: Vec<&Line> = lines.iter().filter(|line| line.state == State::Bad).collect();
            assert_eq!(bad.len(), 1, "{about}: {bad:?}");
            assert!(bad[0].about == about && bad[0].text.contains(expected), "{bad:?}");
        }
    }

    #[test]
    fn what_surge_did_not_install_is_no_fault() {
        let mut facts = facts();
        (facts.installed, facts.releases, facts.scraped) = (0, Err("helm is not on your path".into()), None);
        facts.depth =
            Err("no tunnel to pod rabbitmq-0: pods \"rabbitmq-0\" is forbidden: User \"u\" cannot (403)"
                .into());
        let lines = lines(&facts, now());
        assert!(is_fine(&lines), "{lines:?}");
        assert!(
            lines.iter().any(|line| line.about == "broker" && line.text.starts_with("not permitted: ")),
            "{lines:?}"
        );
    }
}
