//! The API server's kinds, with `crates/hpa`'s validation for HorizontalPodAutoscalers.

use std::sync::Arc;

use apiserver::{Cause, Kind, kinds};
use hpa::validate::{FieldError, drop_disabled_fields, validate, validate_update};
use hpa::{Config, Spec};
use serde_json::Value;

/// The sandbox's kinds. `autoscaler` decides which fields of an HPA are enabled.
pub(crate) fn kinds(autoscaler: &Config) -> Vec<Kind> {
    let mut kinds = kinds::builtin();
    for kind in &mut kinds {
        if kind.is("autoscaling", "horizontalpodautoscalers") && kind.version == "v2" {
            let config = *autoscaler;
            kind.validate = Some(Arc::new(move |new, old| validate_hpa(new, old, &config)));
        }
    }
    kinds
}

fn validate_hpa(new: &Value, old: Option<&Value>, config: &Config) -> Vec<Cause> {
    let mut spec = match decode_spec(new) {
        Ok(spec) => spec,
        Err(cause) => return vec![cause],
    };
    // The stored object was valid when it was stored.
    let old = old.and_then(|old| decode_spec(old).ok());
    drop_disabled_fields(&mut spec, old.as_ref(), config);
    let errors = match &old {
        Some(old) => validate_update(&spec, old, config),
        None => validate(&spec, config),
    };
    errors.into_iter().map(to_cause).collect()
}

fn decode_spec(object: &Value) -> Result<Spec, Cause> {
    let spec = &object["spec"];
    if spec.is_null() {
        return Ok(Spec::default());
    }
    serde_json::from_value(spec.clone())
        .map_err(|error| Cause::invalid("spec", &Value::Null, &error.to_string()))
}

fn to_cause(error: FieldError) -> Cause {
    Cause { reason: error.kind.cause(), message: error.body(), field: error.field }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn errors(new: &Value, old: Option<&Value>) -> Vec<String> {
        let config = Config::release(hpa::Release::V1_34);
        let kinds = kinds(&config);
        let kind = kinds.iter().find(|kind| kind.kind == "HorizontalPodAutoscaler" && kind.version == "v2");
        let validate = kind.and_then(|kind| kind.validate.clone()).unwrap();
        validate(new, old).iter().map(ToString::to_string).collect()
    }

    fn object(min: i32, max: i32) -> Value {
        json!({"spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "worker"},
            "minReplicas": min,
            "maxReplicas": max,
            "metrics": [{"type": "External", "external": {
                "metric": {"name": "length"},
                "target": {"type": "AverageValue", "averageValue": "20"},
            }}],
        }})
    }

    #[test]
    fn invalid_hpas_are_refused() {
        assert_eq!(errors(&object(1, 10), None), [""; 0]);
        assert_eq!(
            errors(&object(1, 0), None),
            [
                "spec.maxReplicas: Invalid value: 0: must be greater than 0",
                "spec.maxReplicas: Invalid value: 0: must be greater than or equal to `minReplicas`",
            ]
        );
        let old = object(0, 10);
        assert_eq!(errors(&object(0, 5), Some(&old)), [""; 0], "a stored value may stay");
    }
}
