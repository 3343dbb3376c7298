//! Relabelling: rules that rewrite, keep or drop the labels of a target or of a sample.
//!
//! The rules are Prometheus' `relabel_config`; every action but `hashmod` is supported.

use std::collections::BTreeMap;

use regex::{Captures, Regex};

use crate::exposition::is_label_name;
use crate::operator::RelabelConfig;

/// Labels by their names.
pub type Labels = BTreeMap<String, String>;

/// A checked rule.
#[derive(Debug, Clone)]
pub struct RelabelRule {
    config: RelabelConfig,
    regex: Regex,
    action: Action,
}

/// Compares the configurations: they determine the rest, and a compiled expression cannot be compared.
impl PartialEq for RelabelRule {
    fn eq(&self, other: &Self) -> bool {
        self.config == other.config
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Action {
    Replace,
    Lowercase,
    Uppercase,
    Keep,
    Drop,
    KeepEqual,
    DropEqual,
    LabelMap,
    LabelDrop,
    LabelKeep,
}

impl RelabelRule {
    /// Checks a rule.
    ///
    /// # Errors
    /// The reason why the rule is refused.
    pub fn new(config: &RelabelConfig) -> Result<Self, String> {
        let name = config.action.as_deref().unwrap_or("replace").to_lowercase();
        let action = match name.as_str() {
            "replace" => Action::Replace,
            "lowercase" => Action::Lowercase,
            "uppercase" => Action::Uppercase,
            "keep" => Action::Keep,
            "drop" => Action::Drop,
            "keepequal" => Action::KeepEqual,
            "dropequal" => Action::DropEqual,
            "labelmap" => Action::LabelMap,
            "labeldrop" => Action::LabelDrop,
            "labelkeep" => Action::LabelKeep,
            _ => return Err(format!("the relabelling action {name:?} is not supported")),
        };
        let target = config.target_label.as_deref().unwrap_or_default();
        let needs_target = matches!(
            action,
            Action::Replace | Action::Lowercase | Action::Uppercase | Action::KeepEqual | Action::DropEqual
        );
        if needs_target && target.is_empty() {
            return Err(format!("the relabelling action {name:?} needs a targetLabel"));
        }
        let pattern = config.regex.as_deref().unwrap_or("(.*)");
        let regex = Regex::new(&format!("^(?s:{pattern})$"))
            .map_err(|_| format!("the relabelling regex {pattern:?} does not parse"))?;
        Ok(Self { config: config.clone(), regex, action })
    }

    /// The labels after this rule; `None` if it drops them.
    #[must_use]
    pub fn apply(&self, mut labels: Labels) -> Option<Labels> {
        let get = |name: &str| labels.get(name).map_or("", String::as_str);
        let separator = self.config.separator.as_deref().unwrap_or(";");
        let values: Vec<&str> = self.config.source_labels.iter().map(|name| get(name)).collect();
        let value = values.join(separator);
        let target = self.config.target_label.as_deref().unwrap_or_default();
        let replacement = self.config.replacement.as_deref().unwrap_or("$1");
        match self.action {
            Action::Keep => return self.regex.is_match(&value).then_some(labels),
            Action::Drop => return (!self.regex.is_match(&value)).then_some(labels),
            Action::KeepEqual => return (get(target) == value).then_some(labels),
            Action::DropEqual => return (get(target) != value).then_some(labels),
            Action::Lowercase => set(&mut labels, target, value.to_lowercase()),
            Action::Uppercase => set(&mut labels, target, value.to_uppercase()),
            Action::LabelDrop => labels.retain(|name, _| !self.regex.is_match(name)),
            Action::LabelKeep => labels.retain(|name, _| self.regex.is_match(name)),
            Action::LabelMap => {
                let mapped: Vec<(String, String)> = labels
                    .iter()
                    .filter_map(|(name, value)| {
                        let found = self.regex.captures(name)?;
                        Some((expanded(&found, replacement), value.clone()))
                    })
                    .collect();
                mapped.into_iter().for_each(|(name, value)| set(&mut labels, &name, value));
            }
            Action::Replace => {
                let Some(found) = self.regex.captures(&value) else { return Some(labels) };
                let (target, result) = (expanded(&found, target), expanded(&found, replacement));
                if is_label_name(&target) {
                    set(&mut labels, &target, result);
                }
            }
        }
        Some(labels)
    }
}

/// Sets a label. An empty value removes it.
fn set(labels: &mut Labels, name: &str, value: String) {
    if value.is_empty() {
        labels.remove(name);
    } else {
        labels.insert(name.to_owned(), value);
    }
}

/// The labels after all rules in turn; `None` if one drops them.
#[must_use]
pub fn relabel(labels: Labels, rules: &[RelabelRule]) -> Option<Labels> {
    rules.iter().try_fold(labels, |labels, rule| rule.apply(labels))
}

/// Merges the labels of a scraped series and of its target. If both have a label, the target's wins and the scraped one
/// becomes `exported_…`; with `honorLabels` the scraped one wins.
#[must_use]
pub fn merged(scraped: Labels, target: &Labels, honor_labels: bool) -> Labels {
    let mut labels = scraped;
    for (name, value) in target {
        if let Some(own) = labels.get(name).filter(|own| !own.is_empty()).cloned() {
            if honor_labels {
                continue;
            }
            let mut renamed = format!("exported_{name}");
            while labels.contains_key(&renamed) || target.contains_key(&renamed) {
                renamed.insert_str(0, "exported_");
            }
            labels.insert(renamed, own);
        }
        labels.insert(name.clone(), value.clone());
    }
    labels
}

/// Fills the groups of a match into `template`.
fn expanded(found: &Captures<'_>, template: &str) -> String {
    let mut text = String::new();
    found.expand(template, &mut text);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(pairs: &[(&str, &str)]) -> Labels {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    fn shown(labels: &Labels) -> String {
        let pairs: Vec<String> = labels.iter().map(|(name, value)| format!("{name}={value:?}")).collect();
        format!("{{{}}}", pairs.join(", "))
    }

    fn rule(json: &serde_json::Value) -> Result<RelabelRule, String> {
        RelabelRule::new(&serde_json::from_value(json.clone()).expect("a rule's shape"))
    }

    #[test]
    fn every_action_changes_labels_as_prometheus() {
        use serde_json::json;
        let before = labels(&[("a", "Foo"), ("b", "bar"), ("__meta_x", "m")]);
        for (spec, after) in [
            (
                json!({"targetLabel": "c", "replacement": "v"}),
                Some(r#"{__meta_x="m", a="Foo", b="bar", c="v"}"#),
            ),
            (json!({"sourceLabels": ["a"], "targetLabel": "b"}), Some(r#"{__meta_x="m", a="Foo", b="Foo"}"#)),
            (
                json!({"sourceLabels": ["a", "b"], "regex": "(F).*;(.*)", "targetLabel": "c", "replacement": "${2}-$1"}),
                Some(r#"{__meta_x="m", a="Foo", b="bar", c="bar-F"}"#),
            ),
            (
                json!({"sourceLabels": ["a"], "regex": "nope", "targetLabel": "b"}),
                Some(r#"{__meta_x="m", a="Foo", b="bar"}"#),
            ),
            (json!({"sourceLabels": ["none"], "targetLabel": "b"}), Some(r#"{__meta_x="m", a="Foo"}"#)),
            (json!({"action": "keep", "sourceLabels": ["a"], "regex": "Fo"}), None),
            (
                json!({"action": "Keep", "sourceLabels": ["a"], "regex": "Fo+"}),
                Some(r#"{__meta_x="m", a="Foo", b="bar"}"#),
            ),
            (
                json!({"action": "drop", "sourceLabels": ["a", "b"], "separator": "/", "regex": "Foo/bar"}),
                None,
            ),
            (json!({"action": "keepEqual", "sourceLabels": ["a"], "targetLabel": "b"}), None),
            (
                json!({"action": "dropequal", "sourceLabels": ["a"], "targetLabel": "b"}),
                Some(r#"{__meta_x="m", a="Foo", b="bar"}"#),
            ),
            (
                json!({"action": "lowercase", "sourceLabels": ["a"], "targetLabel": "a"}),
                Some(r#"{__meta_x="m", a="foo", b="bar"}"#),
            ),
            (
                json!({"action": "uppercase", "sourceLabels": ["b"], "targetLabel": "b"}),
                Some(r#"{__meta_x="m", a="Foo", b="BAR"}"#),
            ),
            (
                json!({"action": "labelmap", "regex": "__meta_(.+)"}),
                Some(r#"{__meta_x="m", a="Foo", b="bar", x="m"}"#),
            ),
            (json!({"action": "labeldrop", "regex": "[ab]"}), Some(r#"{__meta_x="m"}"#)),
            (json!({"action": "labelkeep", "regex": "[ab]"}), Some(r#"{a="Foo", b="bar"}"#)),
        ] {
            let rules = [rule(&spec).unwrap_or_else(|error| panic!("{spec}: {error}"))];
            let got = relabel(before.clone(), &rules).map(|labels| shown(&labels));
            assert_eq!(got.as_deref(), after, "{spec}");
        }
    }

    #[test]
    fn invalid_rules_are_refused() {
        use serde_json::json;
        for (spec, problem) in [
            (json!({"action": "hashmod", "targetLabel": "a"}), "not supported"),
            (json!({"sourceLabels": ["a"]}), "needs a targetLabel"),
            (json!({"action": "keep", "regex": "("}), "does not parse"),
        ] {
            let error = rule(&spec).expect_err("refused");
            assert!(error.contains(problem), "{spec}: {error}");
        }
    }

    #[test]
    fn labels_of_target_and_series_merge() {
        let scraped = labels(&[("queue", "a"), ("namespace", "own"), ("exported_namespace", "x")]);
        let target = labels(&[("namespace", "demo"), ("job", "j")]);
        assert_eq!(
            shown(&merged(scraped.clone(), &target, false)),
            r#"{exported_exported_namespace="own", exported_namespace="x", job="j", namespace="demo", queue="a"}"#
        );
        assert_eq!(
            shown(&merged(scraped, &target, true)),
            r#"{exported_namespace="x", job="j", namespace="own", queue="a"}"#
        );
    }
}
