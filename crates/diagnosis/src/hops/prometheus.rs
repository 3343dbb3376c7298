//! Prometheus: it answers, scrapes the broker, and has the queue's series.

mod monitors;
mod relabelings;
mod selection;
mod series;
mod targets;

use serde_json::json;
use text::command::Command;

use crate::facts::{Facts, Outcome};
use crate::finding::{Fix, ReportWriter};
use crate::{chain, drill, fixes, fmt, messages};

pub(crate) fn examine(facts: &Facts, writer: &mut ReportWriter<'_>) {
    let answers = answers(facts, writer);
    monitors::examine(facts, writer, answers);
    selection::rejected_rules(facts, writer);
    if answers {
        series::examine(facts, writer);
    }
}

/// Returns whether Prometheus answers.
fn answers(facts: &Facts, writer: &mut ReportWriter<'_>) -> bool {
    let prometheus = &facts.prometheus;
    let command = prometheus.pools.command.as_ref();
    let services = match writer.require("prometheus", &prometheus.services) {
        Ok(Some(services)) if !services.is_empty() => services,
        Ok(_) => {
            missing(facts, writer);
            return false;
        }
        Err(()) => return false,
    };
    match &prometheus.pools.outcome {
        Outcome::Value(pools) => {
            let at: Vec<String> = services.iter().map(ToString::to_string).collect();
            let at = fmt::list(at.iter().map(String::as_str));
            let pools = fmt::count(pools.len(), "scrape pool", "scrape pools");
            writer.ok("prometheus", messages::prometheus_answers(at, pools), command);
            true
        }
        Outcome::Failed(error) => {
            let detail = if is_drill(facts) { messages::stopped_by_drill(error) } else { error.clone() };
            writer.fail("prometheus", detail, command, start(facts));
            false
        }
        _ => {
            let _written = writer.require("prometheus", &prometheus.pools);
            false
        }
    }
}

fn missing(facts: &Facts, writer: &mut ReportWriter<'_>) {
    if chain::is_keda(facts) {
        return writer.not_applicable("prometheus", messages::no_prometheus_for_keda());
    }
    let command = fixes::doctor(facts).flag("--prometheus", "NAMESPACE/SERVICE:PORT");
    let fix = Fix::command(messages::fix_name_prometheus(), command);
    let command = facts.prometheus.services.command.as_ref();
    writer.fail("prometheus", messages::no_prometheus(), command, fix);
}

fn namespace(facts: &Facts) -> &str {
    facts.prometheus.services.all().first().map_or("", |at| at.namespace.as_str())
}

/// Returns whether a drill of the dashboard scaled Prometheus to 0.
fn is_drill(facts: &Facts) -> bool {
    let sets = facts.prometheus.stateful_sets.all().iter();
    let resources = facts.prometheus.resources.all().iter();
    sets.filter(|set| set.spec.as_ref().is_some_and(|spec| spec.replicas == Some(0)))
        .map(|set| &set.metadata)
        .chain(
            resources
                .filter(|resource| {
                    resource.namespace() == namespace(facts) && resource.spec.replicas == Some(0)
                })
                .map(|resource| &resource.metadata),
        )
        .any(drill::stopped)
}

/// Starting a Prometheus that does not answer.
fn start(facts: &Facts) -> Fix {
    let namespace = namespace(facts);
    let stopped = facts.prometheus.stateful_sets.all().iter().find(|set| {
        set.spec.as_ref().is_some_and(|spec| spec.replicas == Some(0))
            && set.metadata.name.as_deref().is_some_and(|name| name.starts_with("prometheus"))
    });
    let Some(set) = stopped else {
        return Fix::command(messages::fix_prometheus_pods(), fixes::get("pods", namespace));
    };
    let mut owners = set.metadata.owner_references.iter().flatten();
    let (what, command): (String, Command) = match owners.find(|owner| owner.kind == "Prometheus") {
        Some(owner) => {
            let change = json!({"spec": {"replicas": 1}});
            let patch = fixes::merge_patch("prometheus", &owner.name, namespace, &change);
            (messages::fix_start_by_operator(), patch)
        }
        None => {
            let name = set.metadata.name.as_deref().unwrap_or_default();
            (messages::fix_start(), fixes::scale_to_one("statefulset", name, namespace))
        }
    };
    Fix::command(fixes::after_drill(is_drill(facts), what), command)
}
