//! The table of kinds, ready for use: which shelf each kind's objects lie on, and which kinds are views of others.

use crate::schema::{self, Shape};
use crate::store::ShelfId;
use crate::{Kind, View};

/// A row of the table with what follows from it.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) kind: Kind,
    pub(crate) api_version: String,
    pub(crate) shelf: ShelfId,
    /// The fields of objects in this kind's own form.
    pub(crate) shape: &'static Shape,
    /// Place of the row in whose form the objects are stored; its own unless it is a view.
    pub(crate) stored_as: usize,
}

impl Row {
    pub(crate) fn view(&self) -> Option<&View> {
        self.kind.view.as_ref()
    }
}

/// All rows.
#[derive(Debug)]
pub(crate) struct Registry {
    rows: Vec<Row>,
}

impl Registry {
    /// Later rows for the same resource take the place of earlier ones, so that a caller can override a row. A view of
    /// a kind that is not in the table is left out.
    pub(crate) fn new(kinds: &[Kind]) -> Self {
        let mut unique: Vec<Kind> = Vec::with_capacity(kinds.len());
        for kind in kinds {
            let same = |k: &Kind| (k.group, k.version, k.plural) == (kind.group, kind.version, kind.plural);
            match unique.iter().position(same) {
                Some(place) => unique[place] = kind.clone(),
                None => unique.push(kind.clone()),
            }
        }
        let stored = |group: &str, plural: &str, kinds: &[Kind]| {
            kinds.iter().position(|k| k.view.is_none() && k.group == group && k.plural == plural)
        };
        let known = unique.clone();
        unique.retain(|kind| kind.view.is_none_or(|v| stored(v.group, v.plural, &known).is_some()));
        let mut shelves = 0;
        let mut rows: Vec<Row> = Vec::with_capacity(unique.len());
        for (place, kind) in unique.iter().enumerate() {
            let stored_as = kind.view.and_then(|v| stored(v.group, v.plural, &unique)).unwrap_or(place);
            let shelf = if stored_as == place {
                shelves += 1;
                shelves - 1
            } else {
                usize::MAX
            };
            rows.push(Row {
                api_version: kind.api_version(),
                shape: schema::root(kind.schema),
                kind: kind.clone(),
                shelf,
                stored_as,
            });
        }
        for place in 0..rows.len() {
            rows[place].shelf = rows[rows[place].stored_as].shelf;
        }
        Self { rows }
    }

    pub(crate) fn rows(&self) -> &[Row] {
        &self.rows
    }

    pub(crate) fn find(&self, group: &str, version: &str, plural: &str) -> Option<&Row> {
        self.rows
            .iter()
            .find(|row| row.kind.plural == plural && row.kind.group == group && row.kind.version == version)
    }

    /// The row of a stored kind by its group and plural.
    pub(crate) fn stored(&self, group: &str, plural: &str) -> Option<&Row> {
        self.stored_rows().find(|row| row.kind.group == group && row.kind.plural == plural)
    }

    /// The row in whose form the objects of `row` are stored.
    pub(crate) fn storage<'a>(&'a self, row: &'a Row) -> &'a Row {
        self.rows.get(row.stored_as).unwrap_or(row)
    }

    /// One row for each shelf, in the order of the shelves.
    pub(crate) fn stored_rows(&self) -> impl Iterator<Item = &Row> {
        self.rows.iter().enumerate().filter(|(place, row)| row.stored_as == *place).map(|(_, row)| row)
    }

    pub(crate) fn has_group_version(&self, group: &str, version: &str) -> bool {
        self.rows.iter().any(|row| row.kind.group == group && row.kind.version == version)
    }
}
