//! The scale subresource of an HPA's target.

use ::hpa::Scale;
use ::hpa::spec::TargetRef;
use k8s_openapi::api::autoscaling::v1::Scale as ApiScale;
use kube::Client;
use kube::api::{Api, ApiResource, DynamicObject, Patch, PatchParams};
use kube::core::GroupVersionKind;
use serde_json::json;

use crate::error::{api_message, has_code};

/// Attempts to write a new size after conflicts.
const RESIZE_ATTEMPTS: usize = 5;

/// A target and its scale.
pub(super) struct Target {
    api: Api<DynamicObject>,
    name: String,
    /// The target's sizes and selector.
    pub(super) scale: Scale,
}

/// Reads the target's scale.
///
/// # Errors
/// Returns the API server's message.
pub(super) async fn find(client: &Client, namespace: &str, reference: &TargetRef) -> Result<Target, String> {
    let api_version = reference.api_version.as_deref().unwrap_or_default();
    let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
    let wanted = GroupVersionKind::gvk(group, version, &reference.kind);
    let resource = resource(client, &wanted)
        .await
        .ok_or_else(|| format!("no matches for kind \"{}\" in group \"{group}\"", reference.kind))?;
    let api: Api<DynamicObject> = Api::namespaced_with(client.clone(), namespace, &resource);
    let scale = get(&api, &reference.name).await.map_err(|error| api_message(&error))?;
    Ok(Target { api, name: reference.name.clone(), scale: Scale::from(&scale) })
}

/// The resource of a kind. Looks up kinds other than the usual ones.
pub(super) async fn resource(client: &Client, wanted: &GroupVersionKind) -> Option<ApiResource> {
    if wanted.group == "apps" && matches!(wanted.kind.as_str(), "Deployment" | "ReplicaSet" | "StatefulSet") {
        return Some(ApiResource::from_gvk(wanted));
    }
    kube::discovery::pinned_kind(client, wanted).await.ok().map(|(resource, _)| resource)
}

async fn get(api: &Api<DynamicObject>, name: &str) -> Result<ApiScale, kube::Error> {
    let scale = api.get_scale(name).await?;
    // Kube's own type of a scale has the same JSON.
    serde_json::from_value(json!(scale)).map_err(kube::Error::SerdeError)
}

impl Target {
    /// Writes a new size.
    ///
    /// # Errors
    /// Returns the API server's message.
    pub(super) async fn resize(&self, size: i32) -> Result<(), String> {
        let mut last = String::new();
        for _ in 0..RESIZE_ATTEMPTS {
            let change = json!({"spec": {"replicas": size}});
            match self.api.patch_scale(&self.name, &PatchParams::default(), &Patch::Merge(&change)).await {
                Ok(_) => return Ok(()),
                Err(error) if has_code(&error, 409) => last = api_message(&error),
                Err(error) => return Err(api_message(&error)),
            }
        }
        Err(last)
    }
}
