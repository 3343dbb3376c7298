//! Rules of prometheus-adapter (0.12): which series become which metrics, and the query that a request becomes.
//!
//! Two differences remain. Templates know most actions of Go's `text/template`, not all ([`QueryError::Action`]). And a rule without `seriesQuery` or `metricsQuery` is an error of the file; the adapter
//! reports it with the first query.
//!
//! Source: `kubernetes-sigs/prometheus-adapter`, pkg/config, pkg/naming, docs/externalmetrics.md, docs/config.md.

pub mod edit;
mod error;
mod matchers;
mod template;

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use kube_core::Selector;
use regex::Regex;
use serde::Deserialize;
use serde::de::IgnoredAny;

pub use error::{ConfigError, QueryError, RuleProblem};
use matchers::Matchers;
use template::{Fields, ParseError, Template, Value};

use crate::matcher::{Matcher, Operator};

/// Key of the ConfigMap that the adapter's chart keeps the file under.
pub const CONFIG_KEY: &str = "config.yaml";

/// The adapter's configuration file.
#[derive(Debug, Clone, Default)]
pub struct Config {
    /// Rules of the custom metrics API.
    pub rules: Vec<Rule>,
    /// Rules of the external metrics API.
    pub external_rules: Vec<Rule>,
}

/// A kind of object, as rules name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Resource<'a> {
    /// API group; empty for the core group.
    pub group: &'a str,
    /// Such as `pods`.
    pub plural: &'a str,
    /// Such as `pod`.
    pub singular: &'a str,
}

impl Resource<'static> {
    /// Namespaces.
    pub const NAMESPACES: Self = Self { group: "", plural: "namespaces", singular: "namespace" };
}

/// One rule.
#[derive(Debug, Clone)]
pub struct Rule {
    /// Selector of the series that the rule is about.
    pub series_query: String,
    /// The query, with the adapter's `<<…>>` in it.
    pub metrics_query: String,
    /// External metrics are limited to the namespace of the request.
    pub namespaced: bool,
    query: Template,
    overrides: BTreeMap<String, GroupResource>,
    label: Option<Template>,
    filters: Vec<Filter>,
    matches: Regex,
    name_as: String,
}

#[derive(Debug, Clone)]
enum Filter {
    Is(Regex),
    IsNot(Regex),
}

impl Config {
    /// Parses the file.
    ///
    /// # Errors
    /// [`ConfigError`] for the first problem. As in the adapter, an unknown field is one.
    pub fn parse(text: &str) -> Result<Self, ConfigError> {
        let file: File = serde_saphyr::from_str(text).map_err(|error| {
            match serde_saphyr::from_str::<ChartValues>(text) {
                Ok(_) => ConfigError::ChartValues,
                Err(_) => ConfigError::Yaml(error.to_string()),
            }
        })?;
        let rules = |list: &'static str, specs: Option<Vec<RuleSpec>>| {
            let specs = specs.into_iter().flatten().enumerate();
            specs
                .map(|(index, spec)| {
                    Rule::new(spec).map_err(|problem| ConfigError::Rule { list, index, problem })
                })
                .collect::<Result<Vec<Rule>, _>>()
        };
        Ok(Self {
            rules: rules("rules", file.rules)?,
            external_rules: rules("externalRules", file.external_rules)?,
        })
    }
}

