//! Events: those of the core group, and `events.k8s.io` as a view.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::cells::{count, name, text as cell};
use super::{column, plain_kind, strings, text, validation, wide};
use crate::kind::{Column, Kind, Table, View};
use crate::time;

pub(super) fn kinds() -> Vec<Kind> {
    vec![
        Kind {
            short_names: strings(&["ev"]),
            table: EVENTS,
            schema: "core.v1.Event",
            fields: FIELDS,
            // The default of kube-apiserver's `--event-ttl`.
            lifetime: Some(Duration::from_secs(3600)),
            validate: Some(validation::rule(validation::event)),
            ..plain_kind("", "v1", "Event", "events", "event")
        },
        Kind {
            short_names: strings(&["ev"]),
            table: EVENTS,
            schema: "events.v1.Event",
            view: Some(View { group: String::new(), plural: "events".into(), show, store }),
            ..plain_kind("events.k8s.io", "v1", "Event", "events", "event")
        },
    ]
}

const FIELDS: &[(&str, &str)] = &[
    ("involvedObject.kind", "/involvedObject/kind"),
    ("involvedObject.namespace", "/involvedObject/namespace"),
    ("involvedObject.name", "/involvedObject/name"),
    ("involvedObject.uid", "/involvedObject/uid"),
    ("involvedObject.apiVersion", "/involvedObject/apiVersion"),
    ("involvedObject.resourceVersion", "/involvedObject/resourceVersion"),
    ("involvedObject.fieldPath", "/involvedObject/fieldPath"),
    ("reason", "/reason"),
    ("reportingComponent", "/reportingComponent"),
    ("source", "/source/component"),
    ("type", "/type"),
];

/// Fields with another name in `events.k8s.io/v1`: the core name, and that name.
const NAMES: [(&str, &str); 7] = [
    ("involvedObject", "regarding"),
    ("message", "note"),
    ("source", "deprecatedSource"),
    ("firstTimestamp", "deprecatedFirstTimestamp"),
    ("lastTimestamp", "deprecatedLastTimestamp"),
    ("count", "deprecatedCount"),
    ("reportingComponent", "reportingController"),
];

fn rename(event: &mut Value, names: impl Iterator<Item = (&'static str, &'static str)>) {
    let Some(fields) = event.as_object_mut() else { return };
    let moved: Map<String, Value> =
        names.filter_map(|(from, to)| Some((to.to_owned(), fields.remove(from)?))).collect();
    fields.extend(moved);
}

fn show(event: &mut Value) {
    rename(event, NAMES.into_iter());
    if event["eventTime"].is_null() {
        event["eventTime"] = Value::Null;
    }
    // Only the core group shows them when empty.
    for name in ["reportingController", "reportingInstance"] {
        if event[name] == "" {
            event.as_object_mut().and_then(|fields| fields.remove(name));
        }
    }
}

fn store(event: &mut Value) {
    rename(event, NAMES.into_iter().map(|(core, own)| (own, core)));
}

const COLUMNS: &[Column] = &[
    text("Last Seen"),
    text("Type"),
    text("Reason"),
    text("Object"),
    wide("Subobject"),
    wide("Source"),
    text("Message"),
    wide("First Seen"),
    wide("Count"),
    column("Name", "string", "name", 1),
];

const EVENTS: Table = Table { columns: COLUMNS, cells };

fn cells(event: &Value, now: Timestamp) -> Vec<Value> {
    let age =
        |pointer: &str| event.pointer(pointer).and_then(Value::as_str).map(|text| time::age(Some(text), now));
    let unknown = || "<unknown>".to_owned();
    let first = age("/firstTimestamp").or_else(|| age("/eventTime")).unwrap_or_else(unknown);
    let (last, times) = if event["series"].is_object() {
        (age("/series/lastObservedTime").unwrap_or_else(unknown), count(event, "/series/count"))
    } else {
        (age("/lastTimestamp").unwrap_or_else(|| first.clone()), count(event, "/count").max(1))
    };
    let kind = cell(event, "/involvedObject/kind").to_lowercase();
    let object = match cell(event, "/involvedObject/name") {
        "" => kind,
        name => format!("{kind}/{name}"),
    };
    vec![
        last.into(),
        cell(event, "/type").into(),
        cell(event, "/reason").into(),
        object.into(),
        cell(event, "/involvedObject/fieldPath").into(),
        source(event).into(),
        cell(event, "/message").trim().into(),
        first.into(),
        times.into(),
        name(event),
    ]
}

fn source(event: &Value) -> String {
    let join = |a: &str, b: &str| if b.is_empty() { a.to_owned() } else { format!("{a}, {b}") };
    match cell(event, "/source/component") {
        "" => join(cell(event, "/reportingComponent"), cell(event, "/reportingInstance")),
        component => join(component, cell(event, "/source/host")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_view_renames_fields_both_ways() {
        let core = json!({"involvedObject": {"name": "p"}, "message": "m", "count": 2, "eventTime": null, "reason": "r",
            "source": {"component": "c"}, "reportingComponent": "c"});
        let mut shown = core.clone();
        show(&mut shown);
        assert_eq!(shown["regarding"]["name"], "p");
        assert_eq!(shown["note"], "m");
        assert_eq!(shown["deprecatedCount"], 2);
        assert!(shown.get("involvedObject").is_none());
        store(&mut shown);
        assert_eq!(shown, core);
    }

    #[test]
    fn an_event_has_its_cells() {
        let now: Timestamp = "2026-01-01T00:01:00Z".parse().unwrap();
        let event = json!({"metadata": {"name": "e"}, "involvedObject": {"kind": "Pod", "name": "p"}, "type": "Normal",
            "reason": "Started", "message": " m\n", "firstTimestamp": "2026-01-01T00:00:00Z",
            "lastTimestamp": "2026-01-01T00:00:58Z", "count": 3, "source": {"component": "kubelet", "host": "n"}});
        assert_eq!(
            Value::from(cells(&event, now)),
            json!(["2s", "Normal", "Started", "pod/p", "", "kubelet, n", "m", "60s", 3, "e"])
        );
    }
}
