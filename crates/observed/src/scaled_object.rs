//! KEDA's ScaledObject: the triggers of an HPA, and the rest of its work.

use std::borrow::Cow;
use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use text::clean;
use text::secret::{self, HIDDEN};

use crate::keda;

/// A ScaledObject. All its texts are cleaned.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ScaledObject {
    /// Its name.
    pub name: String,
    /// Its triggers, in order.
    pub triggers: Vec<Trigger>,
    /// `minReplicaCount`; 0 by default.
    pub min: i32,
    /// `idleReplicaCount`.
    pub idle: Option<i32>,
    /// `pollingInterval` in seconds; 30 by default.
    pub polling_seconds: i64,
    /// `cooldownPeriod` in seconds; 300 by default. It delays only the step to 0.
    pub cooldown_seconds: i64,
    /// `fallback`: failures until it is used, and its replicas.
    pub fallback: Option<(i64, i64)>,
    /// `advanced.scalingModifiers.formula`.
    pub formula: Option<String>,
    /// The pause, if there is one.
    pub pause: Option<Hold>,
    /// True if a trigger is active, by the condition `Active`; `None` if KEDA reports nothing.
    pub is_active: Option<bool>,
    /// True if the fallback is in use, by the condition `Fallback`.
    pub is_fallback: bool,
}

/// The size at which KEDA holds the workload of a paused ScaledObject.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Hold {
    /// At the size at which it was paused.
    Here,
    /// At this size.
    At(i32),
    /// Reported by the condition `Paused` without an annotation.
    WithoutAnnotation,
}

/// One trigger.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Trigger {
    /// Its type, such as `rabbitmq` or `cron`.
    pub kind: String,
    /// Its name, if it has one.
    pub name: Option<String>,
    /// `metadata`: settings of the scaler. Secrets are in a TriggerAuthentication.
    pub metadata: BTreeMap<String, String>,
    /// The name of its metric in the external metrics API, if KEDA reports it.
    pub metric: Option<String>,
    /// True if it is active; `None` if this release of KEDA does not report it.
    pub is_active: Option<bool>,
    /// Consecutive failures of its metric.
    pub failures: i64,
}

impl Trigger {
    /// The queue of a RabbitMQ trigger, unless it is an expression.
    #[must_use]
    pub fn queue(&self) -> Option<&str> {
        let is_expression = self.metadata.get("useRegex").is_some_and(|value| value == "true");
        let queue = self.metadata.get("queueName").filter(|_| self.kind == "rabbitmq" && !is_expression);
        queue.map(String::as_str)
    }

    /// The virtual host of a RabbitMQ trigger, if its settings name one. Else it is in the login, which is not read here.
    #[must_use]
    pub fn vhost(&self) -> Option<&str> {
        let vhost =
            self.metadata.get("vhostName").filter(|vhost| self.kind == "rabbitmq" && !vhost.is_empty());
        vhost.map(String::as_str)
    }

    /// The value above which KEDA takes the trigger for active, if it is set. Its key differs between scalers: `activationValue`,
    /// `activationThreshold`, `activationLagThreshold`.
    #[must_use]
    pub fn activation(&self) -> Option<&str> {
        self.metadata.iter().find(|(key, _)| key.starts_with("activation")).map(|(_, value)| value.as_str())
    }

    /// The query of a Prometheus trigger.
    #[must_use]
    pub fn promql(&self) -> Option<&str> {
        self.metadata.get("query").filter(|_| self.kind == "prometheus").map(String::as_str)
    }
}

impl ScaledObject {
    /// Reads an object of `keda.sh/v1alpha1`.
    #[must_use]
    pub fn read(object: &Value) -> Self {
        let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).map(clean::text);
        let number = |pointer: &str| object.pointer(pointer).and_then(Value::as_i64);
        let size = |pointer: &str| number(pointer).and_then(|number| i32::try_from(number).ok());
        let condition = |kind: &str| {
            let conditions = object.pointer("/status/conditions").and_then(Value::as_array)?;
            let found = conditions.iter().find(|condition| condition["type"] == kind)?;
            match found["status"].as_str()? {
                "True" => Some(true),
                "False" => Some(false),
                _ => None,
            }
        };
        let metadata: ObjectMeta = serde_json::from_value(object["metadata"].clone()).unwrap_or_default();
        let pauses = keda::pauses(&metadata);
        let pause = match pauses.iter().find(|pause| pause.holds()) {
            Some(keda::Pause::HeldAt { replicas, .. }) => Some(replicas.parse().map_or(Hold::Here, Hold::At)),
            Some(_) => Some(Hold::Here),
            None if pauses.is_empty() && condition("Paused") == Some(true) => Some(Hold::WithoutAnnotation),
            None => None,
        };
        let metrics: Vec<String> = object
            .pointer("/status/externalMetricNames")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(|name| name.as_str().map(clean::text))
            .collect();
        let triggers = object.pointer("/spec/triggers").and_then(Value::as_array).into_iter().flatten();
        Self {
            name: text("/metadata/name").unwrap_or_default(),
            triggers: triggers.enumerate().map(|(index, t)| trigger(object, &metrics, index, t)).collect(),
            min: size("/spec/minReplicaCount").unwrap_or(0),
            idle: size("/spec/idleReplicaCount"),
            polling_seconds: number("/spec/pollingInterval").unwrap_or(30),
            cooldown_seconds: number("/spec/cooldownPeriod").unwrap_or(300),
            fallback: number("/spec/fallback/failureThreshold").zip(number("/spec/fallback/replicas")),
            formula: text("/spec/advanced/scalingModifiers/formula"),
            pause,
            is_active: condition("Active"),
            is_fallback: condition("Fallback") == Some(true),
        }
    }

    /// The trigger behind a metric of the HPA.
    #[must_use]
    pub fn trigger(&self, metric: &str) -> Option<&Trigger> {
        let (index, _) = keda::trigger(metric)?;
        self.triggers.get(index)
    }
}

