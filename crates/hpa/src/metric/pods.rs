//! Pods metrics, and the arithmetic over pods that Pods and Resource metrics share: readiness, missing samples and the
//! values that the controller assumes for them.
//!
//! Source: `calcPlainMetricReplicas` and `GetResourceReplicas` in
//! `pkg/controller/podautoscaler/replica_calculator.go`.

use std::collections::BTreeMap;

use super::proposal::{Context, Failure, MetricError, MetricResult, Proposal, empty, missing, target_milli};
use super::ratio::ceil_to_replicas;
use super::requests;
use crate::compat::Config;
use crate::input::{Pod, Reading};
use crate::quantity::Quantity;
use crate::readiness::{PodSample, PodSamples, group_pods};
use crate::spec::Metric;
use crate::status::{Current, MetricStatus, PodsStatus};
use crate::time::Time;
use crate::tolerance::Tolerance;
use crate::trace::{Measured, MetricReason, PodCounts, TargetType};

/// The inputs of a metric over pods.
#[derive(Debug, Clone, Copy)]
pub struct PodsInput<'a> {
    /// `spec.replicas` of the scale.
    pub current: i32,
    /// The pods that the selector matches.
    pub pods: &'a [Pod],
    /// The resource; `cpu` turns the readiness rules on. Empty for a custom metric.
    pub resource: &'a str,
    /// The tolerance.
    pub tolerance: Tolerance,
    /// The controller's settings.
    pub config: &'a Config,
    /// The time of the sync.
    pub now: Time,
}

/// Compares the average per pod with a target in thousandths. Samples of pods that are not listed count.
///
/// # Errors
/// Fails if no pod is listed or no sample is left.
pub fn plain<'a>(
    input: &PodsInput<'a>,
    target_milli: i64,
    samples: PodSamples<'a>,
) -> Result<Proposal, MetricError> {
    propose(input, samples, &Plain { target_milli })
}

/// Compares usage in percent of the requests with a target percentage.
///
/// The sums skip samples of pods without a request, but the pods that multiply the ratio include them.
///
/// # Errors
/// Fails if no pod is listed, no sample is left, or a request is missing.
pub fn utilization<'a>(
    input: &PodsInput<'a>,
    target_percent: i32,
    container: Option<&str>,
    samples: PodSamples<'a>,
) -> Result<Proposal, MetricError> {
    propose(input, samples, &Utilization { target_percent, container, resource: input.resource })
}

/// A ratio and the numbers that it comes from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Usage {
    /// Usage divided by target.
    pub ratio: f64,
    /// Thousandths, or percent for a utilization.
    pub usage: i64,
    /// Average per pod in thousandths.
    pub average_milli: i64,
}

/// The integer average (`sum / count`) divided by the target.
#[must_use]
pub fn plain_usage(values_milli: impl IntoIterator<Item = i64>, target_milli: i64) -> Usage {
    let (mut sum, mut count) = (0i128, 0i128);
    for value in values_milli {
        sum += i128::from(value);
        count += 1;
    }
    let average = to_i64(sum / count.max(1));
    Usage { ratio: average as f64 / target_milli as f64, usage: average, average_milli: average }
}

/// Usage in percent of the requests, **truncated** before the division by the target: 109.9 % counts as 109 %.
///
/// # Errors
/// Fails if no sample belongs to a pod with a request.
pub fn utilization_usage<'a>(
    values_milli: impl IntoIterator<Item = (&'a str, i64)>,
    requests_milli: &BTreeMap<&str, i64>,
    target_percent: i32,
) -> Result<Usage, MetricError> {
    let (mut usage, mut requested, mut count) = (0i128, 0i128, 0i128);
    for (pod, value) in values_milli {
        if let Some(&request) = requests_milli.get(pod) {
            usage += i128::from(value);
            requested += i128::from(request);
            count += 1;
        }
    }
    if requested == 0 {
        return Err(MetricError::value("no metrics returned matched known pods"));
    }
    // Upstream multiplies in 64 bits, which wraps above 9.2e16 thousandths.
    let percent = (usage * 100 / requested).clamp(i128::from(i32::MIN), i128::from(i32::MAX));
    let percent = to_i64(percent);
    Ok(Usage {
        ratio: percent as f64 / f64::from(target_percent),
        usage: percent,
        average_milli: to_i64(usage / count.max(1)),
    })
}

fn to_i64(value: i128) -> i64 {
    i64::try_from(value).unwrap_or(if value < 0 { i64::MIN } else { i64::MAX })
}

/// The two ways to compute a ratio from samples.
trait RatioMethod {
    type Requests<'p>;

    fn requests<'p>(&self, pods: &'p [Pod], config: &Config) -> Result<Self::Requests<'p>, MetricError>;
    fn usage(&self, samples: &PodSamples<'_>, requests: &Self::Requests<'_>) -> Result<Usage, MetricError>;
    /// The value that the controller assumes, on scale-down, for a pod without a sample: exactly its target.
    fn assumed(&self, pod: &str, requests: &Self::Requests<'_>) -> i64;
    fn target_type(&self) -> TargetType;
    fn target(&self) -> i64;
}

struct Plain {
    target_milli: i64,
}

impl RatioMethod for Plain {
    type Requests<'p> = ();

    fn requests(&self, _: &[Pod], _: &Config) -> Result<(), MetricError> {
        Ok(())
    }

    fn usage(&self, samples: &PodSamples<'_>, (): &()) -> Result<Usage, MetricError> {
        Ok(plain_usage(samples.values().map(|s| s.milli), self.target_milli))
    }

    fn assumed(&self, _: &str, (): &()) -> i64 {
        self.target_milli
    }

    fn target_type(&self) -> TargetType {
        TargetType::AverageValue
    }

