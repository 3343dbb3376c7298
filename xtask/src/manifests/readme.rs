//! The table of values in the chart's README, from the defaults in `values.yaml` and the descriptions in `values.schema.json`.

use std::path::Path;

use anyhow::{Context as _, ensure};
use serde_json::Value;

/// The README, from the root of the repository.
pub(super) const PATH: &str = "charts/autoscaling-demo/README.md";

const BEGIN: &str = "<!-- values -->\n";
const END: &str = "<!-- /values -->\n";

/// Returns the README with the current table.
///
/// # Errors
/// An error that names the unreadable file, or the value without a description.
pub(super) fn generate(root: &Path) -> anyhow::Result<String> {
    let read =
        |name: &str| std::fs::read_to_string(root.join(name)).with_context(|| format!("reading {name}"));
    let values: Value = serde_saphyr::from_str(&read("charts/autoscaling-demo/values.yaml")?)?;
    let schema: Value = serde_json::from_str(&read("charts/autoscaling-demo/values.schema.json")?)?;
    let mut rows = String::new();
    add_rows(&mut rows, "", &values, &schema)?;
    replace(&read(PATH)?, &format!("| value | default | |\n| --- | --- | --- |\n{rows}"))
}

fn replace(readme: &str, table: &str) -> anyhow::Result<String> {
    let (before, rest) = readme.split_once(BEGIN).with_context(|| format!("{PATH} has no line {BEGIN:?}"))?;
    let (_, after) = rest.split_once(END).with_context(|| format!("{PATH} has no line {END:?}"))?;
    Ok(format!("{before}{BEGIN}{table}{END}{after}"))
}

/// Adds a row for each value. A map with a description, for the user's own entries, is one value.
fn add_rows(rows: &mut String, above: &str, values: &Value, schema: &Value) -> anyhow::Result<()> {
    for (name, value) in values.as_object().into_iter().flatten() {
        let path = format!("{above}{name}");
        let schema = &schema["properties"][name];
        match (schema["description"].as_str(), value.is_object()) {
            (Some(description), _) => {
                ensure!(!description.contains(['|', '\n']), "the description of {path} breaks the table");
                rows.push_str(&format!("| `{path}` | `{value}` | {description} |\n"));
            }
            (None, true) => add_rows(rows, &format!("{path}."), value, schema)?,
            (None, false) => anyhow::bail!("{path} has no description in values.schema.json"),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_value_has_a_row() {
        let values = json!({"a": {"b": 1, "c": {"x": "y"}}, "d": ""});
        let described = |text: &str| json!({"description": text});
        let mut schema = json!({"properties": {"a": {"properties": {"b": described("B."), "c": described("C.")}}, "d": described("D.")}});
        let mut rows = String::new();
        add_rows(&mut rows, "", &values, &schema).unwrap();
        assert_eq!(rows, "| `a.b` | `1` | B. |\n| `a.c` | `{\"x\":\"y\"}` | C. |\n| `d` | `\"\"` | D. |\n");
        schema["properties"]["d"] = json!({});
        assert!(add_rows(&mut rows, "", &values, &schema).is_err());
    }

    #[test]
    fn the_readme_is_up_to_date() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let present = std::fs::read_to_string(root.join(PATH)).unwrap();
        assert!(present == generate(&root).unwrap(), "{PATH} is old: run `cargo xtask manifests`");
    }
}
