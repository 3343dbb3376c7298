//! KEDA's operator and ScaledObjects, by their own status.

mod authentication;
pub(crate) mod pause;
mod trigger;

use observed::keda::made_from as owner_of;

use crate::chain;
use crate::facts::{Facts, ScaledObject};
use crate::finding::{Fix, ReportWriter};
use crate::fixes::keda::{self as fix, Operator};
use crate::scaled_object::{self, awaits_finalizer, concerns_hpa, name};
use crate::{fixes, fmt, messages};

const CHECK: &str = "scaled-object";

/// Checks the operator, the authentications and the ScaledObjects: causes before consequences.
pub(crate) fn examine(facts: &Facts, writer: &mut ReportWriter<'_>) {
    let fact = &facts.keda.scaled_objects;
    if chain::is_keda(facts) {
        operator(facts, writer);
        if writer.require(CHECK, fact).is_err() {
            return;
        }
    }
    authentication::examine(facts, writer);
    for object in fact.all() {
        scaled_object(facts, writer, object);
    }
    orphaned_hpa(facts, writer);
}

fn operator(facts: &Facts, writer: &mut ReportWriter<'_>) {
    const CHECK: &str = "keda-operator";
    let (command, namespace) = (facts.keda.operator.command.as_ref(), fix::namespace(facts));
    match fix::operator(facts) {
        Operator::Ready => writer.ok(CHECK, messages::keda_operator_ready(namespace), command),
        Operator::Stopped => {
            let fix = fix::start_operator(facts);
            writer.fail(CHECK, messages::keda_operator_stopped(namespace), command, fix);
        }
        Operator::Unready => {
            let fix = fix::operator_log(facts, &messages::fix_read_log());
            writer.fail(CHECK, messages::keda_operator_unready(namespace), command, fix);
        }
        // An installation of another origin may name it otherwise.
        Operator::Missing => writer.not_applicable(CHECK, messages::keda_operator_missing(namespace)),
        Operator::Unknown => {
            let _written = writer.require(CHECK, &facts.keda.operator);
        }
    }
}

fn scaled_object(facts: &Facts, writer: &mut ReportWriter<'_>, object: &ScaledObject) {
    let command = facts.keda.scaled_objects.command.as_ref();
    let name = name(object);
    let fail = |writer: &mut ReportWriter<'_>, detail: String, fix: Fix| {
        if concerns_hpa(facts, object) {
            writer.fail(CHECK, detail, command, fix);
        } else {
            writer.warn(CHECK, messages::not_the_hpas(detail), command, fix);
        }
    };
    let log = || fix::operator_log(facts, &messages::fix_keda_log());
    if awaits_finalizer(&object.metadata) {
        let fix = fix::release(facts, &[("scaledobject", name.to_owned())]);
        return fail(writer, messages::awaits_finalizer("ScaledObject", name), fix);
    }
    // A pause comes first in the report, and the rest of the object is as the pause leaves it.
    if scaled_object::is_held(object) {
        return;
    }
    let condition = |kind: &str| object.status.conditions.iter().find(|condition| condition.r#type == kind);
    let ready = condition("Ready");
    match ready.map_or("", |condition| condition.status.as_str()) {
        "False" => {
            let message = ready.map_or("", |condition| condition.message.as_str());
            // A setting that KEDA refuses is the cause.
            trigger::settings(facts, writer, object);
            return fail(writer, messages::scaled_object_unready(name, message), log());
        }
        "True" => writer.ok(CHECK, messages::scaled_object_ready(name), command),
        // KEDA writes Unknown while only some of the triggers fail.
        "Unknown" if ready.is_some_and(|condition| condition.reason == "PartialTriggerError") => {
            let message = ready.map_or("", |condition| condition.message.as_str());
            writer.warn(CHECK, messages::scaled_object_partly(name, message), command, log());
        }
        _ => return writer.warn(CHECK, messages::scaled_object_new(name), command, log()),
    }
    if scaled_object::condition(object, "Fallback") == Some("True") {
        let detail = fallback(object);
        writer.warn("scaled-object-fallback", detail, command, log());
    }
    trigger::examine(facts, writer, object);
}

/// The replicas that KEDA asks for while a trigger fails, and the failures of each metric.
fn fallback(object: &ScaledObject) -> String {
    let failing = object.status.health.iter().filter(|(_, health)| health.status == "Failing");
    let failing: Vec<String> = failing
        .map(|(metric, health)| messages::metric_failures(metric, health.number_of_failures.unwrap_or(0)))
        .collect();
    let metrics = fmt::list(failing.iter().map(String::as_str));
    match &object.spec.fallback {
        Some(fallback) => {
            let behavior = fallback.behavior.as_deref().unwrap_or("static");
            let threshold = fallback.failure_threshold;
            messages::scaled_object_fallback(name(object), fallback.replicas, behavior, threshold, metrics)
        }
        None => messages::scaled_object_fallback_unknown(name(object), metrics),
    }
}

/// Reports an HPA whose ScaledObject does not exist.
fn orphaned_hpa(facts: &Facts, writer: &mut ReportWriter<'_>) {
    let fact = &facts.keda.scaled_objects;
    let Some(objects) = fact.get() else { return };
    let Some(owner) = facts.autoscaler.get().and_then(|hpa| owner_of(&hpa.metadata)) else { return };
    if objects.iter().any(|object| name(object) == owner) {
        return;
    }
    let hpa = &facts.subject.hpa;
    let delete = fixes::delete("hpa", hpa, &facts.subject.namespace);
    let fix = Fix::command(messages::fix_orphaned_hpa(), delete);
    writer.fail(CHECK, messages::orphaned_hpa(hpa, owner), fact.command.as_ref(), fix);
}
