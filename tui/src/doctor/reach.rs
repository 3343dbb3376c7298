//! The API server and the namespace.

use super::facts::{Facts, Seen};
use super::report::{Fix, Pen};

/// The API that a dead adapter leaves behind.
pub(super) const METRICS_API: &str = "v1beta1.external.metrics.k8s.io";

/// Returns whether the API server answered.
pub(super) fn examine(facts: &Facts, pen: &mut Pen<'_>) -> bool {
    let place = &facts.place;
    let how = &facts.version.how;
    match &facts.version.seen {
        Seen::Value(version) => pen.ok("api-server", version, how),
        // It answered, which is all that is asked here.
        Seen::NotPermitted(sentence) => pen.not_permitted("api-server", sentence, how),
        Seen::Failed(sentence) | Seen::NotAsked(sentence) => {
            let fix =
                Fix::command("start the cluster, or choose another context", "kubectl config get-contexts");
            pen.fail("api-server", sentence, how, fix);
            return false;
        }
        Seen::Absent => pen.not_applicable("api-server", "the API server tells no version"),
    }
    let namespace = match pen.seen("namespace", &facts.namespace) {
        Ok(Some(namespace)) => namespace,
        Ok(None) => {
            let fix = Fix::command(
                "install the demo there, or name the namespace of yours with --namespace",
                format!("surge up --namespace {}", place.namespace),
            );
            let saw = format!("there is no namespace {}", place.namespace);
            pen.fail("namespace", saw, &facts.namespace.how, fix);
            return true;
        }
        Err(()) => return true,
    };
    let status = namespace.status.clone().unwrap_or_default();
    if status.phase.as_deref() != Some("Terminating") {
        pen.ok("namespace", format!("namespace {} is there", place.namespace), &facts.namespace.how);
        return true;
    }
    let stuck = status.conditions.iter().flatten().find(|condition| {
        condition.type_ == "NamespaceDeletionDiscoveryFailure" && condition.status == "True"
    });
    match stuck {
        Some(condition) => {
            let message = condition.message.as_deref().unwrap_or_default();
            let saw = format!("namespace {} cannot be deleted: {message}", place.namespace);
            let fix = Fix::command(
                "delete the registration of the API that has no backend any more; every namespace hangs on it",
                format!("kubectl delete apiservice {METRICS_API}"),
            );
            pen.fail("namespace", saw, &facts.namespace.how, fix);
        }
        None => {
            let saw = format!("namespace {} is being deleted", place.namespace);
            let fix = Fix::command(
                "wait until it is gone, then install the demo again",
                format!("kubectl wait --for=delete namespace/{} --timeout=120s", place.namespace),
            );
            pen.fail("namespace", saw, &facts.namespace.how, fix);
        }
    }
    true
}
