//! Relabelling: rules that rewrite, keep or drop the labels of a target or of a sample.
//!
//! The rules are Prometheus' `relabel_config`; every action but `hashmod` is supported.

use promfmt::exposition::is_label_name;
use promfmt::operator::RelabelConfig;
use regex::Regex;

use crate::labels::Labels;

/// A checked rule.
#[derive(Debug, Clone)]
pub(crate) struct RelabelRule {
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
    pub(crate) fn new(config: &RelabelConfig) -> Result<Self, String> {
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
    fn apply(&self, labels: Labels) -> Option<Labels> {
        let separator = self.config.separator.as_deref().unwrap_or(";");
        let values: Vec<&str> = self.config.source_labels.iter().map(|name| labels.get(name)).collect();
        let value = values.join(separator);
        let target = self.config.target_label.as_deref().unwrap_or_default();
        let replacement = self.config.replacement.as_deref().unwrap_or("$1");
        match self.action {
            Action::Keep => self.regex.is_match(&value).then_some(labels),
            Action::Drop => (!self.regex.is_match(&value)).then_some(labels),
            Action::KeepEqual => (labels.get(target) == value).then_some(labels),
            Action::DropEqual => (labels.get(target) != value).then_some(labels),
            Action::Lowercase => Some(labels.with(target, &value.to_lowercase())),
            Action::Uppercase => Some(labels.with(target, &value.to_uppercase())),
            Action::LabelDrop => Some(labels.filter(|name| !self.regex.is_match(name))),
            Action::LabelKeep => Some(labels.filter(|name| self.regex.is_match(name))),
            Action::LabelMap => {
                let mapped: Vec<(String, String)> = labels
                    .iter()
                    .filter_map(|(name, value)| {
                        let found = self.regex.captures(name)?;
                        Some((expanded(&found, replacement), value.to_owned()))
                    })
                    .collect();
                Some(mapped.iter().fold(labels, |labels, (name, value)| labels.with(name, value)))
            }
            Action::Replace => {
                let Some(found) = self.regex.captures(&value) else { return Some(labels) };
                let target = expanded(&found, target);
                let result = expanded(&found, replacement);
                if is_label_name(&target) { Some(labels.with(&target, &result)) } else { Some(labels) }
            }
        }
    }
}

/// The labels after all rules in turn; `None` if one drops them.
pub(crate) fn relabel(labels: Labels, rules: &[RelabelRule]) -> Option<Labels> {
    rules.iter().try_fold(labels, |labels, rule| rule.apply(labels))
}

/// Fills the groups of a match into `template`.
fn expanded(found: &regex::Captures<'_>, template: &str) -> String {
    let mut text = String::new();
    found.expand(template, &mut text);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(json: &serde_json::Value) -> Result<RelabelRule, String> {
        RelabelRule::new(&serde_json::from_value(json.clone()).expect("a rule's shape"))
    }

    #[test]
    fn every_action_changes_labels_as_prometheus() {
        use serde_json::json;
        let before = Labels::new([("a", "Foo"), ("b", "bar"), ("__meta_x", "m")]);
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
            let got = relabel(before.clone(), &rules).map(|labels| labels.to_string());
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
}
