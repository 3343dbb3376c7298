//! Plays what a real controller saw through the decision, sync by sync, and compares what came out.
//!
//! The recording is made by the twin autoscalers of `crates/sandbox/tests/cluster`, which use this file too: they judge
//! what they have just recorded by the same rules as the test that needs no cluster.

use std::collections::BTreeMap;

use hpa::trace::{Constraint, Path, Reason};
use hpa::{Config, Input, Memory, Reading, Release, Scale, Spec, Status, Time};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Every sync of some autoscalers on one cluster.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Recording {
    /// What it is and how it came about, for whoever opens the file.
    pub(crate) about: String,
    /// `gitVersion` of the API server.
    pub(crate) kubernetes: String,
    /// Seconds between two syncs.
    pub(crate) period_seconds: i64,
    pub(crate) autoscalers: Vec<Autoscaler>,
}

/// One HPA from its first sync on.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Autoscaler {
    pub(crate) name: String,
    pub(crate) namespace: String,
    /// Its specification as the API server stored it.
    pub(crate) spec: Value,
    pub(crate) syncs: Vec<Sync>,
}

/// What the controller saw in one sync, and what it did then.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Sync {
    /// Milliseconds from the first sync of this HPA to the answer to the controller's last request.
    pub(crate) at_ms: i64,
    /// `spec.replicas` of the target when the controller asked.
    pub(crate) spec_replicas: i32,
    /// `status.replicas` of the target when the controller asked.
    pub(crate) status_replicas: i32,
    /// What it was told, one answer for each metric.
    pub(crate) answers: Vec<Answer>,
    /// `spec.replicas` of the target before the next sync, or before somebody else changed it.
    pub(crate) size: i32,
    /// The HPA's status before the next sync, without its times.
    pub(crate) status: Value,
    /// `Type Reason Message` of the events that were written or counted up until the next sync.
    pub(crate) events: Vec<String>,
}

/// An answer of the external metrics API.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) enum Answer {
    /// The value of each series, as quantities.
    Values(Vec<String>),
    /// A `Status` instead.
    Refused { code: u16, reason: String, message: String },
}

/// How prediction and recording compare.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// Syncs in which everything is the same.
    pub(crate) agreed: usize,
    /// What was not, a line each.
    pub(crate) differences: Vec<String>,
    /// How many syncs were of which sort.
    pub(crate) phases: BTreeMap<&'static str, usize>,
}

/// The sorts of syncs that a recording must have to say something.
pub(crate) const PHASES: [&str; 7] =
    ["up", "down", "hold", "stabilised down", "policy-limited", "tolerance", "metric missing"];

/// Predicts every sync of a recording and compares.
pub(crate) fn replay(recording: &Recording) -> Outcome {
    let release: Release = recording.kubernetes.parse().expect("the recording names its release");
    let config = Config { sync_period_seconds: recording.period_seconds, ..Config::release(release) };
    let mut outcome = Outcome::default();
    for autoscaler in &recording.autoscalers {
        replay_one(autoscaler, &config, &mut outcome);
    }
    outcome
}

fn replay_one(autoscaler: &Autoscaler, config: &Config, outcome: &mut Outcome) {
    let mut spec: Spec = serde_json::from_value(autoscaler.spec.clone()).expect("the specification is valid");
    hpa::defaults::default_spec(&mut spec);
    let mut memory = Memory::default();
    let mut status = Status::default();
    for (index, sync) in autoscaler.syncs.iter().enumerate() {
        let scale = Scale {
            spec_replicas: sync.spec_replicas,
            status_replicas: sync.status_replicas,
            selector: format!("app={}", autoscaler.name),
        };
        let readings: Vec<Reading> = sync.answers.iter().map(reading).collect();
        let input = Input {
            now: Time(sync.at_ms),
            namespace: &autoscaler.namespace,
            generation: None,
            spec: &spec,
            status: &status,
            scale: Ok(&scale),
            pods: &[],
            selected_by: &[],
            readings: &readings,
            config,
        };
        let mut decision = hpa::decide(&input, &mut memory);
        hpa::after_scale(&input, &mut decision, Ok(()), input.now, &mut memory);
        for phase in phases(&decision, sync.spec_replicas) {
            *outcome.phases.entry(phase).or_default() += 1;
        }
        let events: Vec<String> = decision
            .events
            .iter()
            .map(|event| format!("{} {} {}", event.kind.as_str(), event.reason, event.message))
            .collect();
        let predicted = json!({
            "size": decision.new_size.unwrap_or(sync.spec_replicas),
            "status": timeless(&json!(decision.status)),
            "events": events,
        });
        let seen = json!({"size": sync.size, "status": timeless(&sync.status), "events": sync.events});
        if predicted == seen {
            outcome.agreed += 1;
        } else {
            outcome.differences.push(format!(
                "{} sync {index} ({}):\n  predicted {predicted}\n  seen      {seen}",
                autoscaler.name, decision.trace
            ));
        }
        status = decision.status;
    }
}

/// The answer as client-go hands it to the controller.
fn reading(answer: &Answer) -> Reading {
    match answer {
        Answer::Values(values) => Reading::External(
            values
                .iter()
                .map(|value| {
                    let quantity: hpa::Quantity = value.parse().expect("a recorded quantity");
                    quantity.milli().expect("a recorded quantity in thousandths")
                })
                .collect(),
        ),
        Answer::Refused { message, .. } => Reading::Failed(message.clone()),
    }
}

fn phases(decision: &hpa::Decision, current: i32) -> Vec<&'static str> {
    let trace = &decision.trace;
    let mut phases = Vec::new();
    match decision.new_size {
        Some(size) if size > current => phases.push("up"),
        Some(_) => phases.push("down"),
        None if trace.path == Path::Computed && trace.reason == Reason::MetricRecommendation => {
            phases.push("hold");
        }
        None => {}
    }
    let held = trace.stabilised.is_some_and(|stabilised| {
        stabilised.held_by.is_some_and(|held| held.direction == hpa::spec::Direction::Down)
    });
    if held {
        phases.push("stabilised down");
    }
    if trace.limited.is_some_and(|limit| limit.constraint == Some(Constraint::ScalingPolicy)) {
        phases.push("policy-limited");
    }
    if trace.reason == Reason::WithinTolerance {
        phases.push("tolerance");
    }
    if trace.metrics.iter().any(|metric| metric.error.is_some()) {
        phases.push("metric missing");
    }
    phases
}

/// A status without its times and without what Go writes for nothing.
pub(crate) fn timeless(status: &Value) -> Value {
    match status {
        Value::Object(map) => map
            .iter()
            .filter(|(key, value)| {
                let time = matches!(key.as_str(), "lastScaleTime" | "lastTransitionTime");
                let nothing = value.is_null() || value.as_array().is_some_and(Vec::is_empty);
                !time && !nothing
            })
            .map(|(key, value)| (key.clone(), timeless(value)))
            .collect(),
        Value::Array(list) => list.iter().map(timeless).collect(),
        other => other.clone(),
    }
}
