//! JSON patches (RFC 6902), with the error texts of Kubernetes.

use serde_json::Value;

use super::go_format;
use crate::Status;

/// Operations in one patch, as in Kubernetes.
const MAX_OPERATIONS: usize = 10_000;

/// Applies the operations of `patch` to `object`.
pub(crate) fn patch(object: &mut Value, patch: Value) -> Result<(), Status> {
    let mistyped = |found: &str, wanted: &str| {
        let why = format!("json: cannot unmarshal {found} into Go value of type {wanted}");
        Status::bad_request(format!("error decoding patch: {why}"))
    };
    let operations =
        patch.as_array().ok_or_else(|| mistyped(go_format::json_type(&patch), "[]handlers.jsonPatchOp"))?;
    if let Some(other) = operations.iter().find(|operation| !operation.is_object()) {
        return Err(mistyped(go_format::json_type(other), "handlers.jsonPatchOp"));
    }
    // An unknown operation fails here, and an impossible one below.
    let patch: json_patch::Patch = serde_json::from_value(patch).map_err(|error| rejected(&error))?;
    if patch.0.len() > MAX_OPERATIONS {
        let message = format!(
            "The allowed maximum operations in a JSON patch is {MAX_OPERATIONS}, got {}",
            patch.0.len()
        );
        return Err(Status::new(413, "RequestEntityTooLarge", message));
    }
    for operation in &patch.0 {
        json_patch::patch(object, std::slice::from_ref(operation)).map_err(|error| rejected(&error))?;
    }
    Ok(())
}

/// Kubernetes does not return the cause.
fn rejected(error: &dyn std::fmt::Display) -> Status {
    tracing::debug!(%error, "a JSON patch cannot be applied");
    let why = "the server rejected our request due to an error in our request";
    let mut status = Status::new(422, "Invalid", why);
    status.details = Some(Box::default());
    status
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn operations_run_in_order_and_a_failed_test_rejects() {
        let mut object = json!({"spec": {"replicas": 1}});
        let ops = json!([{"op": "test", "path": "/spec/replicas", "value": 1},
            {"op": "replace", "path": "/spec/replicas", "value": 3}, {"op": "add", "path": "/spec/paused", "value": true}]);
        patch(&mut object, ops).unwrap();
        assert_eq!(object, json!({"spec": {"replicas": 3, "paused": true}}));
        let rejected =
            patch(&mut object, json!([{"op": "test", "path": "/spec/replicas", "value": 1}])).unwrap_err();
        assert_eq!((rejected.code, rejected.reason), (422, "Invalid"));
        assert_eq!(patch(&mut object, json!({"a": 1})).unwrap_err().code, 400);
    }
}
