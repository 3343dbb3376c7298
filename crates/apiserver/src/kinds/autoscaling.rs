//! Kinds of the group `autoscaling`: version 2, in which HPAs are stored, and version 1 as a view.

use serde_json::{Map, Value, json};

use super::cells::{age, count, list, name, text as cell};
use super::{AGE, NAME, defaults, plain_kind, strings, text};
use crate::kind::{Generation, Kind, StatusSubresource, Table, View};

pub(super) fn kinds() -> Vec<Kind> {
    let scaler = |version, schema| Kind {
        short_names: strings(&["hpa"]),
        categories: strings(&["all"]),
        status: StatusSubresource::Enabled,
        generation: Generation::None,
        table: SCALERS,
        schema,
        ..plain_kind(
            "autoscaling",
            version,
            "HorizontalPodAutoscaler",
            "horizontalpodautoscalers",
            "horizontalpodautoscaler",
        )
    };
    vec![
        Kind { default: defaults::autoscaler, ..scaler("v2", "autoscaling.v2.HorizontalPodAutoscaler") },
        Kind {
            default: defaults::autoscaler_v1,
            view: Some(View {
                group: "autoscaling".into(),
                plural: "horizontalpodautoscalers".into(),
                show,
                store,
            }),
            ..scaler("v1", "autoscaling.v1.HorizontalPodAutoscaler")
        },
    ]
}

const SCALERS: Table = Table {
    columns: &[
        NAME,
        text("Reference"),
        text("Targets"),
        text("MinPods"),
        text("MaxPods"),
        text("Replicas"),
        AGE,
    ],
    cells: |o, now| {
        let min = o.pointer("/spec/minReplicas").and_then(Value::as_i64);
        vec![
            name(o),
            format!("{}/{}", cell(o, "/spec/scaleTargetRef/kind"), cell(o, "/spec/scaleTargetRef/name"))
                .into(),
            targets(o).into(),
            min.map_or_else(|| "<unset>".to_owned(), |min| min.to_string()).into(),
            count(o, "/spec/maxReplicas").into(),
            count(o, "/status/currentReplicas").into(),
            age(o, now),
        ]
    },
};

/// Returns the current and target values of the metrics, such as `50/20 (avg)`.
fn targets(object: &Value) -> String {
    const MAX: usize = 2;
    let statuses = list(object, "/status/currentMetrics");
    let specs = list(object, "/spec/metrics");
    let shown = specs.iter().enumerate().map(|(place, spec)| target(spec, statuses.get(place)));
    let shown: Vec<String> = shown.collect();
    match shown.len() {
        0 => "<none>".to_owned(),
        n if n > MAX => format!("{} + {} more...", shown[..MAX].join(", "), n - MAX),
        _ => shown.join(", "),
    }
}

fn target(spec: &Value, status: Option<&Value>) -> String {
    let part = match cell(spec, "/type") {
        "External" => "external",
        "Pods" => "pods",
        "Object" => "object",
        "Resource" => "resource",
        "ContainerResource" => "containerResource",
        _ => return "<unknown type>".to_owned(),
    };
    let target = &spec[part]["target"];
    let current = status.map(|status| &status[part]["current"]).filter(|current| current.is_object());
    // With a status, an absent quantity reads as zero, as in Go.
    let reading = |field: &str, absent: &str| match current {
        None => "<unknown>".to_owned(),
        Some(current) => current[field].as_str().unwrap_or(absent).to_owned(),
    };
    let wanted = |field: &str| target[field].as_str().unwrap_or("0").to_owned();
    let average = !target["averageValue"].is_null();
    match part {
        "external" | "object" if average => {
            format!("{}/{} (avg)", reading("averageValue", "<unknown>"), wanted("averageValue"))
        }
        "external" | "object" => format!("{}/{}", reading("value", "0"), wanted("value")),
        "pods" => format!("{}/{}", reading("averageValue", "0"), wanted("averageValue")),
        _ => {
            let resource = cell(&spec[part], "/name");
            if average {
                return format!("{resource}: {}/{}", reading("averageValue", "0"), wanted("averageValue"));
            }
            let percent = |value: &Value, absent: &str| {
                value["averageUtilization"].as_i64().map_or_else(|| absent.to_owned(), |n| format!("{n}%"))
            };
            let reading = current.map_or_else(|| "<unknown>".to_owned(), |c| percent(c, "<unknown>"));
            format!("{resource}: {reading}/{}", percent(target, "<auto>"))
        }
    }
}

const METRICS: &str = "autoscaling.alpha.kubernetes.io/metrics";
const CURRENT: &str = "autoscaling.alpha.kubernetes.io/current-metrics";
const CONDITIONS: &str = "autoscaling.alpha.kubernetes.io/conditions";
const BEHAVIOR: &str = "autoscaling.alpha.kubernetes.io/behavior";

/// Returns true for the CPU metric, for which version 1 has fields.
fn is_cpu(metric: &Value) -> bool {
    metric["type"] == "Resource" && metric["resource"]["name"] == "cpu"
}

