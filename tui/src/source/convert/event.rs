//! Kubernetes Events, `v1`, in the two forms that components write: with `count` and with `series`.

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Event;

use super::timestamp;
use crate::clean;
use crate::event::ClusterEvent;

/// `began` is the start of the run by the cluster's clock, as far as it is known: what was last seen before is old.
pub(crate) fn convert(object: &Event, began: Timestamp) -> ClusterEvent {
    let series = object.series.as_ref();
    let last_seen = series
        .and_then(|series| series.last_observed_time.as_ref().map(|time| time.0))
        .or(timestamp(object.last_timestamp.as_ref()))
        .or(object.event_time.as_ref().map(|time| time.0))
        .or(timestamp(object.metadata.creation_timestamp.as_ref()));
    let involved = &object.involved_object;
    ClusterEvent {
        uid: clean::text(
            object.metadata.uid.as_deref().or(object.metadata.name.as_deref()).unwrap_or_default(),
        ),
        warning: object.type_.as_deref() == Some("Warning"),
        object: (
            clean::text(involved.kind.as_deref().unwrap_or_default()),
            clean::text(involved.name.as_deref().unwrap_or_default()),
        ),
        reason: clean::text(object.reason.as_deref().unwrap_or_default()),
        message: clean::text(object.message.as_deref().unwrap_or_default()),
        count: series.and_then(|series| series.count).or(object.count).unwrap_or(1),
        // Event times have whole seconds: one of the second in which the run began may be new.
        old: last_seen.is_some_and(|seen| seen.as_second() < began.as_second()),
        last_seen,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn both_forms_are_read() {
        let began: Timestamp = "2026-01-01T00:00:10Z".parse().unwrap();
        let involved = json!({"kind": "Pod", "name": "p"});
        for (event, count, old) in [
            (json!({"count": 4, "lastTimestamp": "2026-01-01T00:00:10Z"}), 4, false),
            (json!({"lastTimestamp": "2026-01-01T00:00:09Z"}), 1, true),
            (
                json!({"eventTime": "2026-01-01T00:00:01.5Z",
                    "series": {"count": 7, "lastObservedTime": "2026-01-01T00:00:11.000000Z"}}),
                7,
                false,
            ),
            (json!({"eventTime": "2026-01-01T00:00:01.500000Z"}), 1, true),
            (json!({}), 1, false),
        ] {
            let mut object = json!({"metadata": {"uid": "u"}, "involvedObject": involved, "type": "Warning",
                "reason": "BackOff", "message": "again\u{202e}"});
            object.as_object_mut().unwrap().extend(event.as_object().unwrap().clone());
            let converted = convert(&serde_json::from_value(object).unwrap(), began);
            assert_eq!((converted.count, converted.old), (count, old), "{event}");
            assert_eq!(converted.message, "again");
            assert!(converted.warning);
        }
    }
}
