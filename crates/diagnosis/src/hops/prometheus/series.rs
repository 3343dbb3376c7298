//! The series of a metric in Prometheus: present with the asked labels, fresh, equal to the endpoint's, and counted once.

use std::collections::{BTreeMap, BTreeSet};

use promfmt::adapter::edit;
use promfmt::matcher::{self, Matcher, Operator};
use promfmt::query::Role;
use serde_json::json;
use text::duration::{seconds, span};

use super::relabelings;
use crate::chain::{self, Chain, Made};
use crate::facts::{Facts, Sample};
use crate::finding::{Fix, ReportWriter};
use crate::readings::{self, Source};
use crate::{fixes, fmt, messages, scrape, select};

pub(crate) fn examine(facts: &Facts, writer: &mut ReportWriter<'_>) {
    exporters(facts, writer);
    chain::each(facts, writer, |chain, writer| metric(facts, writer, chain));
}

/// Reports exporters of the namespace that cannot read the broker.
fn exporters(facts: &Facts, writer: &mut ReportWriter<'_>) {
    let fact = &facts.prometheus.exporter_up;
    // A series without a namespace may belong to any.
    let is_local = |sample: &&Sample| {
        sample.label("namespace").is_empty() || sample.label("namespace") == facts.subject.namespace
    };
    let is_needed = chain::all(facts).iter().any(|chain| scrape::is_needed(facts, chain, true));
    for up in fact.all().iter().filter(is_local).filter(|sample| sample.value == 0.0) {
        let service = if up.label("service").is_empty() { up.label("job") } else { up.label("service") };
        let detail = messages::exporter_series_down(service);
        let fix = fixes::exporter_log(facts, service);
        if is_needed {
            writer.fail("exporter-broker", detail, fact.command.as_ref(), fix);
        } else {
            let detail = messages::not_needed(detail);
            writer.warn("exporter-broker", detail, fact.command.as_ref(), fix);
        }
    }
}

fn metric(facts: &Facts, writer: &mut ReportWriter<'_>, chain: &Chain<'_>) {
    let fact = &chain.observed.series;
    if chain.rule.is_none() && !chain.is_queue() {
        return writer.not_applicable("series", messages::series_unknown(&chain.metric.name));
    }
    let Ok(Some(all)) = writer.require("series", fact) else { return };
    if chain::is_keda(facts) {
        let detail = messages::no_series_for_keda();
        return match all.is_empty() {
            true => writer.not_applicable("series", detail),
            false => writer.ok("series", detail, fact.command.as_ref()),
        };
    }
    let own = own_matchers(chain);
    // The API hop reports a rule that asks for another namespace than the series have.
    let of_selector: Vec<&Sample> =
        all.iter().filter(|sample| matcher::accept(own.iter().copied(), &sample.labels)).collect();
    let is_whole = !chain.counted_series().is_empty()
        && readings::gap_before(facts, chain, Source::Prometheus).is_none();
    if !is_whole && relabelings::examine(facts, writer, chain) {
        return;
    }
    if all.is_empty() {
        return missing(facts, writer, chain);
    }
    if of_selector.is_empty() {
        return selector_misses(facts, writer, chain, &own);
    }
    value(facts, writer, chain, &of_selector);
    if !chain.is_queue() {
        return;
    }
    let is_explained = namespaces(facts, writer, chain) | counted_once(facts, writer, chain);
    if !is_explained && let Some(gap) = readings::gap_before(facts, chain, Source::Prometheus) {
        let detail = messages::series_differ(gap.behind, gap.before);
        let show = fact.command.clone().unwrap_or_else(|| fixes::doctor(facts));
        let fix = Fix::command(messages::fix_series_differ(), show);
        writer.fail("series-value", detail, fact.command.as_ref(), fix);
    }
}

/// The matchers of the HPA's selector, without the one of its namespace.
fn own_matchers<'c>(chain: &'c Chain<'_>) -> Vec<&'c Matcher> {
    let selector = promfmt::adapter::label_matchers(&chain.metric.selector).unwrap_or_default();
    chain.asked.iter().filter(|matcher| selector.contains(matcher)).collect()
}

