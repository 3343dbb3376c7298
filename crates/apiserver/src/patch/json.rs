//! JSON patches (RFC 6902), with Kubernetes' words for what goes wrong.

use serde_json::Value;

use crate::{Status, go};

/// Operations in one patch; Kubernetes takes as many.
const MAX_OPERATIONS: usize = 10_000;

/// Does the operations of `patch` to `object`.
pub(crate) fn patch(object: &mut Value, patch: Value) -> Result<(), Status> {
    let unread = |sort: &str, wanted: &str| {
        let why = format!("json: cannot unmarshal {sort} into Go value of type {wanted}");
        Status::bad_request(format!("error decoding patch: {why}"))
    };
    let operations = patch.as_array().ok_or_else(|| unread(go::sort(&patch), "[]handlers.jsonPatchOp"))?;
    if let Some(other) = operations.iter().find(|operation| !operation.is_object()) {
        return Err(unread(go::sort(other), "handlers.jsonPatchOp"));
    }
    // What is no operation does not decode here, and cannot be done there.
    let patch: json_patch::Patch = serde_json::from_value(patch).map_err(|error| unfit(&error))?;
    if patch.0.len() > MAX_OPERATIONS {
        let message = format!(
            "The allowed maximum operations in a JSON patch is {MAX_OPERATIONS}, got {}",
            patch.0.len()
        );
        return Err(Status::new(413, "RequestEntityTooLarge", message));
    }
    for operation in &patch.0 {
        json_patch::patch(object, std::slice::from_ref(operation)).map_err(|error| unfit(&error))?;
    }
    Ok(())
}

/// Kubernetes keeps the cause to itself.
fn unfit(error: &dyn std::fmt::Display) -> Status {
    tracing::debug!(%error, "a JSON patch does not fit its object");
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
    fn operations_are_done_in_order_and_a_failed_test_refuses() {
        let mut object = json!({"spec": {"replicas": 1}});
        let ops = json!([{"op": "test", "path": "/spec/replicas", "value": 1},
            {"op": "replace", "path": "/spec/replicas", "value": 3}, {"op": "add", "path": "/spec/paused", "value": true}]);
        patch(&mut object, ops).unwrap();
        assert_eq!(object, json!({"spec": {"replicas": 3, "paused": true}}));
        let refused =
            patch(&mut object, json!([{"op": "test", "path": "/spec/replicas", "value": 1}])).unwrap_err();
        assert_eq!((refused.code, refused.reason), (422, "Invalid"));
        assert_eq!(patch(&mut object, json!({"a": 1})).unwrap_err().code, 400);
    }
}
