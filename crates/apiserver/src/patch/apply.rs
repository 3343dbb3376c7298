//! Server-side apply.

use serde_json::{Value, json};

use super::compare::compare;
use super::field_set::{FieldSet, fields_of};
use super::managed_fields::{
    FieldManager, ManagedEntry, Operation, read, remove_unowned, without_entries, write,
};
use super::merge::{merge, prune};
use crate::schema::Shape;
use crate::{Cause, Details, Status, meta};

/// Applies `config` to `live` (an empty object for a create) on behalf of `writer`.
///
/// A field that the writer applied before and now omits is removed, unless another manager has it. A field that another
/// manager set to a different value is a conflict, 409, unless `force`.
pub(crate) fn apply(
    live: &Value,
    config: &Value,
    shape: &'static Shape,
    writer: &FieldManager,
    has_status: bool,
    force: bool,
) -> Result<Value, Status> {
    let mut entries = read(live);
    let live = without_entries(live);
    let failed = |why: String| {
        let (namespace, name) = (meta::text(config, "namespace"), meta::text(config, "name"));
        let kind = meta::group_version_kind(config);
        Status::new(
            500,
            "",
            format!("failed to create typed patch object ({namespace}/{name}; {kind}): {why}"),
        )
    };
    let merged = merge(Some(&live), Some(config), shape).map_err(failed)?.unwrap_or_else(|| json!({}));

    let mut set = fields_of(config, shape);
    remove_unowned(&mut set, writer, has_status);
    let mine = entries.iter().position(|entry| entry.is_of(writer, Operation::Apply));
    let (mut entry, last) = match mine.map(|place| entries.remove(place)) {
        Some(entry) => {
            let last = entry.fields.clone();
            (entry, Some(last))
        }
        None => (ManagedEntry::new(writer, Operation::Apply), None),
    };
    let changed_set = last.as_ref() != Some(&set);
    let managed = entries.iter().fold(set.clone(), |all, entry| all.union(&entry.fields));
    let merged = match &last {
        Some(last) if !last.is_empty() => prune(&merged, last, &managed, shape),
        _ => merged,
    };

    let mut difference = compare(&live, &merged, shape);
    for part in [&mut difference.added, &mut difference.removed, &mut difference.modified] {
        remove_unowned(part, writer, has_status);
    }
    let changed = std::mem::take(&mut difference.added).union(&difference.modified);
    let conflicts: Vec<(usize, FieldSet)> = entries
        .iter()
        .enumerate()
        .map(|(place, entry)| (place, entry.fields.intersection(&changed)))
        .filter(|(_, set)| !set.is_empty())
        .collect();
    if !force && !conflicts.is_empty() {
        return Err(conflict(&entries, &conflicts));
    }
    for (place, set) in conflicts {
        let fields = std::mem::take(&mut entries[place].fields);
        entries[place].fields = fields.difference(&set);
    }
    for entry in &mut entries {
        entry.fields = std::mem::take(&mut entry.fields).difference(&difference.removed);
    }
    if changed_set || !changed.is_empty() || !difference.removed.is_empty() {
        entry.touch(writer);
    }
    entry.fields = set;
    entries.push(entry);
    let mut out = merged;
    if !out["metadata"].is_object() {
        out["metadata"] = json!({});
    }
    write(&mut out, entries);
    Ok(out)
}

fn conflict(entries: &[ManagedEntry], conflicts: &[(usize, FieldSet)]) -> Status {
    let mut all: Vec<(String, Vec<String>)> =
        conflicts.iter().map(|(place, set)| (entries[*place].shown(), set.paths())).collect();
    all.sort();
    let causes: Vec<Cause> = all
        .iter()
        .flat_map(|(manager, paths)| {
            paths.iter().map(move |path| Cause {
                reason: "FieldManagerConflict",
                message: format!("conflict with {manager}"),
                field: path.clone(),
            })
        })
        .collect();
    let message = match causes.as_slice() {
        [only] => format!("Apply failed with 1 conflict: {}: {}", only.message, only.field),
        many => {
            let lists = all.iter().map(|(manager, paths)| {
                let paths: String = paths.iter().map(|path| format!("\n- {path}")).collect();
                format!("conflicts with {manager}:{paths}")
            });
            let lists: Vec<String> = lists.collect();
            format!("Apply failed with {} conflicts: {}", many.len(), lists.join("\n"))
        }
    };
    let mut status = Status::new(409, "Conflict", message);
    status.details = Some(Box::new(Details { causes, ..Details::default() }));
    status
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::root;
    use jiff::Timestamp;

    fn writer(manager: &str) -> FieldManager {
        FieldManager {
            manager: manager.into(),
            api_version: "v1".into(),
            subresource: String::new(),
            now: Timestamp::from_second(1).unwrap(),
        }
    }

    fn run(live: &Value, data: &Value, manager: &str, force: bool) -> Result<Value, Status> {
        let config = json!({"metadata": {"name": "c"}, "data": data});
        apply(live, &config, root("core.v1.ConfigMap"), &writer(manager), false, force)
    }

    #[test]
    fn an_omitted_field_is_removed() {
        let one = run(&json!({}), &json!({"a": "1", "b": "1"}), "one", false).unwrap();
        let two = run(&one, &json!({"a": "1"}), "one", false).unwrap();
        assert_eq!(two["data"], json!({"a": "1"}));
        assert_eq!(two["metadata"]["managedFields"][0]["fieldsV1"], json!({"f:data": {"f:a": {}}}));
    }

    #[test]
    fn shared_fields_stay_and_conflicts_are_reported() {
        let one = run(&json!({}), &json!({"a": "1", "b": "1"}), "one", false).unwrap();
        let shared = run(&one, &json!({"a": "1"}), "two", false).unwrap();
        let gone = run(&shared, &json!({"b": "1"}), "one", false).unwrap();
        assert_eq!(gone["data"], json!({"a": "1", "b": "1"}));
        let rejected = run(&gone, &json!({"a": "2", "b": "2"}), "three", false).unwrap_err();
        assert_eq!(
            rejected.message,
            "Apply failed with 2 conflicts: conflicts with \"one\":\n- .data.b\nconflicts with \"two\":\n- .data.a"
        );
        let forced = run(&gone, &json!({"a": "2"}), "three", true).unwrap();
        assert_eq!(forced["data"], json!({"a": "2", "b": "1"}));
        let owners: Vec<&Value> =
            forced["metadata"]["managedFields"].as_array().unwrap().iter().map(|e| &e["manager"]).collect();
        assert_eq!(owners, ["one", "three"]);
    }
}
