//! The adapter's rules: one for the metric, and a sound one.

mod matchers;

use promfmt::adapter::Rule;
use serde_json::{Value, json};

use crate::chain::{self, Chain, Made};
use crate::facts::Facts;
use crate::finding::{Fix, ReportWriter};
use crate::readings::{self, Source};
use crate::rule::{self, SERIES};
use crate::{fixes, fmt, messages};

pub(crate) fn examine(facts: &Facts, writer: &mut ReportWriter<'_>) {
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
            let fix = if error == messages::rules_misplaced() {
                fixes::rules::move_rules(facts)
            } else {
                fixes::rules::edit_by_hand(facts, &messages::fix_edit_rejected())
            };
            return writer.fail("rule", messages::rules_invalid(config_map, error), command, fix);
        }
    };
    chain::each(facts, writer, |chain, writer| {
        let Some(made) = &chain.rule else { return missing(facts, writer, chain, &rules) };
        if !is_made_once(facts, writer, chain, &rules) {
            return;
        }
        let is_sound = is_sound(facts, writer, chain, made);
        // A warning about the guard does not explain a wrong number.
        let is_right = matchers::examine(facts, writer, chain, made) && is_right(facts, writer, chain, made);
        if is_sound && is_right {
            let detail = messages::rule_good(config_map, &chain.metric.name, &made.series);
            writer.ok("rule", detail, command);
        }
    });
}

/// No rule makes the metric.
fn missing(facts: &Facts, writer: &mut ReportWriter<'_>, chain: &Chain<'_>, rules: &[Rule]) {
    let (command, config_map) = (facts.api.rules.command.as_ref(), &facts.api.rules_config_map);
    let name = &chain.metric.name;
    if let Some((index, series)) = rule::excluded(rules, name) {
        let fix = fixes::rules::remove_field(facts, index, "seriesFilters", &messages::fix_series_filters());
        let detail = messages::rule_filters(config_map, series, name);
        return writer.fail("rule-filter", detail, command, fix);
    }
    let count = fmt::count(rules.len(), "rule", "rules");
    let mut detail = messages::rule_missing(config_map, count, name);
    let others =
        facts.autoscaler.get().and_then(|hpa| hpa.spec.as_ref()?.metrics.as_ref()).map_or(0, Vec::len);
    if others > 1 {
        detail = messages::others_only_up(detail);
    }
    let made: Vec<String> = rules
        .iter()
        .filter_map(|rule| rule.metric_name(rule.fixed_series()?))
        .filter(|made| made != name)
        .collect();
    let fix = if let Some(meant) = fmt::nearest(name, made.iter().map(String::as_str)) {
        fixes::selector::rename_metric(facts, &chain.metric, meant)
    } else if let Some(fix) = fixes::rules::add_rule(facts, chain).filter(|_| chain.metric.queue.is_some()) {
        fix
    } else if others > 1 {
        fixes::selector::remove_metric(facts, &chain.metric, &messages::fix_remove_metric(name))
    } else if let Some(fix) = fixes::rules::add_rule(facts, chain) {
        fix
    } else {
        fixes::rules::edit_by_hand(facts, &messages::fix_write_rule(name))
    };
    writer.fail("rule", detail, command, fix);
}

/// Reports a second rule that makes the metric from other series. Returns whether there is none.
fn is_made_once(facts: &Facts, writer: &mut ReportWriter<'_>, chain: &Chain<'_>, rules: &[Rule]) -> bool {
    let name = &chain.metric.name;
    let made = rule::rules_for(rules, name);
    let Some((first, one)) = made.first() else { return true };
    let Some((_, other)) = made.iter().find(|(_, other)| other != one) else { return true };
    // The rule without series goes, or else the first, which the adapter passes over.
    let has_series =
        |series: &str| chain.observed.series.all().iter().any(|sample| sample.label("__name__") == series);
    let gone = made.iter().find(|(_, series)| !has_series(series)).map_or(*first, |(rule, _)| *rule);
    let index = rules.iter().position(|rule| std::ptr::eq(rule, gone)).unwrap_or_default();
    let fix = fixes::rules::remove_rule(facts, index, &messages::fix_keep_one_rule());
    let detail = messages::rule_twice(name, one, other);
    writer.fail("rule-twice", detail, facts.api.rules.command.as_ref(), fix);
    false
}

