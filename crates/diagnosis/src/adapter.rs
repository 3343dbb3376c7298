//! The adapter's rules: one for the metric, and sound.

use super::facts::Facts;
use super::line::{Fix, Pen};
use super::metric::Metric;
use super::rule::{self, Namespaced, Rule};
use super::words;

/// The adapter's rules: one for the metric, and sound.
pub(super) fn rules(facts: &Facts, pen: &mut Pen<'_>, metric: &Metric) {
    let fact = &facts.api.rules;
    let at = &facts.api.rules_at;
    let text = match pen.seen("rule", fact) {
        Ok(Some(text)) => text,
        Ok(None) => {
            pen.not_applicable("rule", format!("there is no ConfigMap {at} with the adapter's rules"));
            return;
        }
        Err(()) => return,
    };
    let rules = match rule::parse(text) {
        Ok(rules) => rules,
        Err(sentence) => {
            pen.fail(
                "rule",
                format!("ConfigMap {at}: {sentence}"),
                &fact.how,
                Fix::yaml("the rule as the adapter takes it", our_rules(facts)),
            );
            return;
        }
    };
    let made = rule::rule_of(&rules, &metric.name);
    let [(rule, series), others @ ..] = made.as_slice() else {
        let saw = format!(
            "ConfigMap {at} has {} and none that makes {}",
            words::count(rules.len(), "rule", "rules"),
            metric.name
        );
        pen.fail(
            "rule",
            saw,
            &fact.how,
            Fix::yaml("add the rule to those that are there, then restart the adapter", our_rules(facts)),
        );
        return;
    };
    if let Some((_, other)) = others.iter().find(|(_, other)| other != series) {
        let saw = format!(
            "two rules make {}, of {series} and of {other}: one replaces the other at each relist",
            metric.name
        );
        pen.fail("rule-twice", saw, &fact.how, Fix::command("keep one of them", edit(at)));
        return;
    }
    if sound(facts, pen, rule, series) {
        pen.ok("rule", format!("a rule of {at} makes {} of {series}", metric.name), &fact.how);
    }
}

/// The demo's rules as they are installed, for the plugin's series and for the exporter's.
const RULES: [&str; 2] = [
    include_str!("../../../manifests/adapter/plugin.yaml"),
    include_str!("../../../manifests/adapter/exporter.yaml"),
];

/// The ConfigMap with the rule that fits what is scraped here, without the file's own comments.
fn our_rules(facts: &Facts) -> String {
    let through_exporter = facts.broker.endpoints.iter().any(|endpoint| endpoint.at.port == 9419);
    let lines = RULES[usize::from(through_exporter)].lines().filter(|line| !line.starts_with('#'));
    lines.collect::<Vec<_>>().join("\n")
}

/// The query of that rule.
fn our_query(facts: &Facts) -> String {
    let rules = our_rules(facts);
    rules.lines().find(|line| line.contains("metricsQuery:")).unwrap_or_default().trim_start().to_owned()
}

fn edit(at: &str) -> String {
    let (namespace, name) = at.split_once('/').unwrap_or(("", at));
    format!("kubectl edit configmap {name} -n {namespace}")
}

fn sound(facts: &Facts, pen: &mut Pen<'_>, rule: &Rule, series: &str) -> bool {
    let how = &facts.api.rules.how;
    let mut sound = true;
    if rule.namespaced == Namespaced::Unsaid {
        let saw = "the rule tells namespaces apart (the default) and says no label for them: each of its queries is an error";
        let fix = Fix::yaml(
            "name the label, then restart the adapter",
            "resources:\n  overrides:\n    namespace: {resource: namespace}",
        );
        pen.fail("rule-namespace", saw, how, fix);
        sound = false;
    }
    if let Namespaced::Label(label) = &rule.namespaced {
        let of_series: Vec<&str> = facts
            .prometheus
            .series
            .all()
            .iter()
            .filter(|sample| sample.label("__name__") == series)
            .map(|sample| sample.label(label))
            .collect();
        if !of_series.is_empty() && !of_series.contains(&facts.place.namespace.as_str()) {
            let saw = format!(
                "the rule asks for {label}=\"{}\", the HPA's namespace, and the series have {label} {} (that of what is scraped): the answer is empty",
                facts.place.namespace,
                words::list(of_series.iter().map(|value| if value.is_empty() { "none" } else { *value }))
            );
            let fix = Fix::yaml(
                "do not ask for the HPA's namespace; then restart the adapter",
                "resources:\n  namespaced: false",
            );
            pen.fail("rule-namespace", saw, how, fix);
            sound = false;
        }
    }
    if rule.has_constant_fallback() {
        let saw = "the rule ends in `or vector(0)`: while the broker cannot be scraped it says 0, and the autoscaler scales in during the outage";
        pen.warn(
            "rule-fallback",
            saw,
            how,
            Fix::yaml("answer 0 only while the broker is up", our_query(facts)),
        );
        sound = false;
    }
    if series == super::prometheus::SERIES[1] && rule.guards_by_up_alone() {
        let saw = "the rule answers 0 while `up` is 1, which an exporter stays when its broker is down: the autoscaler scales in during the outage";
        let fix = Fix::yaml("guard by what the exporter says of the broker", our_query(facts));
        pen.warn("rule-guard", saw, how, fix);
        sound = false;
    }
    if series.ends_with("_ready") {
        let saw = "the rule counts ready messages only: it says 0 while the last job is in work, and with minReplicas 0 its worker is taken away";
        let total = series.trim_end_matches("_ready");
        pen.warn(
            "rule-ready",
            saw,
            how,
            Fix::yaml(
                "count all messages",
                format!("seriesQuery: '{{__name__=\"{total}\",namespace!=\"\",queue!=\"\"}}'"),
            ),
        );
        sound = false;
    }
    sound
}
