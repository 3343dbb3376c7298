//! Objects with a limited lifetime, such as events: they expire some time after their last write.
//!
//! A create of such a kind removes the expired objects, at most once a minute, so an idle server does nothing.

use std::sync::atomic::Ordering;

use jiff::Timestamp;
use serde_json::Value;

use crate::ApiServer;
use crate::registry::Resource;

/// Seconds between two searches for expired objects.
const CHECK_INTERVAL: i64 = 60;

impl ApiServer {
    /// Removes the expired objects, unless the last search is recent.
    pub(crate) fn remove_expired(&self, resource: &Resource, now: Timestamp) {
        let Some(lifetime) = resource.kind.lifetime else { return };
        let lifetime = i64::try_from(lifetime.as_secs()).unwrap_or(i64::MAX);
        let last_check = &self.inner.last_expiry_check;
        let before = last_check.load(Ordering::Relaxed);
        let is_due = now.as_second().saturating_sub(before) >= CHECK_INTERVAL;
        let claim = || {
            let (new, order) = (now.as_second(), Ordering::Relaxed);
            last_check.compare_exchange(before, new, order, order).is_ok()
        };
        if !is_due || !claim() {
            return;
        }
        for object in resource.objects.list(None).0 {
            if last_write(&object.value).is_some_and(|at| now.as_second() - at.as_second() > lifetime) {
                let key = (object.record.namespace.clone(), object.record.name.clone());
                let last = object.value.clone();
                if resource.objects.remove(&key, object.version(), last).is_err() {
                    tracing::debug!(name = key.1, "a write was faster than the expiry");
                }
            }
        }
    }
}

/// Returns the newest time in `managedFields`, or else the creation time.
fn last_write(object: &Value) -> Option<Timestamp> {
    let entries = object.pointer("/metadata/managedFields").and_then(Value::as_array);
    let times = entries.into_iter().flatten().map(|entry| &entry["time"]);
    let times = times.chain([&object["metadata"]["creationTimestamp"]]);
    times.filter_map(|time| time.as_str()?.parse().ok()).max()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Config;
    use serde_json::json;
    use std::sync::Arc;

    #[test]
    fn events_expire_an_hour_after_the_last_write() {
        let server = ApiServer::new(Config::default());
        let resource = Arc::clone(server.registry().stored_as("", "events").unwrap());
        let event = |name: &str, created: &str, written: &str| json!({"metadata": {"name": name, "creationTimestamp": created, "managedFields": [{"time": written}]}});
        for (name, created, written) in [
            ("old", "2026-01-01T00:00:00Z", "2026-01-01T00:10:00Z"),
            ("kept", "2026-01-01T00:00:00Z", "2026-01-01T01:00:00Z"),
        ] {
            let key = ("default".to_owned(), name.to_owned());
            resource.objects.create(key, event(name, created, written)).unwrap();
        }
        let left = |at: &str| {
            server.remove_expired(&resource, at.parse().unwrap());
            let (left, _) = resource.objects.list(None);
            left.iter().map(|object| object.record.name.clone()).collect::<Vec<_>>()
        };
        assert_eq!(left("2026-01-01T01:09:00Z"), ["kept", "old"]);
        assert_eq!(left("2026-01-01T01:11:00Z"), ["kept"]);
        assert_eq!(left("2026-01-01T02:00:00Z"), ["kept"]);
        // Too soon for the next search.
        assert_eq!(left("2026-01-01T02:00:30Z"), ["kept"]);
        assert_eq!(left("2026-01-01T02:01:30Z"), [""; 0]);
    }
}
