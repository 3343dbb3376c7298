//! The adapter's rules: one for the metric, and a sound one.

use promfmt::adapter::{CONFIG_KEY, Rule};
use serde_json::{Value, json};

use crate::chain;
use crate::facts::Facts;
use crate::finding::{Fix, ReportWriter};
use crate::metric::Metric;
use crate::rule::{self, SERIES};
use crate::{fixes, fmt, messages};

pub(crate) fn examine(facts: &Facts, writer: &mut ReportWriter<'_>, metric: &Metric) {
    let fact = &facts.api.rules;
    let (command, config_map) = (fact.command.as_ref(), &facts.api.rules_config_map);
    let text = match writer.require("rule", fact) {
        Ok(Some(text)) => text,
        Ok(None) => return writer.not_applicable("rule", messages::no_rules(config_map)),
        Err(()) => return,
    };
    let rules = match rule::parse(text) {
        Ok(rules) => rules,
        Err(error) => {
            let fix = Fix::yaml(messages::fix_rules_file(), demo_rules(facts));
            return writer.fail("rule", messages::rules_invalid(config_map, error), command, fix);
        }
    };
    let made = rule::rules_for(&rules, &metric.name);
    let [(rule, series), others @ ..] = made.as_slice() else {
        let count = fmt::count(rules.len(), "rule", "rules");
        let detail = messages::rule_missing(config_map, count, &metric.name);
        let fix = Fix::yaml(messages::fix_add_rule(), demo_rules(facts));
        return writer.fail("rule", detail, command, fix);
    };
    if let Some((_, other)) = others.iter().find(|(_, other)| other != series) {
        let (namespace, name) = config_map.split_once('/').unwrap_or(("", config_map));
        let fix = Fix::command(messages::fix_keep_one_rule(), fixes::edit("configmap", name, namespace));
        let detail = messages::rule_twice(&metric.name, series, other);
        return writer.fail("rule-twice", detail, command, fix);
    }
    if is_sound(facts, writer, rule, series) {
        writer.ok("rule", messages::rule_good(config_map, &metric.name, series), command);
    }
}

/// The demo's rules as `surge up` installs them: for the plugin's series and for the exporter's.
const DEMO_RULES: [&str; 2] = [
    include_str!("../../../../../manifests/adapter/plugin.yaml"),
    include_str!("../../../../../manifests/adapter/exporter.yaml"),
];

/// The ConfigMap with the rule for the series that exist here, without its comments.
fn demo_rules(facts: &Facts) -> String {
    let lines = DEMO_RULES[usize::from(chain::has_exporter(facts))].lines();
    lines.filter(|line| !line.starts_with('#')).collect::<Vec<_>>().join("\n")
}

/// The query of that rule.
fn demo_query(facts: &Facts) -> String {
    let map: Value = serde_saphyr::from_str(&demo_rules(facts)).unwrap_or_default();
    let rules = map["data"][CONFIG_KEY].as_str().unwrap_or_default();
    let rules = rule::parse(rules).unwrap_or_default();
    let query = rules.first().map_or("", |rule| rule.metrics_query.as_str());
    fixes::yaml(&json!({"metricsQuery": query}))
}

/// Reports the faults of a rule. Returns whether it has none.
fn is_sound(facts: &Facts, writer: &mut ReportWriter<'_>, rule: &Rule, series: &str) -> bool {
    let command = facts.api.rules.command.as_ref();
    let before = writer.findings.len();
    match rule.namespace_label() {
        Err(_) => {
            let resources = json!({"resources": {"overrides": {"namespace": {"resource": "namespace"}}}});
            let fix = Fix::yaml(messages::fix_namespace_label(), fixes::yaml(&resources));
            writer.fail("rule-namespace", messages::rule_without_namespace_label(), command, fix);
        }
        Ok(Some(label)) => namespace_matches(facts, writer, &label, series),
        Ok(None) => {}
    }
    if rule::has_constant_fallback(rule) {
        let fix = Fix::yaml(messages::fix_guard(), demo_query(facts));
        writer.warn("rule-fallback", messages::rule_constant_fallback(), command, fix);
    }
    if series == SERIES[1] && rule::guards_by_up_alone(rule) {
        let fix = Fix::yaml(messages::fix_exporter_guard(), demo_query(facts));
        writer.warn("rule-guard", messages::rule_guard(), command, fix);
    }
    if let Some(total) = series.strip_suffix("_ready") {
        let query = format!("{{__name__=\"{total}\",namespace!=\"\",queue!=\"\"}}");
        let fix = Fix::yaml(messages::fix_count_all(), fixes::yaml(&json!({"seriesQuery": query})));
        writer.warn("rule-ready", messages::rule_ready_only(), command, fix);
    }
    writer.findings.len() == before
}

/// Reports a rule that filters by the HPA's namespace while all its series have others: those of the scraped pods.
fn namespace_matches(facts: &Facts, writer: &mut ReportWriter<'_>, label: &str, series: &str) {
    let of_series = facts.prometheus.series.all().iter().filter(|sample| sample.label("__name__") == series);
    let namespaces: Vec<&str> = of_series.map(|sample| sample.label(label)).collect();
    let own = facts.subject.namespace.as_str();
    if namespaces.is_empty() || namespaces.contains(&own) {
        return;
    }
    let none = messages::no_label();
    let shown = namespaces.iter().map(|value| if value.is_empty() { none.as_str() } else { value });
    let detail = messages::rule_namespace_mismatch(label, own, fmt::list(shown));
    let resources = json!({"resources": {"namespaced": false}});
    let fix = Fix::yaml(messages::fix_not_namespaced(), fixes::yaml(&resources));
    writer.fail("rule-namespace", detail, facts.api.rules.command.as_ref(), fix);
}
