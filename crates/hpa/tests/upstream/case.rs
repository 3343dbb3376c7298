//! One case: its kind, its releases, and the comparison with the expected results.

use std::collections::BTreeMap;

use hpa::input::{Container, Ready};
use hpa::status::ConditionStatus;
use hpa::tolerance::Tolerance;
use hpa::{Compat, Config, Pod, Release, Time};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::{calculator, limits, reconcile, validation};

/// The results of a kind, by the keys that a case can expect.
pub(crate) type Actual = Map<String, Value>;

pub(crate) enum Outcome {
    Passed,
    Skipped,
    Failed(Vec<String>),
}

pub(crate) struct Case {
    json: Value,
}

impl Case {
    pub(crate) fn new(json: Value) -> Self {
        Self { json }
    }

    pub(crate) fn id(&self) -> &str {
        self.json["id"].as_str().unwrap_or("(a case without an id)")
    }

    pub(crate) fn run(&self, release: Release) -> Outcome {
        let since = match self.json["since"].as_str().map(str::parse::<Release>) {
            None => Release(0),
            Some(Ok(since)) => since,
            Some(Err(error)) => return Outcome::Failed(vec![error.to_string()]),
        };
        if since > release {
            return Outcome::Skipped;
        }
        let kind = self.json["kind"].as_str().unwrap_or_default();
        let input = self.json["input"].clone();
        // A panic fails this case only.
        let computed = std::panic::catch_unwind(|| compute(kind, input, release));
        let actual = match computed.unwrap_or_else(|_| Err("panic".to_owned())) {
            Ok(actual) => actual,
            Err(why) => return Outcome::Failed(vec![why]),
        };
        let Some(mut expected) = self.json["expected"].as_object().cloned() else {
            return Outcome::Failed(vec!["the case has no expected results".to_owned()]);
        };
        if release < Release(36) {
            without_scaled_to_zero(&mut expected);
        }
        let wrong: Vec<String> = expected
            .iter()
            .filter(|(key, expected)| !matches(key, expected, &actual))
            .map(|(key, expected)| {
                let found = actual.get(key).or_else(|| actual.get(instead_of(key))).unwrap_or(&Value::Null);
                format!("{key}: expected {expected}, actual {found}")
            })
            .collect();
        if wrong.is_empty() { Outcome::Passed } else { Outcome::Failed(wrong) }
    }
}

fn compute(kind: &str, input: Value, release: Release) -> Result<Actual, String> {
    match kind {
        "external_value" => calculator::external_value(input, release),
        "external_average_value" => calculator::external_average_value(input, release),
        "object_value" => calculator::object_value(input, release),
        "object_average_value" => calculator::object_average_value(input, release),
        "pods_metric" => calculator::pods_metric(input, release),
        "resource_utilization" => calculator::resource_utilization(input, release),
        "group_pods" => calculator::group_pods(input, release),
        "calculate_requests" => calculator::calculate_requests(input),
        "resource_utilization_ratio" => calculator::resource_utilization_ratio(input),
        "metric_usage_ratio" => calculator::metric_usage_ratio(input),
        "per_pod_usage" => calculator::per_pod_usage(input),
        "build_quantity" => calculator::build_quantity(input),
        "convert_with_rules" => limits::convert_with_rules(input),
        "scale_up_limit_with_rules" => limits::scale_limit(input, hpa::spec::Direction::Up),
        "scale_down_limit_with_rules" => limits::scale_limit(input, hpa::spec::Direction::Down),
        "convert_with_behavior_rate" => limits::convert_with_behavior_rate(input),
        "stabilize_legacy" => limits::stabilize_legacy(input),
        "stabilize_with_behaviors" => limits::stabilize_with_behaviors(input),
        "store_scale_event" => limits::store_scale_event(input),
        "default_scaling_rules" => limits::default_scaling_rules(input),
        "reconcile" => reconcile::reconcile(input, release),
        "validate_hpa" => validation::validate_hpa(input, release),
        "validate_hpa_update" => validation::validate_hpa_update(input, release),
        other => Err(format!("kind {other:?} is not known to this test")),
    }
}

/// The key of the whole value, if a case expects a part of it.
fn instead_of(key: &str) -> &str {
    match key {
        "error_contains" => "error_text",
        other => other,
    }
}

