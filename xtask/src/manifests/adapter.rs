//! The adapter's rules as its configuration file, for clusters whose adapter was not installed with our values.

use std::path::Path;

use anyhow::{Context as _, ensure};
use serde_json::Value;

use super::NOTE;

const WHY: &str = "\
# The rule by which prometheus-adapter serves the queue's length: `rules.external` of its chart, `externalRules` of its
# configuration file. This ConfigMap is where the chart keeps that file for a release called `prometheus-adapter`. On a cluster
# whose adapter has other rules too, add the rule to them instead of applying this. The adapter reads it at its start only.
";

/// The ConfigMap with the rules of a profile.
///
/// # Errors
/// When the values cannot be read, or their rules are not written as a block under `external:`.
pub(super) fn config_map(root: &Path, profile: &str) -> anyhow::Result<String> {
    let file = match profile {
        "exporter" => "charts/values/prometheus-adapter-exporter.yaml",
        _ => "charts/values/prometheus-adapter.yaml",
    };
    let text = std::fs::read_to_string(root.join(file)).with_context(|| format!("reading {file}"))?;
    let config = config(&text).with_context(|| format!("the rules in {file}"))?;
    let config: Vec<String> = config.lines().map(|line| format!("    {line}\n")).collect();
    let (name, namespace) = ("prometheus-adapter", contract::names::MONITORING);
    Ok(format!(
        "{NOTE}{WHY}apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\n  namespace: {namespace}\ndata:\n  \
         config.yaml: |\n{}",
        config.concat()
    ))
}

/// `rules.external` of the chart's values as the adapter's file: the same lines, so that they read as they were written.
fn config(values: &str) -> anyhow::Result<String> {
    let (_, block) = values.split_once("\n  external:\n").context("there is no block external:")?;
    let lines = block.lines().take_while(|line| line.starts_with("    "));
    let lines: Vec<&str> = lines.filter_map(|line| line.strip_prefix("    ")).collect();
    let config = format!("externalRules:\n{}\n", lines.join("\n"));
    let meant: Value = serde_saphyr::from_str(values)?;
    let written: Value = serde_saphyr::from_str(&config)?;
    let meant = meant.pointer("/rules/external").context("there is no rules.external")?;
    ensure!(written["externalRules"] == *meant, "the block is not the whole of rules.external");
    Ok(config)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_keep_their_lines() {
        let values =
            "prometheus: {}\nrules:\n  default: false\n  external:\n    - a: 'x'\n      b: [1]\nother: 1\n";
        assert_eq!(config(values).unwrap(), "externalRules:\n- a: 'x'\n  b: [1]\n");
        assert!(config("rules: {external: []}\n").is_err());
        assert!(config("rules:\n  external:\n  - a\n").is_err());
    }
}
