//! The target of an HPA: its scale subresource and its pods.

use ::hpa::Scale;
use ::hpa::spec::TargetRef;
use k8s_openapi::api::autoscaling::v1::Scale as ApiScale;
use k8s_openapi::api::core::v1::Pod;
use kube::Client;
use kube::api::{Api, ApiResource, DynamicObject, ListParams, Patch, PatchParams};
use kube::core::GroupVersionKind;
use serde_json::json;

/// Writes of a new size that meet a conflict are tried so often.
const TRIES: usize = 5;

/// A target that was found.
pub(super) struct Target {
    api: Api<DynamicObject>,
    name: String,
    /// Its sizes and selector.
    pub(super) scale: Scale,
}

/// Reads the target's scale.
///
/// # Errors
/// The API's own words.
pub(super) async fn find(client: &Client, namespace: &str, reference: &TargetRef) -> Result<Target, String> {
    let api_version = reference.api_version.as_deref().unwrap_or_default();
    let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
    let wanted = GroupVersionKind::gvk(group, version, &reference.kind);
    let resource = resource(client, &wanted)
        .await
        .ok_or_else(|| format!("no matches for kind \"{}\" in group \"{group}\"", reference.kind))?;
    let api: Api<DynamicObject> = Api::namespaced_with(client.clone(), namespace, &resource);
    let scale = get(&api, &reference.name).await.map_err(|error| say(&error))?;
    Ok(Target { api, name: reference.name.clone(), scale: Scale::from(&scale) })
}

/// The usual kinds are known; others are looked up.
async fn resource(client: &Client, wanted: &GroupVersionKind) -> Option<ApiResource> {
    if wanted.group == "apps" && matches!(wanted.kind.as_str(), "Deployment" | "ReplicaSet" | "StatefulSet") {
        return Some(ApiResource::from_gvk(wanted));
    }
    kube::discovery::pinned_kind(client, wanted).await.ok().map(|(resource, _)| resource)
}

async fn get(api: &Api<DynamicObject>, name: &str) -> Result<ApiScale, kube::Error> {
    let scale = api.get_scale(name).await?;
    // The client's own type of a scale is the same JSON.
    serde_json::from_value(json!(scale)).map_err(kube::Error::SerdeError)
}

impl Target {
    /// Writes a new size.
    ///
    /// # Errors
    /// The API's own words.
    pub(super) async fn resize(&self, size: i32) -> Result<(), String> {
        let mut last = String::new();
        for _ in 0..TRIES {
            let change = json!({"spec": {"replicas": size}});
            match self.api.patch_scale(&self.name, &PatchParams::default(), &Patch::Merge(&change)).await {
                Ok(_) => return Ok(()),
                Err(kube::Error::Api(answer)) if answer.code == 409 => last = answer.message.clone(),
                Err(error) => return Err(say(&error)),
            }
        }
        Err(last)
    }
}

/// The pods that a selector in text form picks; none when it is empty or cannot be read.
pub(super) async fn pods(client: &Client, namespace: &str, selector: &str) -> Vec<Pod> {
    if selector.is_empty() {
        return Vec::new();
    }
    let api: Api<Pod> = Api::namespaced(client.clone(), namespace);
    api.list(&ListParams::default().labels(selector)).await.map(|list| list.items).unwrap_or_default()
}

/// The API's own words.
pub(super) fn say(error: &kube::Error) -> String {
    match error {
        kube::Error::Api(status) => status.message.clone(),
        other => other.to_string(),
    }
}
