//! Replays recorded syncs of a real kube-controller-manager and compares its decisions with those of this crate.
//!
//! `tests/data/README.md` describes the JSON form.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::compat::{Config, Release, ReleaseError};
use crate::defaults::default_spec;
use crate::input::{Input, Reading, Scale};
use crate::memory::Memory;
use crate::quantity::{Quantity, QuantityError};
use crate::spec::{Direction, Spec};
use crate::status::Status;
use crate::sync::{Decision, after_scale, decide};
use crate::time::Time;
use crate::trace::{Constraint, Path, Reason};

/// All syncs of some HPAs on one cluster.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Recording {
    /// Description for readers of the file.
    pub about: String,
    /// `gitVersion` of the API server.
    pub kubernetes: String,
    /// Seconds between two syncs.
    pub period_seconds: i64,
    /// The HPAs.
    pub autoscalers: Vec<RecordedHpa>,
}

/// One HPA from its first sync on.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RecordedHpa {
    /// Name of the HPA.
    pub name: String,
    /// Namespace of the HPA.
    pub namespace: String,
    /// Its specification as the API server stored it.
    pub spec: Value,
    /// Its syncs in order.
    pub syncs: Vec<RecordedSync>,
}

/// The inputs and results of one sync of the controller.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RecordedSync {
    /// Milliseconds from the first sync of this HPA to the response to the controller's last request.
    pub at_ms: i64,
    /// `spec.replicas` of the target at the controller's request.
    pub spec_replicas: i32,
    /// `status.replicas` of the target at the controller's request.
    pub status_replicas: i32,
    /// The response for each metric.
    pub responses: Vec<MetricResponse>,
    /// `spec.replicas` of the target before the next sync, or before another client changed it.
    pub size: i32,
    /// Status of the HPA before the next sync, without its times.
    pub status: Value,
    /// `Type Reason Message` of the events written or counted up until the next sync.
    pub events: Vec<String>,
}

/// A response of the external metrics API.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum MetricResponse {
    /// The value of each series, as quantities.
    Values(Vec<String>),
    /// A `Status` with a failure.
    Refused {
        /// HTTP status code.
        code: u16,
        /// Reason of the `Status`.
        reason: String,
        /// Message of the `Status`.
        message: String,
    },
}

/// The comparison of decisions and recording.
#[derive(Debug, Default)]
pub struct Comparison {
    /// Number of syncs without differences.
    pub agreed: usize,
    /// The other syncs, one text each.
    pub differences: Vec<String>,
    /// Number of syncs by kind; see [`SYNC_KINDS`].
    pub kinds: BTreeMap<&'static str, usize>,
}

/// The kinds of syncs that a meaningful recording contains.
pub const SYNC_KINDS: [&str; 7] =
    ["up", "down", "hold", "stabilised down", "policy-limited", "tolerance", "metric missing"];

