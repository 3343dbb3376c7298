//! What a drill of the dashboard has stopped: it scales under a name of its own, which the object then bears.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

/// The field manager by which the dashboard changes objects.
const MANAGER: &str = "surge";

/// Behind the sentence that something is scaled to nothing.
pub(super) const BY: &str = ", by a drill of the dashboard";

/// Whether the dashboard was the last to set the replicas. What it installs, it applies, and that is told apart.
pub(super) fn stopped(metadata: &ObjectMeta) -> bool {
    metadata.managed_fields.iter().flatten().any(|entry| {
        entry.manager.as_deref() == Some(MANAGER)
            && entry.operation.as_deref() == Some("Update")
            && entry.fields_v1.as_ref().is_some_and(|fields| fields.0.pointer("/f:spec/f:replicas").is_some())
    })
}

/// What is to be done, where the drill's own key does it too.
pub(super) fn put_back(what: &str) -> String {
    format!("press D in the dashboard, whose drill stopped it; or {what}")
}
