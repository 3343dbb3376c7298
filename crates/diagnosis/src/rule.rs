//! The adapter's rules: the ones for a metric, and the faults of their queries.

use promfmt::adapter::{Config, ConfigError, Rule};

use crate::messages;

/// The series with a queue's depth: of RabbitMQ's plugin, and of the exporter and the plugin's older path.
pub const SERIES: [&str; 2] = ["rabbitmq_detailed_queue_messages", "rabbitmq_queue_messages"];

/// Parses the rules for external metrics in the adapter's configuration file.
///
/// # Errors
/// A sentence when the adapter would refuse the file.
pub fn parse(text: &str) -> Result<Vec<Rule>, String> {
    let config = Config::parse(text).map_err(|error| match error {
        ConfigError::ChartValues => messages::rules_misplaced(),
        error => error.to_string(),
    })?;
    Ok(config.external_rules)
}

/// The rules that make the metric, each with the series that it uses. A rule whose series query has no name is
/// tried with RabbitMQ's series and with the metric's own name.
#[must_use]
pub fn rules_for<'a>(rules: &'a [Rule], metric: &str) -> Vec<(&'a Rule, String)> {
    let made = |rule: &'a Rule| {
        let names = rule.fixed_series().map_or([SERIES[0], SERIES[1], metric].to_vec(), |name| vec![name]);
        let series = names.into_iter().find(|series| rule.metric_name(series).as_deref() == Some(metric))?;
        Some((rule, series.to_owned()))
    };
    rules.iter().filter_map(made).collect()
}

/// The rule that would make the metric without its `seriesFilters`: its index, and the series that they exclude.
pub(crate) fn excluded<'a>(rules: &'a [Rule], metric: &str) -> Option<(usize, &'a str)> {
    rules.iter().enumerate().find_map(|(index, rule)| {
        let series = rule.fixed_series()?;
        let is_excluded = rule.metric_name(series).is_none();
        (is_excluded && rule.unfiltered_name(series).as_deref() == Some(metric)).then_some((index, series))
    })
}

/// Returns whether the query returns 0 while scrapes fail.
pub(crate) fn has_constant_fallback(rule: &Rule) -> bool {
    let squeezed: String = rule.metrics_query.chars().filter(|c| !c.is_whitespace()).collect();
    squeezed.contains("orvector(0)") || squeezed.contains("oron()vector(0)")
}

/// The query without the guard that returns 0 while scrapes fail.
pub(crate) fn without_constant_fallback(rule: &Rule) -> Option<String> {
    let query = &rule.metrics_query;
    let at = query.rfind("vector")?;
    let rest: String = query[at..].chars().filter(|c| !c.is_whitespace()).collect();
    let before = query[..at].trim_end();
    let before = before.strip_suffix("on()").or_else(|| before.strip_suffix("on ()")).unwrap_or(before);
    let measured = before.trim_end().strip_suffix("or")?.trim_end();
    (rest == "vector(0)").then(|| measured.to_owned())
}

/// Returns whether the query returns 0 for a missing queue while `up` is 1, which it stays for an exporter without its
/// broker.
pub(crate) fn guards_by_up_alone(rule: &Rule) -> bool {
    let has_guard = rule.metrics_query.contains(" or ") && !has_constant_fallback(rule);
    has_guard && !rule.metrics_query.contains("rabbitmq_up")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(query: &str) -> Rule {
        let text = format!(
            "externalRules: [{{seriesQuery: 'm{{a=\"b\"}}', resources: {{namespaced: false}}, metricsQuery: '{query}'}}]"
        );
        parse(&text).unwrap().remove(0)
    }

    #[test]
    fn the_demos_rule_is_found_and_has_no_faults() {
        let map: serde_json::Value =
            serde_saphyr::from_str(include_str!("../../../manifests/adapter/plugin.yaml")).unwrap();
        let rules = parse(map["data"]["config.yaml"].as_str().unwrap()).unwrap();
        let found = rules_for(&rules, "rabbitmq_queue_length");
        let [(rule, series)] = found.as_slice() else { panic!("one rule: {found:?}") };
        assert_eq!(series, "rabbitmq_detailed_queue_messages");
        assert!(!has_constant_fallback(rule));
    }

    #[test]
    fn faults_of_rules_are_found() {
        let rule = one("sum(<<.Series>>{<<.LabelMatchers>>}) by (<<.GroupBy>>) or vector(0)");
        assert!(has_constant_fallback(&rule) && !guards_by_up_alone(&rule));
        let without = "sum(<<.Series>>{<<.LabelMatchers>>}) by (<<.GroupBy>>)";
        assert_eq!(without_constant_fallback(&rule).as_deref(), Some(without));
        assert_eq!(rules_for(&[rule], "m").len(), 1);
        assert!(guards_by_up_alone(&one("sum(<<.Series>>) or 0 * max(up == 1)")));
        assert!(!guards_by_up_alone(&one("sum(<<.Series>>) or 0 * max(rabbitmq_up == 1)")));
    }

    #[test]
    fn a_filtered_series_makes_no_metric() {
        let rules = |filter: &str| {
            parse(&format!("externalRules: [{{seriesQuery: m, metricsQuery: q, seriesFilters: [{filter}]}}]"))
                .unwrap()
        };
        assert_eq!(rules_for(&rules("{is: ^m$}"), "m").len(), 1);
        assert_eq!(rules_for(&rules("{isNot: ^m$}"), "m").len(), 0);
    }

    #[test]
    fn invalid_files_are_an_error() {
        assert_eq!(parse("rules: {external: []}").unwrap_err(), messages::rules_misplaced());
        assert!(parse("rules: []").unwrap().is_empty());
        assert!(parse("externalRules: 3").is_err());
        assert!(parse("externalRules: [{seriesQuery: a}]").unwrap_err().starts_with("externalRules[0]: "));
    }
}
