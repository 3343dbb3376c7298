//! KEDA's side of the external metrics API: its ScaledObjects, and the one that would do what an HPA was meant to.

use super::facts::{Facts, ScaledObject};
use super::metric::{self, Target};
use super::report::{Fix, Pen};
use super::words;

/// A ScaledObject that does what the HPA was meant to do.
pub(super) fn scaled_object(facts: &Facts) -> String {
    let place = &facts.place;
    let spec = facts.autoscaler.get().and_then(|hpa| hpa.spec.clone()).unwrap_or_default();
    let metric = facts.autoscaler.get().and_then(metric::external);
    let queue = metric
        .as_ref()
        .and_then(|metric| metric.queue.clone())
        .unwrap_or_else(|| contract::queue::ORDERS.to_owned());
    let target = match metric.map(|metric| metric.target) {
        Some(Target::Average(milli) | Target::Value(milli)) => words::milli(milli),
        None => "20".to_owned(),
    };
    format!(
        "# kubectl delete hpa {hpa} -n {namespace}\napiVersion: keda.sh/v1alpha1\nkind: ScaledObject\nmetadata:\n  name: {hpa}\n  namespace: {namespace}\nspec:\n  scaleTargetRef:\n    name: {name}\n  minReplicaCount: {min}\n  maxReplicaCount: {max}\n  advanced:\n    horizontalPodAutoscalerConfig:\n      name: {hpa}\n  triggers:\n  - type: rabbitmq\n    metadata:\n      protocol: amqp\n      mode: QueueLength\n      queueName: {queue}\n      value: \"{target}\"\n    authenticationRef:\n      name: rabbitmq",
        hpa = place.hpa,
        namespace = place.namespace,
        name = spec.scale_target_ref.name,
        min = spec.min_replicas.unwrap_or(1),
        max = spec.max_replicas,
    )
}

/// KEDA's side: what it says of its own objects, and the deletion that hangs when its operator went first.
pub(super) fn scaled_objects(facts: &Facts, pen: &mut Pen<'_>) {
    let fact = &facts.api.scaled_objects;
    for object in fact.all() {
        let name = object.metadata.name.as_deref().unwrap_or_default();
        let namespace = &facts.place.namespace;
        let finalizers = object.metadata.finalizers.iter().flatten().count();
        if object.metadata.deletion_timestamp.is_some() && finalizers > 0 {
            let saw = format!(
                "ScaledObject {name} is being deleted and waits for KEDA's operator to let it go (a finalizer)"
            );
            let fix = Fix::command(
                "start the operator again; without it, let the object go by hand",
                format!(
                    "kubectl patch scaledobject {name} -n {namespace} --type merge -p '{{\"metadata\":{{\"finalizers\":null}}}}'"
                ),
            );
            pen.fail("scaled-object", saw, &fact.how, fix);
            continue;
        }
        let ready = object.status.conditions.iter().find(|condition| condition.r#type == "Ready");
        match ready {
            Some(condition) if condition.status == "False" => {
                let saw = format!("ScaledObject {name} is not ready: {}", condition.message);
                let fix = Fix::command(
                    "read what KEDA's operator says",
                    "kubectl logs deployment/keda-operator -n keda --tail=30",
                );
                pen.fail("scaled-object", saw, &fact.how, fix);
            }
            Some(condition) if condition.status == "True" => {
                pen.ok(
                    "scaled-object",
                    format!("ScaledObject {name} is ready{}", counts_ready_only(object)),
                    &fact.how,
                );
            }
            _ => {
                let saw = format!("ScaledObject {name} has no word from KEDA's operator yet");
                pen.warn(
                    "scaled-object",
                    saw,
                    &fact.how,
                    Fix::command("see whether it runs", "kubectl get pods -n keda"),
                );
            }
        }
    }
}

fn counts_ready_only(object: &ScaledObject) -> &'static str {
    let amqp = |trigger: &super::facts::Trigger| {
        trigger.r#type == "rabbitmq"
            && trigger.metadata.get("protocol").is_none_or(|protocol| protocol != "http")
    };
    if object.spec.triggers.iter().any(amqp) {
        " (its amqp trigger counts ready messages only, not those in work)"
    } else {
        ""
    }
}