impl Rule {
    fn new(spec: RuleSpec) -> Result<Self, RuleProblem> {
        for (field, text) in [("seriesQuery", &spec.series_query), ("metricsQuery", &spec.metrics_query)] {
            if text.is_empty() {
                return Err(RuleProblem::Missing(field));
            }
        }
        let mut filters = Vec::with_capacity(spec.series_filters.len());
        for filter in &spec.series_filters {
            filters.push(match (filter.is.as_str(), filter.is_not.as_str()) {
                ("", "") => return Err(RuleProblem::Filter),
                (is, "") => Filter::Is(regex("seriesFilters.is", is)?),
                ("", is_not) => Filter::IsNot(regex("seriesFilters.isNot", is_not)?),
                _ => return Err(RuleProblem::Filter),
            });
        }
        let pattern = if spec.name.matches.is_empty() { ".*" } else { spec.name.matches.as_str() };
        let matches = regex("name.matches", pattern)?;
        let name_as = match (spec.name.name_as, matches.captures_len()) {
            (name, _) if !name.is_empty() => name,
            (_, 1) => "$0".to_owned(),
            (_, 2) => "$1".to_owned(),
            _ => return Err(RuleProblem::NameAs),
        };
        let template = |field: &'static str, text: &str| {
            Template::parse(text).map_err(|error| match error {
                ParseError::Unclosed => RuleProblem::Template(field),
                ParseError::Unbalanced => RuleProblem::Block(field),
            })
        };
        let label = &spec.resources.template;
        Ok(Self {
            query: template("metricsQuery", &spec.metrics_query)?,
            label: if label.is_empty() { None } else { Some(template("resources.template", label)?) },
            series_query: spec.series_query,
            metrics_query: spec.metrics_query,
            namespaced: spec.resources.namespaced.unwrap_or(true),
            overrides: spec.resources.overrides,
            filters,
            matches,
            name_as,
        })
    }

    /// The name of the metric that the series becomes; `None` if `seriesFilters` or `name.matches` exclude it.
    #[must_use]
    pub fn metric_name(&self, series: &str) -> Option<String> {
        let passes = self.filters.iter().all(|filter| match filter {
            Filter::Is(regex) => regex.is_match(series),
            Filter::IsNot(regex) => !regex.is_match(series),
        });
        let captures = self.matches.captures(series).filter(|_| passes)?;
        let mut name = String::new();
        captures.expand(&self.name_as, &mut name);
        Some(name)
    }

    /// The name of the metric without regard to `seriesFilters`.
    #[must_use]
    pub fn unfiltered_name(&self, series: &str) -> Option<String> {
        Self { filters: Vec::new(), ..self.clone() }.metric_name(series)
    }

    /// The one series name that `seriesQuery` can select; `None` if it does not fix the name.
    #[must_use]
    pub fn fixed_series(&self) -> Option<&str> {
        let query = self.series_query.trim();
        let (leading, matchers) = query.split_once('{').unwrap_or((query, ""));
        let leading = leading.trim_end();
        if !leading.is_empty() {
            return Some(leading);
        }
        matchers.split_once("__name__=\"").and_then(|(_, rest)| rest.split_once('"')).map(|(name, _)| name)
    }

    /// The label whose value is the name of an object of this resource.
    ///
    /// # Errors
    /// [`QueryError::NoLabel`] without an override and a template; [`QueryError::Action`].
    pub fn label_for(&self, resource: Resource<'_>) -> Result<String, QueryError> {
        match self.overrides.iter().find(|(_, meant)| meant.is(resource)) {
            Some((label, _)) => Ok(label.clone()),
            None => self.template_label(resource),
        }
    }

    fn template_label(&self, resource: Resource<'_>) -> Result<String, QueryError> {
        let no_label = || QueryError::NoLabel { resource: resource.plural.to_owned() };
        let label = self.label.as_ref().ok_or_else(no_label)?;
        let label = label.render(&Fields::from([
            ("Resource", Value::Text(resource.singular.to_owned())),
            ("Group", Value::Text(resource.group.replace(['.', '-'], "_"))),
        ]));
        label
            .map_err(QueryError::Action)
            .and_then(|label| if label.is_empty() { Err(no_label()) } else { Ok(label) })
    }

    /// The resource that each label names an object of, among the `known` ones. For a label that fits several, the
    /// first one counts.
    #[must_use]
    pub fn resources_by_label<'a>(&self, known: &[Resource<'a>]) -> BTreeMap<String, Resource<'a>> {
        let from_template =
            known.iter().rev().filter_map(|one| Some((self.template_label(*one).ok()?, *one)));
        let mut resources: BTreeMap<String, Resource<'a>> = from_template.collect();
        for (label, meant) in &self.overrides {
            if let Some(one) = known.iter().find(|one| meant.is(**one)) {
                resources.insert(label.clone(), *one);
            }
        }
        resources
    }

    /// The label that limits external metrics to the namespace of the request; `None` if the rule is not
    /// namespaced.
    ///
    /// # Errors
    /// As [`Self::label_for`]: every request for a metric of this rule fails then.
    pub fn namespace_label(&self) -> Result<Option<String>, QueryError> {
        if self.namespaced { self.label_for(Resource::NAMESPACES).map(Some) } else { Ok(None) }
    }

    /// The query for an external metric.
    ///
    /// # Errors
    /// [`QueryError`].
    pub fn external_query(
        &self,
        series: &str,
        namespace: &str,
        selector: &Selector,
    ) -> Result<String, QueryError> {
        let matchers = Matchers(self.external_matchers(namespace, selector)?);
        self.render(series, &matchers, "")
    }

    /// The matchers of `.LabelMatchers` for an external metric: the selector's, and the one of the namespace.
    fn external_matchers(&self, namespace: &str, selector: &Selector) -> Result<Vec<Matcher>, QueryError> {
        let mut matchers = Matchers::new(selector)?;
        if let Some(label) = self.namespace_label()? {
            matchers.add(&label, Operator::Equal, namespace.to_owned());
        }
        Ok(matchers.0)
    }

    /// The matchers and the query for an external metric of an HPA.
    ///
    /// # Errors
    /// [`QueryError`].
    pub fn external_request(
        &self,
        series: &str,
        namespace: &str,
        selector: &LabelSelector,
    ) -> Result<(Vec<Matcher>, String), QueryError> {
        let selector = parsed(selector)?;
        let matchers = self.external_matchers(namespace, &selector)?;
        Ok((matchers, self.external_query(series, namespace, &selector)?))
    }

    /// The query for a custom metric of the objects `names` of one resource. `namespace` is empty for objects
    /// outside of namespaces.
    ///
    /// # Errors
    /// [`QueryError`].
    pub fn object_query(
        &self,
        series: &str,
        namespace: &str,
        resource: Resource<'_>,
        names: &[&str],
        selector: &Selector,
    ) -> Result<String, QueryError> {
        let mut matchers = Matchers::new(selector)?;
        if !namespace.is_empty() {
            matchers.add(&self.label_for(Resource::NAMESPACES)?, Operator::Equal, namespace.to_owned());
        }
        let label = self.label_for(resource)?;
        let operator = if names.len() > 1 { Operator::Matches } else { Operator::Equal };
        matchers.add(&label, operator, names.join("|"));
        self.render(series, &matchers, &label)
    }

    fn render(&self, series: &str, matchers: &Matchers, group_by: &str) -> Result<String, QueryError> {
        let groups = if group_by.is_empty() { Vec::new() } else { vec![group_by.to_owned()] };
        let query = self.query.render(&Fields::from([
            ("Series", Value::Text(series.to_owned())),
            ("LabelMatchers", Value::Text(matchers.text())),
            ("LabelValuesByName", Value::Map(matchers.values())),
            ("GroupBy", Value::Text(group_by.to_owned())),
            ("GroupBySlice", Value::List(groups)),
        ]));
        query
            .map_err(QueryError::Action)
            .and_then(|query| if query.is_empty() { Err(QueryError::Empty) } else { Ok(query) })
    }
}

