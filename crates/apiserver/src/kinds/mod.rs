//! The table of kinds. A new kind is one row in one of these files.

mod apps;
mod autoscaling;
mod cell;
mod core;
mod default;
mod events;
mod monitoring;
mod other;
mod pod_table;
mod validate;

use crate::kind::{Assign, Column, Generation, Kind, Scope, StatusPart, Table};

/// Every kind that the server offers without further ado.
#[must_use]
pub fn builtin() -> Vec<Kind> {
    [core::kinds(), events::kinds(), apps::kinds(), autoscaling::kinds(), other::kinds(), monitoring::kinds()]
        .concat()
}

/// A kind in namespaces with a name and an age, and nothing else that the server knows of.
fn row(
    group: &'static str,
    version: &'static str,
    kind: &'static str,
    plural: &'static str,
    singular: &'static str,
) -> Kind {
    Kind {
        group,
        version,
        kind,
        plural,
        singular,
        short_names: &[],
        categories: &[],
        scope: Scope::Namespaced,
        status: StatusPart::None,
        scale: None,
        generation: Generation::None,
        table: NAME_AND_AGE,
        schema: "",
        fields: &[],
        default: |_| {},
        validate: None,
        assign: Assign::Nothing,
        lifetime: None,
        deprecated: None,
        view: None,
    }
}

const NAME_AND_AGE: Table =
    Table { columns: &[NAME, AGE], cells: |object, now| vec![cell::name(object), cell::age(object, now)] };

const NAME: Column = Column { name: "Name", kind: "string", format: "name", priority: 0 };
const AGE: Column = text("Age");

/// A column of texts that is always shown.
const fn text(name: &'static str) -> Column {
    Column { name, kind: "string", format: "", priority: 0 }
}

/// A column of whole numbers that is always shown.
const fn number(name: &'static str) -> Column {
    Column { name, kind: "integer", format: "", priority: 0 }
}

/// A column that only `-o wide` shows.
const fn wide(name: &'static str) -> Column {
    Column { name, kind: "string", format: "", priority: 1 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema;

    #[test]
    fn rows_are_told_apart_and_their_schemas_are_known() {
        let kinds = builtin();
        for (place, kind) in kinds.iter().enumerate() {
            let same = |k: &&Kind| (k.group, k.version, k.plural) == (kind.group, kind.version, kind.plural);
            assert_eq!(kinds.iter().filter(same).count(), 1, "{kind:?} stands twice");
            assert!(kind.schema.is_empty() || schema::lookup(kind.schema).is_some(), "{place}: {kind:?}");
            if let Some(view) = &kind.view {
                let stored = kinds
                    .iter()
                    .any(|k| k.view.is_none() && k.group == view.group && k.plural == view.plural);
                assert!(stored, "{kind:?} is a view of nothing");
            }
        }
    }

    #[test]
    fn every_table_has_a_cell_for_each_column() {
        for kind in builtin() {
            let cells = (kind.table.cells)(&serde_json::json!({}), jiff::Timestamp::UNIX_EPOCH);
            assert_eq!(cells.len(), kind.table.columns.len(), "{kind:?}");
        }
    }
}
