//! Metrics of each pod, and the pass over the pods that they share with resources: who is ready, whose reading is
//! missing, and what is assumed for those.
//!
//! Source: `calcPlainMetricReplicas` and `GetResourceReplicas` in
//! `pkg/controller/podautoscaler/replica_calculator.go`.

use std::collections::BTreeMap;

use super::{Computed, Context, Failure, MetricError, Proposal, empty, missing, requests, target_milli};
use crate::compat::Config;
use crate::input::{Pod, Reading};
use crate::number::{Time, ceil_to_replicas};
use crate::quantity::Quantity;
use crate::readiness::{Sample, Samples, group};
use crate::spec::Metric;
use crate::status::{Current, MetricStatus, PodsStatus};
use crate::tolerance::Tolerance;
use crate::trace::{Form, Measured, MetricReason, PodCounts};

/// What a metric of the pods is computed from.
#[derive(Debug, Clone, Copy)]
pub struct PodsInput<'a> {
    /// The spec size.
    pub current: i32,
    /// The pods that the selector matches.
    pub pods: &'a [Pod],
    /// `cpu` turns the readiness rules on; empty for a custom metric.
    pub resource: &'a str,
    /// The tolerance.
    pub tolerance: Tolerance,
    /// The controller's settings.
    pub config: &'a Config,
    /// The time of the sync.
    pub now: Time,
}

/// Average per pod against a target in thousandths. Readings of pods that are not listed count.
///
/// # Errors
/// No pod is listed, or no reading is left.
pub fn plain<'a>(
    input: &PodsInput<'a>,
    target_milli: i64,
    samples: Samples<'a>,
) -> Result<Proposal, MetricError> {
    pass(input, samples, &Plain { target_milli })
}

/// Percent of the pods' requests against a target percentage. Readings of pods without a request are skipped by the
/// sum, but counted when the ratio is multiplied.
///
/// # Errors
/// No pod is listed, no reading is left, or a request is missing.
pub fn utilization<'a>(
    input: &PodsInput<'a>,
    target_percent: i32,
    container: Option<&str>,
    samples: Samples<'a>,
) -> Result<Proposal, MetricError> {
    pass(input, samples, &Utilization { target_percent, container, resource: input.resource })
}

/// A ratio and what it was made of.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Usage {
    /// Usage divided by target.
    pub ratio: f64,
    /// Thousandths, or percent for a utilization.
    pub usage: i64,
    /// Average per pod in thousandths.
    pub average_milli: i64,
}

/// `sum / count`, as integers, against the target.
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

/// Usage in percent of the requests, **truncated** before it is divided by the target: 109.9 % is 109.
///
/// # Errors
/// No reading belongs to a pod with a request.
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

/// The two ways to make a ratio of readings.
trait Method {
    type Requests<'p>;

    fn requests<'p>(&self, pods: &'p [Pod], config: &Config) -> Result<Self::Requests<'p>, MetricError>;
    fn usage(&self, samples: &Samples<'_>, requests: &Self::Requests<'_>) -> Result<Usage, MetricError>;
    /// What is assumed for a pod without a reading when shrinking: that it is as busy as it should be.
    fn assumed(&self, pod: &str, requests: &Self::Requests<'_>) -> i64;
    fn form(&self) -> Form;
    fn target(&self) -> i64;
}

struct Plain {
    target_milli: i64,
}

impl Method for Plain {
    type Requests<'p> = ();

    fn requests(&self, _: &[Pod], _: &Config) -> Result<(), MetricError> {
        Ok(())
    }

    fn usage(&self, samples: &Samples<'_>, (): &()) -> Result<Usage, MetricError> {
        Ok(plain_usage(samples.values().map(|s| s.milli), self.target_milli))
    }

    fn assumed(&self, _: &str, (): &()) -> i64 {
        self.target_milli
    }

