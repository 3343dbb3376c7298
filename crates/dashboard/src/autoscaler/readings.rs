//! The newest answers of the metrics APIs, and the readings of a sync in the past.

use std::borrow::Cow;
use std::collections::VecDeque;

use hpa::input::{ContainerUsage, PodReading, PodUsage};
use hpa::metric::requests;
use hpa::readiness::{PodPart, PodSample, Unready, part_of};
use hpa::spec::{Metric, Target};
use hpa::status::Current;
use hpa::{Config, Pod, Reading, Time};
use observed::MetricAnswer;

use crate::clock::At;
use crate::strings::sentences;

/// Answers remembered for each metric: a status may be about a moment ago.
pub(super) const REMEMBERED: usize = 4;

/// The answers for the metrics of one specification.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Readings {
    metrics: Vec<Metric>,
    slots: Vec<Slot>,
    /// The newest reading of each metric, as the controller would get it.
    newest: Vec<Reading>,
}

/// The answers for one metric.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Slot {
    /// Group and version of the API.
    pub api: Cow<'static, str>,
    /// The arrival of the newest answer.
    pub received: Option<At>,
    /// Earlier readings, newest last.
    recent: VecDeque<Reading>,
}

impl Readings {
    /// Starts with these metrics, unless they are the same.
    pub(crate) fn follow(&mut self, metrics: &[Metric]) {
        if self.metrics != metrics {
            let unread = || Reading::Failed(sentences::METRIC_NOT_READ.to_owned());
            self.metrics = metrics.to_vec();
            self.slots = metrics.iter().map(|_| Slot::default()).collect();
            self.newest = metrics.iter().map(|_| unread()).collect();
        }
    }

    /// Takes the answers to a question about these metrics. Returns true if a reading differs.
    pub(crate) fn take(&mut self, at: At, metrics: &[Metric], answers: Vec<Option<MetricAnswer>>) -> bool {
        if self.metrics != metrics {
            return false;
        }
        let mut differs = false;
        for (index, answer) in answers.into_iter().enumerate() {
            let Some(answer) = answer else { continue };
            if let Some(slot) = self.slots.get_mut(index) {
                slot.api = answer.api;
            }
            differs |= self.put(at, index, answer.reading);
        }
        differs
    }

    /// Records the reading of a metric. Returns true if it differs from the one before.
    pub(crate) fn put(&mut self, at: At, index: usize, reading: Reading) -> bool {
        let (Some(slot), Some(newest)) = (self.slots.get_mut(index), self.newest.get_mut(index)) else {
            return false;
        };
        slot.received = Some(at);
        if *newest == reading {
            return false;
        }
        if !matches!(reading, Reading::Failed(_)) {
            if slot.recent.len() == REMEMBERED {
                slot.recent.pop_front();
            }
            slot.recent.push_back(reading.clone());
        }
        *newest = reading;
        true
    }

    /// The newest reading of each metric.
    #[must_use]
    pub fn newest(&self) -> &[Reading] {
        &self.newest
    }

    /// The answers for one metric.
    #[must_use]
    pub fn slot(&self, index: usize) -> Option<&Slot> {
        self.slots.get(index)
    }

    /// The arrival of the oldest of the newest answers, without that of `except`; `None` while one is missing.
    #[must_use]
    pub fn received(&self, except: Option<usize>) -> Option<At> {
        let others = self.slots.iter().enumerate().filter(|(index, _)| Some(*index) != except);
        others.map(|(_, slot)| slot.received).min().flatten()
    }

    /// Recent readings of one metric, newest first.
    pub(crate) fn recent(&self, index: usize) -> impl Iterator<Item = &Reading> {
        self.slots.get(index).into_iter().flat_map(|slot| slot.recent.iter().rev())
    }
}

/// Moves the times of a reading from the cluster's clock to that of the run, which started at `start` on the cluster's.
pub(crate) fn to_run(reading: Reading, start: i64) -> Reading {
    let moved = |time: Time| Time(time.0.saturating_sub(start));
    match reading {
        Reading::Pods(pods) => {
            Reading::Pods(pods.into_iter().map(|pod| PodReading { at: moved(pod.at), ..pod }).collect())
        }
        Reading::Resource(pods) => {
            Reading::Resource(pods.into_iter().map(|pod| PodUsage { at: moved(pod.at), ..pod }).collect())
        }
        other => other,
    }
}

/// A reading that gives the figures of a status: the controller's own reading is not visible.
///
/// Every pod that counts has the average, or the same share of its request.
pub(crate) fn from_status(
    metric: &Metric,
    current: &Current,
    existed: i32,
    pods: &[Pod],
    config: &Config,
    at: Time,
) -> Option<Reading> {
    let milli = |quantity: Option<hpa::Quantity>| quantity?.milli().ok();
    let total = || {
        let average =
            milli(current.average_value).map(|average| average.saturating_mul(existed.max(1).into()));
        let is_average = metric.target().is_some_and(|target| target.average_value.is_some());
        if is_average { average } else { milli(current.value) }
    };
    match metric.type_.as_str() {
        "External" => Some(Reading::External(vec![total()?])),
        "Object" => Some(Reading::Object(total()?)),
        "Pods" => {
            let average = milli(current.average_value)?;
            let one = |pod: &Pod| PodReading { pod: pod.name.clone(), milli: average, at, window_seconds: 0 };
            Some(Reading::Pods(counted(pods, "", config, at).map(one).collect()))
        }
        "Resource" | "ContainerResource" => {
            let (resource, container, target) = resource_of(metric)?;
            let usage = |pod: &Pod| -> Option<i64> {
                if target.average_value.is_some() {
                    return milli(current.average_value);
                }
                let pod_level = config.gates.pod_level_resources;
                let request = requests::by_pod(std::slice::from_ref(pod), container, resource, pod_level);
                let request = request.ok()?.into_values().next()?;
                let percent = i64::from(current.average_utilization?);
                Some(request.saturating_mul(percent).saturating_add(99).div_euclid(100))
            };
            let one = |pod: &Pod| {
                Some(PodUsage {
                    pod: pod.name.clone(),
                    at,
                    window_seconds: 0,
                    containers: vec![ContainerUsage {
                        name: container.unwrap_or_default().to_owned(),
                        milli: [(resource.to_owned(), usage(pod)?)].into(),
                    }],
                })
            };
            Some(Reading::Resource(counted(pods, resource, config, at).filter_map(one).collect()))
        }
        _ => None,
    }
}

/// Name, container and target of a resource metric.
fn resource_of(metric: &Metric) -> Option<(&str, Option<&str>, &Target)> {
    if let Some(source) = metric.container_resource.as_ref().filter(|_| metric.type_ == "ContainerResource") {
        return Some((&source.name, Some(&source.container), &source.target));
    }
    let source = metric.resource.as_ref()?;
    Some((&source.name, None, &source.target))
}

/// The pods that count if they have a sample.
fn counted<'a>(
    pods: &'a [Pod],
    resource: &'a str,
    config: &'a Config,
    now: Time,
) -> impl Iterator<Item = &'a Pod> {
    let sample = PodSample { milli: 0, at: now, window_seconds: 0 };
    pods.iter().filter(move |pod| {
        let part = part_of(pod, Some(&sample), resource, config, now);
        matches!(part, PodPart::Counted | PodPart::Missing | PodPart::Unready(Unready::EarlySample))
    })
}