/// The error of an unusable recording.
#[derive(Debug, thiserror::Error)]
pub enum RecordingError {
    /// The recording names no release.
    #[error(transparent)]
    Release(#[from] ReleaseError),
    /// A specification is invalid.
    #[error("invalid specification: {0}")]
    Spec(#[from] serde_json::Error),
    /// A value of a series is invalid.
    #[error("invalid value of a series: {0}")]
    Value(#[from] QuantityError),
}

/// Decides every sync of a recording and compares size, status and events.
///
/// # Errors
/// Fails if a part of the recording cannot be parsed.
pub fn replay(recording: &Recording) -> Result<Comparison, RecordingError> {
    let release: Release = recording.kubernetes.parse()?;
    let config = Config { sync_period_seconds: recording.period_seconds, ..Config::release(release) };
    let mut comparison = Comparison::default();
    for hpa in &recording.autoscalers {
        replay_one(hpa, &config, &mut comparison)?;
    }
    Ok(comparison)
}

fn replay_one(hpa: &RecordedHpa, config: &Config, comparison: &mut Comparison) -> Result<(), RecordingError> {
    let mut spec: Spec = serde_json::from_value(hpa.spec.clone())?;
    default_spec(&mut spec);
    let mut memory = Memory::default();
    let mut status = Status::default();
    for (index, sync) in hpa.syncs.iter().enumerate() {
        let scale = Scale {
            spec_replicas: sync.spec_replicas,
            status_replicas: sync.status_replicas,
            selector: format!("app={}", hpa.name),
        };
        let readings = sync.responses.iter().map(MetricResponse::reading).collect::<Result<Vec<_>, _>>()?;
        let input = Input {
            now: Time(sync.at_ms),
            namespace: &hpa.namespace,
            generation: None,
            spec: &spec,
            status: &status,
            scale: Ok(&scale),
            pods: &[],
            selected_by: &[],
            readings: &readings,
            config,
        };
        let mut decision = decide(&input, &mut memory);
        after_scale(&input, &mut decision, Ok(()), input.now, &mut memory);
        for kind in kinds(&decision, sync.spec_replicas) {
            *comparison.kinds.entry(kind).or_default() += 1;
        }
        let events: Vec<String> = decision
            .events
            .iter()
            .map(|event| format!("{} {} {}", event.kind.as_str(), event.reason, event.message))
            .collect();
        let decided = json!({
            "size": decision.new_size.unwrap_or(sync.spec_replicas),
            "status": without_times(&json!(decision.status)),
            "events": events,
        });
        let recorded =
            json!({"size": sync.size, "status": without_times(&sync.status), "events": sync.events});
        if decided == recorded {
            comparison.agreed += 1;
        } else {
            comparison.differences.push(format!(
                "{} sync {index} ({}):\n  decided  {decided}\n  recorded {recorded}",
                hpa.name, decision.trace
            ));
        }
        status = decision.status;
    }
    Ok(())
}

impl MetricResponse {
    /// The reading that client-go passes to the controller.
    ///
    /// # Errors
    /// Fails if a value is no quantity.
    pub fn reading(&self) -> Result<Reading, QuantityError> {
        match self {
            Self::Values(values) => {
                let milli = |value: &String| value.parse::<Quantity>()?.milli();
                Ok(Reading::External(values.iter().map(milli).collect::<Result<_, _>>()?))
            }
            Self::Refused { message, .. } => Ok(Reading::Failed(message.clone())),
        }
    }
}

fn kinds(decision: &Decision, current: i32) -> Vec<&'static str> {
    let trace = &decision.trace;
    let mut kinds = Vec::new();
    match decision.new_size {
        Some(size) if size > current => kinds.push("up"),
        Some(_) => kinds.push("down"),
        None if trace.path == Path::Computed && trace.reason == Reason::MetricRecommendation => {
            kinds.push("hold");
        }
        None => {}
    }
    let hold = trace.stabilised.and_then(|stabilised| stabilised.held_by);
    if hold.is_some_and(|hold| hold.direction == Direction::Down) {
        kinds.push("stabilised down");
    }
    if trace.limited.is_some_and(|limit| limit.constraint == Some(Constraint::ScalingPolicy)) {
        kinds.push("policy-limited");
    }
    if trace.reason == Reason::WithinTolerance {
        kinds.push("tolerance");
    }
    if trace.metrics.iter().any(|metric| metric.error.is_some()) {
        kinds.push("metric missing");
    }
    kinds
}

/// The status without its times, and without the nulls and empty lists that Go writes.
#[must_use]
pub fn without_times(status: &Value) -> Value {
    match status {
        Value::Object(map) => map
            .iter()
            .filter(|(key, value)| {
                let time = matches!(key.as_str(), "lastScaleTime" | "lastTransitionTime");
                let empty = value.is_null() || value.as_array().is_some_and(Vec::is_empty);
                !time && !empty
            })
            .map(|(key, value)| (key.clone(), without_times(value)))
            .collect(),
        Value::Array(list) => list.iter().map(without_times).collect(),
        other => other.clone(),
    }
}
