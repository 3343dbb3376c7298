//! Relabelling: rules that rewrite, keep or drop a target's or a sample's labels.
//!
//! The rules are Prometheus' `relabel_config`, in the camel-case form of the Prometheus Operator. Every action but
//! `hashmod` is offered.

use regex::Regex;
use serde::Deserialize;

use crate::labels::{Labels, is_label_name};

/// One rule as a ServiceMonitor writes it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct RuleSpec {
    source_labels: Vec<String>,
    separator: Option<String>,
    target_label: Option<String>,
    regex: Option<String>,
    replacement: Option<String>,
    action: Option<String>,
}

/// One rule, checked.
#[derive(Debug, Clone)]
pub(crate) struct Rule {
    spec: RuleSpec,
    regex: Regex,
    action: Action,
}

/// The specification says it all; a compiled expression cannot be compared.
impl PartialEq for Rule {
    fn eq(&self, other: &Self) -> bool {
        self.spec == other.spec
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

impl Rule {
    /// Checks a rule.
    ///
    /// # Errors
    /// What is wrong with it, as a sentence's end.
    pub(crate) fn new(spec: &RuleSpec) -> Result<Self, String> {
        let name = spec.action.as_deref().unwrap_or("replace").to_lowercase();
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
            _ => return Err(format!("the relabelling action {name:?} is not offered")),
        };
        let target = spec.target_label.as_deref().unwrap_or_default();
        let needs_target = matches!(
            action,
            Action::Replace | Action::Lowercase | Action::Uppercase | Action::KeepEqual | Action::DropEqual
        );
        if needs_target && target.is_empty() {
            return Err(format!("the relabelling action {name:?} needs a targetLabel"));
        }
        let pattern = spec.regex.as_deref().unwrap_or("(.*)");
        let regex = Regex::new(&format!("^(?s:{pattern})$"))
            .map_err(|_| format!("the relabelling regex {pattern:?} does not parse"))?;
        Ok(Self { spec: spec.clone(), regex, action })
    }

    /// The labels after this rule; `None` where it drops them.
    fn apply(&self, labels: Labels) -> Option<Labels> {
        let separator = self.spec.separator.as_deref().unwrap_or(";");
        let values: Vec<&str> = self.spec.source_labels.iter().map(|name| labels.get(name)).collect();
        let value = values.join(separator);
        let target = self.spec.target_label.as_deref().unwrap_or_default();
        let replacement = self.spec.replacement.as_deref().unwrap_or("$1");
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

/// The labels after every rule in turn; `None` once one drops them.
pub(crate) fn relabel(labels: Labels, rules: &[Rule]) -> Option<Labels> {
    rules.iter().try_fold(labels, |labels, rule| rule.apply(labels))
}

fn expanded(found: &regex::Captures<'_>, template: &str) -> String {
    let mut text = String::new();
    found.expand(template, &mut text);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(json: &serde_json::Value) -> Result<Rule, String> {
        Rule::new(&serde_json::from_value(json.clone()).expect("a rule's shape"))
    }

    #[test]
    fn every_action_does_what_it_says() {
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
    fn refuses_what_it_cannot_do() {
        use serde_json::json;
        for (spec, problem) in [
            (json!({"action": "hashmod", "targetLabel": "a"}), "not offered"),
            (json!({"sourceLabels": ["a"]}), "needs a targetLabel"),
            (json!({"action": "keep", "regex": "("}), "does not parse"),
        ] {
            let error = rule(&spec).expect_err("refused");
            assert!(error.contains(problem), "{spec}: {error}");
        }
    }
}
