//! KEDA's operator and the ScaledObjects: what they say of themselves.

use super::super::api;
use super::super::facts::{Facts, ScaledObject, Trigger};
use super::super::line::{Fix, Pen};
use super::release::{self, Operator};
use super::{authentication, is_about, made_from, name, trigger};

/// KEDA's side: its operator, what its objects log in by, and what it says of them. A cause before its consequences.
pub(in super::super) fn examine(facts: &Facts, pen: &mut Pen<'_>) {
    let fact = &facts.keda.scaled_objects;
    if api::is_keda(facts) {
        operator(facts, pen);
        if pen.seen("scaled-object", fact).is_err() {
            return;
        }
    }
    authentication::examine(facts, pen);
    for object in fact.all() {
        one(facts, pen, object);
    }
    orphan(facts, pen);
}

fn operator(facts: &Facts, pen: &mut Pen<'_>) {
    let (how, namespace) = (&facts.keda.operator.how, &facts.keda.namespace);
    match release::operator(facts) {
        Operator::Runs => {
            pen.ok("keda-operator", format!("KEDA's operator in namespace {namespace} is ready"), how);
        }
        Operator::Stopped => {
            let saw = format!(
                "KEDA's operator in namespace {namespace} is scaled to 0 replicas: it is what asks the broker"
            );
            pen.fail("keda-operator", saw, how, release::start(facts));
        }
        Operator::Unready => {
            let saw =
                format!("KEDA's operator in namespace {namespace} is not ready: it is what asks the broker");
            let fix = Fix::command(
                "read what it says",
                format!("kubectl logs deployment/keda-operator -n {namespace} --tail=30"),
            );
            pen.fail("keda-operator", saw, how, fix);
        }
        // Who made it otherwise may have named it otherwise.
        Operator::Gone => pen.not_applicable(
            "keda-operator",
            format!("namespace {namespace} has no Deployment keda-operator"),
        ),
        Operator::Unknown => {
            let _line = pen.seen("keda-operator", &facts.keda.operator);
        }
    }
}

fn one(facts: &Facts, pen: &mut Pen<'_>, object: &ScaledObject) {
    let how = &facts.keda.scaled_objects.how;
    let (name, namespace) = (name(object), &facts.place.namespace);
    let is_about = is_about(facts, object);
    let mut bad = |saw: String, fix: Fix| {
        if is_about {
            pen.fail("scaled-object", saw, how, fix);
        } else {
            pen.warn("scaled-object", format!("{saw}; the HPA is not made from it"), how, fix);
        }
    };
    if release::is_held(&object.metadata) {
        let saw = format!(
            "ScaledObject {name} is being deleted and waits for KEDA's operator to let it go (a finalizer); so does its namespace"
        );
        bad(saw, release::release(facts, &[format!("scaledobject/{name}")]));
        return;
    }
    let logs = || {
        let at = if facts.keda.namespace.is_empty() { "keda" } else { facts.keda.namespace.as_str() };
        Fix::command(
            "read what KEDA's operator says",
            format!("kubectl logs deployment/keda-operator -n {at} --tail=30"),
        )
    };
    let condition = |kind: &str| object.status.conditions.iter().find(|condition| condition.r#type == kind);
    if condition("Paused").is_some_and(|condition| condition.status == "True") {
        let saw = format!("ScaledObject {name} is paused: KEDA does not scale");
        let fix = Fix::command(
            "let it go on",
            format!(
                "kubectl annotate scaledobject {name} -n {namespace} autoscaling.keda.sh/paused- autoscaling.keda.sh/paused-replicas-"
            ),
        );
        bad(saw, fix);
        return;
    }
    match condition("Ready") {
        Some(condition) if condition.status == "False" => {
            bad(format!("ScaledObject {name} is not ready: {}", condition.message), logs());
            return;
        }
        Some(condition) if condition.status == "True" => {
            let saw = format!("ScaledObject {name} is ready{}", counts_ready_only(object));
            pen.ok("scaled-object", saw, how);
        }
        _ => {
            let saw = format!("ScaledObject {name} has no word from KEDA's operator yet");
            pen.warn("scaled-object", saw, how, logs());
            return;
        }
    }
    if let Some(fallback) = condition("Fallback").filter(|condition| condition.status == "True") {
        let saw = format!(
            "ScaledObject {name} goes by its fallback, since its trigger fails: {}",
            fallback.message
        );
        pen.warn("scaled-object-fallback", saw, how, logs());
    }
    trigger::examine(facts, pen, object);
}

/// An HPA whose ScaledObject is gone scales by nobody's word.
fn orphan(facts: &Facts, pen: &mut Pen<'_>) {
    let Some(objects) = facts.keda.scaled_objects.get() else { return };
    let Some(from) = facts.autoscaler.get().and_then(|hpa| made_from(&hpa.metadata)) else { return };
    if objects.iter().any(|object| name(object) == from) {
        return;
    }
    let place = &facts.place;
    let saw = format!("HPA {} is made from ScaledObject {from}, and there is none of that name", place.hpa);
    let fix = Fix::command(
        "delete what is left of it, and apply the ScaledObject again",
        format!("kubectl delete hpa {} -n {}", place.hpa, place.namespace),
    );
    pen.fail("scaled-object", saw, &facts.keda.scaled_objects.how, fix);
}

fn counts_ready_only(object: &ScaledObject) -> &'static str {
    let amqp = |trigger: &Trigger| {
        trigger.r#type == "rabbitmq"
            && trigger.metadata.get("protocol").is_none_or(|protocol| protocol != "http")
    };
    if object.spec.triggers.iter().any(amqp) {
        " (its amqp trigger counts ready messages only, not those in work)"
    } else {
        ""
    }
}
