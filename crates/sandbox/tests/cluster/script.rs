//! The scripts: the settings of each autoscaler and the responses to its requests, from `scripts.yaml`.

use serde::Deserialize;
use serde_json::{Value, json};

use hpa::recorded::MetricResponse;

/// Name of the metric of every autoscaler.
pub(crate) const METRIC: &str = "script";
/// Target value of the metric for each pod.
const TARGET: &str = "20";

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Script {
    pub(crate) name: String,
    #[serde(default = "one")]
    pub(crate) start: i32,
    #[serde(default = "one")]
    min_replicas: i32,
    max_replicas: i32,
    /// Number of metrics.
    #[serde(default = "one")]
    metrics: i32,
    behavior: Option<Value>,
    pub(crate) syncs: Vec<ScriptedSync>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ScriptedSync {
    pub(crate) read: Vec<MetricResponse>,
    /// The size that the test sets on the target after this sync.
    pub(crate) resize: Option<i32>,
}

fn one() -> i32 {
    1
}

/// The scripts for a controller with this period.
pub(crate) fn scripts(period_seconds: u32) -> Vec<Script> {
    let periods = regex::Regex::new(r"\b(\d+\.\d)P\b").unwrap();
    let text = periods.replace_all(include_str!("scripts.yaml"), |found: &regex::Captures<'_>| {
        let seconds = found[1].parse::<f64>().unwrap() * f64::from(period_seconds);
        format!("{}", seconds.floor().max(1.0))
    });
    let scripts: Vec<Script> = serde_saphyr::from_str(&text).unwrap();
    for script in &scripts {
        let metrics = usize::try_from(script.metrics).unwrap();
        assert!(script.syncs.iter().all(|step| step.read.len() == metrics), "{}", script.name);
    }
    scripts
}

impl Script {
    /// A metric with labels that identify the autoscaler.
    fn metric(&self, index: i32) -> Value {
        json!({"type": "External", "external": {
            "metric": {"name": METRIC, "selector": {"matchLabels": {
                "autoscaler": self.name, "index": index.to_string(),
            }}},
            "target": {"type": "AverageValue", "averageValue": TARGET},
        }})
    }

    pub(crate) fn autoscaler(&self) -> Value {
        let metrics: Vec<Value> = (0..self.metrics).map(|index| self.metric(index)).collect();
        let mut object = json!({
            "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": self.name},
            "spec": {
                "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": self.name},
                "minReplicas": self.min_replicas, "maxReplicas": self.max_replicas, "metrics": metrics,
            },
        });
        if let Some(behavior) = &self.behavior {
            object["spec"]["behavior"] = behavior.clone();
        }
        object
    }

    /// A target with idle pods.
    pub(crate) fn deployment(&self, image: &str) -> Value {
        json!({
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": self.name},
            "spec": {
                "replicas": self.start,
                "selector": {"matchLabels": {"app": self.name}},
                "template": {
                    "metadata": {"labels": {"app": self.name}},
                    "spec": {
                        "terminationGracePeriodSeconds": 1,
                        "automountServiceAccountToken": false,
                        "containers": [{"name": "idle", "image": image, "imagePullPolicy": "IfNotPresent"}],
                    },
                },
            },
        })
    }
}
