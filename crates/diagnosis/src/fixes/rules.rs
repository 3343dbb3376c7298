//! Changes to the adapter's rules, as patches of the ConfigMap that holds them. The rest of a rule stays as it is.

use promfmt::adapter::edit;
use promfmt::query::Role;
use serde_json::{Value, json};
use text::command::Command;

use super::{helm_release, merge_patch, name_and_namespace, restart};
use crate::chain::{Chain, Made};
use crate::facts::Facts;
use crate::finding::Fix;
use crate::{messages, scrape};

/// The action of a rule that stands for the matchers of the HPA's request.
pub(crate) const LABEL_MATCHERS: &str = "<<.LabelMatchers>>";

/// The rule's query with other matchers in the selectors that it measures; `None` if nothing changes.
pub(crate) fn changed_query(made: &Made, change: impl Fn(Vec<String>) -> Vec<String>) -> Option<String> {
    let (query, text) = (made.query.as_ref().ok()?, &made.rule.metrics_query);
    if edit::count_selectors(text) != query.selectors.len() {
        return None;
    }
    let is_measured = |index: usize| matches!(query.selectors[index].role, Role::Added | Role::Chosen);
    let changed =
        edit::change_matchers(text, |index, parts| if is_measured(index) { change(parts) } else { parts });
    (changed != *text).then_some(changed)
}

/// The rule's query with one value for a label, in place of the matchers that it has on it.
pub(crate) fn pinned(made: &Made, label: &str, value: &str) -> Option<String> {
    let matcher = format!("{label}={}", promfmt::promql::quote(value));
    changed_query(made, |mut parts| {
        parts.retain(|part| edit::label_of(part) != Some(label));
        parts.push(matcher.clone());
        parts
    })
}

/// Pinning a label to one value in both queries of the rule; `None` if its text cannot be changed safely.
pub(crate) fn pin(facts: &Facts, made: &Made, label: &str, value: &str, what: &str) -> Option<Fix> {
    let (series, query) = (pinned_series(made, label, value), pinned(made, label, value)?);
    let at = format!("/externalRules/{}", made.index);
    let text = edit::set_text(facts.api.rules.get()?, &format!("{at}/metricsQuery"), &query)?;
    let text = edit::set_text(&text, &format!("{at}/seriesQuery"), &series)?;
    Some(write(facts, &text, &messages::fix_query(what, query)))
}

/// The rule's series query with one value for a label.
fn pinned_series(made: &Made, label: &str, value: &str) -> String {
    let matcher = format!("{label}={}", promfmt::promql::quote(value));
    edit::change_matchers(&made.rule.series_query, |_, mut parts| {
        parts.retain(|part| edit::label_of(part) != Some(label));
        parts.push(matcher.clone());
        parts
    })
}

/// Adding a copy of a rule that others use, with a label pinned to one value and the metric `name`; `None` if its text cannot be
/// changed safely.
pub(crate) fn add_pinned(
    facts: &Facts,
    made: &Made,
    (label, pin): (&str, &str),
    name: &str,
    what: &str,
) -> Option<Fix> {
    let query = pinned(made, label, pin)?;
    let mut value: Value = serde_saphyr::from_str(facts.api.rules.get()?).ok()?;
    let rules = value.get_mut("externalRules")?.as_array_mut()?;
    let mut rule = rules.get(made.index)?.clone();
    rule["seriesQuery"] = pinned_series(made, label, pin).into();
    rule["metricsQuery"] = query.clone().into();
    rule["name"] = json!({"as": name});
    rules.push(rule);
    Some(write(facts, &serde_saphyr::to_string(&value).ok()?, &messages::fix_query(what, query)))
}

/// Setting the query of the rule.
pub(crate) fn set_query(facts: &Facts, made: &Made, query: Option<&str>, what: &str) -> Fix {
    let pointer = format!("/externalRules/{}/metricsQuery", made.index);
    let text = query.and_then(|query| edit::set_text(facts.api.rules.get()?, &pointer, query));
    match query.zip(text) {
        Some((query, text)) => write(facts, &text, &messages::fix_query(what, query)),
        None => edit_by_hand(facts, what),
    }
}

