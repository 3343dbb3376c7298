//! `metadata.managedFields`: the managers of an object's fields.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::compare::{Difference, compare};
use super::field_set::FieldSet;
use crate::schema::Shape;

/// Entries of updaters; beyond that, the oldest ones are merged into one, as in Kubernetes.
const MAX_UPDATERS: usize = 10;
const ANCIENT: &str = "ancient-changes";
/// Characters of a manager's name.
const MAX_MANAGER_NAME: usize = 128;

/// The kind of write through which a manager owns its fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Operation {
    Apply,
    Update,
}

/// The author of a write.
#[derive(Debug, Clone)]
pub(crate) struct FieldManager {
    pub(crate) manager: String,
    pub(crate) api_version: String,
    /// The subresource; empty for the object itself.
    pub(crate) subresource: String,
    pub(crate) now: Timestamp,
}

impl FieldManager {
    /// Returns the manager of the request, or else the program in its `User-Agent`.
    pub(crate) fn name(field_manager: Option<&str>, user_agent: Option<&str>) -> String {
        let prefix = || user_agent.and_then(|agent| agent.split('/').next()).unwrap_or("unknown");
        let name = field_manager.unwrap_or_else(prefix);
        name.chars().filter(|c| !c.is_control()).take(MAX_MANAGER_NAME).collect()
    }

    /// Returns the time of the write. Kubernetes keeps no time for writes through `scale`.
    fn time(&self) -> String {
        if self.subresource == "scale" { String::new() } else { seconds(self.now) }
    }
}

/// One entry of `managedFields`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ManagedEntry {
    pub(crate) manager: String,
    pub(crate) operation: Operation,
    api_version: String,
    subresource: String,
    time: String,
    pub(crate) fields: FieldSet,
}

impl ManagedEntry {
    pub(crate) fn new(writer: &FieldManager, operation: Operation) -> Self {
        Self {
            manager: writer.manager.clone(),
            operation,
            api_version: writer.api_version.clone(),
            subresource: writer.subresource.clone(),
            time: writer.time(),
            fields: FieldSet::default(),
        }
    }

    /// Returns true when a new entry of `writer` replaces this one.
    pub(crate) fn is_of(&self, writer: &FieldManager, operation: Operation) -> bool {
        self.operation == operation
            && self.manager == writer.manager
            && self.subresource == writer.subresource
            // An applier keeps its entry when it changes to another version.
            && (operation == Operation::Apply || self.api_version == writer.api_version)
    }

    pub(crate) fn touch(&mut self, writer: &FieldManager) {
        self.time = writer.time();
        self.api_version.clone_from(&writer.api_version);
    }

    /// Returns the manager as conflicts name it.
    pub(crate) fn shown(&self) -> String {
        let mut out = format!("\"{}\"", self.manager);
        if !self.subresource.is_empty() {
            out.push_str(&format!(" with subresource \"{}\"", self.subresource));
        }
        if self.operation == Operation::Update {
            out.push_str(&format!(" using {}", self.api_version));
        }
        out
    }
}

fn seconds(time: Timestamp) -> String {
    crate::time::seconds(time)
}

/// Returns the entries of an object.
pub(crate) fn read(object: &Value) -> Vec<ManagedEntry> {
    let entries = object.pointer("/metadata/managedFields").and_then(Value::as_array);
    let text = |entry: &Value, name: &str| entry[name].as_str().unwrap_or_default().to_owned();
    let entry = |entry: &Value| ManagedEntry {
        manager: text(entry, "manager"),
        operation: if entry["operation"] == "Apply" { Operation::Apply } else { Operation::Update },
        api_version: text(entry, "apiVersion"),
        subresource: text(entry, "subresource"),
        time: text(entry, "time"),
        fields: FieldSet::from_json(&entry["fieldsV1"]),
    };
    entries.into_iter().flatten().map(entry).collect()
}

/// Sets the entries in Kubernetes' order: appliers first, then by time and name.
pub(crate) fn write(object: &mut Value, mut entries: Vec<ManagedEntry>) {
    entries.retain(|entry| !entry.fields.is_empty());
    entries.sort_by(|a, b| {
        let key = |e: &ManagedEntry| {
            (e.operation, e.time.clone(), e.manager.clone(), e.api_version.clone(), e.subresource.clone())
        };
        key(a).cmp(&key(b))
    });
    let Some(metadata) = object["metadata"].as_object_mut() else { return };
    if entries.is_empty() {
        metadata.remove("managedFields");
        return;
    }
    let shown = entries.into_iter().map(|entry| {
        let mut out = json!({
            "manager": entry.manager,
            "operation": if entry.operation == Operation::Apply { "Apply" } else { "Update" },
            "apiVersion": entry.api_version,
            "fieldsType": "FieldsV1",
            "fieldsV1": entry.fields.to_json(),
        });
        if !entry.time.is_empty() {
            out["time"] = entry.time.into();
        }
        if !entry.subresource.is_empty() {
            out["subresource"] = entry.subresource.into();
        }
        out
    });
    metadata.insert("managedFields".into(), shown.collect());
}

/// Removes from `set` the fields without manager: identity, bookkeeping, and the fields that this subresource cannot
/// write.
pub(crate) fn remove_unowned(set: &mut FieldSet, writer: &FieldManager, has_status: bool) {
    for path in ["apiVersion", "kind"] {
        set.strip(&[&format!("f:{path}")]);
    }
    for name in [
        "name",
        "namespace",
        "creationTimestamp",
        "selfLink",
        "uid",
        "generation",
        "managedFields",
        "resourceVersion",
    ] {
        set.strip(&["f:metadata", &format!("f:{name}")]);
    }
    match writer.subresource.as_str() {
        "" if has_status => set.strip(&["f:status"]),
        "status" => set.strip(&["f:spec"]),
        _ => {}
    }
}

