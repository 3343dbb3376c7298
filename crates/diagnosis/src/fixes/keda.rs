//! Remedies with KEDA's operator and objects.

use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use serde_json::{Value, json};
use text::command::Command;

use super::{delete, doctor, logs, merge_patch, scale_to_one, target, yaml};
use crate::facts::{Facts, Outcome};
use crate::finding::Fix;
use crate::metric::{self, ExternalTarget};
use crate::{fmt, messages};

/// The Deployment of KEDA's operator.
pub(crate) const OPERATOR: &str = "keda-operator";

/// Name of the TriggerAuthentication that a fix creates.
const AUTHENTICATION: &str = "rabbitmq";

/// The state of KEDA's operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operator {
    /// It is ready.
    Ready,
    /// It is scaled to 0.
    Stopped,
    /// It exists but is not ready.
    Unready,
    /// It does not exist.
    Missing,
    /// It could not be read.
    Unknown,
}

/// The state of KEDA's operator.
pub(crate) fn operator(facts: &Facts) -> Operator {
    let deployment = match &facts.keda.operator.outcome {
        Outcome::Value(deployment) => deployment,
        Outcome::Absent => return Operator::Missing,
        Outcome::NotPermitted(_) | Outcome::Failed(_) | Outcome::NotAsked(_) => return Operator::Unknown,
    };
    let wanted = deployment.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1);
    let ready = deployment.status.as_ref().and_then(|status| status.ready_replicas).unwrap_or(0);
    match (wanted, ready) {
        (0, _) => Operator::Stopped,
        (_, 0) => Operator::Unready,
        _ => Operator::Ready,
    }
}

/// Namespace of KEDA's operator.
pub(crate) fn namespace(facts: &Facts) -> &str {
    if facts.keda.namespace.is_empty() { "keda" } else { &facts.keda.namespace }
}

/// Starting the operator.
pub(crate) fn start_operator(facts: &Facts) -> Fix {
    Fix::command(messages::fix_start_keda(), scale_to_one("deployment", OPERATOR, namespace(facts)))
}

/// Reading the operator's log.
pub(crate) fn operator_log(facts: &Facts, what: &str) -> Fix {
    Fix::command(what, logs(OPERATOR, namespace(facts), 30))
}

