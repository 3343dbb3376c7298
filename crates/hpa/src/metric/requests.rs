//! What the pods request of a resource.
//!
//! Source: `calculateRequests` in `pkg/controller/podautoscaler/replica_calculator.go`.

use std::collections::BTreeMap;

use super::MetricError;
use crate::input::Pod;

/// The request of each pod in thousandths: of the one container, or of all containers and sidecars, or, where the
/// feature is on, of the pod as a whole. Pods that are ignored otherwise count too.
///
/// # Errors
/// One missing request, or a pod without that container, fails the whole metric.
pub fn of<'p>(
    pods: &'p [Pod],
    container: Option<&str>,
    resource: &str,
    pod_level: bool,
) -> Result<BTreeMap<&'p str, i64>, MetricError> {
    pods.iter().map(|pod| Ok((pod.name.as_str(), of_pod(pod, container, resource, pod_level)?))).collect()
}

fn of_pod(pod: &Pod, container: Option<&str>, resource: &str, pod_level: bool) -> Result<i64, MetricError> {
    let whole = pod.requests_milli.as_ref().and_then(|r| r.get(resource));
    if let Some(&whole) = whole.filter(|_| pod_level && container.is_none()) {
        return Ok(whole);
    }
    let (mut sum, mut found) = (0i64, false);
    for candidate in pod.containers.iter().chain(&pod.sidecars) {
        if container.is_some_and(|name| name != candidate.name) {
            continue;
        }
        found = true;
        match candidate.requests_milli.get(resource) {
            Some(&request) => sum = sum.saturating_add(request),
            None => {
                return Err(MetricError::value(format!(
                    "missing request for {resource} in container {} of Pod {}",
                    candidate.name, pod.name
                )));
            }
        }
    }
    match container {
        Some(name) if !found => {
            Err(MetricError::value(format!("container {name} not found in Pod {}", pod.name)))
        }
        _ => Ok(sum),
    }
}
