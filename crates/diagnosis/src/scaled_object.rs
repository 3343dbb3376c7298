//! Relations between an HPA and KEDA's ScaledObjects.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use observed::keda;

use crate::facts::{Facts, ScaledObject, Trigger};
use crate::metric::Metric;

/// The finalizer of KEDA's objects.
const FINALIZER: &str = "finalizer.keda.sh";

/// Name of the HPA that KEDA creates for an object.
fn hpa_name(object: &ScaledObject) -> String {
    let given = object.spec.advanced.horizontal_pod_autoscaler_config.name.clone();
    given.unwrap_or_else(|| format!("keda-hpa-{}", name(object)))
}

/// Name of an object.
pub(crate) fn name(object: &ScaledObject) -> &str {
    object.metadata.name.as_deref().unwrap_or_default()
}

/// The ScaledObject that owns the HPA, or would own it.
pub(crate) fn owner(facts: &Facts) -> Option<&ScaledObject> {
    let objects = facts.keda.scaled_objects.all();
    let owner = facts.autoscaler.get().and_then(|hpa| keda::made_from(&hpa.metadata));
    match owner {
        Some(owner) => objects.iter().find(|object| name(object) == owner),
        None => objects.iter().find(|object| hpa_name(object) == facts.subject.hpa),
    }
}

/// Returns whether an object concerns the HPA: it owns it, it scales the same workload, or the HPA is unknown.
pub(crate) fn concerns_hpa(facts: &Facts, candidate: &ScaledObject) -> bool {
    let owner = owner(facts);
    let spec = facts.autoscaler.get().and_then(|hpa| hpa.spec.as_ref());
    match (owner, spec) {
        (Some(owner), _) if owner == candidate => true,
        (_, Some(spec)) => {
            let target = &candidate.spec.scale_target_ref;
            let kind = target.kind.as_deref().unwrap_or("Deployment");
            (kind, &target.name) == (&spec.scale_target_ref.kind, &spec.scale_target_ref.name)
        }
        (owner, None) => owner.is_none(),
    }
}

/// The trigger behind the HPA's metric, with its object and index.
pub(crate) fn trigger<'f>(
    facts: &'f Facts,
    metric: &Metric,
) -> Option<(&'f ScaledObject, usize, &'f Trigger)> {
    let object = owner(facts)?;
    let (index, _) = keda::trigger(&metric.name)?;
    Some((object, index, object.spec.triggers.get(index)?))
}

/// The queue of that trigger.
pub(crate) fn queue<'f>(facts: &'f Facts, metric: &Metric) -> Option<&'f str> {
    let (_, _, trigger) = trigger(facts, metric)?;
    let queue = trigger.metadata.get("queueName").filter(|_| trigger.r#type == "rabbitmq");
    queue.map(String::as_str)
}

/// Returns whether an object is being deleted and waits for KEDA's operator to remove its finalizer.
pub(crate) fn awaits_finalizer(metadata: &ObjectMeta) -> bool {
    metadata.deletion_timestamp.is_some()
        && metadata.finalizers.iter().flatten().any(|finalizer| finalizer == FINALIZER)
}

/// The objects of the namespace that wait for KEDA's operator: kind and name.
pub(crate) fn awaiting_finalizer(facts: &Facts) -> Vec<(&'static str, String)> {
    let pick = |kind, metadata: &ObjectMeta| {
        awaits_finalizer(metadata).then(|| (kind, metadata.name.clone().unwrap_or_default()))
    };
    let objects = facts.keda.scaled_objects.all().iter();
    let authentications = facts.keda.authentications.all().iter();
    objects
        .filter_map(|object| pick("scaledobject", &object.metadata))
        .chain(authentications.filter_map(|object| pick("triggerauthentication", &object.metadata)))
        .collect()
}
