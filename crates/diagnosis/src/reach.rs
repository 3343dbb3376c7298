//! The API server and the namespace.

use super::facts::{Facts, Seen};
use super::keda;
use super::line::{Fix, Pen};

/// The API that a dead adapter leaves behind.
pub(super) const METRICS_API: &str = "v1beta1.external.metrics.k8s.io";

/// How far the API server lets the walk go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reached {
    /// It does not answer.
    Not,
    /// It answers that it does not know who asks.
    Door,
    /// It answers.
    Server,
}

pub(super) fn examine(facts: &Facts, pen: &mut Pen<'_>) -> Reached {
    let place = &facts.place;
    let how = &facts.version.how;
    match &facts.version.seen {
        Seen::Value(version) => pen.ok("api-server", version, how),
        // Everybody who is known may ask for the version.
        Seen::NotPermitted(sentence) => {
            let saw = format!("the API server refuses the credentials of the kubeconfig: {sentence}");
            let fix = Fix::command(
                "log in again, or choose another user or context",
                "kubectl config view --minify",
            );
            pen.fail("api-server", saw, how, fix);
            return Reached::Door;
        }
        Seen::Failed(sentence) | Seen::NotAsked(sentence) => {
            let fix =
                Fix::command("start the cluster, or choose another context", "kubectl config get-contexts");
            pen.fail("api-server", sentence, how, fix);
            return Reached::Not;
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
            return Reached::Server;
        }
        Err(()) => return Reached::Server,
    };
    let status = namespace.status.clone().unwrap_or_default();
    if status.phase.as_deref() != Some("Terminating") {
        pen.ok("namespace", format!("namespace {} is there", place.namespace), &facts.namespace.how);
        return Reached::Server;
    }
    let says = |kind: &str| {
        let mut conditions = status.conditions.iter().flatten();
        conditions.find(|condition| condition.type_ == kind && condition.status == "True")
    };
    match (says("NamespaceDeletionDiscoveryFailure"), says("NamespaceFinalizersRemaining")) {
        (Some(condition), _) => {
            let message = condition.message.as_deref().unwrap_or_default();
            let saw = format!("namespace {} cannot be deleted: {message}", place.namespace);
            let fix = Fix::command(
                "delete the registration of the API that has no backend any more; every namespace hangs on it",
                format!("kubectl delete apiservice {METRICS_API}"),
            );
            pen.fail("namespace", saw, &facts.namespace.how, fix);
        }
        (None, Some(condition)) => {
            let held = keda::held(facts);
            let message = condition.message.as_deref().unwrap_or_default();
            let what = if held.is_empty() { String::new() } else { format!(" ({})", held.join(", ")) };
            let saw = format!("namespace {} cannot be deleted: {message}{what}", place.namespace);
            let fix = if held.is_empty() {
                Fix::command(
                    "see what is left in it, and start what would let it go",
                    format!(
                        "kubectl api-resources --verbs=list --namespaced -o name | xargs -n 1 kubectl get --show-kind --ignore-not-found -n {}",
                        place.namespace
                    ),
                )
            } else {
                keda::release(facts, &held)
            };
            pen.fail("namespace", saw, &facts.namespace.how, fix);
        }
        (None, None) => {
            let saw = format!("namespace {} is being deleted", place.namespace);
            let fix = Fix::command(
                "wait until it is gone, then install the demo again",
                format!("kubectl wait --for=delete namespace/{} --timeout=120s", place.namespace),
            );
            pen.fail("namespace", saw, &facts.namespace.how, fix);
        }
    }
    Reached::Server
}
