//! Objects that live for a time, such as events: they go some time after the last write to them.
//!
//! Whoever makes a new object of such a kind pays for a look at the old ones, at most once a minute, so an idle server
//! does nothing.

use std::sync::atomic::Ordering;

use jiff::Timestamp;
use serde_json::Value;

use crate::ApiServer;
use crate::registry::Row;

/// Seconds between two looks.
const EVERY: i64 = 60;

impl ApiServer {
    /// Removes what has outlived its time, unless that was done just now.
    pub(crate) fn expire(&self, row: &Row, now: Timestamp) {
        let Some(lifetime) = row.kind.lifetime else { return };
        let lifetime = i64::try_from(lifetime.as_secs()).unwrap_or(i64::MAX);
        let swept = self.inner.swept.load(Ordering::Relaxed);
        let due = now.as_second().saturating_sub(swept) >= EVERY;
        let swap = || {
            let (new, order) = (now.as_second(), Ordering::Relaxed);
            self.inner.swept.compare_exchange(swept, new, order, order).is_ok()
        };
        if !due || !swap() {
            return;
        }
        for object in self.inner.store.list(row.shelf, None).0 {
            if last_write(&object.value).is_some_and(|at| now.as_second() - at.as_second() > lifetime) {
                let key = (object.record.namespace.clone(), object.record.name.clone());
                let last = object.value.clone();
                if self.inner.store.remove(row.shelf, &key, object.version(), last).is_err() {
                    tracing::debug!(name = key.1, "an object was written while it expired");
                }
            }
        }
    }
}

/// The newest time in `managedFields`, or else the creation.
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

    #[test]
    fn events_go_an_hour_after_the_last_write() {
        let server = ApiServer::new(Config::default());
        let row = server.inner.registry.stored("", "events").unwrap();
        let event = |name: &str, created: &str, written: &str| json!({"metadata": {"name": name, "creationTimestamp": created, "managedFields": [{"time": written}]}});
        for (name, created, written) in [
            ("old", "2026-01-01T00:00:00Z", "2026-01-01T00:10:00Z"),
            ("kept", "2026-01-01T00:00:00Z", "2026-01-01T01:00:00Z"),
        ] {
            let key = ("default".to_owned(), name.to_owned());
            server.inner.store.create(row.shelf, key, event(name, created, written)).unwrap();
        }
        let left = |at: &str| {
            server.expire(row, at.parse().unwrap());
            server
                .inner
                .store
                .list(row.shelf, None)
                .0
                .iter()
                .map(|o| o.record.name.clone())
                .collect::<Vec<_>>()
        };
        assert_eq!(left("2026-01-01T01:09:00Z"), ["kept", "old"]);
        assert_eq!(left("2026-01-01T01:11:00Z"), ["kept"]);
        assert_eq!(left("2026-01-01T02:00:00Z"), ["kept"]);
        // Too soon for another look.
        assert_eq!(left("2026-01-01T02:00:30Z"), ["kept"]);
        assert_eq!(left("2026-01-01T02:01:30Z"), [""; 0]);
    }
}
