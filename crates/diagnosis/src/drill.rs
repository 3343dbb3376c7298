//! Recognition of workloads that a drill of the dashboard stopped, by the dashboard's field manager.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

/// The field manager of the dashboard.
pub(crate) const MANAGER: &str = "surge";

/// Returns whether the dashboard set the replicas last. `surge up` sets them with `Apply`, a drill with `Update`.
pub(crate) fn stopped(metadata: &ObjectMeta) -> bool {
    metadata.managed_fields.iter().flatten().any(|entry| {
        entry.manager.as_deref() == Some(MANAGER)
            && entry.operation.as_deref() == Some("Update")
            && entry.fields_v1.as_ref().is_some_and(|fields| fields.0.pointer("/f:spec/f:replicas").is_some())
    })
}
