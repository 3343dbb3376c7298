//! The kind `reconcile`: one whole sync.

use std::collections::BTreeMap;

use hpa::input::{ContainerUsage, PodReading, PodUsage};
use hpa::memory::Recommendation;
use hpa::status::{Condition, ConditionStatus};
use hpa::{
    Config, Decision, Input, Memory, Pod, Reading, Release, Scale, Spec, Status, Time, after_scale, decide,
};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::case::{Actual, PodJson, actual, pods, read};
use crate::validation::GatesJson;

#[derive(Deserialize)]
struct Reconcile {
    gates: GatesJson,
    controller: Controller,
    hpa: Hpa,
    scale: ScaleJson,
    other_hpas_selecting_these_pods: usize,
    recommendations: Option<Vec<RecommendationJson>>,
    pods: Vec<PodJson>,
    readings: Readings,
}

#[derive(Deserialize)]
struct Controller {
    tolerance: f64,
    downscale_stabilization_s: i64,
    cpu_initialization_period_s: i64,
    initial_readiness_delay_s: i64,
    scale_up_limit_factor: f64,
    scale_up_limit_minimum: f64,
}

#[derive(Deserialize)]
struct Hpa {
    spec: Spec,
    status: StatusJson,
}

#[derive(Deserialize)]
struct StatusJson {
    #[serde(rename = "currentReplicas")]
    current_replicas: i32,
    #[serde(rename = "desiredReplicas")]
    desired_replicas: i32,
    last_scale_time_s: Option<i64>,
    conditions: Vec<ConditionJson>,
}

#[derive(Deserialize)]
struct ConditionJson {
    #[serde(rename = "type")]
    type_: String,
    status: ConditionStatus,
    reason: String,
}

#[derive(Deserialize)]
struct ScaleJson {
    spec_replicas: i32,
    status_replicas: i32,
    selector: String,
    target_kind: String,
    get_error: Option<String>,
    update_error: Option<String>,
}