fn matches(key: &str, expected: &Value, actual: &Actual) -> bool {
    let found = actual.get(instead_of(key)).unwrap_or(&Value::Null);
    let contains = |part: &Value, whole: &Value| match (part.as_str(), whole.as_str()) {
        (Some(part), Some(whole)) => whole.contains(part),
        _ => false,
    };
    match key {
        "error_contains" => contains(expected, found),
        "unready" | "missing" | "ignored" => sorted(expected) == sorted(found),
        "first_error" => {
            // The message is only a hint; it differs between releases.
            ["field", "type"].iter().all(|part| expected[part] == found[part]) && found["field"].is_string()
        }
        "metric_actions" => match (expected.as_object(), found.as_object()) {
            (Some(expected), Some(found)) => {
                expected.len() == found.len()
                    && expected.iter().all(|(metric, parts)| {
                        let found = found.get(metric).unwrap_or(&Value::Null);
                        parts.as_object().is_some_and(|parts| parts.iter().all(|(k, v)| found[k] == *v))
                    })
            }
            _ => false,
        },
        _ => expected == found,
    }
}

fn sorted(list: &Value) -> Vec<String> {
    let mut list: Vec<String> = list.as_array().into_iter().flatten().map(ToString::to_string).collect();
    list.sort();
    list
}

fn without_scaled_to_zero(expected: &mut Map<String, Value>) {
    if let Some(conditions) = expected.get_mut("conditions").and_then(Value::as_array_mut) {
        conditions.retain(|c| c["type"] != "ScaledToZero");
    }
}

/// Parses the input of a kind.
pub(crate) fn read<T: serde::de::DeserializeOwned>(input: Value) -> Result<T, String> {
    serde_json::from_value(input).map_err(|error| format!("the input does not fit the schema: {error}"))
}

/// Unwraps the object of results.
pub(crate) fn actual(value: Value) -> Actual {
    match value {
        Value::Object(map) => map,
        other => panic!("a kind's result is an object, not {other}"),
    }
}

/// The form of a tolerance in the cases.
#[derive(Clone, Copy, Deserialize)]
pub(crate) struct ToleranceJson {
    down: f64,
    up: f64,
}

impl ToleranceJson {
    pub(crate) fn at(self, release: Release) -> Tolerance {
        Tolerance { down: self.down, up: self.up, check: Compat::release(release).tolerance_check }
    }
}

/// Settings with the two readiness periods.
pub(crate) fn config(release: Release, initialization: i64, delay: i64) -> Config {
    Config {
        cpu_initialization_period_seconds: initialization,
        initial_readiness_delay_seconds: delay,
        ..Config::release(release)
    }
}

type Requests = BTreeMap<String, i64>;

#[derive(Deserialize)]
pub(crate) struct PodJson {
    name: String,
    #[serde(default)]
    phase: String,
    #[serde(default)]
    deleted: bool,
    #[serde(default)]
    ready: Option<ConditionStatus>,
    #[serde(default)]
    ready_transition_s: Option<i64>,
    #[serde(default)]
    start_time_s: Option<i64>,
    #[serde(default)]
    containers: Vec<ContainerJson>,
    #[serde(default)]
    init_containers: Option<Vec<ContainerJson>>,
    #[serde(default)]
    pod_requests_milli: Option<Requests>,
}

#[derive(Deserialize)]
struct ContainerJson {
    name: String,
    #[serde(default)]
    restart_policy: Option<String>,
    #[serde(default)]
    requests_milli: Option<Requests>,
}

pub(crate) fn pods(list: Vec<PodJson>) -> Vec<Pod> {
    list.into_iter().map(Into::into).collect()
}

impl From<PodJson> for Pod {
    fn from(pod: PodJson) -> Self {
        let inits = pod.init_containers.unwrap_or_default();
        Self {
            name: pod.name,
            phase: pod.phase,
            deleted: pod.deleted,
            ready: pod.ready.map(|status| Ready {
                status,
                since: Time::from_secs(pod.ready_transition_s.unwrap_or_default()),
            }),
            started_at: pod.start_time_s.map(Time::from_secs),
            containers: pod.containers.into_iter().map(Into::into).collect(),
            sidecars: inits
                .into_iter()
                .filter(|c| c.restart_policy.as_deref() == Some("Always"))
                .map(Into::into)
                .collect(),
            requests_milli: pod.pod_requests_milli,
        }
    }
}

impl From<ContainerJson> for Container {
    fn from(container: ContainerJson) -> Self {
        Self { name: container.name, requests_milli: container.requests_milli.unwrap_or_default() }
    }
}
