//! The adapter's configuration file, as far as external metrics go: `externalRules`.

use std::collections::BTreeMap;

use regex::Regex;
use serde::Deserialize;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct File {
    external_rules: Vec<Text>,
}

/// One rule as it is written.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Text {
    series_query: String,
    series_filters: Vec<FilterText>,
    resources: ResourcesText,
    name: NameText,
    metrics_query: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct FilterText {
    is: String,
    is_not: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ResourcesText {
    namespaced: Option<bool>,
    template: String,
    overrides: BTreeMap<String, ResourceText>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ResourceText {
    group: String,
    resource: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct NameText {
    matches: String,
    r#as: String,
}

/// A rule that can be applied.
#[derive(Debug)]
pub(super) struct Rule {
    /// Selector of the series that the rule is about.
    pub(super) series_query: String,
    /// The query, with the adapter's `<<…>>` actions in it.
    pub(super) metrics_query: String,
    /// The label that bears the namespace; `None` when metrics are not told apart by namespace.
    pub(super) namespace_label: Option<String>,
    filters: Vec<Filter>,
    matches: Regex,
    named: String,
}

#[derive(Debug)]
enum Filter {
    Is(Regex),
    IsNot(Regex),
}

impl Rule {
    /// The metric that a series becomes; `None` when the rule passes it over.
    pub(super) fn metric(&self, series: &str) -> Option<String> {
        let wanted = self.filters.iter().all(|filter| match filter {
            Filter::Is(regex) => regex.is_match(series),
            Filter::IsNot(regex) => !regex.is_match(series),
        });
        let captures = self.matches.captures(series).filter(|_| wanted)?;
        let mut name = String::new();
        captures.expand(&self.named, &mut name);
        Some(name)
    }
}

/// Reads the file; an error is a sentence that names the rule.
pub(super) fn parse(text: &str) -> Result<Vec<Rule>, String> {
    let file: File = serde_saphyr::from_str(text)
        .map_err(|error| format!("the adapter's configuration is not valid: {error}"))?;
    file.external_rules
        .into_iter()
        .enumerate()
        .map(|(index, text)| rule(text).map_err(|why| format!("externalRules[{index}]: {why}")))
        .collect()
}

fn rule(text: Text) -> Result<Rule, String> {
    if text.series_query.is_empty() || text.metrics_query.is_empty() {
        return Err("seriesQuery and metricsQuery are required".to_owned());
    }
    let regex = |field: &str, text: &str| Regex::new(text).map_err(|error| format!("{field}: {error}"));
    let mut filters = Vec::new();
    for filter in &text.series_filters {
        filters.push(match (filter.is.as_str(), filter.is_not.as_str()) {
            (is, "") => Filter::Is(regex("seriesFilters.is", is)?),
            ("", is_not) => Filter::IsNot(regex("seriesFilters.isNot", is_not)?),
            _ => return Err("seriesFilters: use is or isNot, not both".to_owned()),
        });
    }
    let pattern = if text.name.matches.is_empty() { ".*" } else { text.name.matches.as_str() };
    let matches = regex("name.matches", pattern)?;
    let named = match (text.name.r#as.as_str(), matches.captures_len()) {
        ("", 1) => "$0".to_owned(),
        ("", 2) => "$1".to_owned(),
        ("", _) => return Err("name.as is required when name.matches has several groups".to_owned()),
        (named, _) => named.to_owned(),
    };
    let namespace_label = match text.resources.namespaced {
        Some(false) => None,
        // Metrics are told apart by namespace unless the rule says otherwise, so a label must be named.
        _ => Some(namespace_label(&text.resources)?),
    };
    Ok(Rule {
        series_query: text.series_query,
        metrics_query: text.metrics_query,
        namespace_label,
        filters,
        matches,
        named,
    })
}

fn namespace_label(resources: &ResourcesText) -> Result<String, String> {
    let core = |resource: &&ResourceText| resource.group.is_empty();
    let overridden = resources.overrides.iter().find(|(_, resource)| {
        core(resource) && matches!(resource.resource.as_str(), "namespace" | "namespaces" | "ns")
    });
    match overridden {
        Some((label, _)) => Ok(label.clone()),
        None if resources.template.is_empty() => {
            Err("resources needs a template, or an override for the namespace, or namespaced: false"
                .to_owned())
        }
        None => super::template::resource_label(&resources.template, "namespace"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(text: &str) -> Result<Rule, String> {
        parse(text).map(|mut rules| rules.remove(0))
    }

    #[test]
    fn the_rule_that_is_installed_with_the_demo() {
        let installed = include_str!("../../../../manifests/adapter/plugin.yaml");
        let installed: serde_json::Value = serde_saphyr::from_str(installed).unwrap();
        let rule = one(installed["data"]["config.yaml"].as_str().unwrap()).unwrap();
        assert_eq!(rule.namespace_label.as_deref(), Some("namespace"));
        assert_eq!(rule.metric("rabbitmq_detailed_queue_messages").as_deref(), Some("rabbitmq_queue_length"));
        assert_eq!(rule.metric("rabbitmq_detailed_queue_messages_ready"), None);
    }

    #[test]
    fn names_default_to_the_series_or_its_one_group() {
        let with = |name: &str| {
            one(&format!(
                "externalRules: [{{seriesQuery: a, metricsQuery: b, resources: {{namespaced: false}}, {name}}}]"
            ))
        };
        assert_eq!(with("name: {}").unwrap().metric("http_total").as_deref(), Some("http_total"));
        let stripped = with("name: {matches: '^(.*)_total$'}").unwrap();
        assert_eq!(stripped.metric("http_total").as_deref(), Some("http"));
        let renamed = with("name: {matches: '^(.*)_total$', as: '${1}_per_second'}").unwrap();
        assert_eq!(renamed.metric("http_total").as_deref(), Some("http_per_second"));
        let filtered = with("seriesFilters: [{isNot: _total$}]").unwrap();
        assert_eq!(filtered.metric("http_total"), None);
        assert!(with("name: {matches: '(a)(b)'}").unwrap_err().contains("externalRules[0]: name.as"));
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (rule, word) in [
            ("{seriesQuery: a}", "required"),
            ("{seriesQuery: a, metricsQuery: b}", "namespace"),
            (
                "{seriesQuery: a, metricsQuery: b, resources: {namespaced: false}, name: {matches: '('}}",
                "name.matches",
            ),
            ("{seriesQuery: a, metricsQuery: b, seriesFilters: [{is: x, isNot: y}]}", "not both"),
        ] {
            let error = one(&format!("externalRules: [{rule}]")).unwrap_err();
            assert!(error.contains(word), "{error}");
        }
        assert!(parse("externalRules: 3").is_err());
        assert!(parse("rules: []").unwrap().is_empty());
    }
}