/// PromQL matchers for the selector of an HPA's metric, sorted by label.
///
/// # Errors
/// [`QueryError::Selector`] for an unknown operator; [`QueryError::NoValues`] for `In` or `NotIn` without values.
pub fn label_matchers(selector: &LabelSelector) -> Result<Vec<Matcher>, QueryError> {
    Ok(Matchers::new(&parsed(selector)?)?.0)
}

fn parsed(selector: &LabelSelector) -> Result<Selector, QueryError> {
    Selector::try_from(selector.clone()).map_err(|error| QueryError::Selector(error.to_string()))
}

/// PromQL matchers for a label selector, without the braces: `queue="Orders",vhost="/"`, sorted by label.
///
/// # Errors
/// [`QueryError::NoValues`] for `In` or `NotIn` without values.
pub fn matchers(selector: &Selector) -> Result<String, QueryError> {
    Ok(Matchers::new(selector)?.text())
}

fn regex(field: &'static str, pattern: &str) -> Result<Regex, RuleProblem> {
    Regex::new(pattern).map_err(|error| RuleProblem::Regex {
        field,
        pattern: pattern.to_owned(),
        error: error.to_string(),
    })
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
struct File {
    rules: Option<Vec<RuleSpec>>,
    external_rules: Option<Vec<RuleSpec>>,
    #[serde(rename = "resourceRules")]
    _resource_rules: Option<IgnoredAny>,
}

/// Values of the adapter's chart, which have the rules one level deeper.
#[derive(Debug, Deserialize)]
struct ChartValues {
    #[serde(rename = "rules")]
    _rules: ChartRules,
}

#[derive(Debug, Deserialize)]
struct ChartRules {
    #[serde(rename = "external")]
    _external: IgnoredAny,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
struct RuleSpec {
    series_query: String,
    series_filters: Vec<FilterSpec>,
    resources: ResourcesSpec,
    name: NameSpec,
    metrics_query: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
struct FilterSpec {
    is: String,
    is_not: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct ResourcesSpec {
    namespaced: Option<bool>,
    template: String,
    overrides: BTreeMap<String, GroupResource>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct GroupResource {
    group: String,
    resource: String,
}

impl GroupResource {
    /// Returns `true` for the resource that is meant. As in Kubernetes' REST mapper, an empty group fits every group.
    fn is(&self, resource: Resource<'_>) -> bool {
        (self.group.is_empty() || self.group == resource.group)
            && (self.resource == resource.plural || self.resource == resource.singular)
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct NameSpec {
    matches: String,
    #[serde(rename = "as")]
    name_as: String,
}

#[cfg(test)]
mod tests;