/// The newest value of the series, with its age.
fn value(facts: &Facts, writer: &mut ReportWriter<'_>, chain: &Chain<'_>, of_selector: &[&Sample]) {
    let counted = chain.counted_series();
    let shown = if counted.is_empty() { of_selector } else { &counted };
    let Some(first) = shown.first() else { return };
    let age = chain.observed.newest_sample_age.get().copied().flatten();
    let labels: Vec<String> = ["namespace", &chain.vhost_label, "job"]
        .into_iter()
        .filter(|label| !first.label(label).is_empty())
        .map(|label| format!("{label}={}", first.label(label)))
        .collect();
    let subject = match (chain.is_queue(), chain.queues.as_slice()) {
        (false, _) => messages::all_series(),
        (true, [queue]) => messages::one_queue(queue),
        (true, _) => messages::all_queues(),
    };
    let mut values: Vec<String> = shown.iter().take(5).map(|sample| sample.value.to_string()).collect();
    if shown.len() > 5 {
        values.push("…".to_owned());
    }
    let detail = messages::series_value(
        first.label("__name__"),
        subject,
        values.join(" + "),
        labels.join(", "),
        age.map(|age| messages::series_age(seconds(age))).unwrap_or_default(),
    );
    let command = chain.observed.series.command.as_ref();
    match scrape::interval_if_stale(facts, chain) {
        Some(interval) => {
            let report = fixes::doctor(facts).flag("--output", "json");
            let fix = Fix::command(messages::fix_series_stale(), report);
            writer.fail("series", messages::series_stale(detail, span(interval)), command, fix);
        }
        None => writer.ok("series", detail, command),
    }
}

/// Prometheus has no series at all of the rule.
fn missing(facts: &Facts, writer: &mut ReportWriter<'_>, chain: &Chain<'_>) {
    let command = chain.observed.series.command.as_ref();
    let namespace = &facts.subject.namespace;
    let targets = facts.prometheus.targets.get();
    let name = chain.rule.as_ref().map(|made| made.series.as_str());
    let detail = match name.filter(|_| !chain.is_queue()) {
        Some(name) => messages::no_series_named(name),
        None => messages::no_series(),
    };
    let is_up = targets.is_some_and(|all| all.active_targets.iter().any(|target| target.health == "up"));
    let fix = if is_up && chain.is_queue() {
        let monitors = fixes::get("servicemonitor", namespace).flag("-o", "yaml");
        Fix::command(messages::fix_monitor_paths(), monitors)
    } else {
        let monitors = fixes::get("servicemonitor,service", namespace).arg("--show-labels");
        Fix::command(messages::fix_monitor_targets(), monitors)
    };
    writer.fail("series", detail, command, fix);
}