/// Setting the series query of the rule.
pub(crate) fn set_series_query(facts: &Facts, made: &Made, query: &str) -> Fix {
    let pointer = format!("/externalRules/{}/seriesQuery", made.index);
    match facts.api.rules.get().and_then(|file| edit::set_text(file, &pointer, query)) {
        Some(text) => write(facts, &text, &messages::fix_series_query(query)),
        None => edit_by_hand(facts, &messages::fix_series_query(query)),
    }
}

/// Setting a field of the rule, and its query too if one is given.
pub(crate) fn set_field(
    facts: &Facts,
    made: &Made,
    field: &str,
    value: Value,
    query: Option<&str>,
    what: &str,
) -> Fix {
    let rule = format!("/externalRules/{}", made.index);
    let changed = facts.api.rules.get().and_then(|file| {
        let file = match query {
            Some(query) => edit::set_text(file, &format!("{rule}/metricsQuery"), query)?,
            None => file.clone(),
        };
        edit::set(&file, &format!("{rule}/{field}"), value)
    });
    match changed {
        Some(text) => write(facts, &text, what),
        None => edit_by_hand(facts, what),
    }
}

/// Removing the rule.
pub(crate) fn remove_rule(facts: &Facts, index: usize, what: &str) -> Fix {
    change(facts, what, |value| {
        let rules = value.get_mut("externalRules")?.as_array_mut()?;
        (index < rules.len()).then(|| rules.remove(index)).map(|_| ())
    })
}

/// Moving rules from the place of the chart's values to the adapter's own.
pub(crate) fn move_rules(facts: &Facts) -> Fix {
    change(facts, &messages::fix_move_rules(), |value| {
        let rules = value.get("rules")?;
        let field = |name: &str| rules.get(name).cloned().unwrap_or_else(|| json!([]));
        *value = json!({"rules": field("custom"), "externalRules": field("external")});
        Some(())
    })
}

/// Adding a rule for the queue of the chain, made from its series as they are; `None` if no series of the queue is known.
pub(crate) fn add_rule(facts: &Facts, chain: &Chain<'_>) -> Option<Fix> {
    let rule = rule_of_queue(facts, chain)?;
    let file = facts.api.rules.get().map_or("", String::as_str);
    let mut value: Value = serde_saphyr::from_str(file).unwrap_or_else(|_invalid| json!({}));
    if !value.is_object() {
        value = json!({});
    }
    match value.get_mut("externalRules").and_then(Value::as_array_mut) {
        Some(rules) => rules.push(rule),
        None => value["externalRules"] = json!([rule]),
    }
    let text = serde_saphyr::to_string(&value).ok()?;
    Some(write(facts, &text, &messages::fix_add_rule()))
}

