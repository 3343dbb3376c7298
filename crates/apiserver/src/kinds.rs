//! The built-in kinds. A new kind is one entry in one of these files.

mod apps;
mod autoscaling;
mod cells;
mod core;
pub mod custom;
mod defaults;
mod events;
mod pod_table;
mod small_groups;
mod validation;
mod without_effect;

use crate::kind::{Column, CreateStrategy, Generation, Kind, Scope, StatusSubresource, Table};

/// Returns all built-in kinds.
#[must_use]
pub fn builtin() -> Vec<Kind> {
    [
        core::kinds(),
        events::kinds(),
        apps::kinds(),
        autoscaling::kinds(),
        small_groups::kinds(),
        custom::kinds(),
        without_effect::kinds(),
    ]
    .concat()
}

fn strings(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|&text| text.to_owned()).collect()
}

/// Returns a namespaced kind with the columns name and age, and without any rules.
fn plain_kind(group: &str, version: &str, kind: &str, plural: &str, singular: &str) -> Kind {
    Kind {
        group: group.to_owned(),
        version: version.to_owned(),
        kind: kind.to_owned(),
        plural: plural.to_owned(),
        singular: singular.to_owned(),
        short_names: Vec::new(),
        categories: Vec::new(),
        scope: Scope::Namespaced,
        status: StatusSubresource::None,
        scale: None,
        generation: Generation::None,
        table: NAME_AND_AGE,
        printer_columns: None,
        schema: "",
        openapi: None,
        fields: &[],
        default: |_| {},
        validate: None,
        create_strategy: CreateStrategy::Nothing,
        lifetime: None,
        deprecated: None,
        view: None,
        refused: None,
    }
}

const NAME_AND_AGE: Table =
    Table { columns: &[NAME, AGE], cells: |object, now| vec![cells::name(object), cells::age(object, now)] };

/// A column with a name, type, format and priority.
const fn column(name: &'static str, kind: &'static str, format: &'static str, priority: u8) -> Column {
    Column { name, kind, format, priority }
}

const NAME: Column = column("Name", "string", "name", 0);
const AGE: Column = text("Age");

/// A text column that is always shown.
const fn text(name: &'static str) -> Column {
    column(name, "string", "", 0)
}

/// A number column that is always shown.
const fn number(name: &'static str) -> Column {
    column(name, "integer", "", 0)
}

/// A text column of `-o wide`.
const fn wide(name: &'static str) -> Column {
    column(name, "string", "", 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema;

    #[test]
    fn kinds_are_unique_and_have_a_schema() {
        let kinds = builtin();
        for (place, kind) in kinds.iter().enumerate() {
            let same = |k: &&Kind| k.is(&kind.group, &kind.plural) && k.version == kind.version;
            assert_eq!(kinds.iter().filter(same).count(), 1, "{kind:?} exists twice");
            assert!(kind.is_custom() || schema::lookup(kind.schema).is_some(), "{place}: {kind:?}");
            if let Some(view) = &kind.view {
                let stored = kinds.iter().any(|k| k.view.is_none() && k.is(&view.group, &view.plural));
                assert!(stored, "{kind:?} is a view of nothing");
            }
        }
    }

    #[test]
    fn tables_have_one_cell_for_each_column() {
        for kind in builtin() {
            let cells = (kind.table.cells)(&serde_json::json!({}), jiff::Timestamp::UNIX_EPOCH);
            assert_eq!(cells.len(), kind.table.columns.len(), "{kind:?}");
        }
    }
}
