//! The pods of one metric, with the part that each has in the calculation.

use crate::input::{Input, Pod, Reading};
use crate::metric::{requests, resource};
use crate::readiness::{PodPart, PodSample, PodSamples, part_of};
use crate::spec::Metric;
use crate::trace::Measured;

/// One pod of a metric.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PodRow {
    /// Its name.
    pub name: String,
    /// Its part in the calculation.
    pub part: PodPart,
    /// Its sample in thousandths, if the metrics API served one.
    pub usage_milli: Option<i64>,
    /// Its request in thousandths, for a utilization; the text names the container without one.
    pub request_milli: Option<Result<i64, String>>,
}

/// The value that the second pass assumes for a pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Assumed {
    /// Its target, or its whole request for a utilization target below 100 %.
    Target,
    /// Zero.
    Zero,
}

/// Lists the pods of metric `index`; `None` for a metric that counts no pods.
#[must_use]
pub fn rows(input: &Input<'_>, index: usize) -> Option<Vec<PodRow>> {
    let metric = input.spec.metrics.get(index)?;
    let reading = input.readings.get(index);
    let (name, samples, wants_request) = match metric.type_.as_str() {
        "Pods" => ("", custom(reading), false),
        "Resource" | "ContainerResource" => {
            let (name, container, target) = resource_of(metric)?;
            // A container that one pod does not report fails the whole metric; the others are listed all the same.
            let samples =
                resource::from_reading(reading, input.namespace, name, container).unwrap_or_default();
            (name, samples, target)
        }
        _ => return None,
    };
    let row = |pod: &Pod| {
        let sample = samples.get(pod.name.as_str());
        PodRow {
            name: pod.name.clone(),
            part: part_of(pod, sample, name, input.config, input.now),
            usage_milli: sample.map(|sample| sample.milli),
            request_milli: wants_request.then(|| request(input, metric, pod)),
        }
    };
    Some(input.pods.iter().map(row).collect())
}

/// The value that the controller's second pass assumes for a pod; `None` without a second pass or for other pods.
#[must_use]
pub fn assumed(measured: &Measured, part: PodPart) -> Option<Assumed> {
    measured.assumed_ratio?;
    let ratio = measured.ratio?;
    match part {
        PodPart::Missing if ratio < 1.0 => Some(Assumed::Target),
        PodPart::Missing | PodPart::Unready(_) if ratio > 1.0 => Some(Assumed::Zero),
        _ => None,
    }
}

/// Name and container of a resource metric, and whether its target is a utilization.
fn resource_of(metric: &Metric) -> Option<(&str, Option<&str>, bool)> {
    let wants_request = |target: &crate::spec::Target| target.average_value.is_none();
    if let Some(source) = metric.container_resource.as_ref().filter(|_| metric.type_ == "ContainerResource") {
        return Some((&source.name, Some(&source.container), wants_request(&source.target)));
    }
    let source = metric.resource.as_ref()?;
    Some((&source.name, None, wants_request(&source.target)))
}

fn request(input: &Input<'_>, metric: &Metric, pod: &Pod) -> Result<i64, String> {
    let (name, container, _) = resource_of(metric).unwrap_or_default();
    let pod_level = input.config.gates.pod_level_resources;
    let found = requests::by_pod(std::slice::from_ref(pod), container, name, pod_level);
    let found = found.map_err(|error| error.message)?;
    Ok(found.into_values().next().unwrap_or_default())
}

