//! Resource requests of the pods.
//!
//! Source: `calculateRequests` in `pkg/controller/podautoscaler/replica_calculator.go`.

use std::collections::BTreeMap;

use super::proposal::MetricError;
use crate::input::Pod;

/// The request of each pod in thousandths, by pod name.
///
/// With `container`, it is the request of that container. Otherwise it is the sum over containers and sidecars, or, with
/// `pod_level`, the request of the pod as a whole if the pod sets one. Failed and deleted pods count too.
///
/// # Errors
/// Fails if one pod lacks the request or the container.
pub fn by_pod<'p>(
    pods: &'p [Pod],
    container: Option<&str>,
    resource: &str,
    pod_level: bool,
) -> Result<BTreeMap<&'p str, i64>, MetricError> {
    pods.iter()
        .map(|pod| {
            let request = match &pod.requests_milli {
                Some(whole) if pod_level && container.is_none() && whole.keys().any(|r| is_pod_level(r)) => {
                    pod_request(pod, whole, resource)
                }
                _ => sum_of_containers(pod, container, resource),
            };
            Ok((pod.name.as_str(), request?))
        })
        .collect()
}

/// Returns whether a pod as a whole can request the resource.
fn is_pod_level(resource: &str) -> bool {
    matches!(resource, "cpu" | "memory") || resource.starts_with("hugepages-")
}

/// The pod-level request, or the sum of the containers' requests if the pod sets none for this resource.
///
/// [`Pod`] does not carry init containers that end, nor the overhead of a runtime class.
fn pod_request(pod: &Pod, whole: &BTreeMap<String, i64>, resource: &str) -> Result<i64, MetricError> {
    if let Some(request) = whole.get(resource).filter(|_| is_pod_level(resource)) {
        return Ok(*request);
    }
    let given = pod.containers.iter().chain(&pod.sidecars).filter_map(|c| c.requests_milli.get(resource));
    given.copied().reduce(i64::saturating_add).ok_or_else(|| {
        MetricError::value(format!("missing pod-level request for {resource} in Pod {}", pod.name))
    })
}

fn sum_of_containers(pod: &Pod, container: Option<&str>, resource: &str) -> Result<i64, MetricError> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::Container;

    fn request(pod: &Pod, container: Option<&str>, resource: &str, pod_level: bool) -> Result<i64, String> {
        match by_pod(std::slice::from_ref(pod), container, resource, pod_level) {
            Ok(requests) => Ok(requests["p"]),
            Err(error) => Err(error.message),
        }
    }

    #[test]
    fn pod_level_requests_win() {
        let container = |name: &str, cpu, memory: Option<i64>| Container {
            name: name.to_owned(),
            requests_milli: [("cpu", Some(cpu)), ("memory", memory)]
                .into_iter()
                .filter_map(|(resource, milli)| Some((resource.to_owned(), milli?)))
                .collect(),
        };
        let mut pod = Pod {
            name: "p".to_owned(),
            containers: vec![container("a", 100, Some(7)), container("b", 50, None)],
            sidecars: vec![container("s", 5, Some(1))],
            requests_milli: Some(BTreeMap::from([("cpu".to_owned(), 800)])),
            ..Pod::default()
        };
        assert_eq!(request(&pod, None, "cpu", true), Ok(800));
        assert_eq!(request(&pod, None, "cpu", false), Ok(155), "the feature is off");
        assert_eq!(request(&pod, Some("b"), "cpu", true), Ok(50), "a named container wins");
        assert_eq!(request(&pod, None, "memory", true), Ok(8), "falls back to the containers");
        let missing = "missing request for memory in container b of Pod p";
        assert_eq!(request(&pod, None, "memory", false), Err(missing.to_owned()));
        let missing = "missing pod-level request for hugepages-2Mi in Pod p";
        assert_eq!(request(&pod, None, "hugepages-2Mi", true), Err(missing.to_owned()));
        // A pod-level request for another resource does not count.
        pod.requests_milli = Some(BTreeMap::from([("example.com/gpu".to_owned(), 1000)]));
        assert_eq!(request(&pod, None, "cpu", true), Ok(155));
        assert_eq!(request(&pod, Some("z"), "cpu", true), Err("container z not found in Pod p".to_owned()));
    }
}
