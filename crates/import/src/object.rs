//! One sample of an HPA as the object of the API, so that an import and a watch use the same conversion.

use dashboard::clock::At;
use dashboard::message::{Event, Timestamped};
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use observed::{Hpa, Workload, convert};
use serde_json::{Value, json};

/// The reason why an import is impossible, as a sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportError(pub String);

impl std::fmt::Display for ImportError {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(&self.0)
    }
}

impl std::error::Error for ImportError {}

/// The form of a target and of its reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Form {
    /// An average per pod.
    AverageValue,
    /// A total.
    Value,
    /// Percent of the requests.
    Utilization,
}

impl Form {
    fn type_(self) -> &'static str {
        match self {
            Self::AverageValue => "AverageValue",
            Self::Value => "Value",
            Self::Utilization => "Utilization",
        }
    }

    /// A figure in the field of this form.
    fn field(self, figure: f64) -> (&'static str, Value) {
        match self {
            Self::AverageValue => ("averageValue", quantity(figure)),
            Self::Value => ("value", quantity(figure)),
            #[expect(
                clippy::cast_possible_truncation,
                reason = "a float becomes the nearest number that fits"
            )]
            Self::Utilization => ("averageUtilization", json!(figure.round() as i32)),
        }
    }
}

/// A number as a quantity in thousandths.
fn quantity(figure: f64) -> Value {
    let milli = (figure * 1_000.0).round() as i64;
    json!(format!("{milli}m"))
}

/// A metric of a sample.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct SampledMetric {
    /// `Resource`, `External`, …
    pub(crate) type_: String,
    pub(crate) name: String,
    pub(crate) form: Form,
    pub(crate) target: f64,
    pub(crate) reading: Option<f64>,
}

impl SampledMetric {
    /// The entry of the specification.
    fn spec(&self) -> Value {
        let (field, figure) = self.form.field(self.target);
        self.source(&json!({"type": self.form.type_(), field: figure}), "target")
    }

    /// The entry of the status, if there is a reading.
    fn status(&self) -> Option<Value> {
        let (field, figure) = self.form.field(self.reading?);
        Some(self.source(&json!({field: figure}), "current"))
    }

    fn source(&self, figures: &Value, name: &str) -> Value {
        let (container, metric) = self.name.split_once('/').unwrap_or(("", &self.name));
        match self.type_.as_str() {
            "Resource" => json!({"type": "Resource", "resource": {"name": self.name, name: figures}}),
            "ContainerResource" => json!({"type": "ContainerResource",
                "containerResource": {"name": metric, "container": container, name: figures}}),
            "Pods" => json!({"type": "Pods", "pods": {"metric": {"name": self.name}, name: figures}}),
            "Object" => json!({"type": "Object", "object": {"metric": {"name": self.name},
                "describedObject": {"kind": "Object", "name": "unknown"}, name: figures}}),
            _ => json!({"type": "External", "external": {"metric": {"name": self.name}, name: figures}}),
        }
    }
}

/// One sample of an HPA.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Sample {
    pub(crate) name: String,
    /// Kind and name of the scale target.
    pub(crate) target: (String, String),
    pub(crate) min: i32,
    pub(crate) max: i32,
    pub(crate) current: i32,
    pub(crate) desired: i32,
    pub(crate) metrics: Vec<SampledMetric>,
    /// Type, status, reason and message.
    pub(crate) conditions: Vec<[String; 4]>,
}

impl Sample {
    /// The HPA, as a watch would report it.
    pub(crate) fn hpa(&self) -> Result<Hpa, ImportError> {
        let conditions: Vec<Value> = self
            .conditions
            .iter()
            .map(|[type_, status, reason, message]| {
                json!({"type": type_, "status": status, "reason": reason, "message": message})
            })
            .collect();
        let object = json!({
            "metadata": {"name": self.name},
            "spec": {
                "scaleTargetRef": {"apiVersion": "apps/v1", "kind": self.target.0, "name": self.target.1},
                "minReplicas": self.min,
                "maxReplicas": self.max,
                "metrics": self.metrics.iter().map(SampledMetric::spec).collect::<Vec<_>>(),
            },
            "status": {
                "currentReplicas": self.current,
                "desiredReplicas": self.desired,
                "currentMetrics": self.metrics.iter().filter_map(SampledMetric::status).collect::<Vec<_>>(),
                "conditions": conditions,
            },
        });
        let object: HorizontalPodAutoscaler =
            serde_json::from_value(object).map_err(|error| ImportError(error.to_string()))?;
        Ok(convert::hpa::convert(&object))
    }
}

/// A selector that stands for the unknown one: without any, the controller refuses to decide.
pub(crate) fn unknown_selector() -> hpa::spec::LabelSelector {
    hpa::spec::LabelSelector {
        match_labels: [("imported".to_owned(), "unknown".to_owned())].into(),
        ..hpa::spec::LabelSelector::default()
    }
}

/// Events of the changes only: a watch reports nothing else.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    hpa: Option<Hpa>,
    workload: Option<Workload>,
    pub(crate) events: Vec<Timestamped>,
}

impl Changes {
    /// The changes after these events.
    pub(crate) fn after(events: Vec<Timestamped>) -> Self {
        Self { events, ..Self::default() }
    }

    pub(crate) fn hpa(&mut self, at: At, hpa: Hpa) {
        if self.hpa.as_ref() != Some(&hpa) {
            self.push(at, Event::Hpa(Some(Box::new(hpa.clone()))));
            self.hpa = Some(hpa);
        }
    }

    pub(crate) fn workload(&mut self, at: At, workload: Workload) {
        if self.workload.as_ref() != Some(&workload) {
            self.push(at, Event::Workload(Some(workload.clone())));
            self.workload = Some(workload);
        }
    }

    /// Forgets the newest state: the next one is reported in any case.
    pub(crate) fn forget(&mut self) {
        (self.hpa, self.workload) = (None, None);
    }

    pub(crate) fn push(&mut self, at: At, event: Event) {
        self.events.push(Timestamped { at, event });
    }
}
