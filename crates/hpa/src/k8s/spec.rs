//! Conversion of the specification.

use k8s_openapi::api::autoscaling::v2 as api;
use k8s_openapi::apimachinery::pkg::apis::meta::v1 as meta;

use super::quantity::{ConvertError, to_api_quantity};
use crate::field_path::FieldPath;
use crate::selection::{self, ExternalSelection};
use crate::spec::{
    Behavior, ContainerResourceMetric, ExternalMetric, LabelSelector, LabelSelectorRequirement, Metric,
    MetricIdentifier, ObjectMetric, PodsMetric, Policy, ResourceMetric, ScalingRules, Spec, Target,
    TargetRef,
};

impl TryFrom<&api::HorizontalPodAutoscalerSpec> for Spec {
    type Error = ConvertError;

    fn try_from(spec: &api::HorizontalPodAutoscalerSpec) -> Result<Self, ConvertError> {
        let root = FieldPath::Root("spec");
        let metrics_at = FieldPath::Field(&root, "metrics");
        let metrics = spec.metrics.iter().flatten().enumerate();
        Ok(Self {
            scale_target_ref: (&spec.scale_target_ref).into(),
            min_replicas: spec.min_replicas,
            max_replicas: spec.max_replicas,
            metrics: metrics
                .map(|(i, m)| metric(m, FieldPath::Index(&metrics_at, i)))
                .collect::<Result<_, _>>()?,
            behavior: spec
                .behavior
                .as_ref()
                .map(|b| behavior(b, FieldPath::Field(&root, "behavior")))
                .transpose()?,
        })
    }
}

/// Returns the first External metric with a usable target; see [`externals`].
#[must_use]
pub fn first_external(metrics: &[api::MetricSpec]) -> Option<ExternalSelection> {
    externals(metrics).into_iter().next()
}

/// Returns the External metrics with a usable target; see [`crate::selection::externals`].
///
/// A metric with an unreadable quantity counts as absent.
#[must_use]
pub fn externals(metrics: &[api::MetricSpec]) -> Vec<ExternalSelection> {
    let at = FieldPath::Root("metrics");
    let metrics: Vec<Metric> = metrics.iter().map(|m| metric(m, at).unwrap_or_default()).collect();
    selection::externals(&metrics).collect()
}

fn metric(metric: &api::MetricSpec, at: FieldPath<'_>) -> Result<Metric, ConvertError> {
    Ok(Metric {
        type_: metric.type_.clone(),
        external: match &metric.external {
            Some(s) => Some(ExternalMetric {
                metric: (&s.metric).into(),
                target: target(&s.target, FieldPath::Field(&at, "external"))?,
            }),
            None => None,
        },
        object: match &metric.object {
            Some(s) => Some(ObjectMetric {
                described_object: (&s.described_object).into(),
                metric: (&s.metric).into(),
                target: target(&s.target, FieldPath::Field(&at, "object"))?,
            }),
            None => None,
        },
        pods: match &metric.pods {
            Some(s) => Some(PodsMetric {
                metric: (&s.metric).into(),
                target: target(&s.target, FieldPath::Field(&at, "pods"))?,
            }),
            None => None,
        },
        resource: match &metric.resource {
            Some(s) => Some(ResourceMetric {
                name: s.name.clone(),
                target: target(&s.target, FieldPath::Field(&at, "resource"))?,
            }),
            None => None,
        },
        container_resource: match &metric.container_resource {
            Some(s) => Some(ContainerResourceMetric {
                name: s.name.clone(),
                container: s.container.clone(),
                target: target(&s.target, FieldPath::Field(&at, "containerResource"))?,
            }),
            None => None,
        },
    })
}

fn target(target: &api::MetricTarget, source: FieldPath<'_>) -> Result<Target, ConvertError> {
    let at = FieldPath::Field(&source, "target");
    Ok(Target {
        type_: target.type_.clone(),
        value: FieldPath::Field(&at, "value").optional(target.value.as_ref())?,
        average_value: FieldPath::Field(&at, "averageValue").optional(target.average_value.as_ref())?,
        average_utilization: target.average_utilization,
    })
}

fn behavior(
    behavior: &api::HorizontalPodAutoscalerBehavior,
    at: FieldPath<'_>,
) -> Result<Behavior, ConvertError> {
    Ok(Behavior {
        scale_up: behavior
            .scale_up
            .as_ref()
            .map(|r| rules(r, FieldPath::Field(&at, "scaleUp")))
            .transpose()?,
        scale_down: behavior
            .scale_down
            .as_ref()
            .map(|r| rules(r, FieldPath::Field(&at, "scaleDown")))
            .transpose()?,
    })
}

fn rules(rules: &api::HPAScalingRules, at: FieldPath<'_>) -> Result<ScalingRules, ConvertError> {
    let policy = |p: &api::HPAScalingPolicy| Policy {
        type_: p.type_.clone(),
        value: p.value,
        period_seconds: p.period_seconds,
    };
    Ok(ScalingRules {
        stabilization_window_seconds: rules.stabilization_window_seconds,
        select_policy: rules.select_policy.clone(),
        policies: rules.policies.as_ref().map(|list| list.iter().map(policy).collect()),
        tolerance: FieldPath::Field(&at, "tolerance").optional(rules.tolerance.as_ref())?,
    })
}

