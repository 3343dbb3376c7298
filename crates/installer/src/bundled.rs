//! Our chart, and the values and versions of upstream charts, built into the executable.

use include_dir::{Dir, include_dir};
use serde_json::Value;

use super::failure::Failure;

/// Name of our chart.
pub const CHART_NAME: &str = "autoscaling-demo";

/// Our chart.
pub(crate) static CHART: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../charts/autoscaling-demo");
static VALUES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../charts/values");

/// The pinned versions of upstream charts.
pub const VERSIONS: &str = include_str!("../../../charts/upstream/versions.yaml");

/// A file of `charts/values/`, for an upstream chart.
///
/// # Errors
/// If the file does not exist or is not YAML.
pub fn values(file: &str) -> Result<Value, Failure> {
    let text = VALUES
        .get_file(file)
        .and_then(include_dir::File::contents_utf8)
        .ok_or_else(|| Failure::step(format!("this executable lacks charts/values/{file}"), ""))?;
    serde_saphyr::from_str(text)
        .map_err(|error| Failure::step(format!("charts/values/{file} is invalid: {error}"), ""))
}

/// `values.schema.json` of our chart; `null` if it is invalid, which a test excludes.
#[must_use]
pub fn schema() -> Value {
    let text = CHART.get_file("values.schema.json").and_then(include_dir::File::contents_utf8);
    text.and_then(|text| serde_json::from_str(text).ok()).unwrap_or(Value::Null)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn the_executable_has_the_whole_chart() {
        let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("../../charts/autoscaling-demo")];
        let root = folders[0].clone();
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                    continue;
                }
                let file = CHART.get_file(path.strip_prefix(&root).unwrap());
                let same = file.is_some_and(|file| file.contents() == std::fs::read(&path).unwrap());
                assert!(same, "{} has changed; touch crates/installer/src/bundled.rs", path.display());
            }
        }
        assert!(schema().is_object());
    }
}