    fn form(&self) -> Form {
        Form::AverageValue
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

impl Method for Utilization<'_> {
    type Requests<'p> = BTreeMap<&'p str, i64>;

    fn requests<'p>(&self, pods: &'p [Pod], config: &Config) -> Result<Self::Requests<'p>, MetricError> {
        requests::of(pods, self.container, self.resource, config.gates.pod_level_resources)
    }

    fn usage(&self, samples: &Samples<'_>, requests: &Self::Requests<'_>) -> Result<Usage, MetricError> {
        utilization_usage(samples.iter().map(|(pod, s)| (*pod, s.milli)), requests, self.target_percent)
    }

    fn assumed(&self, pod: &str, requests: &Self::Requests<'_>) -> i64 {
        let request = i128::from(requests.get(pod).copied().unwrap_or_default());
        to_i64(request * i128::from(self.target_percent.max(100)) / 100)
    }

    fn form(&self) -> Form {
        Form::Utilization
    }

    fn target(&self) -> i64 {
        self.target_percent.into()
    }
}

fn pass<'a, M: Method>(
    input: &PodsInput<'a>,
    mut samples: Samples<'a>,
    method: &M,
) -> Result<Proposal, MetricError> {
    if input.pods.is_empty() {
        return Err(MetricError::new(
            MetricReason::NoMatchingPods,
            "no pods returned by selector while calculating replica count",
        ));
    }
    let groups = group(input.pods, &samples, input.resource, input.config, input.now);
    for pod in groups.ignored.iter().chain(&groups.unready) {
        samples.remove(pod);
    }
    if samples.is_empty() {
        return Err(MetricError::fetch("did not receive metrics for targeted pods (pods might be unready)"));
    }
    let requests = method.requests(input.pods, input.config)?;
    let first = method.usage(&samples, &requests)?;

    let mut measured =
        Measured::new(method.form(), first.usage, method.target(), first.ratio, input.tolerance);
    measured.average_milli = Some(first.average_milli);
    measured.pods = Some(PodCounts {
        ready: groups.ready,
        unready: groups.unready.len(),
        missing: groups.missing.len(),
        ignored: groups.ignored.len(),
    });
    let unready_count = !groups.unready.is_empty() && first.ratio > 1.0;
    if !unready_count && groups.missing.is_empty() {
        measured.replicas = i32::try_from(groups.ready).unwrap_or(i32::MAX);
        let replicas =
            if measured.within { input.current } else { ceil_to_replicas(first.ratio * groups.ready as f64) };
        return Ok(Proposal { replicas, measured });
    }

    // Whatever is not known is assumed to speak against the change.
    let assumed = |milli| Sample { milli, at: input.now, window_seconds: 0 };
    for pod in &groups.missing {
        if first.ratio < 1.0 {
            samples.insert(pod, assumed(method.assumed(pod, &requests)));
        } else if first.ratio > 1.0 {
            samples.insert(pod, assumed(0));
        }
    }
    if unready_count {
        for pod in &groups.unready {
            samples.insert(pod, assumed(0));
        }
    }
    let second = method.usage(&samples, &requests)?.ratio;
    measured.assume(second, input.tolerance);
    measured.replicas = i32::try_from(samples.len()).unwrap_or(i32::MAX);
    let turned = (first.ratio < 1.0 && second > 1.0) || (first.ratio > 1.0 && second < 1.0);
    let mut replicas = input.current;
    if !measured.within && !turned {
        let wanted = ceil_to_replicas(second * samples.len() as f64);
        // The number of readings need not be the size, so the product may point the other way.
        let backwards = (second < 1.0 && wanted > input.current) || (second > 1.0 && wanted < input.current);
        if !backwards {
            replicas = wanted;
        }
    }
    Ok(Proposal { replicas, measured })
}

pub(super) fn compute(cx: &Context<'_>, metric: &Metric, reading: Option<&Reading>) -> Computed {
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
            .map(|r| (r.pod.as_str(), Sample { milli: r.milli, at: r.at, window_seconds: r.window_seconds }))
            .collect()),
        other => Err(missing(other, "custom")),
    };
    let name = &source.metric.name;
    let samples: Samples<'_> =
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