/// Records in `new` that `writer` has changed the object since `old`. The other entries come from `old`.
pub(crate) fn record_update(
    old: &Value,
    new: &mut Value,
    shape: &'static Shape,
    writer: &FieldManager,
    has_status: bool,
) {
    let mut entries = read(old);
    let before = without_entries(old);
    let after = without_entries(new);
    let mut difference = compare(&before, &after, shape);
    for set in [&mut difference.added, &mut difference.removed, &mut difference.modified] {
        remove_unowned(set, writer, has_status);
    }
    if difference.is_empty() {
        write(new, entries);
        return;
    }
    let Difference { added, removed, modified } = difference;
    let taken = added.union(&modified);
    let mine = entries.iter().position(|entry| entry.is_of(writer, Operation::Update));
    for (place, entry) in entries.iter_mut().enumerate() {
        let fields = std::mem::take(&mut entry.fields);
        let fields = fields.difference(&removed);
        entry.fields = if Some(place) == mine { fields } else { fields.difference(&taken) };
    }
    if !taken.is_empty() {
        let mut entry = match mine {
            Some(place) => entries.remove(place),
            None => ManagedEntry::new(writer, Operation::Update),
        };
        entry.touch(writer);
        entry.fields = entry.fields.union(&taken);
        entries.push(entry);
    }
    write(new, merge_oldest(entries));
}

fn merge_oldest(mut entries: Vec<ManagedEntry>) -> Vec<ManagedEntry> {
    entries.retain(|entry| !entry.fields.is_empty());
    let count =
        |entries: &[ManagedEntry]| entries.iter().filter(|e| e.operation == Operation::Update).count();
    if count(&entries) <= MAX_UPDATERS {
        return entries;
    }
    entries.sort_by(|a, b| a.time.cmp(&b.time));
    while count(&entries) > MAX_UPDATERS {
        let old = |e: &ManagedEntry| e.operation == Operation::Update && e.manager != ANCIENT;
        let Some(place) = entries.iter().position(old) else { break };
        let oldest = entries.remove(place);
        let bucket = |e: &ManagedEntry| e.manager == ANCIENT && e.api_version == oldest.api_version;
        match entries.iter_mut().find(|e| bucket(e)) {
            Some(known) => {
                known.fields = std::mem::take(&mut known.fields).union(&oldest.fields);
                known.time = known.time.clone().max(oldest.time);
            }
            None => {
                entries.push(ManagedEntry {
                    manager: ANCIENT.to_owned(),
                    subresource: String::new(),
                    ..oldest
                });
                entries.sort_by(|a, b| a.time.cmp(&b.time));
                // The merged entry replaced one entry, so the count is still the same.
            }
        }
    }
    entries
}

/// Returns the object without its `managedFields`.
pub(crate) fn without_entries(object: &Value) -> Value {
    let mut copy = object.clone();
    if let Some(metadata) = copy.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove("managedFields");
    }
    copy
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::root;

    fn writer(manager: &str, second: i64) -> FieldManager {
        FieldManager {
            manager: manager.into(),
            api_version: "v1".into(),
            subresource: String::new(),
            now: Timestamp::from_second(second).unwrap(),
        }
    }

    fn map(data: &Value) -> Value {
        json!({"metadata": {"name": "c"}, "data": data})
    }

    #[test]
    fn the_last_writer_owns_a_field() {
        let shape = root("core.v1.ConfigMap");
        let mut first = map(&json!({"a": "1", "b": "1"}));
        record_update(&json!({}), &mut first, shape, &writer("one", 1), false);
        assert_eq!(
            first["metadata"]["managedFields"],
            json!([{"manager": "one", "operation": "Update", "apiVersion": "v1", "time": "1970-01-01T00:00:01Z",
                "fieldsType": "FieldsV1", "fieldsV1": {"f:data": {".": {}, "f:a": {}, "f:b": {}}}}])
        );
        let mut second = map(&json!({"a": "2", "c": "1"}));
        record_update(&first, &mut second, shape, &writer("two", 2), false);
        let entries = read(&second);
        assert_eq!(entries[0].fields.to_json(), json!({"f:data": {}}));
        assert_eq!(entries[1].fields.to_json(), json!({"f:data": {"f:a": {}, "f:c": {}}}));
        let mut third = map(&json!({"a": "2", "c": "1"}));
        record_update(&second, &mut third, shape, &writer("three", 3), false);
        assert_eq!(third["metadata"]["managedFields"], second["metadata"]["managedFields"]);
    }

    #[test]
    fn the_oldest_updaters_are_merged() {
        let shape = root("core.v1.ConfigMap");
        let mut object = map(&json!({}));
        for place in 0..15 {
            let mut next = object.clone();
            next["data"][format!("k{place}")] = "x".into();
            record_update(&object, &mut next, shape, &writer(&format!("m{place}"), place), false);
            object = next;
        }
        let entries = read(&object);
        assert_eq!(entries.len(), MAX_UPDATERS);
        assert!(entries.iter().any(|e| e.manager == ANCIENT));
        assert!(entries.iter().any(|e| e.manager == "m14") && entries.iter().all(|e| e.manager != "m0"));
    }

    #[test]
    fn the_manager_is_the_parameter_or_the_user_agent() {
        assert_eq!(FieldManager::name(Some("a"), Some("kubectl/v1")), "a");
        assert_eq!(FieldManager::name(None, Some("kubectl/v1.34 (linux)")), "kubectl");
        assert_eq!(FieldManager::name(None, None), "unknown");
    }
}
