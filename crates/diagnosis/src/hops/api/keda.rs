//! KEDA's operator and ScaledObjects, by their own status.

mod authentication;
mod trigger;

use observed::keda::made_from as owner_of;

use crate::chain;
use crate::facts::{Facts, ScaledObject, Trigger};
use crate::finding::{Fix, ReportWriter};
use crate::fixes::keda::{self as fix, Operator};
use crate::scaled_object::{awaits_finalizer, concerns_hpa, name};
use crate::{fixes, messages};

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
    let mut fail = |detail: String, fix: Fix| {
        if concerns_hpa(facts, object) {
            writer.fail(CHECK, detail, command, fix);
        } else {
            writer.warn(CHECK, messages::not_the_hpas(detail), command, fix);
        }
    };
    let log = || fix::operator_log(facts, &messages::fix_keda_log());
    if awaits_finalizer(&object.metadata) {
        let fix = fix::release(facts, &[("scaledobject", name.to_owned())]);
        return fail(messages::awaits_finalizer("ScaledObject", name), fix);
    }
    let condition = |kind: &str| object.status.conditions.iter().find(|condition| condition.r#type == kind);
    let is_true = |kind: &str| condition(kind).filter(|condition| condition.status == "True");
    if is_true("Paused").is_some() {
        let annotate = text::command::Command::kubectl(["annotate"])
            .object("scaledobject", name)
            .namespace(&facts.subject.namespace)
            .args(["autoscaling.keda.sh/paused-", "autoscaling.keda.sh/paused-replicas-"]);
        let fix = Fix::command(messages::fix_resume(), annotate);
        return fail(messages::scaled_object_paused(name), fix);
    }
    match condition("Ready") {
        Some(condition) if condition.status == "False" => {
            return fail(messages::scaled_object_unready(name, &condition.message), log());
        }
        Some(condition) if condition.status == "True" => {
            let counts_ready_only = object.spec.triggers.iter().any(counts_ready_only);
            let note = if counts_ready_only { messages::ready_messages_only() } else { String::new() };
            writer.ok(CHECK, messages::scaled_object_ready(name, note), command);
        }
        _ => return writer.warn(CHECK, messages::scaled_object_new(name), command, log()),
    }
    if let Some(fallback) = is_true("Fallback") {
        let detail = messages::scaled_object_fallback(name, &fallback.message);
        writer.warn("scaled-object-fallback", detail, command, log());
    }
    trigger::examine(facts, writer, object);
}

/// Returns whether a trigger counts ready messages only, as the amqp protocol does.
fn counts_ready_only(trigger: &Trigger) -> bool {
    trigger.r#type == "rabbitmq" && trigger.metadata.get("protocol").is_none_or(|protocol| protocol != "http")
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