impl From<&api::CrossVersionObjectReference> for TargetRef {
    fn from(reference: &api::CrossVersionObjectReference) -> Self {
        Self {
            api_version: reference.api_version.clone(),
            kind: reference.kind.clone(),
            name: reference.name.clone(),
        }
    }
}

impl From<&api::MetricIdentifier> for MetricIdentifier {
    fn from(metric: &api::MetricIdentifier) -> Self {
        Self { name: metric.name.clone(), selector: metric.selector.as_ref().map(Into::into) }
    }
}

impl From<&meta::LabelSelector> for LabelSelector {
    fn from(selector: &meta::LabelSelector) -> Self {
        let requirement = |r: &meta::LabelSelectorRequirement| LabelSelectorRequirement {
            key: r.key.clone(),
            operator: r.operator.clone(),
            values: r.values.clone().unwrap_or_default(),
        };
        Self {
            match_labels: selector.match_labels.clone().unwrap_or_default(),
            match_expressions: selector.match_expressions.iter().flatten().map(requirement).collect(),
        }
    }
}

impl From<&Spec> for api::HorizontalPodAutoscalerSpec {
    fn from(spec: &Spec) -> Self {
        Self {
            scale_target_ref: (&spec.scale_target_ref).into(),
            min_replicas: spec.min_replicas,
            max_replicas: spec.max_replicas,
            metrics: (!spec.metrics.is_empty()).then(|| spec.metrics.iter().map(to_api_metric).collect()),
            behavior: spec.behavior.as_ref().map(|behavior| api::HorizontalPodAutoscalerBehavior {
                scale_up: behavior.scale_up.as_ref().map(to_api_rules),
                scale_down: behavior.scale_down.as_ref().map(to_api_rules),
            }),
        }
    }
}

fn to_api_metric(metric: &Metric) -> api::MetricSpec {
    api::MetricSpec {
        type_: metric.type_.clone(),
        external: metric.external.as_ref().map(|s| api::ExternalMetricSource {
            metric: (&s.metric).into(),
            target: to_api_target(&s.target),
        }),
        object: metric.object.as_ref().map(|s| api::ObjectMetricSource {
            described_object: (&s.described_object).into(),
            metric: (&s.metric).into(),
            target: to_api_target(&s.target),
        }),
        pods: metric
            .pods
            .as_ref()
            .map(|s| api::PodsMetricSource { metric: (&s.metric).into(), target: to_api_target(&s.target) }),
        resource: metric
            .resource
            .as_ref()
            .map(|s| api::ResourceMetricSource { name: s.name.clone(), target: to_api_target(&s.target) }),
        container_resource: metric.container_resource.as_ref().map(|s| api::ContainerResourceMetricSource {
            name: s.name.clone(),
            container: s.container.clone(),
            target: to_api_target(&s.target),
        }),
    }
}

fn to_api_target(target: &Target) -> api::MetricTarget {
    api::MetricTarget {
        type_: target.type_.clone(),
        value: target.value.map(to_api_quantity),
        average_value: target.average_value.map(to_api_quantity),
        average_utilization: target.average_utilization,
    }
}

fn to_api_rules(rules: &ScalingRules) -> api::HPAScalingRules {
    let policy = |p: &Policy| api::HPAScalingPolicy {
        type_: p.type_.clone(),
        value: p.value,
        period_seconds: p.period_seconds,
    };
    api::HPAScalingRules {
        stabilization_window_seconds: rules.stabilization_window_seconds,
        select_policy: rules.select_policy.clone(),
        policies: rules.policies.as_ref().map(|list| list.iter().map(policy).collect()),
        tolerance: rules.tolerance.map(to_api_quantity),
    }
}

impl From<&TargetRef> for api::CrossVersionObjectReference {
    fn from(reference: &TargetRef) -> Self {
        Self {
            api_version: reference.api_version.clone(),
            kind: reference.kind.clone(),
            name: reference.name.clone(),
        }
    }
}

impl From<&MetricIdentifier> for api::MetricIdentifier {
    fn from(metric: &MetricIdentifier) -> Self {
        Self { name: metric.name.clone(), selector: metric.selector.as_ref().map(Into::into) }
    }
}

impl From<&LabelSelector> for meta::LabelSelector {
    fn from(selector: &LabelSelector) -> Self {
        let requirement = |r: &LabelSelectorRequirement| meta::LabelSelectorRequirement {
            key: r.key.clone(),
            operator: r.operator.clone(),
            values: (!r.values.is_empty()).then(|| r.values.clone()),
        };
        Self {
            match_labels: (!selector.match_labels.is_empty()).then(|| selector.match_labels.clone()),
            match_expressions: (!selector.match_expressions.is_empty())
                .then(|| selector.match_expressions.iter().map(requirement).collect()),
        }
    }
}
