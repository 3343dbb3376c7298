//! Conversion of the status.

use k8s_openapi::api::autoscaling::v2 as api;

use super::quantity::{ConvertError, to_api_quantity};
use crate::field_path::FieldPath;
use crate::status::{
    Condition, ConditionStatus, ContainerResourceStatus, Current, ExternalStatus, MetricStatus, ObjectStatus,
    PodsStatus, ResourceStatus, Status,
};
use crate::time::Time;

impl TryFrom<&api::HorizontalPodAutoscalerStatus> for Status {
    type Error = ConvertError;

    fn try_from(status: &api::HorizontalPodAutoscalerStatus) -> Result<Self, ConvertError> {
        let root = FieldPath::Root("status");
        let metrics_at = FieldPath::Field(&root, "currentMetrics");
        let metrics = status.current_metrics.iter().flatten().enumerate();
        Ok(Self {
            observed_generation: status.observed_generation,
            last_scale_time: status.last_scale_time.as_ref().map(Time::from),
            current_replicas: status.current_replicas.unwrap_or_default(),
            desired_replicas: status.desired_replicas,
            current_metrics: metrics
                .map(|(i, m)| metric(m, FieldPath::Index(&metrics_at, i)))
                .collect::<Result<_, _>>()?,
            conditions: status.conditions.iter().flatten().map(Into::into).collect(),
        })
    }
}

/// Converts the metrics of a status; one with an unreadable quantity counts as empty.
#[must_use]
pub fn readable_metrics(metrics: &[api::MetricStatus]) -> Vec<MetricStatus> {
    let at = FieldPath::Root("currentMetrics");
    metrics.iter().map(|status| metric(status, at).unwrap_or_default()).collect()
}

impl From<&api::HorizontalPodAutoscalerCondition> for Condition {
    fn from(condition: &api::HorizontalPodAutoscalerCondition) -> Self {
        Self {
            type_: condition.type_.clone().into(),
            status: parse_condition_status(&condition.status),
            reason: condition.reason.clone().unwrap_or_default().into(),
            message: condition.message.clone().unwrap_or_default().into(),
            last_transition_time: condition.last_transition_time.as_ref().map(Time::from),
        }
    }
}

pub(super) fn parse_condition_status(word: &str) -> ConditionStatus {
    match word {
        "True" => ConditionStatus::True,
        "False" => ConditionStatus::False,
        _ => ConditionStatus::Unknown,
    }
}

fn metric(metric: &api::MetricStatus, at: FieldPath<'_>) -> Result<MetricStatus, ConvertError> {
    Ok(MetricStatus {
        type_: metric.type_.clone().into(),
        external: match &metric.external {
            Some(s) => Some(ExternalStatus {
                metric: (&s.metric).into(),
                current: current(&s.current, FieldPath::Field(&at, "external"))?,
            }),
            None => None,
        },
        object: match &metric.object {
            Some(s) => Some(ObjectStatus {
                described_object: (&s.described_object).into(),
                metric: (&s.metric).into(),
                current: current(&s.current, FieldPath::Field(&at, "object"))?,
            }),
            None => None,
        },
        pods: match &metric.pods {
            Some(s) => Some(PodsStatus {
                metric: (&s.metric).into(),
                current: current(&s.current, FieldPath::Field(&at, "pods"))?,
            }),
            None => None,
        },
        resource: match &metric.resource {
            Some(s) => Some(ResourceStatus {
                name: s.name.clone(),
                current: current(&s.current, FieldPath::Field(&at, "resource"))?,
            }),
            None => None,
        },
        container_resource: match &metric.container_resource {
            Some(s) => Some(ContainerResourceStatus {
                name: s.name.clone(),
                container: s.container.clone(),
                current: current(&s.current, FieldPath::Field(&at, "containerResource"))?,
            }),
            None => None,
        },
    })
}

fn current(current: &api::MetricValueStatus, source: FieldPath<'_>) -> Result<Current, ConvertError> {
    let at = FieldPath::Field(&source, "current");
    Ok(Current {
        value: FieldPath::Field(&at, "value").optional(current.value.as_ref())?,
        average_value: FieldPath::Field(&at, "averageValue").optional(current.average_value.as_ref())?,
        average_utilization: current.average_utilization,
    })
}

impl From<&Status> for api::HorizontalPodAutoscalerStatus {
    fn from(status: &Status) -> Self {
        Self {
            observed_generation: status.observed_generation,
            last_scale_time: status.last_scale_time.map(Into::into),
            current_replicas: Some(status.current_replicas),
            desired_replicas: status.desired_replicas,
            current_metrics: (!status.current_metrics.is_empty())
                .then(|| status.current_metrics.iter().map(to_api_metric).collect()),
            conditions: (!status.conditions.is_empty())
                .then(|| status.conditions.iter().map(Into::into).collect()),
        }
    }
}

impl From<&Condition> for api::HorizontalPodAutoscalerCondition {
    fn from(condition: &Condition) -> Self {
        Self {
            type_: condition.type_.to_string(),
            status: condition.status.as_str().to_owned(),
            reason: Some(condition.reason.to_string()),
            message: Some(condition.message.to_string()),
            last_transition_time: condition.last_transition_time.map(Into::into),
        }
    }
}

fn to_api_metric(metric: &MetricStatus) -> api::MetricStatus {
    api::MetricStatus {
        type_: metric.type_.to_string(),
        external: metric.external.as_ref().map(|s| api::ExternalMetricStatus {
            metric: (&s.metric).into(),
            current: to_api_current(&s.current),
        }),
        object: metric.object.as_ref().map(|s| api::ObjectMetricStatus {
            described_object: (&s.described_object).into(),
            metric: (&s.metric).into(),
            current: to_api_current(&s.current),
        }),
        pods: metric.pods.as_ref().map(|s| api::PodsMetricStatus {
            metric: (&s.metric).into(),
            current: to_api_current(&s.current),
        }),
        resource: metric
            .resource
            .as_ref()
            .map(|s| api::ResourceMetricStatus { name: s.name.clone(), current: to_api_current(&s.current) }),
        container_resource: metric.container_resource.as_ref().map(|s| api::ContainerResourceMetricStatus {
            name: s.name.clone(),
            container: s.container.clone(),
            current: to_api_current(&s.current),
        }),
    }
}

fn to_api_current(current: &Current) -> api::MetricValueStatus {
    api::MetricValueStatus {
        value: current.value.map(to_api_quantity),
        average_value: current.average_value.map(to_api_quantity),
        average_utilization: current.average_utilization,
    }
}