/// Converts to version 1, which has one target, for CPU. Annotations contain everything else.
fn show(object: &mut Value) {
    let mut annotations = object["metadata"]["annotations"].as_object().cloned().unwrap_or_default();
    let mut put = |name: &str, value: Value| {
        if !value.is_null() && value != json!([]) {
            annotations.insert(name.to_owned(), value.to_string().into());
        }
    };
    let mut spec = object["spec"].take();
    let metrics: Vec<Value> = spec["metrics"].as_array().cloned().unwrap_or_default();
    let (cpu, others): (Vec<Value>, Vec<Value>) =
        metrics.into_iter().partition(|m| is_cpu(m) && m["resource"]["target"]["type"] == "Utilization");
    put(METRICS, others.into());
    if let Some(fields) = spec.as_object_mut() {
        fields.remove("metrics");
        put(BEHAVIOR, fields.remove("behavior").unwrap_or_default());
        if let Some(target) =
            cpu.first().map(|m| &m["resource"]["target"]["averageUtilization"]).filter(|t| !t.is_null())
        {
            fields.insert("targetCPUUtilizationPercentage".into(), target.clone());
        }
    }
    let mut status = object["status"].take();
    if let Some(fields) = status.as_object_mut() {
        let current = fields.remove("currentMetrics").unwrap_or_default();
        let cpu = current.as_array().into_iter().flatten().find(|m| is_cpu(m));
        if let Some(percent) =
            cpu.map(|m| &m["resource"]["current"]["averageUtilization"]).filter(|p| !p.is_null())
        {
            fields.insert("currentCPUUtilizationPercentage".into(), percent.clone());
        }
        put(CURRENT, current);
        put(CONDITIONS, fields.remove("conditions").unwrap_or_default());
        fields.entry("currentReplicas").or_insert(0.into());
        fields.entry("desiredReplicas").or_insert(0.into());
    }
    object["spec"] = spec;
    object["status"] = status;
    if !annotations.is_empty() {
        object["metadata"]["annotations"] = annotations.into();
    }
}

fn store(object: &mut Value) {
    let mut taken = Map::new();
    if let Some(annotations) = object["metadata"]["annotations"].as_object_mut() {
        for name in [METRICS, CURRENT, CONDITIONS, BEHAVIOR] {
            let parsed =
                annotations.remove(name).and_then(|v| serde_json::from_str::<Value>(v.as_str()?).ok());
            taken.extend(parsed.map(|value| (name.to_owned(), value)));
        }
    }
    let mut metrics: Vec<Value> = Vec::new();
    if let Some(fields) = object["spec"].as_object_mut() {
        if let Some(percent) = fields.remove("targetCPUUtilizationPercentage") {
            metrics.push(json!({"type": "Resource", "resource": {"name": "cpu",
                "target": {"type": "Utilization", "averageUtilization": percent}}}));
        }
        if let Some(Value::Array(others)) = taken.remove(METRICS) {
            metrics.extend(others);
        }
        fields.insert("metrics".into(), metrics.into());
        fields.extend(taken.remove(BEHAVIOR).map(|behavior| ("behavior".to_owned(), behavior)));
    }
    if let Some(fields) = object["status"].as_object_mut() {
        fields.remove("currentCPUUtilizationPercentage");
        fields.extend(taken.remove(CURRENT).map(|current| ("currentMetrics".to_owned(), current)));
        fields.extend(taken.remove(CONDITIONS).map(|conditions| ("conditions".to_owned(), conditions)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn external(target: &Value, current: Option<Value>) -> String {
        let mut object = json!({"spec": {"metrics": [{"type": "External", "external": {"target": target}}]}});
        if let Some(current) = current {
            object["status"] =
                json!({"currentMetrics": [{"type": "External", "external": {"current": current}}]});
        }
        targets(&object)
    }

    #[test]
    fn targets_have_the_format_of_kubectl() {
        let average = json!({"type": "AverageValue", "averageValue": "20"});
        let value = json!({"type": "Value", "value": "20"});
        assert_eq!(external(&average, None), "<unknown>/20 (avg)");
        assert_eq!(external(&average, Some(json!({"averageValue": "50", "value": "0"}))), "50/20 (avg)");
        assert_eq!(
            external(&average, Some(json!({"averageValue": "-9223372036854775808m"}))),
            "-9223372036854775808m/20 (avg)"
        );
        assert_eq!(external(&value, None), "<unknown>/20");
        assert_eq!(external(&value, Some(json!({"value": "1k"}))), "1k/20");
        let cpu = json!({"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}}});
        assert_eq!(targets(&json!({"spec": {"metrics": [cpu.clone()]}})), "cpu: <unknown>/80%");
        assert_eq!(
            targets(&json!({"spec": {"metrics": [cpu.clone(), cpu.clone(), cpu]}})),
            "cpu: <unknown>/80%, cpu: <unknown>/80% + 1 more..."
        );
        assert_eq!(targets(&json!({})), "<none>");
    }

    #[test]
    fn version_1_keeps_the_rest_in_annotations() {
        let stored = json!({"metadata": {}, "spec": {"maxReplicas": 3, "metrics": [{"type": "External", "external": {"metric": {"name": "q"}}}]},
            "status": {"currentReplicas": 1, "desiredReplicas": 2, "conditions": [{"type": "ScalingActive"}]}});
        let mut shown = stored.clone();
        show(&mut shown);
        assert!(shown["metadata"]["annotations"][METRICS].is_string());
        assert!(shown["spec"].get("metrics").is_none());
        store(&mut shown);
        assert_eq!(shown["spec"], stored["spec"]);
        assert_eq!(shown["status"], stored["status"]);
    }
}
