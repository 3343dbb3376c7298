//! Kubernetes Events (`v1`). Components write them in two forms: with `count` and with `series`.

use k8s_openapi::api::core::v1::Event;

use super::timestamp;
use crate::ClusterEvent;
use text::clean;

/// Converts an Event; `old` marks one that happened before the watch delivered it.
pub fn convert(object: &Event, old: bool) -> ClusterEvent {
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
        old,
        last_seen,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn both_forms_are_read() {
        let involved = json!({"kind": "Pod", "name": "p"});
        for (event, count, last_seen) in [
            (json!({"count": 4, "lastTimestamp": "2026-01-01T00:00:10Z"}), 4, Some("2026-01-01T00:00:10Z")),
            (json!({"lastTimestamp": "2026-01-01T00:00:09Z"}), 1, Some("2026-01-01T00:00:09Z")),
            (
                json!({"eventTime": "2026-01-01T00:00:01.5Z",
                    "series": {"count": 7, "lastObservedTime": "2026-01-01T00:00:11.000000Z"}}),
                7,
                Some("2026-01-01T00:00:11Z"),
            ),
            (json!({"eventTime": "2026-01-01T00:00:01.500000Z"}), 1, Some("2026-01-01T00:00:01.5Z")),
            (json!({}), 1, None),
        ] {
            let mut object = json!({"metadata": {"uid": "u"}, "involvedObject": involved, "type": "Warning",
                "reason": "BackOff", "message": "again\u{202e}"});
            object.as_object_mut().unwrap().extend(event.as_object().unwrap().clone());
            let converted = convert(&serde_json::from_value(object).unwrap(), false);
            let last_seen = last_seen.map(|time| time.parse().unwrap());
            assert_eq!((converted.count, converted.last_seen), (count, last_seen), "{event}");
            assert_eq!(converted.message, "again");
            assert!(converted.warning);
        }
    }
}
