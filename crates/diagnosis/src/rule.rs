//! The adapter's rules: the one that makes a metric, its query for Prometheus, and its faults.
//!
//! Source: `kubernetes-sigs/prometheus-adapter`, docs/externalmetrics.md, pkg/naming, pkg/external-provider.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use regex::Regex;
use serde::Deserialize;

use crate::messages;
use crate::metric::Metric;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct File {
    external_rules: Option<Vec<Text>>,
    /// The place of the rules in the values of the adapter's chart, which its own file does not have.
    rules: Option<serde_json::Value>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Text {
    series_query: String,
    resources: Resources,
    name: Name,
    metrics_query: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Resources {
    namespaced: Option<bool>,
    template: String,
    overrides: BTreeMap<String, Override>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Override {
    resource: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Name {
    matches: String,
    r#as: String,
}

/// A rule's filter by namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NamespaceLabel {
    /// No filter: `namespaced: false`.
    None,
    /// The label that must have the HPA's namespace.
    Label(String),
    /// A filter without a label, so that each query is an error.
    Missing,
}

/// One rule.
#[derive(Debug, Clone)]
pub struct Rule {
    /// Selector of its series.
    pub series_query: String,
    /// The query, a template with the adapter's `<<…>>`.
    pub metrics_query: String,
    /// Its filter by namespace.
    pub namespace_label: NamespaceLabel,
    matches: Regex,
    named: String,
}

/// Parses the adapter's configuration file.
///
/// # Errors
/// A sentence when the file is invalid, or has its rules in the wrong place.
pub fn parse(text: &str) -> Result<Vec<Rule>, String> {
    let file: File = serde_saphyr::from_str(text).map_err(|error| messages::rules_not_yaml(error))?;
    let misplaced = file.rules.as_ref().is_some_and(|rules| rules.get("external").is_some());
    match file.external_rules {
        Some(rules) => rules.into_iter().map(rule).collect(),
        None if misplaced => Err(messages::rules_misplaced()),
        None => Ok(Vec::new()),
    }
}

fn rule(text: Text) -> Result<Rule, String> {
    let pattern = if text.name.matches.is_empty() { ".*" } else { text.name.matches.as_str() };
    let matches =
        Regex::new(pattern).map_err(|_broken| messages::rule_bad_pattern(format_args!("{pattern:?}")))?;
    let named = match (text.name.r#as.as_str(), matches.captures_len()) {
        ("", 1) => "$0".to_owned(),
        ("", _) => "$1".to_owned(),
        (named, _) => named.to_owned(),
    };
    let namespaces = |resource: &str| matches!(resource, "namespace" | "namespaces" | "ns");
    let by_label = text.resources.overrides.iter().find(|(_, over)| namespaces(&over.resource));
    let namespace_label = match (text.resources.namespaced, by_label) {
        (Some(false), _) => NamespaceLabel::None,
        (_, Some((label, _))) => NamespaceLabel::Label(label.clone()),
        (_, None) if text.resources.template.is_empty() => NamespaceLabel::Missing,
        (_, None) => NamespaceLabel::Label(
            text.resources.template.replace("<<.Resource>>", "namespace").replace("<<.Group>>", ""),
        ),
    };
    Ok(Rule {
        series_query: text.series_query,
        metrics_query: text.metrics_query,
        namespace_label,
        matches,
        named,
    })
}

/// The rules that make the metric, each with the series that it uses.
#[must_use]
pub fn rules_for<'a>(rules: &'a [Rule], metric: &str) -> Vec<(&'a Rule, String)> {
    let made = |rule: &'a Rule| {
        let series =
            rule.series_names().into_iter().find(|series| rule.metric(series).as_deref() == Some(metric))?;
        Some((rule, series))
    };
    rules.iter().filter_map(made).collect()
}

impl Rule {
    /// The series name of the series query, or RabbitMQ's names if it has none.
    fn series_names(&self) -> Vec<String> {
        let query = self.series_query.trim();
        let pinned =
            query.split_once("__name__=\"").and_then(|(_, rest)| rest.split_once('"')).map(|(name, _)| name);
        let leading = query.split_once('{').map_or(query, |(name, _)| name);
        match (pinned, leading) {
            (Some(name), _) => vec![name.to_owned()],
            (None, "") => crate::chain::SERIES.map(str::to_owned).to_vec(),
            (None, name) => vec![name.to_owned()],
        }
    }

    fn metric(&self, series: &str) -> Option<String> {
        let captures = self.matches.captures(series)?;
        let mut name = String::new();
        captures.expand(&self.named, &mut name);
        Some(name)
    }

    /// The query that the adapter sends to Prometheus for the HPA.
    ///
    /// # Errors
    /// A sentence for an unknown template action.
    pub fn query(&self, series: &str, metric: &Metric, namespace: &str) -> Result<String, String> {
        let mut matchers = matchers(&metric.selector);
        if let NamespaceLabel::Label(label) = &self.namespace_label {
            matchers.push((label.clone(), "=", namespace.to_owned()));
        }
        let text: Vec<String> =
            matchers.iter().map(|(label, operator, value)| format!("{label}{operator}{value:?}")).collect();
        let mut rendered = String::with_capacity(self.metrics_query.len());
        let mut rest = self.metrics_query.as_str();
        while let Some((before, after)) = rest.split_once("<<") {
            let (action, behind) = after.split_once(">>").ok_or_else(messages::query_unclosed)?;
            rendered.push_str(before);
            match action.trim() {
                ".Series" => rendered.push_str(series),
                ".LabelMatchers" => rendered.push_str(&text.join(",")),
                ".GroupBy" => {}
                other => {
                    let label = other
                        .strip_prefix("index")
                        .map(str::trim_start)
                        .and_then(|rest| rest.strip_prefix(".LabelValuesByName"))
                        .and_then(|rest| rest.trim().strip_prefix('"')?.strip_suffix('"'))
                        .ok_or_else(|| messages::query_unknown_action(other))?;
                    let value = matchers
                        .iter()
                        .find(|(known, _, _)| known == label)
                        .map(|(_, _, value)| value.as_str());
                    rendered.push_str(value.unwrap_or_default());
                }
            }
            rest = behind;
        }
        rendered.push_str(rest);
        Ok(rendered)
    }

    /// The label of the filter by namespace, if the rule has one.
    #[must_use]
    pub fn namespace_label(&self) -> Option<&str> {
        match &self.namespace_label {
            NamespaceLabel::Label(label) => Some(label),
            NamespaceLabel::None | NamespaceLabel::Missing => None,
        }
    }

    /// Returns whether the query returns 0 while scrapes fail.
    pub(crate) fn has_constant_fallback(&self) -> bool {
        let squeezed: String = self.metrics_query.chars().filter(|c| !c.is_whitespace()).collect();
        squeezed.contains("orvector(0)") || squeezed.contains("oron()vector(0)")
    }

    /// Returns whether the query returns 0 for a missing queue while a guard holds.
    pub(crate) fn has_guard(&self) -> bool {
        self.metrics_query.contains(" or ") && !self.has_constant_fallback()
    }

    /// Returns whether that guard is `up`, which stays 1 for an exporter without its broker.
    pub(crate) fn guards_by_up_alone(&self) -> bool {
        self.has_guard() && !self.metrics_query.contains("rabbitmq_up")
    }

    /// Returns whether the query selects one of several jobs that scrape the same queue.
    pub(crate) fn pins_job(&self) -> bool {
        let measured = self.metrics_query.split(" or ").next().unwrap_or_default();
        ["job=", "job=~", "instance=", "pod="].iter().any(|label| measured.contains(label))
            || ["max(", "max by", "avg(", "avg by", "max without"].iter().any(|f| measured.contains(f))
    }

    /// Returns whether the query selects one virtual host.
    pub(crate) fn pins_vhost(&self) -> bool {
        self.metrics_query.contains("vhost=")
    }
}

/// The selector as PromQL matchers: label, operator, value.
fn matchers(selector: &LabelSelector) -> Vec<(String, &'static str, String)> {
    let equal =
        selector.match_labels.iter().flatten().map(|(label, value)| (label.clone(), "=", value.clone()));
    let expressions = selector.match_expressions.iter().flatten().map(|requirement| {
        let mut values = requirement.values.clone().unwrap_or_default();
        values.sort();
        let several = values.len() > 1;
        let operator = match requirement.operator.as_str() {
            "In" if several => "=~",
            "In" | "DoesNotExist" => "=",
            "NotIn" if several => "!~",
            _ => "!=",
        };
        (requirement.key.clone(), operator, values.join("|"))
    });
    equal.chain(expressions).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const OURS: &str = include_str!("../../../manifests/adapter/plugin.yaml");

    fn metric() -> Metric {
        let hpa = json!({"spec": {"maxReplicas": 10, "scaleTargetRef": {"kind": "Deployment", "name": "worker"},
            "metrics": [{"type": "External", "external": {
                "metric": {"name": "rabbitmq_queue_length", "selector": {"matchLabels": {"queue": "Orders"}}},
                "target": {"type": "AverageValue", "averageValue": "20"}}}]}});
        crate::external(&serde_json::from_value(hpa).unwrap()).unwrap()
    }

    #[test]
    fn the_demos_rule_is_parsed_and_filled_in() {
        let map: serde_json::Value = serde_saphyr::from_str(OURS).unwrap();
        let rules = parse(map["data"]["config.yaml"].as_str().unwrap()).unwrap();
        let found = rules_for(&rules, "rabbitmq_queue_length");
        let [(rule, series)] = found.as_slice() else { panic!("one rule: {found:?}") };
        assert_eq!(series, "rabbitmq_detailed_queue_messages");
        let query = rule.query(series, &metric(), "demo").unwrap();
        assert!(
            query.contains(r#"rabbitmq_detailed_queue_messages{queue="Orders",namespace="demo",vhost="/"}"#),
            "{query}"
        );
        assert!(query.contains(r#"up{job="rabbitmq",namespace="demo"}"#), "{query}");
        assert!(rule.has_guard() && rule.pins_job() && rule.pins_vhost() && !rule.has_constant_fallback());
    }

    #[test]
    fn faults_of_rules_are_found() {
        let one = |resources: &str, query: &str| {
            let text = format!(
                "externalRules: [{{seriesQuery: 'm{{a=\"b\"}}', resources: {resources}, metricsQuery: '{query}'}}]"
            );
            parse(&text).unwrap().remove(0)
        };
        assert_eq!(one("{}", "sum(<<.Series>>)").namespace_label, NamespaceLabel::Missing);
        assert_eq!(one("{namespaced: false}", "q").namespace_label, NamespaceLabel::None);
        assert_eq!(
            one("{template: kube_<<.Resource>>}", "q").namespace_label,
            NamespaceLabel::Label("kube_namespace".into())
        );
        let rule =
            one("{namespaced: false}", "sum(<<.Series>>{<<.LabelMatchers>>}) by (<<.GroupBy>>) or vector(0)");
        assert!(rule.has_constant_fallback() && !rule.has_guard() && !rule.pins_job() && !rule.pins_vhost());
        assert_eq!(rule.query("m", &metric(), "n").unwrap(), "sum(m{queue=\"Orders\"}) by () or vector(0)");
        assert!(one("{namespaced: false}", "<<range>>").query("m", &metric(), "n").is_err());
        assert_eq!(rules_for(&[rule], "m").len(), 1);
    }

    #[test]
    fn misplaced_rules_are_an_error() {
        assert!(parse("rules: {external: []}").unwrap_err().contains("externalRules"));
        assert!(parse("rules: []").unwrap().is_empty());
        assert!(parse("externalRules: 3").is_err());
    }
}