fn custom(reading: Option<&Reading>) -> PodSamples<'_> {
    let Some(Reading::Pods(list)) = reading else { return PodSamples::new() };
    let sample = |milli, at, window_seconds| PodSample { milli, at, window_seconds };
    list.iter().map(|r| (r.pod.as_str(), sample(r.milli, r.at, r.window_seconds))).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::compat::{Config, Release};
    use crate::input::{ContainerUsage, PodUsage, Ready, Scale};
    use crate::memory::Memory;
    use crate::readiness::{Ignored, Unready};
    use crate::status::{ConditionStatus, Status};
    use crate::time::Time;

    const NOW: Time = Time::from_secs(10_000);

    fn pod(name: &str, phase: &str, request: Option<i64>) -> Pod {
        let requests = request.map(|milli| ("cpu".to_owned(), milli)).into_iter().collect();
        Pod {
            name: name.to_owned(),
            phase: phase.to_owned(),
            ready: Some(Ready { status: ConditionStatus::True, since: Time(0) }),
            started_at: Some(Time(0)),
            containers: vec![crate::input::Container { name: "app".to_owned(), requests_milli: requests }],
            ..Pod::default()
        }
    }

    fn usage(name: &str, milli: i64) -> PodUsage {
        PodUsage {
            pod: name.to_owned(),
            at: NOW,
            window_seconds: 15,
            containers: vec![ContainerUsage {
                name: "app".to_owned(),
                milli: [("cpu".to_owned(), milli)].into(),
            }],
        }
    }

    #[test]
    fn every_pod_has_its_part_and_its_reason() {
        let spec = serde_json::from_value(json!({
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
            "minReplicas": 1, "maxReplicas": 9,
            "metrics": [{"type": "Resource", "resource": {"name": "cpu",
                "target": {"type": "Utilization", "averageUtilization": 50}}}]}))
        .unwrap();
        let deleted = Pod { deleted: true, ..pod("gone", "Running", Some(100)) };
        let pods = [
            pod("a", "Running", Some(100)),
            pod("b", "Running", Some(100)),
            pod("new", "Pending", Some(100)),
            deleted,
            pod("done", "Failed", Some(100)),
        ];
        let scale = Scale { spec_replicas: 3, status_replicas: 3, selector: "app=web".to_owned() };
        let readings = [Reading::Resource(vec![usage("a", 20), usage("gone", 90)])];
        let (status, config) = (Status::default(), Config::release(Release::V1_34));
        let input = Input {
            now: NOW,
            namespace: "demo",
            generation: None,
            spec: &spec,
            status: &status,
            scale: Ok(&scale),
            pods: &pods,
            selected_by: &[],
            readings: &readings,
            config: &config,
        };
        let rows = rows(&input, 0).unwrap();
        let uses: Vec<_> = rows.iter().map(|row| (row.name.as_str(), row.part, row.usage_milli)).collect();
        assert_eq!(
            uses,
            [
                ("a", PodPart::Counted, Some(20)),
                ("b", PodPart::Missing, None),
                ("new", PodPart::Unready(Unready::Pending), None),
                ("gone", PodPart::Ignored(Ignored::Deleted), Some(90)),
                ("done", PodPart::Ignored(Ignored::Failed), None),
            ]
        );
        assert_eq!(rows[0].request_milli, Some(Ok(100)));
        // The reading asks for fewer pods, so the second pass gives the missing pod its whole request.
        let trace = crate::decide(&input, &mut Memory::default()).trace;
        let measured = trace.metrics[0].measured.unwrap();
        assert_eq!((measured.usage, measured.ratio, measured.assumed_ratio), (20, Some(0.4), Some(1.2)));
        assert_eq!(assumed(&measured, PodPart::Missing), Some(Assumed::Target));
        assert_eq!(assumed(&measured, PodPart::Counted), None);
        assert_eq!(trace.metrics[0].proposal, Some(3), "the side changed: it stays");
    }

    #[test]
    fn a_container_without_a_request_is_named() {
        let spec: crate::Spec = serde_json::from_value(json!({
            "scaleTargetRef": {"kind": "Deployment", "name": "web"}, "maxReplicas": 9,
            "metrics": [{"type": "Resource", "resource": {"name": "cpu",
                "target": {"type": "Utilization", "averageUtilization": 50}}}]}))
        .unwrap();
        let pods = [pod("a", "Running", None)];
        let scale = Scale { spec_replicas: 1, status_replicas: 1, selector: "app=web".to_owned() };
        let readings = [Reading::Resource(vec![usage("a", 20)])];
        let (status, config) = (Status::default(), Config::default());
        let input = Input {
            now: NOW,
            namespace: "demo",
            generation: None,
            spec: &spec,
            status: &status,
            scale: Ok(&scale),
            pods: &pods,
            selected_by: &[],
            readings: &readings,
            config: &config,
        };
        let missing = "missing request for cpu in container app of Pod a".to_owned();
        assert_eq!(rows(&input, 0).unwrap()[0].request_milli, Some(Err(missing)));
        assert_eq!(rows(&input, 1), None);
    }
}
