//! KEDA's side of the external metrics API: which HPA is its own, from which ScaledObject, and by which trigger.

mod authentication;
mod objects;
mod release;
mod suggested;
mod trigger;

pub(super) use self::objects::examine;
pub(super) use self::release::{held, release};
pub(super) use self::suggested::scaled_object;

use super::facts::{Facts, ScaledObject, Trigger};
use super::metric;
use observed::keda::made_from;

/// Name of the HPA that KEDA makes from an object.
fn hpa_of(object: &ScaledObject) -> String {
    let given = object.spec.advanced.horizontal_pod_autoscaler_config.name.clone();
    given.unwrap_or_else(|| format!("keda-hpa-{}", name(object)))
}

fn name(object: &ScaledObject) -> &str {
    object.metadata.name.as_deref().unwrap_or_default()
}

/// The ScaledObject that the HPA is made from, or would be.
pub(super) fn object(facts: &Facts) -> Option<&ScaledObject> {
    let objects = facts.keda.scaled_objects.all();
    let from = facts.autoscaler.get().and_then(|hpa| made_from(&hpa.metadata));
    match from {
        Some(from) => objects.iter().find(|object| name(object) == from),
        None => objects.iter().find(|object| hpa_of(object) == facts.place.hpa),
    }
}

/// Whether an object has to do with the HPA: it makes it, it scales the same, or nothing tells what it is about.
fn is_about(facts: &Facts, candidate: &ScaledObject) -> bool {
    let own = object(facts);
    let spec = facts.autoscaler.get().and_then(|hpa| hpa.spec.as_ref());
    match (own, spec) {
        (Some(own), _) if own == candidate => true,
        (_, Some(spec)) => {
            let target = &candidate.spec.scale_target_ref;
            let kind = target.kind.as_deref().unwrap_or("Deployment");
            (kind, &target.name) == (&spec.scale_target_ref.kind, &spec.scale_target_ref.name)
        }
        (own, None) => own.is_none(),
    }
}

/// The trigger that the HPA's metric is of, its place and its object: the metric is called `s0-…` after the place.
pub(super) fn trigger(facts: &Facts) -> Option<(&ScaledObject, usize, &Trigger)> {
    let metric = metric::external(facts.autoscaler.get()?)?;
    let object = object(facts)?;
    let place = metric.name.strip_prefix('s')?.split_once('-')?.0.parse().ok()?;
    Some((object, place, object.spec.triggers.get(place)?))
}

/// The queue that KEDA asks the broker for.
pub(super) fn queue(facts: &Facts) -> Option<&str> {
    let (_, _, trigger) = trigger(facts)?;
    let queue = trigger.metadata.get("queueName").filter(|_| trigger.r#type == "rabbitmq");
    queue.map(String::as_str)
}