    fn target(&self) -> i64 {
        self.target_milli
    }
}

struct Utilization<'a> {
    target_percent: i32,
    container: Option<&'a str>,
    resource: &'a str,
}

impl RatioMethod for Utilization<'_> {
    type Requests<'p> = BTreeMap<&'p str, i64>;

    fn requests<'p>(&self, pods: &'p [Pod], config: &Config) -> Result<Self::Requests<'p>, MetricError> {
        requests::by_pod(pods, self.container, self.resource, config.gates.pod_level_resources)
    }

    fn usage(&self, samples: &PodSamples<'_>, requests: &Self::Requests<'_>) -> Result<Usage, MetricError> {
        utilization_usage(samples.iter().map(|(pod, s)| (*pod, s.milli)), requests, self.target_percent)
    }

    fn assumed(&self, pod: &str, requests: &Self::Requests<'_>) -> i64 {
        let request = i128::from(requests.get(pod).copied().unwrap_or_default());
        to_i64(request * i128::from(self.target_percent.max(100)) / 100)
    }

    fn target_type(&self) -> TargetType {
        TargetType::Utilization
    }

    fn target(&self) -> i64 {
        self.target_percent.into()
    }
}

fn propose<'a, M: RatioMethod>(
    input: &PodsInput<'a>,
    mut samples: PodSamples<'a>,
    method: &M,
) -> Result<Proposal, MetricError> {
    if input.pods.is_empty() {
        return Err(MetricError::new(
            MetricReason::NoMatchingPods,
            "no pods returned by selector while calculating replica count",
        ));
    }
    let groups = group_pods(input.pods, &samples, input.resource, input.config, input.now);
    for pod in groups.ignored.iter().chain(&groups.unready) {
        samples.remove(pod);
    }
    if samples.is_empty() {
        return Err(MetricError::fetch("did not receive metrics for targeted pods (pods might be unready)"));
    }
    let requests = method.requests(input.pods, input.config)?;
    let first = method.usage(&samples, &requests)?;

    let mut measured =
        Measured::new(method.target_type(), first.usage, method.target(), first.ratio, input.tolerance);
    measured.average_milli = Some(first.average_milli);
    measured.pods = Some(PodCounts {
        ready: groups.ready,
        unready: groups.unready.len(),
        missing: groups.missing.len(),
        ignored: groups.ignored.len(),
    });
    let count_unready = !groups.unready.is_empty() && first.ratio > 1.0;
    if !count_unready && groups.missing.is_empty() {
        measured.replicas = i32::try_from(groups.ready).unwrap_or(i32::MAX);
        let replicas =
            if measured.within { input.current } else { ceil_to_replicas(first.ratio * groups.ready as f64) };
        return Ok(Proposal { replicas, measured });
    }

    // For missing samples, assume values that oppose the change.
    let assumed = |milli| PodSample { milli, at: input.now, window_seconds: 0 };
    for pod in &groups.missing {
        if first.ratio < 1.0 {
            samples.insert(pod, assumed(method.assumed(pod, &requests)));
        } else if first.ratio > 1.0 {
            samples.insert(pod, assumed(0));
        }
    }
    if count_unready {
        for pod in &groups.unready {
            samples.insert(pod, assumed(0));
        }
    }
    let second = method.usage(&samples, &requests)?.ratio;
    measured.assume(second, input.tolerance);
    measured.replicas = i32::try_from(samples.len()).unwrap_or(i32::MAX);
    let reversed = (first.ratio < 1.0 && second > 1.0) || (first.ratio > 1.0 && second < 1.0);
    let mut replicas = input.current;
    if !measured.within && !reversed {
        let wanted = ceil_to_replicas(second * samples.len() as f64);
        // The number of samples can differ from the size, so the product can point the other way.
        let wrong_direction =
            (second < 1.0 && wanted > input.current) || (second > 1.0 && wanted < input.current);
        if !wrong_direction {
            replicas = wanted;
        }
    }
    Ok(Proposal { replicas, measured })
}

pub(super) fn compute(cx: &Context<'_>, metric: &Metric, reading: Option<&Reading>) -> MetricResult {
    let fail =
        |error| Failure::new("FailedGetPodsMetric", error, format_args!("failed to get pods metric value: "));
    let Some(source) = &metric.pods else {
        return Err(fail(MetricError::value("invalid pods metric source: field pods is absent")));
    };
    let Some(target) = source.target.average_value else {
        return Err(fail(MetricError::value("invalid pods metric source: no average value target was set")));
    };
    let samples = match reading {
        Some(Reading::Pods(list)) if list.is_empty() => Err(empty("custom")),
        Some(Reading::Pods(list)) => Ok(list
            .iter()
            .map(|r| {
                (r.pod.as_str(), PodSample { milli: r.milli, at: r.at, window_seconds: r.window_seconds })
            })
            .collect()),
        other => Err(missing(other, "custom")),
    };
    let name = &source.metric.name;
    let samples: PodSamples<'_> =
        samples.map_err(|error| fail(error.prefixed(format_args!("unable to get metric {name}: "))))?;
    let pods_input = PodsInput {
        current: cx.scale.spec_replicas,
        pods: cx.input.pods,
        resource: "",
        tolerance: cx.tolerance,
        config: cx.input.config,
        now: cx.input.now,
    };
    let proposal = target_milli(target, "averageValue")
        .and_then(|target| plain(&pods_input, target, samples))
        .map_err(fail)?;
    let average_value = Some(Quantity::from_milli(proposal.measured.usage));
    let status = MetricStatus {
        type_: "Pods".into(),
        pods: Some(PodsStatus {
            metric: source.metric.clone(),
            current: Current { average_value, ..Current::default() },
        }),
        ..MetricStatus::default()
    };
    Ok((proposal, status))
}
