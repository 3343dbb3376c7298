//! What KEDA's finalizer keeps: nothing goes while its operator is away, and their namespace neither.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::super::facts::{Facts, Seen};
use super::super::line::Fix;

/// The finalizer of KEDA's objects.
const FINALIZER: &str = "finalizer.keda.sh";

/// Whether an object is being deleted and waits for KEDA's operator.
pub(super) fn is_held(metadata: &ObjectMeta) -> bool {
    metadata.deletion_timestamp.is_some()
        && metadata.finalizers.iter().flatten().any(|finalizer| finalizer == FINALIZER)
}

/// The objects of the namespace that wait for KEDA's operator, as `KIND/NAME`.
pub(in super::super) fn held(facts: &Facts) -> Vec<String> {
    let named = |kind: &str, metadata: &ObjectMeta| {
        is_held(metadata).then(|| format!("{kind}/{}", metadata.name.as_deref().unwrap_or_default()))
    };
    let objects = facts.keda.scaled_objects.all().iter();
    let authentications = facts.keda.authentications.all().iter();
    objects
        .filter_map(|object| named("scaledobject", &object.metadata))
        .chain(authentications.filter_map(|object| named("triggerauthentication", &object.metadata)))
        .collect()
}

/// What the operator is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    /// It runs.
    Runs,
    /// It is scaled to nothing.
    Stopped,
    /// It is there and not ready.
    Unready,
    /// There is none.
    Gone,
    /// It may not be seen.
    Unknown,
}

pub(super) fn operator(facts: &Facts) -> Operator {
    let deployment = match &facts.keda.operator.seen {
        Seen::Value(deployment) => deployment,
        Seen::Absent => return Operator::Gone,
        Seen::NotPermitted(_) | Seen::Failed(_) | Seen::NotAsked(_) => return Operator::Unknown,
    };
    let wanted = deployment.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1);
    let ready = deployment.status.as_ref().and_then(|status| status.ready_replicas).unwrap_or(0);
    match (wanted, ready) {
        (0, _) => Operator::Stopped,
        (_, 0) => Operator::Unready,
        _ => Operator::Runs,
    }
}

/// What starts an operator that is stopped.
pub(super) fn start(facts: &Facts) -> Fix {
    Fix::command(
        "start KEDA's operator again: it asks the broker, and lets go of its objects",
        format!("kubectl scale deployment/keda-operator --replicas=1 -n {}", facts.keda.namespace),
    )
}

/// What lets these objects of the namespace go.
pub(in super::super) fn release(facts: &Facts, objects: &[String]) -> Fix {
    let namespace = &facts.place.namespace;
    match operator(facts) {
        Operator::Stopped => start(facts),
        Operator::Runs => {
            Fix::command("KEDA's operator runs and is about to let go: look again", "surge doctor")
        }
        Operator::Unready => Fix::command(
            "read why KEDA's operator is not ready; it alone lets go of its objects",
            format!("kubectl logs deployment/keda-operator -n {} --tail=30", facts.keda.namespace),
        ),
        Operator::Gone | Operator::Unknown => {
            let commands: Vec<String> = objects
                .iter()
                .map(|object| {
                    format!(
                        "kubectl patch {object} -n {namespace} --type merge -p '{{\"metadata\":{{\"finalizers\":null}}}}'"
                    )
                })
                .collect();
            Fix::command(
                "KEDA's operator is gone: let it go by hand. Where the operator is to come back, install that first",
                commands.join(" && "),
            )
        }
    }
}