/// No series has all labels of the HPA's selector. The query then matches nothing, and the guard of a rule returns a constant 0.
fn selector_misses(facts: &Facts, writer: &mut ReportWriter<'_>, chain: &Chain<'_>, own: &[&Matcher]) {
    let command = chain.observed.series.command.as_ref();
    let all = chain.observed.series.all();
    let accepted = |matcher: &Matcher| all.iter().any(|sample| matcher.accepts_labels(&sample.labels));
    // A label that no series satisfies; or else one that no series of the queue satisfies.
    let of_queue: Vec<&Sample> = all
        .iter()
        .filter(|sample| {
            own.iter()
                .filter(|matcher| chain.queue_label.as_deref() == Some(&matcher.label))
                .all(|matcher| matcher.accepts_labels(&sample.labels))
        })
        .collect();
    let missed = own.iter().find(|matcher| !accepted(matcher)).or_else(|| {
        own.iter().find(|matcher| !of_queue.iter().any(|sample| matcher.accepts_labels(&sample.labels)))
    });
    let Some(missed) = missed else { return };
    let (label, value) = (missed.label.as_str(), missed.value.as_str());
    let values: BTreeSet<&str> =
        all.iter().map(|sample| sample.label(label)).filter(|value| !value.is_empty()).collect();
    if chain.queue_label.as_deref() == Some(label) && !values.is_empty() {
        let detail = messages::no_series_of_queue(value, fmt::list(values.iter().copied()));
        let meant = fmt::nearest(value, values.iter().copied()).or_else(|| values.iter().next().copied());
        let others = messages::or_choose(candidates(chain, label));
        let fix = match meant {
            Some(meant) => fixes::selector::set_queue(facts, &chain.metric, label, meant, &others),
            None => fixes::look_again(facts),
        };
        return writer.fail("series", detail, command, fix);
    }
    // Another label may have the asked value.
    let renamed: BTreeSet<&str> = all
        .iter()
        .flat_map(|sample| &sample.labels)
        .filter(|(name, value)| *name != label && *name != "__name__" && missed.accepts(value))
        .map(|(name, _)| name.as_str())
        .collect();
    let has_own = chain.queue_label.as_deref().filter(|label| renamed.contains(label));
    let is_value = !matches!(missed.operator, Operator::NotEqual | Operator::MatchesNot) && !value.is_empty();
    if let Some(to) = has_own.or_else(|| renamed.iter().next().copied()).filter(|_| is_value) {
        let detail = messages::selector_label_named(label, value, to);
        let fix = fixes::selector::rename_label(facts, &chain.metric, label, to);
        return writer.fail("selector", detail, command, fix);
    }
    let detail = messages::selector_matches_no_series(label, value);
    // Without the label, the others must still ask for the same queue.
    let rest: Vec<&Matcher> = own.iter().filter(|matcher| matcher.label != label).copied().collect();
    let left: BTreeSet<&str> = all
        .iter()
        .filter(|sample| matcher::accept(rest.iter().copied(), &sample.labels))
        .map(|sample| chain.queue_of(sample))
        .collect();
    let seen: BTreeSet<&str> =
        of_queue.iter().map(|sample| sample.label(label)).filter(|value| !value.is_empty()).collect();
    let others = candidates(chain, label);
    let fix = match seen.first().filter(|value| select::is_label_value(value)) {
        Some(first) => {
            let others = if seen.len() > 1 { messages::or_choose(others) } else { String::new() };
            let what = messages::fix_label_value(label, first, others);
            fixes::selector::set_value(facts, &chain.metric, label, first, &what)
        }
        None if left.len() <= 1 => {
            fixes::selector::remove_label(facts, &chain.metric, label, &messages::fix_remove_label())
        }
        None => {
            let queue = left.first().copied().unwrap_or_default();
            let queue_label = chain.queue_label.as_deref().unwrap_or(chain::QUEUE);
            let others = messages::or_choose(candidates(chain, queue_label));
            fixes::selector::set_queue(facts, &chain.metric, queue_label, queue, &others)
        }
    };
    writer.fail("selector", detail, command, fix);
}

/// The values of a label in the stored series, each with its number.
fn candidates(chain: &Chain<'_>, label: &str) -> String {
    let mut values: BTreeMap<&str, f64> = BTreeMap::new();
    for sample in chain.observed.series.all() {
        let value = values.entry(sample.label(label)).or_default();
        *value = value.max(sample.value);
    }
    let shown = values.into_iter().filter(|(value, _)| !value.is_empty());
    shown.take(8).map(|(value, number)| messages::candidate(value, number)).collect::<Vec<_>>().join(", ")
}

/// Reports series of several namespaces that a rule adds up. Returns whether it does.
fn namespaces(facts: &Facts, writer: &mut ReportWriter<'_>, chain: &Chain<'_>) -> bool {
    const LABEL: &str = "namespace";
    let Some(made) = &chain.rule else { return false };
    let counted = chain.counted_series();
    let names: BTreeSet<&str> = counted.iter().map(|sample| sample.label(LABEL)).collect();
    let own = facts.subject.namespace.as_str();
    if names.len() < 2 || !names.contains(own) {
        return false;
    }
    let detail = messages::series_of_namespaces(fmt::list(names.iter().copied()));
    let resources = json!({"overrides": {LABEL: {"resource": "namespace"}}});
    let query = fixes::rules::changed_query(made, |mut parts| {
        if !parts.iter().any(|part| part == fixes::rules::LABEL_MATCHERS) {
            parts.insert(0, fixes::rules::LABEL_MATCHERS.to_owned());
        }
        parts
    });
    let what = messages::fix_namespaced();
    let fix = fixes::rules::set_field(facts, made, "resources", resources, query.as_deref(), &what);
    writer.fail("series-namespace", detail, chain.observed.series.command.as_ref(), fix);
    true
}

