//! Validation of `spec.metrics`.

use super::field_error::Errors;
use super::names;
use super::reference::{self, ApiVersion, path_segment};
use crate::field_path::FieldPath;
use crate::spec::{
    ContainerResourceMetric, ExternalMetric, Metric, MetricIdentifier, ObjectMetric, PodsMetric,
    ResourceMetric, Spec, Target,
};

pub(super) fn check(errors: &mut Errors, spec: &Spec, at: FieldPath<'_>, described: ApiVersion) {
    for (i, given) in spec.metrics.iter().enumerate() {
        metric(errors, given, at.index(i), described);
    }
    if spec.min_replicas == Some(0) && !spec.has_object_or_external() {
        let detail =
            "must specify at least one Object or External metric to support scaling to zero replicas";
        errors.forbidden(at, detail);
    }
}

const TYPES: [&str; 5] = ["ContainerResource", "External", "Object", "Pods", "Resource"];

fn metric(errors: &mut Errors, metric: &Metric, at: FieldPath<'_>, described: ApiVersion) {
    if metric.type_.is_empty() {
        errors.required(at.field("type"), "must specify a metric source type");
    }
    let known = TYPES.contains(&metric.type_.as_str());
    if !known {
        errors.not_supported(at.field("type"), &metric.type_, &TYPES);
    }
    // Upstream checks the first source that is set, regardless of the type.
    if let Some(source) = &metric.object {
        object(errors, source, at.field("object"), described);
    } else if let Some(source) = &metric.external {
        external(errors, source, at.field("external"));
    } else if let Some(source) = &metric.pods {
        pods(errors, source, at.field("pods"));
    } else if let Some(source) = &metric.resource {
        resource(errors, source, at.field("resource"));
    } else if let Some(source) = &metric.container_resource {
        container_resource(errors, source, at.field("containerResource"));
    }
    let sources = [
        ("object", "Object", metric.object.is_some()),
        ("external", "External", metric.external.is_some()),
        ("pods", "Pods", metric.pods.is_some()),
        ("resource", "Resource", metric.resource.is_some()),
        ("containerResource", "ContainerResource", metric.container_resource.is_some()),
    ];
    for (field, type_, present) in sources {
        if type_ == metric.type_ && !present {
            errors.required(at.field(field), "must populate information for the given metric source");
        }
    }
    if !known {
        // Upstream reports this twice.
        errors.not_supported(at.field("type"), &metric.type_, &TYPES);
    }
    if sources.iter().filter(|(.., present)| *present).count() != 1 {
        for (field, type_, present) in sources {
            if present && type_ != metric.type_ {
                errors.forbidden(at.field(field), "must populate the given metric source only");
            }
        }
    }
}

fn object(errors: &mut Errors, source: &ObjectMetric, at: FieldPath<'_>, described: ApiVersion) {
    reference::check(errors, &source.described_object, at.field("describedObject"), described);
    identifier(errors, &source.metric, at.field("metric"));
    let field = at.field("target");
    target(errors, &source.target, field);
    if source.target.value.is_none() && source.target.average_value.is_none() {
        errors.required(field.field("averageValue"), "must set either a target value or averageValue");
    }
}

fn external(errors: &mut Errors, source: &ExternalMetric, at: FieldPath<'_>) {
    identifier(errors, &source.metric, at.field("metric"));
    let field = at.field("target");
    target(errors, &source.target, field);
    match (source.target.value.is_some(), source.target.average_value.is_some()) {
        (false, false) => {
            let detail = "must set either a target value for metric or a per-pod target";
            errors.required(field.field("averageValue"), detail);
        }
        (true, true) => {
            let detail = "may not set both a target value for metric and a per-pod target";
            errors.forbidden(field.field("value"), detail);
        }
        _ => {}
    }
}

fn pods(errors: &mut Errors, source: &PodsMetric, at: FieldPath<'_>) {
    identifier(errors, &source.metric, at.field("metric"));
    let field = at.field("target");
    target(errors, &source.target, field);
    if source.target.average_value.is_none() {
        errors.required(field.field("averageValue"), "must specify a positive target averageValue");
    }
}

fn resource(errors: &mut Errors, source: &ResourceMetric, at: FieldPath<'_>) {
    if source.name.is_empty() {
        errors.required(at.field("name"), "must specify a resource name");
    }
    resource_target(errors, &source.target, at.field("target"));
}

fn container_resource(errors: &mut Errors, source: &ContainerResourceMetric, at: FieldPath<'_>) {
    let (name, container) = (at.field("name"), at.field("container"));
    if source.name.is_empty() {
        errors.required(name, "must specify a resource name");
    }
    for detail in names::container_resource(&source.name) {
        errors.invalid(name, &source.name, detail);
    }
    if source.container.is_empty() {
        errors.required(container, "must specify a container");
    } else {
        for detail in names::dns_label(&source.container) {
            errors.invalid_text(container, &source.container, detail);
        }
    }
    resource_target(errors, &source.target, at.field("target"));
}

fn resource_target(errors: &mut Errors, given: &Target, at: FieldPath<'_>) {
    target(errors, given, at);
    match (given.average_utilization.is_some(), given.average_value.is_some()) {
        (false, false) => {
            let detail = "must set either a target raw value or a target utilization";
            errors.required(at.field("averageUtilization"), detail);
        }
        (true, true) => {
            let detail = "may not set both a target raw value and a target utilization";
            errors.forbidden(at.field("averageValue"), detail);
        }
        _ => {}
    }
}

/// Checks a target. `type: Value` with `averageValue` passes: upstream does not compare the type with the field that is
/// set.
fn target(errors: &mut Errors, target: &Target, at: FieldPath<'_>) {
    if target.type_.is_empty() {
        errors.required(at.field("type"), "must specify a metric target type");
    }
    if !matches!(target.type_.as_str(), "Utilization" | "Value" | "AverageValue") {
        let detail = "must be either Utilization, Value, or AverageValue";
        errors.invalid_text(at.field("type"), &target.type_, detail);
    }
    for (name, value) in [("value", target.value), ("averageValue", target.average_value)] {
        if let Some(value) = value.filter(|v| !v.is_positive()) {
            errors.invalid(at.field(name), value, "must be positive");
        }
    }
    if let Some(percent) = target.average_utilization.filter(|p| *p < 1) {
        errors.invalid(at.field("averageUtilization"), percent, "must be greater than 0");
    }
}

fn identifier(errors: &mut Errors, metric: &MetricIdentifier, at: FieldPath<'_>) {
    let name = at.field("name");
    if metric.name.is_empty() {
        errors.required(name, "must specify a metric name");
    } else {
        path_segment(errors, &metric.name, name);
    }
}