fn trigger(object: &Value, metrics: &[String], index: usize, trigger: &Value) -> Trigger {
    let prefix = format!("s{index}-");
    let metric = metrics.iter().find(|name| name.starts_with(&prefix)).cloned();
    let of_metric = |field: &str| metric.as_ref().map(|name| &object["status"][field][name.as_str()]);
    let settings = trigger["metadata"].as_object().into_iter().flatten();
    Trigger {
        kind: trigger["type"].as_str().map(clean::text).unwrap_or_default(),
        name: trigger["name"].as_str().map(clean::text),
        metadata: settings
            .filter_map(|(key, value)| Some((clean::text(key), clean::text(&public(key, value.as_str()?)))))
            .collect(),
        is_active: of_metric("triggersActivity").and_then(|activity| activity["isActive"].as_bool()),
        failures: of_metric("health").and_then(|health| health["numberOfFailures"].as_i64()).unwrap_or(0),
        metric,
    }
}

/// The value of a setting without secrets: a login belongs into a TriggerAuthentication, but KEDA takes it from here, too.
fn public<'a>(key: &str, value: &'a str) -> Cow<'a, str> {
    if secret::is_secret_name(key) { Cow::Borrowed(HIDDEN) } else { secret::hide(value) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const PAUSED: &str = "autoscaling.keda.sh/paused";
    const PAUSED_REPLICAS: &str = "autoscaling.keda.sh/paused-replicas";
    const PAUSED_SCALE_IN: &str = "autoscaling.keda.sh/paused-scale-in";

    #[test]
    fn triggers_conditions_and_defaults_are_read() {
        let object = ScaledObject::read(&json!({
            "metadata": {"name": "worker"},
            "spec": {"fallback": {"failureThreshold": 3, "replicas": 4}, "triggers": [
                {"type": "cron", "metadata": {"start": "0 8 * * *"}},
                {"type": "rabbitmq", "metadata": {"queueName": "mail.out", "value": "20"}},
                {"type": "rabbitmq", "metadata": {"queueName": "^a", "useRegex": "true", "vhostName": "eu",
                    "host": "amqp://me:pw@mq:5672/", "password": "pw"}},
            ]},
            "status": {"externalMetricNames": ["s0-cron", "s1-rabbitmq-mail-out"],
                "conditions": [{"type": "Active", "status": "True"}, {"type": "Fallback", "status": "False"}],
                "health": {"s1-rabbitmq-mail-out": {"numberOfFailures": 2, "status": "Failing"}},
                "triggersActivity": {"s0-cron": {"isActive": false}}},
        }));
        assert_eq!((object.min, object.polling_seconds, object.cooldown_seconds), (0, 30, 300));
        assert_eq!((object.fallback, object.is_active, object.pause), (Some((3, 4)), Some(true), None));
        let queue = object.trigger("s1-rabbitmq-mail-out").unwrap();
        assert_eq!((queue.queue(), queue.failures, queue.is_active), (Some("mail.out"), 2, None));
        assert_eq!(object.triggers[0].is_active, Some(false));
        let expression = &object.triggers[2];
        assert_eq!((expression.queue(), expression.vhost()), (None, Some("eu")), "an expression is no queue");
        assert!(!format!("{expression:?}").contains("pw"), "{expression:?}");
    }

    #[test]
    fn a_pause_has_its_annotation_or_a_condition() {
        for (annotations, paused, pause) in [
            (json!({}), "False", None),
            (json!({PAUSED: "true"}), "True", Some(Hold::Here)),
            (json!({PAUSED: "false"}), "False", None),
            (json!({PAUSED_REPLICAS: "0", PAUSED: "true"}), "True", Some(Hold::At(0))),
            (json!({}), "True", Some(Hold::WithoutAnnotation)),
            (json!({PAUSED_SCALE_IN: "true"}), "True", None),
        ] {
            let object = json!({"metadata": {"annotations": annotations},
                "status": {"conditions": [{"type": "Paused", "status": paused}]}});
            assert_eq!(ScaledObject::read(&object).pause, pause, "{object}");
        }
    }
}
