//! The parts of a specification as text, in both directions: `4 pods/15s, 100%/15s, max`.

use hpa::spec::{Direction, Policy, ScalingRules};

use super::field::Name;
use crate::edits::{Edit, TargetKind};
use crate::strings::sentences;

/// Parses a target type.
pub(super) fn kind(text: &str) -> TargetKind {
    if text == TargetKind::Value.word() { TargetKind::Value } else { TargetKind::AverageValue }
}

fn path(direction: Direction) -> &'static str {
    match direction {
        Direction::Up => "spec.behavior.scaleUp",
        Direction::Down => "spec.behavior.scaleDown",
    }
}

pub(super) fn window(direction: Direction, text: &str) -> Result<Edit, String> {
    if text.is_empty() {
        return Ok(Edit::Window { direction, seconds: None });
    }
    let seconds = text.trim_end_matches('s').trim_end().parse().map_err(|_| {
        sentences::not_a_whole_number(&format!("{}.stabilizationWindowSeconds", path(direction)), text)
    })?;
    Ok(Edit::Window { direction, seconds: Some(seconds) })
}

/// Parses `4 pods/15s, 100%/15s, max`.
pub(super) fn policies(direction: Direction, text: &str) -> Result<Edit, String> {
    let (mut select, mut policies) = ("Max", Vec::new());
    for word in text.split(',').map(|word| word.trim().to_ascii_lowercase()).filter(|word| !word.is_empty()) {
        match word.as_str() {
            "max" => select = "Max",
            "min" => select = "Min",
            "disabled" | "off" => select = "Disabled",
            policy => match read_policy(policy) {
                Some(policy) => policies.push(policy),
                None => {
                    let path = format!("{}.policies", path(direction));
                    return Err(sentences::not_a_policy(&path, &word));
                }
            },
        }
    }
    Ok(Edit::Policies { direction, select: select.to_owned(), policies })
}

fn read_policy(text: &str) -> Option<Policy> {
    let (value, period) = text.split_once('/')?;
    let period_seconds = period.trim().trim_end_matches('s').trim_end().parse().ok()?;
    let (value, type_) = match value.trim().strip_suffix('%') {
        Some(value) => (value, "Percent"),
        None => (value.trim().trim_end_matches('s').trim_end_matches("pod"), "Pods"),
    };
    Some(Policy { type_: type_.to_owned(), value: value.trim().parse().ok()?, period_seconds })
}

/// The text of a field for a specification.
pub(super) fn read(spec: &hpa::Spec, metric: Option<usize>, name: Name) -> String {
    let target = |index: usize| spec.metrics.get(index)?.target();
    let up = spec.behavior.as_ref().and_then(|behavior| behavior.scale_up.as_ref());
    let down = spec.behavior.as_ref().and_then(|behavior| behavior.scale_down.as_ref());
    let seconds = |rules: Option<&ScalingRules>| {
        rules.and_then(|rules| rules.stabilization_window_seconds).map_or_else(String::new, |s| s.to_string())
    };
    match name {
        // The API decides by the quantity that is set.
        Name::Kind => metric.and_then(target).map_or_else(String::new, |target| {
            let kind =
                if target.average_value.is_some() { TargetKind::AverageValue } else { TargetKind::Value };
            kind.word().to_owned()
        }),
        Name::Target(index) => target(index).map_or_else(String::new, |target| {
            let quantity = target.average_value.or(target.value).map(|quantity| quantity.to_string());
            let percent = || target.average_utilization.map(|percent| format!("{percent}%"));
            quantity.or_else(percent).unwrap_or_default()
        }),
        Name::Min => spec.min().to_string(),
        Name::Max => spec.max_replicas.to_string(),
        Name::UpWindow => seconds(up),
        Name::DownWindow => seconds(down),
        Name::UpPolicies => policies_text(up),
        Name::DownPolicies => policies_text(down),
    }
}

/// `4 pods/15s, 100%/15s, max`; empty where there are no rules.
fn policies_text(rules: Option<&ScalingRules>) -> String {
    let Some(rules) = rules else { return String::new() };
    let policies = rules.policies.iter().flatten().map(|policy| {
        let unit = if policy.type_ == "Percent" { "%" } else { " pods" };
        format!("{}{unit}/{}s", policy.value, policy.period_seconds)
    });
    let select = rules.select_policy.iter().map(|select| select.to_ascii_lowercase());
    policies.chain(select).collect::<Vec<_>>().join(", ")
}

/// The settings in one line: `20 per pod, 1..10, down 60 s`, or `cpu 80 %, 1..10`.
#[must_use]
pub fn in_short(spec: &hpa::Spec) -> String {
    let mut parts = Vec::new();
    for metric in &spec.metrics {
        match metric.external.as_ref().map(|external| &external.target) {
            Some(target) => match (target.average_value, target.value) {
                (Some(average), _) => parts.push(sentences::per_pod(&average.to_string())),
                (None, Some(value)) => parts.push(sentences::in_total(&value.to_string())),
                (None, None) => {}
            },
            None => {
                let (name, target) = (explain::metric::short_name(metric), explain::metric::target(metric));
                parts.push(sentences::metric_target(&name, &target));
            }
        }
    }
    parts.push(format!("{}..{}", spec.min(), spec.max_replicas));
    let rules = spec.behavior.as_ref();
    for (word, rules) in [
        ("up", rules.and_then(|behavior| behavior.scale_up.as_ref())),
        ("down", rules.and_then(|behavior| behavior.scale_down.as_ref())),
    ] {
        if let Some(seconds) = rules.and_then(|rules| rules.stabilization_window_seconds)
            && (word, seconds) != ("up", 0)
        {
            parts.push(format!("{word} {seconds} s"));
        }
    }
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(behavior: &serde_json::Value) -> hpa::Spec {
        let mut spec: hpa::Spec = serde_json::from_value(serde_json::json!({
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "worker"},
            "maxReplicas": 10, "behavior": behavior, "metrics": [],
        }))
        .unwrap();
        hpa::defaults::default_spec(&mut spec);
        spec
    }

    #[test]
    fn every_text_parses_to_itself() {
        for behavior in [
            serde_json::json!({}),
            serde_json::json!({"scaleUp": {"selectPolicy": "Disabled"}}),
            serde_json::json!({"scaleDown": {"policies": [{"type": "Percent", "value": 10, "periodSeconds": 60}]}}),
        ] {
            let spec = spec(&behavior);
            let rules = spec.behavior.as_ref().and_then(|b| b.scale_down.clone()).unwrap();
            let text = policies_text(Some(&rules));
            let Ok(Edit::Policies { select, policies, .. }) = policies(Direction::Down, &text) else {
                panic!("{text}")
            };
            assert_eq!((Some(select), Some(policies)), (rules.select_policy, rules.policies), "{text}");
        }
    }
}
