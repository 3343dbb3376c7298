//! The table of kinds with what the API server itself does not know: which HorizontalPodAutoscalers are refused.

use std::sync::Arc;

use apiserver::{Cause, Kind, kinds};
use hpa::validate::{FieldError, drop_disabled_fields, validate, validate_update};
use hpa::{Config, Spec};
use serde_json::Value;

/// The kinds of the sandbox, with the rules of `crates/hpa` for autoscalers.
pub(crate) fn kinds(autoscaler: &Config) -> Vec<Kind> {
    let mut kinds = kinds::builtin();
    for kind in &mut kinds {
        if (kind.group, kind.version, kind.plural) == ("autoscaling", "v2", "horizontalpodautoscalers") {
            let config = *autoscaler;
            kind.validate = Some(Arc::new(move |new, old| refused(new, old, &config)));
        }
    }
    kinds
}

fn refused(new: &Value, old: Option<&Value>, config: &Config) -> Vec<Cause> {
    let mut spec = match read(new) {
        Ok(spec) => spec,
        Err(cause) => return vec![cause],
    };
    // What is stored was readable when it was stored.
    let old = old.and_then(|old| read(old).ok());
    drop_disabled_fields(&mut spec, old.as_ref(), config);
    let errors = match &old {
        Some(old) => validate_update(&spec, old, config),
        None => validate(&spec, config),
    };
    errors.into_iter().map(cause).collect()
}

fn read(object: &Value) -> Result<Spec, Cause> {
    let spec = &object["spec"];
    if spec.is_null() {
        return Ok(Spec::default());
    }
    serde_json::from_value(spec.clone())
        .map_err(|error| Cause::invalid("spec", &Value::Null, &error.to_string()))
}

fn cause(error: FieldError) -> Cause {
    Cause { reason: error.kind.cause(), message: error.body(), field: error.field }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn texts(new: &Value, old: Option<&Value>) -> Vec<String> {
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
    fn every_mistake_is_named() {
        assert_eq!(texts(&object(1, 10), None), [""; 0]);
        assert_eq!(
            texts(&object(1, 0), None),
            [
                "spec.maxReplicas: Invalid value: 0: must be greater than 0",
                "spec.maxReplicas: Invalid value: 0: must be greater than or equal to `minReplicas`",
            ]
        );
        let old = object(0, 10);
        assert_eq!(texts(&object(0, 5), Some(&old)), [""; 0], "what was stored may stay");
    }
}
