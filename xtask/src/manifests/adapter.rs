//! The adapter's rules as its configuration file, for clusters whose adapter does not use our Helm values.

use std::path::Path;

use anyhow::{Context as _, ensure};
use serde_json::Value;

use super::NOTE;

const USAGE: &str = "\
# The prometheus-adapter rule for the queue length: `rules.external` in the values of its chart, `externalRules` in its
# configuration file. The chart keeps that file in this ConfigMap when its release is named `prometheus-adapter`. If your
# adapter has other rules, add this one to them instead of applying this file. Restart the adapter after a change.
";

/// Returns the ConfigMap with the rules of a profile.
///
/// # Errors
/// When the values cannot be read, or their rules are not a block under `external:`.
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
        "{NOTE}{USAGE}apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\n  namespace: {namespace}\ndata:\n  \
         config.yaml: |\n{}",
        config.concat()
    ))
}

/// Returns `rules.external` of the chart's values as the adapter's file, with the same lines and comments.
fn config(values: &str) -> anyhow::Result<String> {
    let (_, block) = values.split_once("\n  external:\n").context("the block `external:` is missing")?;
    let lines = block.lines().take_while(|line| line.starts_with("    "));
    let lines: Vec<&str> = lines.filter_map(|line| line.strip_prefix("    ")).collect();
    let config = format!("externalRules:\n{}\n", lines.join("\n"));
    let expected: Value = serde_saphyr::from_str(values)?;
    let written: Value = serde_saphyr::from_str(&config)?;
    let expected = expected.pointer("/rules/external").context("rules.external is missing")?;
    ensure!(written["externalRules"] == *expected, "the block is only a part of rules.external");
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
