//! Relations between an HPA and KEDA's ScaledObjects.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use observed::keda;

use crate::facts::{Facts, ScaledObject, Trigger};
use crate::metric::Metric;
use crate::spec_metric::SpecMetric;

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

/// The queue of that trigger, unless the trigger counts several by an expression.
pub(crate) fn queue<'f>(facts: &'f Facts, metric: &Metric) -> Option<&'f str> {
    let (_, _, trigger) = trigger(facts, metric)?;
    let is_one = trigger.r#type == "rabbitmq" && !is_set(trigger, "useRegex");
    trigger.metadata.get("queueName").filter(|_| is_one).map(String::as_str)
}

/// Returns whether a setting of a trigger is true.
pub(crate) fn is_set(trigger: &Trigger, key: &str) -> bool {
    trigger.metadata.get(key).is_some_and(|value| keda::parse_bool(value) == Some(true))
}

/// The object behind a metric of the HPA, with the index of the trigger.
pub(crate) fn trigger_of<'f>(facts: &'f Facts, metric: SpecMetric<'_>) -> Option<(&'f ScaledObject, usize)> {
    let object = owner(facts)?;
    let index = match keda::trigger(metric.name()) {
        Some((index, _)) => index,
        // KEDA's triggers `cpu` and `memory` become resource metrics.
        None => object
            .spec
            .triggers
            .iter()
            .position(|trigger| Some(trigger.r#type.as_str()) == metric.resource())?,
    };
    (index < object.spec.triggers.len()).then_some((object, index))
}

/// The object that scales a workload.
pub(crate) fn of_target<'f>(facts: &'f Facts, kind: &str, name: &str) -> Option<&'f ScaledObject> {
    facts.keda.scaled_objects.all().iter().find(|object| {
        let target = &object.spec.scale_target_ref;
        target.name == name && target.kind.as_deref().unwrap_or("Deployment").eq_ignore_ascii_case(kind)
    })
}

/// The annotations of an object that pause it.
pub(crate) fn pauses(object: &ScaledObject) -> Vec<keda::Pause<'_>> {
    keda::pauses(&object.metadata)
}

/// Returns whether KEDA holds the object at one size, by an annotation.
pub(crate) fn is_held(object: &ScaledObject) -> bool {
    pauses(object).iter().any(|pause| pause.holds())
}

/// The size at which KEDA lets the workload rest while no trigger is active.
pub(crate) fn resting_size(object: &ScaledObject) -> i32 {
    object.spec.idle_replica_count.or(object.spec.min_replica_count).unwrap_or(0)
}

/// The status of a condition of an object, such as `True`.
pub(crate) fn condition<'a>(object: &'a ScaledObject, kind: &str) -> Option<&'a str> {
    let found = object.status.conditions.iter().find(|condition| condition.r#type == kind)?;
    Some(found.status.as_str())
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