/// Removing KEDA's finalizer from objects of the namespace, given by kind and name.
pub(crate) fn release(facts: &Facts, objects: &[(&'static str, String)]) -> Fix {
    let by_hand = || {
        let remove = |(kind, name): &(&str, String)| {
            let change = json!({"metadata": {"finalizers": null}});
            merge_patch(kind, name, &facts.subject.namespace, &change)
        };
        let commands = objects.iter().map(remove).reduce(Command::and);
        commands.map(|command| Fix::command(messages::fix_remove_finalizers(), command))
    };
    let wait = || Fix::command(messages::fix_keda_removes_finalizer(), doctor(facts));
    match operator(facts) {
        Operator::Stopped => start_operator(facts),
        Operator::Ready => wait(),
        Operator::Unready => operator_log(facts, &messages::fix_keda_unready()),
        Operator::Missing | Operator::Unknown => by_hand().unwrap_or_else(wait),
    }
}

/// Name of the broker's Service, which is also the name of the Secret with its user.
fn broker(facts: &Facts) -> &str {
    facts.broker.management.as_ref().map_or(contract::names::RABBITMQ, |at| at.service.as_str())
}

/// Replacing the HPA by a ScaledObject with the same target. One list, since a line `---` with blanks before it is no
/// separator.
pub(crate) fn replace_hpa(facts: &Facts) -> Fix {
    let (hpa, namespace, broker) = (&facts.subject.hpa, &facts.subject.namespace, broker(facts));
    let delete_hpa = delete("hpa", hpa, namespace);
    if let Some(other) = hpa_of_keda(facts) {
        return Fix::command(messages::fix_delete_own_hpa(other), delete_hpa);
    }
    let spec = facts.autoscaler.get().and_then(|hpa| hpa.spec.clone()).unwrap_or_default();
    // Only a queue that the broker has gives a trigger; any other metric needs one of the user's choice.
    let metric = metric::first(facts);
    let queue = metric.as_ref().and_then(|metric| {
        let wanted = metric.queue.as_ref()?;
        facts.broker.queues.all().iter().find(|queue| queue.name == *wanted)
    });
    let (Some(queue), Some(metric)) = (queue, &metric) else {
        return Fix::command(messages::fix_write_scaled_object(), show_hpa(facts));
    };
    let (ExternalTarget::AverageValue(milli) | ExternalTarget::Value(milli)) = metric.target;
    let object = json!({
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "ScaledObject",
        "metadata": {"name": hpa, "namespace": namespace},
        "spec": {
            "scaleTargetRef": {"kind": spec.scale_target_ref.kind, "name": spec.scale_target_ref.name},
            "minReplicaCount": spec.min_replicas.unwrap_or(1),
            "maxReplicaCount": spec.max_replicas,
            "advanced": {"horizontalPodAutoscalerConfig": {"name": hpa}},
            "triggers": [{
                "type": "rabbitmq",
                "metadata": {
                    "host": format!("amqp://{broker}.{namespace}.svc:5672"),
                    "protocol": "amqp",
                    "vhostName": queue.vhost,
                    "queueName": queue.name,
                    "mode": "QueueLength",
                    "value": fmt::milli(milli),
                },
                "authenticationRef": {"name": AUTHENTICATION},
            }],
        },
    });
    let mut authentications = facts.keda.authentications.all().iter();
    let items = if authentications.any(|authentication| authentication.name() == AUTHENTICATION) {
        vec![object]
    } else {
        vec![authentication(facts, AUTHENTICATION), object]
    };
    Fix::yaml(messages::fix_scaled_object(), list(&items)).after(delete_hpa)
}

/// `kubectl get hpa NAME -n NAMESPACE -o yaml`.
fn show_hpa(facts: &Facts) -> Command {
    let hpa = Command::kubectl(["get"]).object("hpa", &facts.subject.hpa);
    hpa.namespace(&facts.subject.namespace).flag("-o", "yaml")
}

fn list(items: &[Value]) -> String {
    yaml(&json!({"apiVersion": "v1", "kind": "List", "items": items}))
}

/// The HPA that KEDA owns with the target of the HPA under examination.
fn hpa_of_keda(facts: &Facts) -> Option<&str> {
    let own = target(facts.autoscaler.get()?);
    let is_same = |hpa: &&HorizontalPodAutoscaler| {
        let other = target(hpa);
        observed::keda::made_from(&hpa.metadata).is_some()
            && (other.kind, other.name) == (own.kind.clone(), own.name.clone())
    };
    facts.autoscalers.all().iter().find(is_same)?.metadata.name.as_deref()
}

/// Creating a TriggerAuthentication with the broker's user.
pub(crate) fn create_authentication(facts: &Facts, name: &str) -> Fix {
    let secret = broker(facts);
    let is_missing = facts.keda.secrets.iter().any(|known| known.name == secret && known.keys.is_absent());
    let what = if is_missing {
        messages::fix_create_authentication_and_secret(secret)
    } else {
        messages::fix_create_authentication(secret)
    };
    Fix::yaml(what, list(&[authentication(facts, name)]))
}

fn authentication(facts: &Facts, name: &str) -> Value {
    let keys = [contract::names::SECRET_USERNAME, contract::names::SECRET_PASSWORD];
    let parameters = keys.map(|key| json!({"parameter": key, "name": broker(facts), "key": key}));
    json!({
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "TriggerAuthentication",
        "metadata": {"name": name, "namespace": facts.subject.namespace},
        "spec": {"secretTargetRef": parameters},
    })
}