/// Reports series of one queue that a rule adds up: several virtual hosts, or several targets. Returns whether it does.
fn counted_once(facts: &Facts, writer: &mut ReportWriter<'_>, chain: &Chain<'_>) -> bool {
    let command = chain.observed.series.command.as_ref();
    let counted = chain.counted_series();
    let Some(first) = counted.first() else { return false };
    let name = first.label("__name__");
    let asks_vhost = chain.asked.iter().any(|matcher| matcher.label == chain.vhost_label);
    let mut vhosts: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for sample in &counted {
        vhosts.entry(chain.queue_of(sample)).or_default().insert(chain.vhost_of(sample));
    }
    let several = vhosts.values().find(|vhosts| vhosts.len() > 1 && !asks_vhost && !chain.queues.is_empty());
    if let Some(several) = several {
        let numbers = candidates_of(&counted, &chain.vhost_label);
        let detail = messages::series_of_vhosts(name, &numbers);
        let vhost = several.first().copied().unwrap_or_default();
        let fix = match &chain.rule {
            Some(made) => {
                let query = fixes::rules::pinned(made, &chain.vhost_label, vhost);
                let what = messages::fix_pin_vhost(vhost, numbers);
                fixes::rules::set_query(facts, made, query.as_deref(), &what)
            }
            None => fixes::look_again(facts),
        };
        writer.warn("series-vhost", detail, command, fix);
        return true;
    }
    let mut targets: BTreeMap<BTreeMap<&str, &str>, BTreeSet<(&str, &str)>> = BTreeMap::new();
    for sample in &counted {
        targets
            .entry(chain::identity(sample))
            .or_default()
            .insert((sample.label("job"), sample.label("instance")));
    }
    let twice = targets.values().find(|targets| targets.len() > 1);
    let Some(twice) = twice else {
        writer.ok("counted-once", messages::series_of_one_job(name), command);
        return false;
    };
    let jobs = fmt::list(twice.iter().map(|(job, _)| *job));
    let detail = messages::series_of_jobs(name, twice.len(), jobs);
    let Some(made) = &chain.rule else {
        writer.ok("counted-once", detail, command);
        return false;
    };
    let adds = chain.query().is_none_or(|query| {
        let picks = query.measured().filter(|selector| chain::selects(selector, &first.labels));
        picks.into_iter().any(|selector| selector.role == Role::Added)
    });
    if !adds {
        writer.ok("counted-once", messages::series_of_jobs_selected(detail), command);
        return false;
    }
    let detail = messages::series_of_jobs_added(detail, twice.len());
    let query = once(chain, made, first);
    let fix = fixes::rules::set_query(facts, made, query.as_deref(), &messages::fix_count_once());
    writer.fail("counted-once", detail, command, fix);
    true
}

/// The rule's query with the largest of the samples of a queue, in place of all.
fn once(chain: &Chain<'_>, made: &Made, sample: &Sample) -> Option<String> {
    let query = made.query.as_ref().ok()?;
    let text = &made.rule.metrics_query;
    if edit::count_selectors(text) != query.selectors.len() || query.computes {
        return None;
    }
    let labels: Vec<&str> = ["namespace", &chain.vhost_label, chain.queue_label.as_deref()?]
        .into_iter()
        .filter(|label| !sample.label(label).is_empty())
        .collect();
    let before = format!("max by ({}) (", labels.join(", "));
    Some(edit::wrap_selectors(text, |index| {
        (query.selectors[index].role == Role::Added).then(|| (before.clone(), ")".to_owned()))
    }))
}

/// The values of a label in series, each with its number.
fn candidates_of(series: &[&Sample], label: &str) -> String {
    let mut values: BTreeMap<&str, f64> = BTreeMap::new();
    for sample in series {
        let value = values.entry(sample.label(label)).or_default();
        *value = value.max(sample.value);
    }
    values
        .into_iter()
        .map(|(value, number)| messages::candidate(value, number))
        .collect::<Vec<_>>()
        .join(", ")
}
