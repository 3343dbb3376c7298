//! Kinds of the replica calculator: the arithmetic of one metric.

use std::collections::BTreeMap;

use hpa::input::{ContainerUsage, PodUsage};
use hpa::metric::pods::{PodsInput, plain, plain_usage, utilization, utilization_usage};
use hpa::metric::{MetricError, PodTally, Proposal, external, ratio, requests, resource};
use hpa::quantity::status_format;
use hpa::readiness::{self, PodSample, PodSamples};
use hpa::{Compat, Quantity, Release, Time};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::case::{Actual, PodJson, ToleranceJson, actual, config, pods, read};

/// Both forms of a total, for External metrics (a list) and Object metrics (one value).
#[derive(Deserialize)]
struct Total {
    #[serde(default)]
    current_replicas: i32,
    #[serde(default)]
    status_replicas: i32,
    #[serde(default)]
    target_milli: i64,
    #[serde(default)]
    target_average_milli: i64,
    #[serde(default)]
    values_milli: Vec<i64>,
    #[serde(default)]
    value_milli: i64,
    #[serde(default)]
    pod_count: usize,
    #[serde(default)]
    ready_pod_count: usize,
    tolerance: ToleranceJson,
}

impl Total {
    fn tally(&self) -> PodTally {
        PodTally { listed: self.pod_count, ready: self.ready_pod_count }
    }
}

fn of_total(proposal: Result<Proposal, MetricError>) -> Actual {
    actual(match proposal {
        Ok(p) => json!({ "replicas": p.replicas, "usage_milli": p.measured.usage }),
        Err(error) => json!({ "error": error.message, "error_text": error.message }),
    })
}

pub(crate) fn external_value(input: Value, release: Release) -> Result<Actual, String> {
    let t: Total = read(input)?;
    let tolerance = t.tolerance.at(release);
    Ok(of_total(external::value(t.current_replicas, t.target_milli, &t.values_milli, tolerance, || {
        t.tally()
    })))
}

pub(crate) fn external_average_value(input: Value, release: Release) -> Result<Actual, String> {
    let t: Total = read(input)?;
    let (tolerance, compat) = (t.tolerance.at(release), Compat::release(release));
    let target = t.target_average_milli;
    Ok(of_total(Ok(external::average_value(t.status_replicas, target, &t.values_milli, tolerance, compat))))
}

pub(crate) fn object_value(input: Value, release: Release) -> Result<Actual, String> {
    let t: Total = read(input)?;
    let tolerance = t.tolerance.at(release);
    Ok(of_total(ratio::total(t.current_replicas, t.target_milli, t.value_milli, tolerance, || t.tally())))
}

pub(crate) fn object_average_value(input: Value, release: Release) -> Result<Actual, String> {
    let t: Total = read(input)?;
    let (tolerance, compat) = (t.tolerance.at(release), Compat::release(release));
    let target = t.target_average_milli;
    Ok(of_total(Ok(ratio::average(t.status_replicas, target, t.value_milli, tolerance, compat))))
}

#[derive(Deserialize)]
struct OfPods {
    #[serde(default)]
    current_replicas: i32,
    #[serde(default)]
    target_average_milli: i64,
    #[serde(default)]
    target_utilization: i32,
    resource: String,
    #[serde(default)]
    container: String,
    pods: Vec<PodJson>,
    metrics: BTreeMap<String, Reading>,
    #[serde(default)]
    tolerance: Option<ToleranceJson>,
    cpu_initialization_period_s: i64,
    initial_readiness_delay_s: i64,
}

#[derive(Deserialize)]
struct Reading {
    value_milli: i64,
    timestamp_s: i64,
    window_s: i64,
}

impl Reading {
    fn sample(&self) -> PodSample {
        PodSample {
            milli: self.value_milli,
            at: Time::from_secs(self.timestamp_s),
            window_seconds: self.window_s,
        }
    }
}

pub(crate) fn pods_metric(input: Value, release: Release) -> Result<Actual, String> {
    let i: OfPods = read(input)?;
    let pods = pods(i.pods);
    let config = config(release, i.cpu_initialization_period_s, i.initial_readiness_delay_s);
    let samples: PodSamples<'_> = i.metrics.iter().map(|(pod, r)| (pod.as_str(), r.sample())).collect();
    let pods_input = PodsInput {
        current: i.current_replicas,
        pods: &pods,
        resource: &i.resource,
        tolerance: i.tolerance.ok_or("the case has no tolerance")?.at(release),
        config: &config,
        now: Time(0),
    };
    Ok(of_total(plain(&pods_input, i.target_average_milli, samples)))
}

