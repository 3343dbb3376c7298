//! The objects that would let KEDA do what an HPA was meant to do, to be applied as they are printed.

use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;

use super::super::facts::{Facts, Seen};
use super::super::line::Fix;
use super::super::metric::{self, Target};
use super::super::words;

/// Name of the TriggerAuthentication that is suggested.
const AUTHENTICATION: &str = "rabbitmq";

/// Service of the broker, which is also the name of the Secret with its user.
fn broker(facts: &Facts) -> &str {
    facts.broker.management.as_ref().map_or(contract::names::RABBITMQ, |at| at.service.as_str())
}

/// What lets KEDA make the HPA in place of the one that is there. One list, since a line `---` does not survive being
/// copied with the blanks before it.
pub(in super::super) fn scaled_object(facts: &Facts) -> Fix {
    let place = &facts.place;
    if let Some(hpa) = rival(facts) {
        return Fix::command(
            format!("delete this one: KEDA has made {hpa} for the same pods"),
            format!("kubectl delete hpa {} -n {}", place.hpa, place.namespace),
        );
    }
    let spec = facts.autoscaler.get().and_then(|hpa| hpa.spec.clone()).unwrap_or_default();
    let metric = facts.autoscaler.get().and_then(metric::external);
    let queue = metric
        .as_ref()
        .and_then(|metric| metric.queue.clone())
        .unwrap_or_else(|| contract::queue::ORDERS.to_owned());
    let target = match metric.map(|metric| metric.target) {
        Some(Target::Average(milli) | Target::Value(milli)) => words::milli(milli),
        None => "20".to_owned(),
    };
    let (hpa, namespace, broker) = (&place.hpa, &place.namespace, broker(facts));
    let object = format!(
        "- apiVersion: keda.sh/v1alpha1
  kind: ScaledObject
  metadata:
    name: {hpa}
    namespace: {namespace}
  spec:
    scaleTargetRef:
      kind: {kind}
      name: {name}
    minReplicaCount: {min}
    maxReplicaCount: {max}
    advanced:
      horizontalPodAutoscalerConfig:
        name: {hpa}
    triggers:
    - type: rabbitmq
      metadata:
        host: amqp://{broker}.{namespace}.svc:5672
        protocol: amqp
        vhostName: {vhost}
        queueName: {queue}
        mode: QueueLength
        value: \"{target}\"
      authenticationRef:
        name: {AUTHENTICATION}",
        kind = spec.scale_target_ref.kind,
        name = spec.scale_target_ref.name,
        min = spec.min_replicas.unwrap_or(1),
        max = spec.max_replicas,
        vhost = contract::queue::VHOST,
    );
    let is_there =
        facts.keda.authentications.all().iter().any(|authentication| authentication.name() == AUTHENTICATION);
    let items = if is_there { object } else { format!("{}\n{object}", item(facts, AUTHENTICATION)) };
    Fix::yaml(
        format!(
            "let KEDA make the HPA: `kubectl delete hpa {hpa} -n {namespace}`, since KEDA refuses a target that another HPA has, then apply"
        ),
        format!("apiVersion: v1\nkind: List\nitems:\n{items}"),
    )
}

/// The HPA that KEDA has already made for what this one scales.
fn rival(facts: &Facts) -> Option<&str> {
    let target = |hpa: &HorizontalPodAutoscaler| {
        hpa.spec.as_ref().map(|spec| (spec.scale_target_ref.kind.clone(), spec.scale_target_ref.name.clone()))
    };
    let own = facts.autoscaler.get()?;
    let mut all = facts.autoscalers.all().iter();
    all.find(|hpa| super::made_from(&hpa.metadata).is_some() && target(hpa) == target(own))?
        .metadata
        .name
        .as_deref()
}

/// A TriggerAuthentication that logs in as the broker's user.
pub(super) fn authentication(facts: &Facts, name: &str) -> Fix {
    Fix::yaml(
        format!("make it, of the Secret {} with the broker's user", broker(facts)),
        format!("apiVersion: v1\nkind: List\nitems:\n{}", item(facts, name)),
    )
}

fn item(facts: &Facts, name: &str) -> String {
    let mut text = format!(
        "- apiVersion: keda.sh/v1alpha1
  kind: TriggerAuthentication
  metadata:
    name: {name}
    namespace: {}
  spec:
    secretTargetRef:",
        facts.place.namespace
    );
    let broker = broker(facts);
    // A Secret that is known not to be there would only move the trouble.
    let is_absent = facts
        .keda
        .secrets
        .iter()
        .any(|secret| secret.name == broker && matches!(secret.keys.seen, Seen::Absent));
    let note = if is_absent { " # is not there yet" } else { "" };
    for key in [contract::names::SECRET_USERNAME, contract::names::SECRET_PASSWORD] {
        text.push_str(&format!("\n    - parameter: {key}\n      name: {broker}{note}\n      key: {key}"));
    }
    text
}