/// Reports the faults of a rule. Returns whether it has none.
fn is_sound(facts: &Facts, writer: &mut ReportWriter<'_>, chain: &Chain<'_>, made: &Made) -> bool {
    let command = facts.api.rules.command.as_ref();
    let before = writer.findings.len();
    let Made { rule, series, .. } = made;
    match rule.namespace_label() {
        Err(_) => {
            let resources = json!({"overrides": {"namespace": {"resource": "namespace"}}});
            let what = messages::fix_namespace_label();
            let fix = fixes::rules::set_field(facts, made, "resources", resources, None, &what);
            writer.fail("rule-namespace", messages::rule_without_namespace_label(), command, fix);
        }
        Ok(Some(label)) => namespace_matches(facts, writer, chain, made, &label),
        Ok(None) => {}
    }
    if rule::has_constant_fallback(rule) {
        let query =
            rule::without_constant_fallback(rule).map(|measured| match fixes::rules::guard(facts, chain) {
                Some(guard) => format!("{measured} or {guard}"),
                None => measured,
            });
        let fix = fixes::rules::set_query(facts, made, query.as_deref(), &messages::fix_guard());
        writer.warn("rule-fallback", messages::rule_constant_fallback(), command, fix);
    }
    if series == SERIES[1] && rule::guards_by_up_alone(rule) && has_exporter_up(facts) {
        let query = rule
            .metrics_query
            .rsplit_once(" or ")
            .and_then(|(measured, _)| Some(format!("{measured} or {}", fixes::rules::guard(facts, chain)?)));
        let fix = fixes::rules::set_query(facts, made, query.as_deref(), &messages::fix_exporter_guard());
        writer.warn("rule-guard", messages::rule_guard(), command, fix);
    }
    if let Some(total) = series.strip_suffix("_ready").filter(|_| chain.is_queue()) {
        let fix = fixes::rules::rename_series(facts, made, series, total, &messages::fix_count_all());
        writer.warn("rule-ready", messages::rule_ready_only(), command, fix);
    }
    writer.findings.len() == before
}

/// Returns whether an exporter may be the source: Prometheus or an endpoint has its series, or neither can be asked.
fn has_exporter_up(facts: &Facts) -> bool {
    !facts.prometheus.exporter_up.all().is_empty()
        || crate::scrape::has_exporter(facts)
        || facts.broker.endpoints.iter().all(|endpoint| endpoint.samples.all().is_empty())
        || facts.prometheus.exporter_up.get().is_some()
}

/// Reports a rule that filters by the HPA's namespace while all its series have others: those of the scraped pods.
fn namespace_matches(
    facts: &Facts,
    writer: &mut ReportWriter<'_>,
    chain: &Chain<'_>,
    made: &Made,
    label: &str,
) {
    let all = chain.observed.series.all().iter();
    let of_series = all.filter(|sample| sample.label("__name__") == made.series);
    let is_asked = |sample: &&crate::facts::Sample| {
        chain.asked.iter().filter(|matcher| matcher.label != label).all(|m| m.accepts_labels(&sample.labels))
    };
    let namespaces: Vec<&str> = of_series.filter(is_asked).map(|sample| sample.label(label)).collect();
    let own = facts.subject.namespace.as_str();
    if namespaces.is_empty() || namespaces.contains(&own) {
        return;
    }
    let none = messages::no_label();
    let shown = namespaces.iter().map(|value| if value.is_empty() { none.as_str() } else { value });
    let detail = messages::rule_namespace_mismatch(label, own, fmt::list(shown));
    // The namespace of the series takes the place of the HPA's, in the guard too.
    let seen = namespaces.iter().copied().filter(|value| !value.is_empty()).min();
    let query = seen.and_then(|seen| {
        let query = fixes::rules::pinned(made, label, seen)?;
        Some(query.replace(&format!(r#"<<index .LabelValuesByName "{label}">>"#), seen))
    });
    let what = match seen {
        Some(seen) => messages::fix_other_namespace(seen, fmt::list(namespaces.iter().copied())),
        None => messages::fix_not_namespaced(),
    };
    let resources: Value = json!({"namespaced": false});
    let fix: Fix = fixes::rules::set_field(facts, made, "resources", resources, query.as_deref(), &what);
    writer.fail("rule-namespace", detail, facts.api.rules.command.as_ref(), fix);
}

/// Reports a query whose result differs from the series that it measures. Returns whether it does not.
fn is_right(facts: &Facts, writer: &mut ReportWriter<'_>, chain: &Chain<'_>, made: &Made) -> bool {
    if let Err(error) = &made.query {
        writer.not_applicable("rule-query", messages::rule_unread(error));
        return true;
    }
    let Some(gap) = readings::gap_before(facts, chain, Source::Query) else { return true };
    // An earlier finding explains it.
    let is_known = writer.findings.iter().any(|finding| {
        finding.metric == writer.metric
            && matches!(
                finding.check.as_ref(),
                "counted-once" | "series-vhost" | "series-namespace" | "relabeling" | "rule-namespace"
            )
            && finding.verdict != crate::Verdict::Ok
    });
    if is_known {
        return true;
    }
    let detail = messages::rule_result_differs(gap.behind, gap.before);
    let query = promfmt::adapter::edit::count_selectors(&made.rule.metrics_query);
    let plain = (query > 0).then(|| fixes::rules::plain_query(facts, chain)).flatten();
    let fix = fixes::rules::set_query(facts, made, plain.as_deref(), &messages::fix_plain_query());
    writer.fail("rule-value", detail, facts.api.rules.command.as_ref(), fix);
    false
}
