//! Resource metrics (CPU, memory, ...) of whole pods or of one container of each pod.

use super::pods::{PodsInput, plain, utilization};
use super::proposal::{Context, Failure, MetricError, MetricResult, Proposal, empty, missing, target_milli};
use crate::input::{PodUsage, Reading};
use crate::quantity::{Quantity, status_format};
use crate::readiness::{PodSample, PodSamples};
use crate::spec::{Metric, Target};
use crate::status::{ContainerResourceStatus, Current, MetricStatus, ResourceStatus};

/// The sample of each pod. A pod as a whole has a sample only if **every** container reports the resource.
///
/// # Errors
/// Fails if a pod does not report the container.
pub fn samples<'a>(
    usage: &'a [PodUsage],
    namespace: &str,
    resource: &str,
    container: Option<&str>,
) -> Result<PodSamples<'a>, MetricError> {
    let mut samples = PodSamples::new();
    for pod in usage {
        let milli = match container {
            Some(name) => {
                let found = pod.containers.iter().find(|c| c.name == name).ok_or_else(|| {
                    MetricError::fetch(format!(
                        "container {name} not present in metrics for pod {namespace}/{}",
                        pod.pod
                    ))
                })?;
                found.milli.get(resource).copied()
            }
            None if pod.containers.is_empty() => None,
            None => pod.containers.iter().try_fold(0i64, |sum, container| {
                container.milli.get(resource).map(|milli| sum.saturating_add(*milli))
            }),
        };
        if let Some(milli) = milli {
            samples.insert(&pod.pod, PodSample { milli, at: pod.at, window_seconds: pod.window_seconds });
        }
    }
    Ok(samples)
}

/// The sample of each pod, from the response of the resource metrics API.
///
/// # Errors
/// Fails, with the controller's text, if the response is absent or empty, or if [`samples`] fails.
pub fn from_reading<'a>(
    reading: Option<&'a Reading>,
    namespace: &str,
    resource: &str,
    container: Option<&str>,
) -> Result<PodSamples<'a>, MetricError> {
    match reading {
        Some(Reading::Resource(list)) if list.is_empty() => Err(empty("resource")),
        Some(Reading::Resource(list)) => samples(list, namespace, resource, container)
            .map_err(|error| error.prefixed(format_args!("failed to get container metrics: "))),
        other => Err(missing(other, "resource")),
    }
    .map_err(|error| error.prefixed(format_args!("unable to get metrics for resource {resource}: ")))
}

pub(super) fn compute(cx: &Context<'_>, metric: &Metric, reading: Option<&Reading>) -> MetricResult {
    let of_container = metric.type_ == "ContainerResource";
    let source = match (&metric.resource, &metric.container_resource) {
        (_, Some(source)) if of_container => {
            Some((&source.name, &source.target, Some(source.container.as_str())))
        }
        (Some(source), _) if !of_container => Some((&source.name, &source.target, None)),
        _ => None,
    };
    let condition = if of_container { "FailedGetContainerResourceMetric" } else { "FailedGetResourceMetric" };
    let Some((name, target, container)) = source else {
        let error = MetricError::value("invalid resource metric source: its field is absent");
        return Err(Failure::new(condition, error, format_args!("failed to get resource metric value: ")));
    };
    let (proposal, current) =
        propose(cx, reading, name, target, container).map_err(|error| match container {
            Some(container) => {
                let prefix = format_args!("failed to get {container} container metric value: ");
                Failure::new(condition, error, prefix)
            }
            None => {
                Failure::new(condition, error, format_args!("failed to get {name} resource metric value: "))
            }
        })?;
    let mut status = MetricStatus { type_: metric.type_.clone().into(), ..MetricStatus::default() };
    match container {
        Some(container) => {
            let container = container.to_owned();
            status.container_resource =
                Some(ContainerResourceStatus { name: name.clone(), container, current });
        }
        None => status.resource = Some(ResourceStatus { name: name.clone(), current }),
    }
    Ok((proposal, status))
}

fn propose(
    cx: &Context<'_>,
    reading: Option<&Reading>,
    name: &str,
    target: &Target,
    container: Option<&str>,
) -> Result<(Proposal, Current), MetricError> {
    let pods_input = PodsInput {
        current: cx.scale.spec_replicas,
        pods: cx.input.pods,
        resource: name,
        tolerance: cx.tolerance,
        config: cx.input.config,
        now: cx.input.now,
    };
    let readings = || from_reading(reading, cx.input.namespace, name, container);
    let format = status_format(name);
    if let Some(quantity) = target.average_value {
        let proposal = target_milli(quantity, "averageValue")
            .and_then(|target| plain(&pods_input, target, readings()?))
            .map_err(|error| error.prefixed(format_args!("failed to get {name} usage: ")))?;
        let average_value = Some(Quantity::from_milli_as(proposal.measured.usage, format));
        return Ok((proposal, Current { average_value, ..Current::default() }));
    }
    let Some(percent) = target.average_utilization else {
        return Err(MetricError::value(
            "invalid resource metric source: neither an average utilization target nor an average value (usage) \
             target was set",
        ));
    };
    let proposal = readings()
        .and_then(|samples| utilization(&pods_input, percent, container, samples))
        .map_err(|error| error.prefixed(format_args!("failed to get {name} utilization: ")))?;
    let current = Current {
        value: None,
        average_value: proposal.measured.average_milli.map(|milli| Quantity::from_milli_as(milli, format)),
        average_utilization: i32::try_from(proposal.measured.usage).ok(),
    };
    Ok((proposal, current))
}
