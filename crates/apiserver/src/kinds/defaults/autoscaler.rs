//! HorizontalPodAutoscalers.

use serde_json::{Map, Value, json};

use super::{part, set};

pub(in crate::kinds) fn autoscaler(object: &mut Value) {
    let Some(spec) = part(object, "spec") else { return };
    set(spec, "minReplicas", 1);
    if spec["metrics"].as_array().is_none_or(Vec::is_empty) {
        spec["metrics"] = json!([{"type": "Resource", "resource": {"name": "cpu",
            "target": {"type": "Utilization", "averageUtilization": 80}}}]);
    }
    if let Some(behavior) = part(spec, "behavior") {
        scaling_rules(
            behavior,
            "scaleUp",
            json!([{"type": "Pods", "value": 4, "periodSeconds": 15}, {"type": "Percent", "value": 100, "periodSeconds": 15}]),
        );
        set(&mut behavior["scaleUp"], "stabilizationWindowSeconds", 0);
        scaling_rules(behavior, "scaleDown", json!([{"type": "Percent", "value": 100, "periodSeconds": 15}]));
    }
}

fn scaling_rules(behavior: &mut Value, direction: &str, policies: Value) {
    set(behavior, direction, Map::new());
    let rules = &mut behavior[direction];
    set(rules, "selectPolicy", "Max");
    set(rules, "policies", policies);
}

pub(in crate::kinds) fn autoscaler_v1(object: &mut Value) {
    let custom = object.pointer("/metadata/annotations/autoscaling.alpha.kubernetes.io~1metrics").is_some();
    if let Some(spec) = part(object, "spec") {
        set(spec, "minReplicas", 1);
        if !custom {
            set(spec, "targetCPUUtilizationPercentage", 80);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_keep_set_fields_and_are_idempotent() {
        let mut hpa = json!({"spec": {"maxReplicas": 3, "metrics": [{"type": "External"}], "behavior": {"scaleDown": {"stabilizationWindowSeconds": 60}}}});
        autoscaler(&mut hpa);
        let once = hpa.clone();
        autoscaler(&mut hpa);
        assert_eq!(hpa, once);
        assert_eq!(
            hpa["spec"]["behavior"]["scaleDown"],
            json!({"stabilizationWindowSeconds": 60, "selectPolicy": "Max",
            "policies": [{"type": "Percent", "value": 100, "periodSeconds": 15}]})
        );
        assert_eq!(hpa["spec"]["behavior"]["scaleUp"]["stabilizationWindowSeconds"], 0);
        assert_eq!(hpa["spec"]["metrics"], json!([{"type": "External"}]));
    }
}
