//! The workload that the HPA scales, its selector and the pods that this picks.

use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};

use crate::facts::Facts;
use crate::owner::Owner;
use crate::select;

/// Kind and name of the HPA's target.
pub(crate) fn reference(facts: &Facts) -> Option<Owner<'_>> {
    let target = &facts.autoscaler.get()?.spec.as_ref()?.scale_target_ref;
    Some(Owner { kind: &target.kind, name: &target.name })
}

/// Metadata and selector of the target, if it is a Deployment or a StatefulSet that the facts have.
fn built_in(facts: &Facts) -> Option<(&ObjectMeta, &LabelSelector)> {
    let Owner { kind, name } = reference(facts)?;
    let has_name = |metadata: &ObjectMeta| metadata.name.as_deref() == Some(name);
    match kind {
        "Deployment" => {
            let found = facts.deployments.all().iter().find(|object| has_name(&object.metadata))?;
            Some((&found.metadata, &found.spec.as_ref()?.selector))
        }
        "StatefulSet" => {
            let found = facts.stateful_sets.all().iter().find(|object| has_name(&object.metadata))?;
            Some((&found.metadata, &found.spec.as_ref()?.selector))
        }
        _ => None,
    }
}

/// The selector of the target, if it is a Deployment or a StatefulSet.
pub(crate) fn selector(facts: &Facts) -> Option<&LabelSelector> {
    built_in(facts).map(|(_, selector)| selector)
}

/// Metadata of the target.
pub(crate) fn metadata(facts: &Facts) -> Option<&ObjectMeta> {
    let Owner { name, .. } = reference(facts)?;
    let known = || {
        let mut objects = facts.target.candidates.all().iter().filter_map(|found| found.object.get());
        objects.find(|object| object.metadata.name.as_deref() == Some(name)).map(|object| &object.metadata)
    };
    built_in(facts).map(|(metadata, _)| metadata).or_else(known)
}

/// The pods that the controller counts: those that the scale's selector picks.
pub(crate) fn selected_pods(facts: &Facts) -> Option<Vec<&Pod>> {
    let pods = facts.pods.get()?.iter();
    if let Some(selector) = selector(facts) {
        return Some(pods.filter(|pod| select::matches(selector, pod.metadata.labels.as_ref())).collect());
    }
    let names = facts.target.selected.get()?;
    Some(pods.filter(|pod| pod.metadata.name.as_ref().is_some_and(|name| names.contains(name))).collect())
}