#[derive(Deserialize)]
struct RecommendationJson {
    replicas: i32,
    age_s: i64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Readings {
    resource_metrics: Option<ResourceMetrics>,
    pods_metrics: Option<PodsMetrics>,
    object_metric: Option<ObjectMetric>,
    external_metrics: Option<ExternalMetrics>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum ResourceMetrics {
    Failed { error: String },
    Pods { pods: Vec<UsageJson> },
}

#[derive(Deserialize)]
struct UsageJson {
    name: String,
    timestamp_s: i64,
    window_s: i64,
    containers: BTreeMap<String, BTreeMap<String, i64>>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum PodsMetrics {
    Failed {
        error: String,
    },
    Values {
        values_milli: BTreeMap<String, i64>,
        #[serde(default)]
        timestamp_s: i64,
        #[serde(default)]
        window_s: i64,
    },
}

#[derive(Deserialize)]
#[serde(untagged)]
enum ObjectMetric {
    Failed { error: String },
    Value { value_milli: i64 },
}

#[derive(Deserialize)]
#[serde(untagged)]
enum ExternalMetrics {
    Failed { error: String },
    Values { values_milli: Vec<i64> },
}

impl Readings {
    fn of(&self, type_: &str) -> Reading {
        let absent = || Reading::Failed("the case has no reading of this kind".to_owned());
        match type_ {
            "Resource" | "ContainerResource" => match &self.resource_metrics {
                Some(ResourceMetrics::Pods { pods }) => {
                    Reading::Resource(pods.iter().map(UsageJson::usage).collect())
                }
                Some(ResourceMetrics::Failed { error }) => Reading::Failed(error.clone()),
                None => absent(),
            },
            "Pods" => match &self.pods_metrics {
                Some(PodsMetrics::Values { values_milli, timestamp_s, window_s }) => {
                    let reading = |(pod, milli): (&String, &i64)| PodReading {
                        pod: pod.clone(),
                        milli: *milli,
                        at: Time::from_secs(*timestamp_s),
                        window_seconds: *window_s,
                    };
                    Reading::Pods(values_milli.iter().map(reading).collect())
                }
                Some(PodsMetrics::Failed { error }) => Reading::Failed(error.clone()),
                None => absent(),
            },
            "Object" => match &self.object_metric {
                Some(ObjectMetric::Value { value_milli }) => Reading::Object(*value_milli),
                Some(ObjectMetric::Failed { error }) => Reading::Failed(error.clone()),
                None => absent(),
            },
            "External" => match &self.external_metrics {
                Some(ExternalMetrics::Values { values_milli }) => Reading::External(values_milli.clone()),
                Some(ExternalMetrics::Failed { error }) => Reading::Failed(error.clone()),
                None => absent(),
            },
            _ => absent(),
        }
    }
}

impl UsageJson {
    fn usage(&self) -> PodUsage {
        let container = |(name, milli): (&String, &BTreeMap<String, i64>)| ContainerUsage {
            name: name.clone(),
            milli: milli.clone(),
        };
        PodUsage {
            pod: self.name.clone(),
            at: Time::from_secs(self.timestamp_s),
            window_seconds: self.window_s,
            containers: self.containers.iter().map(container).collect(),
        }
    }
}

pub(crate) fn reconcile(input: Value, release: Release) -> Result<Actual, String> {
    let case: Reconcile = read(input)?;
    let mut spec = case.hpa.spec;
    hpa::defaults::default_spec(&mut spec);
    spec.scale_target_ref.kind.clone_from(&case.scale.target_kind);
    let condition = |c: ConditionJson| Condition {
        type_: c.type_.into(),
        status: c.status,
        reason: c.reason.into(),
        message: "".into(),
        last_transition_time: None,
    };
    let old = case.hpa.status;
    let status = Status {
        current_replicas: old.current_replicas,
        desired_replicas: old.desired_replicas,
        last_scale_time: old.last_scale_time_s.map(Time::from_secs),
        conditions: old.conditions.into_iter().map(condition).collect(),
        ..Status::default()
    };
    let scale = Scale {
        spec_replicas: case.scale.spec_replicas,
        status_replicas: case.scale.status_replicas,
        selector: case.scale.selector,
    };
    let config = Config {
        tolerance: case.controller.tolerance,
        downscale_stabilization_seconds: case.controller.downscale_stabilization_s,
        cpu_initialization_period_seconds: case.controller.cpu_initialization_period_s,
        initial_readiness_delay_seconds: case.controller.initial_readiness_delay_s,
        scale_up_limit_factor: case.controller.scale_up_limit_factor,
        scale_up_limit_minimum: case.controller.scale_up_limit_minimum,
        gates: case.gates.at(release),
        ..Config::release(release)
    };
    let recommendation =
        |r: RecommendationJson| Recommendation { replicas: r.replicas, at: Time::from_secs(-r.age_s) };
    let mut memory = Memory {
        recommendations: case.recommendations.map(|list| list.into_iter().map(recommendation).collect()),
        ..Memory::default()
    };
    let pods: Vec<Pod> = pods(case.pods);
    let readings: Vec<Reading> = spec.metrics.iter().map(|m| case.readings.of(&m.type_)).collect();
    let hpas: Vec<String> =
        (0..=case.other_hpas_selecting_these_pods).map(|i| format!("default/hpa-{i}")).collect();
    let input = Input {
        now: Time(0),
        namespace: "default",
        generation: None,
        spec: &spec,
        status: &status,
        scale: case.scale.get_error.as_deref().map_or(Ok(&scale), Err),
        pods: &pods,
        selected_by: &hpas,
        readings: &readings,
        config: &config,
    };
    let mut decision = decide(&input, &mut memory);
    let written = case.scale.update_error.as_deref().map_or(Ok(()), Err);
    after_scale(&input, &mut decision, written, Time(0), &mut memory);
    Ok(result(&decision, &status, &scale, written.is_ok()))
}

fn result(decision: &Decision, old: &Status, scale: &Scale, written: bool) -> Actual {
    let new = decision.new_size.filter(|_| written);
    let conditions: Vec<Value> = (decision.status.conditions.iter())
        .map(|c| json!({ "type": c.type_, "status": c.status, "reason": c.reason }))
        .collect();
    let mut metric_actions = Map::new();
    for metric in &decision.trace.metrics {
        let action = metric.proposal.map_or("none", |size| action(old.current_replicas, size));
        let class = metric.error_class.map_or(json!("none"), |class| json!(class));
        metric_actions.insert(metric.type_.clone(), json!({ "action": action, "error_class": class }));
    }
    let cpu = (decision.status.current_metrics.iter())
        .filter_map(|m| m.resource.as_ref())
        .find(|r| r.name == "cpu")
        .and_then(|r| r.current.average_utilization);
    actual(json!({
        "desired_replicas": decision.status.desired_replicas,
        "scale_updated": new.is_some(),
        "rescale_event": decision.events.iter().any(|e| e.reason == "SuccessfulRescale"),
        "conditions": conditions,
        "action": new.map_or("none", |size| action(scale.spec_replicas, size)),
        "error_class": decision.error.as_ref().map_or(json!("none"), |error| json!(error.class)),
        "error": decision.error.is_some(),
        "error_text": decision.error.as_ref().map(ToString::to_string),
        "metric_actions": metric_actions,
        "cpu_utilization_status": cpu,
    }))
}

fn action(before: i32, after: i32) -> &'static str {
    match after.cmp(&before) {
        std::cmp::Ordering::Greater => "scale_up",
        std::cmp::Ordering::Less => "scale_down",
        std::cmp::Ordering::Equal => "none",
    }
}