/// Uses the form of the resource metrics API, because one case tests an API error.
pub(crate) fn resource_utilization(input: Value, release: Release) -> Result<Actual, String> {
    let i: OfPods = read(input)?;
    let config = config(release, i.cpu_initialization_period_s, i.initial_readiness_delay_s);
    let container = Some(i.container.as_str()).filter(|name| !name.is_empty());
    let usage = |(pod, r): (&String, &Reading)| PodUsage {
        pod: pod.clone(),
        at: Time::from_secs(r.timestamp_s),
        window_seconds: r.window_s,
        containers: vec![ContainerUsage {
            name: container.unwrap_or("all").to_owned(),
            milli: BTreeMap::from([(i.resource.clone(), r.value_milli)]),
        }],
    };
    let usages: Vec<PodUsage> = i.metrics.iter().map(usage).collect();
    let pods = pods(i.pods);
    let pods_input = PodsInput {
        current: i.current_replicas,
        pods: &pods,
        resource: &i.resource,
        tolerance: i.tolerance.ok_or("the case has no tolerance")?.at(release),
        config: &config,
        now: Time(0),
    };
    let reading = hpa::Reading::Resource(usages);
    let proposal = resource::from_reading(Some(&reading), "default", &i.resource, container)
        .and_then(|samples| utilization(&pods_input, i.target_utilization, container, samples));
    Ok(actual(match proposal {
        Ok(p) => json!({
            "replicas": p.replicas,
            "utilization": p.measured.usage,
            "raw_average_milli": p.measured.average_milli,
        }),
        Err(error) => json!({ "error_text": error.message }),
    }))
}

pub(crate) fn group_pods(input: Value, release: Release) -> Result<Actual, String> {
    let i: OfPods = read(input)?;
    let config = config(release, i.cpu_initialization_period_s, i.initial_readiness_delay_s);
    let pods = pods(i.pods);
    let samples: PodSamples<'_> = i.metrics.iter().map(|(pod, r)| (pod.as_str(), r.sample())).collect();
    let groups = readiness::group_pods(&pods, &samples, &i.resource, &config, Time(0));
    Ok(actual(json!({
        "ready_count": groups.ready,
        "unready": groups.unready,
        "missing": groups.missing,
        "ignored": groups.ignored,
    })))
}

#[derive(Deserialize)]
struct OfRequests {
    pods: Vec<PodJson>,
    container: String,
    resource: String,
    pod_level_resources_enabled: bool,
}

pub(crate) fn calculate_requests(input: Value) -> Result<Actual, String> {
    let i: OfRequests = read(input)?;
    let pods = pods(i.pods);
    let container = Some(i.container.as_str()).filter(|name| !name.is_empty());
    Ok(actual(match requests::by_pod(&pods, container, &i.resource, i.pod_level_resources_enabled) {
        Ok(requests) => json!({ "requests_milli": requests }),
        Err(error) => json!({ "error": error.message, "error_text": error.message }),
    }))
}

#[derive(Deserialize)]
struct OfRatio {
    metrics_milli: BTreeMap<String, i64>,
    #[serde(default)]
    requests_milli: BTreeMap<String, i64>,
    #[serde(default)]
    target_utilization: i32,
    #[serde(default)]
    target_milli: i64,
}

pub(crate) fn resource_utilization_ratio(input: Value) -> Result<Actual, String> {
    let i: OfRatio = read(input)?;
    let requests = i.requests_milli.iter().map(|(pod, milli)| (pod.as_str(), *milli)).collect();
    let values = i.metrics_milli.iter().map(|(pod, milli)| (pod.as_str(), *milli));
    Ok(actual(match utilization_usage(values, &requests, i.target_utilization) {
        Ok(u) => json!({
            "ratio": u.ratio,
            "utilization": u.usage,
            "raw_average_milli": u.average_milli,
        }),
        Err(error) => json!({ "error": error.message, "error_text": error.message }),
    }))
}

pub(crate) fn metric_usage_ratio(input: Value) -> Result<Actual, String> {
    let i: OfRatio = read(input)?;
    let usage = plain_usage(i.metrics_milli.values().copied(), i.target_milli);
    Ok(actual(json!({ "ratio": usage.ratio, "usage_milli": usage.usage })))
}

#[derive(Deserialize)]
struct OfUsage {
    usage_milli: i64,
    status_replicas: i32,
}

pub(crate) fn per_pod_usage(input: Value) -> Result<Actual, String> {
    let i: OfUsage = read(input)?;
    let usage = ratio::per_pod(i.usage_milli, i.status_replicas);
    Ok(actual(json!({ "usage_milli": usage })))
}

#[derive(Deserialize)]
struct OfQuantity {
    resource: String,
    raw_milli: i64,
}

pub(crate) fn build_quantity(input: Value) -> Result<Actual, String> {
    let i: OfQuantity = read(input)?;
    let quantity = Quantity::from_milli_as(i.raw_milli, status_format(&i.resource));
    let milli = quantity.milli().map_err(|error| error.to_string())?;
    Ok(actual(json!({ "format": quantity.format(), "milli": milli })))
}