/// A guard that returns 0 only while the scrape of the series works; `None` if no series is known.
pub(crate) fn guard(facts: &Facts, chain: &Chain<'_>) -> Option<String> {
    let counted = chain.counted_series();
    let sample = counted.first().copied().or_else(|| chain.observed.series.all().first())?;
    let mut matchers = Vec::new();
    let namespace =
        chain.rule.as_ref().map_or(Ok(Some("namespace".to_owned())), |made| made.rule.namespace_label());
    if let Ok(Some(label)) = namespace
        && !sample.label(&label).is_empty()
    {
        matchers.push(format!(r#"{label}="<<index .LabelValuesByName "{label}">>""#));
    }
    // An exporter's own `up` stays 1 without its broker.
    let is_exporters =
        |up: &crate::facts::Sample| up.label("job") == sample.label("job") || scrape::has_exporter(facts);
    let up = if facts.prometheus.exporter_up.all().iter().any(is_exporters) {
        scrape::EXPORTER_UP
    } else {
        matchers.insert(0, format!("job={}", promfmt::promql::quote(sample.label("job"))));
        "up"
    };
    Some(format!("0 * max({up}{{{}}} == 1)", matchers.join(",")))
}

/// A plain query for the queues of the chain, in place of one with a wrong result.
pub(crate) fn plain_query(facts: &Facts, chain: &Chain<'_>) -> Option<String> {
    rule_of_queue(facts, chain)?["metricsQuery"].as_str().map(str::to_owned)
}

/// Removing a field of a rule.
pub(crate) fn remove_field(facts: &Facts, index: usize, field: &str, what: &str) -> Fix {
    change(facts, what, |value| {
        value.get_mut("externalRules")?.get_mut(index)?.as_object_mut()?.remove(field).map(|_| ())
    })
}

/// Using another series in a rule, everywhere in its text.
pub(crate) fn rename_series(facts: &Facts, made: &Made, from: &str, to: &str, what: &str) -> Fix {
    fn rename(value: &mut Value, from: &str, to: &str) {
        match value {
            Value::String(text) => *text = text.replace(from, to),
            Value::Array(items) => items.iter_mut().for_each(|item| rename(item, from, to)),
            Value::Object(fields) => fields.values_mut().for_each(|field| rename(field, from, to)),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
    change(facts, what, |value| {
        rename(value.get_mut("externalRules")?.get_mut(made.index)?, from, to);
        Some(())
    })
}

/// Changing the file as data.
fn change(facts: &Facts, what: &str, change: impl FnOnce(&mut Value) -> Option<()>) -> Fix {
    let changed = facts.api.rules.get().and_then(|file| {
        let mut value: Value = serde_saphyr::from_str(file).ok()?;
        change(&mut value)?;
        serde_saphyr::to_string(&value).ok()
    });
    match changed {
        Some(text) => write(facts, &text, what),
        None => edit_by_hand(facts, what),
    }
}

/// A rule for the queues of a series. It counts each queue once, and returns 0 for a missing queue only while scrapes work.
fn rule_of_queue(facts: &Facts, chain: &Chain<'_>) -> Option<Value> {
    let queue_label = chain.queue_label.as_deref()?;
    let is_asked = |queue: &str| chain.queues.is_empty() || chain.queues.iter().any(|asked| asked == queue);
    let stored = chain.observed.series.all().iter();
    let sample = stored.clone().find(|sample| is_asked(chain.queue_of(sample)))?;
    let series = sample.label("__name__");
    let (vhost_label, vhost) = (&chain.vhost_label, chain.vhost_of(sample));
    let has_namespace = !sample.label("namespace").is_empty();
    let mut labels = vec![queue_label];
    let mut matchers = vec![LABEL_MATCHERS.to_owned()];
    if !vhost.is_empty() {
        labels.insert(0, vhost_label);
        matchers.push(format!("{vhost_label}={}", promfmt::promql::quote(vhost)));
    }
    if has_namespace {
        labels.insert(0, "namespace");
    }
    let guard = guard(facts, chain).map(|guard| format!(" or {guard}")).unwrap_or_default();
    let query =
        format!("sum(max by ({}) (<<.Series>>{{{}}})){guard}", labels.join(", "), matchers.join(","),);
    let namespace = if has_namespace { ",namespace!=\"\"" } else { "" };
    let resources = if has_namespace {
        json!({"overrides": {"namespace": {"resource": "namespace"}}})
    } else {
        json!({"namespaced": false})
    };
    Some(json!({
        "seriesQuery": format!("{{__name__=\"{series}\"{namespace},{queue_label}!=\"\"}}"),
        "resources": resources,
        "name": {"as": chain.metric.name},
        "metricsQuery": query,
    }))
}

/// Writing the file. The adapter reads it only at its start.
fn write(facts: &Facts, text: &str, what: &str) -> Fix {
    let (namespace, name) =
        facts.api.rules_config_map.split_once('/').unwrap_or(("", &facts.api.rules_config_map));
    let patch = merge_patch("configmap", name, namespace, &json!({"data": {&facts.api.rules_key: text}}));
    let what = match helm_release(facts) {
        Some(release) => messages::fix_in_values_too(what, release),
        None => what.to_owned(),
    };
    Fix::command(what, and_restart(facts, patch))
}

fn and_restart(facts: &Facts, command: Command) -> Command {
    match facts.api.backend.get() {
        Some(backend) => {
            let (name, namespace) = name_and_namespace(backend);
            command.and(restart("deployment", name, namespace))
        }
        None => command,
    }
}

/// Changing the ConfigMap in an editor, where the text of the rule cannot be changed safely.
pub(crate) fn edit_by_hand(facts: &Facts, what: &str) -> Fix {
    let (namespace, name) =
        facts.api.rules_config_map.split_once('/').unwrap_or(("", &facts.api.rules_config_map));
    Fix::command(what, and_restart(facts, super::edit("configmap", name, namespace)))
}
