//! Descriptions of types and fields for `kubectl explain`. The texts are in `schema/descriptions.txt`.

use std::collections::HashMap;
use std::sync::LazyLock;

const TEXTS: &str = include_str!("../../schema/descriptions.txt");

/// The texts by type and field; a type's own text has the field "".
static TABLE: LazyLock<HashMap<(&str, &str), &str>> = LazyLock::new(|| {
    let mut table = HashMap::new();
    let mut current = "";
    for line in TEXTS.lines().filter(|line| !line.starts_with('#')) {
        let (name, text) = line.trim_start().split_once(' ').unwrap_or((line.trim_start(), ""));
        match line.starts_with(' ') {
            true => {
                table.insert((current, name), text);
            }
            false => {
                current = name;
                table.insert((name, ""), text);
            }
        }
    }
    table
});

/// Returns the description of a type by its full name.
pub(crate) fn of_type(name: &str) -> Option<&'static str> {
    TABLE.get(&(name, "")).copied().filter(|text| !text.is_empty())
}

/// Returns the description of a type's field.
pub(crate) fn of_field(name: &str, field: &str) -> Option<&'static str> {
    let general = if name.ends_with("Condition") { ["*Condition", "*"] } else { ["*", "*"] };
    [name].into_iter().chain(general).find_map(|name| TABLE.get(&(name, field))).copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::lookup;

    #[test]
    fn every_described_field_exists() {
        for (name, field) in TABLE.keys().filter(|(name, _)| !name.starts_with('*')) {
            let ty = lookup(name).unwrap_or_else(|| panic!("no type {name}"));
            assert!(field.is_empty() || ty.fields.contains_key(field), "{name} has no field {field}");
        }
    }

    #[test]
    fn the_own_text_comes_first() {
        assert!(of_field("meta.v1.ObjectMeta", "name").unwrap().contains("unique"));
        assert_eq!(of_field("core.v1.Volume", "name"), Some("The name."));
        assert_eq!(of_field("core.v1.PodCondition", "status"), Some("True, False or Unknown."));
        assert_eq!(of_field("core.v1.Pod", "nope"), None);
    }
}
