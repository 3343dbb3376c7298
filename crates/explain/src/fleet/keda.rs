//! The rows of paused ScaledObjects: while a pause holds the workload, KEDA removes the HPA.
//!
//! Source: `handlePause` in `controllers/keda/scaledobject_controller.go` of KEDA 2.21.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use observed::convert::timestamp;
use observed::scaled_object::ScaledObject;
use serde_json::Value;
use text::clean;

use super::{Row, Verdict};

/// KEDA's default of `maxReplicaCount`.
const MAX_REPLICAS: i32 = 100;

/// The row of a ScaledObject of `keda.sh/v1alpha1`, under the name of the HPA that KEDA makes again after the pause; `None` if no pause
/// holds its workload.
#[must_use]
pub fn paused(object: &Value) -> Option<Row> {
    let read = ScaledObject::read(object);
    let hold = read.pause?;
    let text = |pointer: &str| {
        object.pointer(pointer).and_then(Value::as_str).filter(|text| !text.is_empty()).map(clean::text)
    };
    let metadata: ObjectMeta = serde_json::from_value(object["metadata"].clone()).unwrap_or_default();
    let max = object.pointer("/spec/maxReplicaCount").and_then(Value::as_i64);
    let name = text("/spec/advanced/horizontalPodAutoscalerConfig/name").or_else(|| text("/status/hpaName"));
    Some(Row {
        namespace: text("/metadata/namespace").unwrap_or_default(),
        name: name.unwrap_or_else(|| format!("keda-hpa-{}", read.name)),
        target: (
            text("/spec/scaleTargetRef/kind").unwrap_or_else(|| "Deployment".to_owned()),
            text("/spec/scaleTargetRef/name").unwrap_or_default(),
        ),
        metrics: Vec::new(),
        winner: None,
        current: None,
        desired: None,
        wants: None,
        min: read.min,
        max: max.and_then(|max| i32::try_from(max).ok()).unwrap_or(MAX_REPLICAS),
        last_scale: None,
        created: timestamp(metadata.creation_timestamp.as_ref()),
        scaled_object: Some(read.name),
        verdict: Verdict::PausedByKeda(hold),
    })
}
