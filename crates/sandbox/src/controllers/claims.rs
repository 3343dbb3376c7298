//! Volume claims of StatefulSets: created with the pod and kept after it. They are bound to no volume, because pods are
//! processes here.

use k8s_openapi::api::apps::v1::{StatefulSet, StatefulSetSpec};
use k8s_openapi::api::core::v1::{PersistentVolumeClaim, PersistentVolumeClaimVolumeSource, Pod, Volume};
use kube::Client;
use kube::ResourceExt as _;
use kube::api::{Api, Patch, PatchParams, PostParams};
use serde_json::json;

use crate::error::has_code;

/// The claims of one pod, from the set's templates, with the labels of the set's selector.
pub(super) fn for_pod(set: &StatefulSet, spec: &StatefulSetSpec, pod: &str) -> Vec<PersistentVolumeClaim> {
    let templates = spec.volume_claim_templates.iter().flatten();
    templates
        .map(|template| {
            let mut claim = template.clone();
            claim.metadata.name = Some(format!("{}-{pod}", template.name_any()));
            claim.metadata.namespace = set.metadata.namespace.clone();
            let labels = claim.metadata.labels.get_or_insert_default();
            labels.extend(spec.selector.match_labels.clone().unwrap_or_default());
            claim.status = None;
            claim
        })
        .collect()
}

/// Adds a volume to the pod for each template; it replaces a volume of the same name.
pub(super) fn mount(pod: &mut Pod, spec: &StatefulSetSpec, pod_name: &str) {
    let volumes = pod.spec.get_or_insert_default().volumes.get_or_insert_default();
    for template in spec.volume_claim_templates.iter().flatten() {
        let name = template.name_any();
        volumes.retain(|volume| volume.name != name);
        let claim_name = format!("{name}-{pod_name}");
        let source = PersistentVolumeClaimVolumeSource { claim_name, ..Default::default() };
        volumes.push(Volume { name, persistent_volume_claim: Some(source), ..Default::default() });
    }
}

/// Creates and binds a claim. Returns false when it exists.
pub(super) async fn create_if_missing(
    client: &Client,
    claim: &PersistentVolumeClaim,
) -> Result<bool, kube::Error> {
    let namespace = claim.namespace().unwrap_or_default();
    let api: Api<PersistentVolumeClaim> = Api::namespaced(client.clone(), &namespace);
    match api.create(&PostParams::default(), claim).await {
        Ok(_) => {}
        Err(error) if has_code(&error, 409) => return Ok(false),
        Err(error) => return Err(error),
    }
    let spec = claim.spec.as_ref();
    let capacity = spec.and_then(|spec| spec.resources.as_ref()?.requests.clone());
    let status = json!({"status": {
        "phase": "Bound",
        "accessModes": spec.and_then(|spec| spec.access_modes.clone()),
        "capacity": capacity,
    }});
    api.patch_status(&claim.name_any(), &PatchParams::default(), &Patch::Merge(&status)).await?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_pod_has_its_own_claims() {
        let set: StatefulSet = serde_json::from_value(json!({
            "metadata": {"name": "rabbitmq", "namespace": "demo"},
            "spec": {
                "serviceName": "rabbitmq",
                "selector": {"matchLabels": {"a": "b"}},
                "template": {"spec": {"containers": []}},
                "volumeClaimTemplates": [{"metadata": {"name": "data"}, "spec": {"accessModes": ["ReadWriteOnce"]}}],
            },
        }))
        .unwrap();
        let spec = set.spec.clone().unwrap();
        let claims = serde_json::to_value(for_pod(&set, &spec, "rabbitmq-0")).unwrap();
        assert_eq!(
            claims,
            json!([{
                "apiVersion": "v1",
                "kind": "PersistentVolumeClaim",
                "metadata": {"name": "data-rabbitmq-0", "namespace": "demo", "labels": {"a": "b"}},
                "spec": {"accessModes": ["ReadWriteOnce"]},
            }])
        );
        let mut pod: Pod =
            serde_json::from_value(json!({"metadata": {}, "spec": {"containers": [], "volumes": [
            {"name": "data", "emptyDir": {}}, {"name": "other", "emptyDir": {}}]}}))
            .unwrap();
        mount(&mut pod, &spec, "rabbitmq-0");
        assert_eq!(
            serde_json::to_value(pod.spec.unwrap().volumes).unwrap(),
            json!([
                {"name": "other", "emptyDir": {}},
                {"name": "data", "persistentVolumeClaim": {"claimName": "data-rabbitmq-0"}},
            ])
        );
    }
}
