//! Series of Prometheus: those of kube-state-metrics about one HPA and its workload, and queries of the user's.
//!
//! Source: kube-state-metrics, `docs/metrics/workload/horizontalpodautoscaler-metrics.md`.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use dashboard::clock::At;
use dashboard::message::Event;
use dashboard::reported::{Source, SourceState};
use jiff::Timestamp;
use observed::{DepthSample, MetricSample, Workload};
use promfmt::api::{Labels, Row};
use text::clean;

use crate::object::{Changes, Form, ImportError, Sample, SampledMetric, unknown_selector};
use crate::{Imported, at, beginning, strings};

/// The name of the tool.
pub const TOOL: &str = "prometheus";

/// A query that an import makes over the range.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// The HPA's kind and name of the scale target, as labels.
    Info,
    /// `minReplicas`.
    Min,
    /// `maxReplicas`.
    Max,
    /// The target of each metric.
    Target,
    /// The reading of each metric.
    Reading,
    /// `status.currentReplicas`.
    Current,
    /// `status.desiredReplicas`.
    Desired,
    /// The conditions: those that are 1.
    Conditions,
    /// `spec.replicas` of the workload.
    WorkloadSpec,
    /// `status.replicas` of the workload.
    WorkloadReplicas,
    /// `status.readyReplicas` of the workload.
    WorkloadReady,
    /// Messages in the queue: a query of the user's.
    Queue,
    /// Unacknowledged messages among them: a query of the user's.
    InWork,
    /// The external metric: a query of the user's.
    Metric,
}

/// The queries that a user may give, by name, with their meaning.
pub const NAMES: [(&str, Subject, &str); 3] = [
    ("queue", Subject::Queue, "messages in the queue, ready and unacknowledged"),
    ("in-work", Subject::InWork, "unacknowledged messages"),
    ("metric", Subject::Metric, "the external metric as the HPA reads it"),
];

/// The answers by subject.
pub type Answers = BTreeMap<Subject, Vec<Row>>;

/// The HPA of an import.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

impl Wanted {
    /// The queries about the HPA.
    #[must_use]
    pub fn queries(&self) -> Vec<(Subject, String)> {
        let hpa = |series: &str| {
            let (namespace, name) = (escaped(&self.namespace), escaped(&self.name));
            format!(
                "kube_horizontalpodautoscaler_{series}{{namespace=\"{namespace}\",horizontalpodautoscaler=\"{name}\"}}"
            )
        };
        vec![
            (Subject::Info, hpa("info")),
            (Subject::Min, hpa("spec_min_replicas")),
            (Subject::Max, hpa("spec_max_replicas")),
            (Subject::Target, hpa("spec_target_metric")),
            (Subject::Reading, hpa("status_target_metric")),
            (Subject::Current, hpa("status_current_replicas")),
            (Subject::Desired, hpa("status_desired_replicas")),
            (Subject::Conditions, format!("{} == 1", hpa("status_condition"))),
        ]
    }

    /// The queries about the workload, whose kind and name are in the answers.
    #[must_use]
    pub fn workload_queries(&self, answers: &Answers) -> Vec<(Subject, String)> {
        let (kind, name) = scale_target(answers, &self.name);
        let (prefix, ready) = match kind.as_str() {
            "Deployment" => ("deployment", "status_replicas_ready"),
            "StatefulSet" => ("statefulset", "status_replicas_ready"),
            "ReplicaSet" => ("replicaset", "status_ready_replicas"),
            _ => return Vec::new(),
        };
        let spec = if prefix == "statefulset" { "replicas" } else { "spec_replicas" };
        let one = |series: &str| {
            let (namespace, name) = (escaped(&self.namespace), escaped(&name));
            format!("kube_{prefix}_{series}{{namespace=\"{namespace}\",{prefix}=\"{name}\"}}")
        };
        vec![
            (Subject::WorkloadSpec, one(spec)),
            (Subject::WorkloadReplicas, one("status_replicas")),
            (Subject::WorkloadReady, one(ready)),
        ]
    }
}

/// A text in the quotes of a PromQL matcher.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"")
}

/// Kind and name of the scale target, from the labels of the newest series.
fn scale_target(answers: &Answers, otherwise: &str) -> (String, String) {
    let labels = answers.get(&Subject::Info).and_then(|rows| rows.last()).map(|row| &row.metric);
    let label = |name: &str| labels.and_then(|labels| labels.get(name)).filter(|value| !value.is_empty());
    (
        label("scaletargetref_kind").cloned().unwrap_or_else(|| "Deployment".to_owned()),
        label("scaletargetref_name").cloned().unwrap_or_else(|| otherwise.to_owned()),
    )
}

/// The value of a series at each step. Several series of one subject, as of two kube-state-metrics, count as one: the largest.
#[derive(Debug, Default)]
struct Steps(BTreeMap<i64, f64>);

impl Steps {
    fn of<'a>(rows: impl Iterator<Item = &'a Row>) -> Self {
        let mut steps = BTreeMap::new();
        for point in rows.flat_map(|row| &row.values).filter(|point| point.value.is_finite()) {
            let value: &mut f64 = steps.entry(millis(point.time)).or_insert(point.value);
            *value = value.max(point.value);
        }
        Self(steps)
    }

    fn at(&self, ms: i64) -> Option<f64> {
        self.0.get(&ms).copied()
    }

    /// A number of replicas.
    fn count(&self, ms: i64) -> Option<i32> {
        self.at(ms).map(|value| value.round() as i32)
    }
}

fn millis(seconds: f64) -> i64 {
    (seconds * 1_000.0).round() as i64
}

/// The samples of one source: a stretch without a step is unknown.
struct Delivery {
    sources: &'static [Source],
    newest: Option<i64>,
}

impl Delivery {
    /// Takes a sample at `ms`. Reports the source as unavailable from the first step without a sample until then. Returns true if
    /// there was such a stretch.
    fn sample(&mut self, ms: i64, step: i64, run: impl Fn(i64) -> At, changes: &mut Changes) -> bool {
        let before = self.newest.replace(ms);
        // Steps are as exact as the milliseconds of the query.
        let Some(before) = before.filter(|before| ms - before > step + step / 2) else { return false };
        for source in self.sources {
            let unknown = SourceState::Unavailable(strings::NO_SAMPLE.to_owned());
            changes.push(run(before + step), Event::Source(*source, unknown));
        }
        for source in self.sources {
            changes.push(run(ms), Event::Source(*source, SourceState::Live));
        }
        changes.forget();
        true
    }
}

/// The run of an HPA in the answers, with samples every `step`.
///
/// # Errors
/// Fails if no sample has the HPA's size.
pub fn import(wanted: &Wanted, answers: &Answers, step: Duration) -> Result<Imported, ImportError> {
    let rows = |subject: Subject| answers.get(&subject).map_or(&[][..], Vec::as_slice);
    let steps = |subject: Subject| Steps::of(rows(subject).iter());
    let (current, desired) = (steps(Subject::Current), steps(Subject::Desired));
    let (min, max) = (steps(Subject::Min), steps(Subject::Max));
    let (spec, replicas, ready) =
        (steps(Subject::WorkloadSpec), steps(Subject::WorkloadReplicas), steps(Subject::WorkloadReady));
    let (queue, in_work, metric) = (steps(Subject::Queue), steps(Subject::InWork), steps(Subject::Metric));
    let metrics = metrics(rows(Subject::Target), rows(Subject::Reading));
    let conditions = conditions(rows(Subject::Conditions));
    let times: BTreeSet<i64> =
        [&current, &desired, &queue, &metric].iter().flat_map(|s| s.0.keys().copied()).collect();
    let started = times.first().and_then(|ms| Timestamp::from_millisecond(*ms).ok());
    let Some(started) = started.filter(|_| !current.0.is_empty()) else {
        let (namespace, name) = (clean::text(&wanted.namespace), clean::text(&wanted.name));
        return Err(ImportError(strings::no_hpa(&namespace, &name)));
    };
    let target = scale_target(answers, &wanted.name);
    let sizes = || current.0.values().chain(desired.0.values()).copied();
    let limit = |size: f64| (size as i32).max(1);
    let least = limit(sizes().fold(f64::INFINITY, f64::min));
    let most = limit(sizes().fold(1.0, f64::max));

    let mut delivers = vec![Source::Hpa, Source::Workload];
    delivers.extend((!queue.0.is_empty()).then_some(Source::Broker));
    delivers.extend((!metric.0.is_empty()).then_some(Source::ExternalMetric));
    let events = beginning(strings::title(TOOL), &clean::text(&wanted.namespace), TOOL, &delivers);
    let mut changes = Changes::after(events);
    let mut has_gap = false;
    let mut gaps = 0;
    let step = i64::try_from(step.as_millis()).unwrap_or(i64::MAX / 4).max(1);
    let mut hpa_delivery = Delivery { sources: &[Source::Hpa, Source::Workload], newest: None };
    let mut queue_delivery = Delivery { sources: &[Source::Broker], newest: None };
    let mut metric_delivery = Delivery { sources: &[Source::ExternalMetric], newest: None };
    let run =
        |ms: i64| Timestamp::from_millisecond(ms).map_or_else(|_| At::default(), |time| at(time, started));
    for ms in times {
        let Ok(time) = Timestamp::from_millisecond(ms) else { continue };
        let at = run(ms);
        // Syncs before this step read the values of the step before.
        changes.push(at, Event::Tick);
        // The queue comes first: the HPA cannot know its value earlier.
        if let Some(total) = queue.at(ms) {
            gaps += usize::from(queue_delivery.sample(ms, step, run, &mut changes));
            let unacked = in_work.at(ms).unwrap_or(0.0).min(total);
            let sample = DepthSample {
                ready: whole(total - unacked),
                unacked: whole(unacked),
                consumers: None,
                staleness: Duration::ZERO,
            };
            changes.push(at, Event::Depth(sample));
        }
        if let Some(value) = metric.at(ms) {
            gaps += usize::from(metric_delivery.sample(ms, step, run, &mut changes));
            let value_milli = Some(millis(value));
            changes.push(at, Event::Metric(MetricSample { value_milli, stamped: Some(time) }));
        }
        if let Some(size) = current.count(ms) {
            gaps += usize::from(hpa_delivery.sample(ms, step, run, &mut changes));
            let metrics: Vec<SampledMetric> = metrics.iter().filter_map(|series| series.at(ms)).collect();
            has_gap |= metrics.is_empty() || metrics.iter().any(|metric| metric.reading.is_none());
            let sample = Sample {
                name: wanted.name.clone(),
                target: target.clone(),
                min: min.count(ms).unwrap_or(least),
                max: max.count(ms).unwrap_or(most),
                current: size,
                desired: desired.count(ms).unwrap_or(size),
                metrics,
                conditions: conditions
                    .iter()
                    .filter_map(|(labels, steps)| condition(labels, steps, ms))
                    .collect(),
            };
            changes.hpa(at, sample.hpa()?);
            let size = replicas.count(ms).unwrap_or(size);
            changes.workload(
                at,
                Workload {
                    name: clean::text(&target.1),
                    spec_replicas: spec.count(ms).unwrap_or(size),
                    replicas: size,
                    ready: ready.count(ms).unwrap_or(size),
                    selector: unknown_selector(),
                },
            );
        }
    }
    let mut missing = vec![strings::NO_BEHAVIOR.to_owned()];
    let of_type = metrics.iter().filter(|series| series.type_ != "Resource");
    missing.extend(of_type.map(|series| strings::assumed_type(&clean::text(&series.name))));
    for (is_missing, sentence) in [
        (min.0.is_empty() || max.0.is_empty(), strings::NO_LIMITS),
        (replicas.0.is_empty() || ready.0.is_empty(), strings::NO_WORKLOAD),
        (queue.0.is_empty() && metric.0.is_empty(), strings::NO_QUEUE),
        (has_gap, strings::NO_READING),
        (gaps > 0, strings::GAPS),
        (true, strings::NO_PODS),
        (true, strings::NO_SYNCS),
        (true, strings::NO_RELEASE),
    ] {
        missing.extend(is_missing.then(|| sentence.to_owned()));
    }
    Ok(Imported { started, tool: TOOL, missing, events: changes.events })
}

fn whole(value: f64) -> u64 {
    value.max(0.0).round() as u64
}

/// The series of one metric.
struct MetricSeries {
    type_: &'static str,
    name: String,
    form: Form,
    target: Steps,
    reading: Steps,
}

impl MetricSeries {
    /// The metric at a step; `None` if the specification does not have it then.
    fn at(&self, ms: i64) -> Option<SampledMetric> {
        Some(SampledMetric {
            type_: self.type_.to_owned(),
            name: self.name.clone(),
            form: self.form,
            target: self.target.at(ms)?,
            reading: self.reading.at(ms),
        })
    }
}

/// The metrics by name and form of the target. kube-state-metrics does not say the type: `cpu` and `memory` are resources.
fn metrics(targets: &[Row], readings: &[Row]) -> Vec<MetricSeries> {
    let key = |row: &Row| {
        let form = match row.metric.get("metric_target_type")?.as_str() {
            "average" => Form::AverageValue,
            "value" => Form::Value,
            "utilization" => Form::Utilization,
            _ => return None,
        };
        Some((row.metric.get("metric_name")?.clone(), form))
    };
    let keys: BTreeSet<(String, Form)> = targets.iter().filter_map(key).collect();
    let series = |rows: &[Row], wanted: &(String, Form)| {
        Steps::of(rows.iter().filter(|row| key(row).as_ref() == Some(wanted)))
    };
    let all = keys.into_iter().map(|wanted| MetricSeries {
        type_: if matches!(wanted.0.as_str(), "cpu" | "memory") { "Resource" } else { "External" },
        target: series(targets, &wanted),
        reading: series(readings, &wanted),
        form: wanted.1,
        name: wanted.0,
    });
    all.collect()
}

/// The series of the conditions, by their labels.
fn conditions(rows: &[Row]) -> Vec<(&Labels, Steps)> {
    rows.iter().map(|row| (&row.metric, Steps::of([row].into_iter()))).collect()
}

/// A condition at a step. kube-state-metrics does not have its reason.
fn condition(labels: &Labels, steps: &Steps, ms: i64) -> Option<[String; 4]> {
    steps.at(ms).filter(|value| *value == 1.0)?;
    let status = match labels.get("status")?.as_str() {
        "true" => "True",
        "false" => "False",
        _ => "Unknown",
    };
    Some([labels.get("condition")?.clone(), status.to_owned(), String::new(), String::new()])
}

#[cfg(test)]
mod tests {
    use promfmt::api::Point;

    use super::*;

    fn row(labels: &[(&str, &str)], values: &[(f64, f64)]) -> Row {
        Row {
            metric: labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
            values: values.iter().map(|(time, value)| Point { time: *time, value: *value }).collect(),
        }
    }

    fn wanted() -> Wanted {
        Wanted { namespace: "shop".to_owned(), name: "web".to_owned() }
    }

    fn answers() -> Answers {
        let queue = [("metric_name", "depth"), ("metric_target_type", "average")];
        [
            (
                Subject::Info,
                vec![row(
                    &[("scaletargetref_kind", "Deployment"), ("scaletargetref_name", "worker")],
                    &[(0.0, 1.0)],
                )],
            ),
            (Subject::Min, vec![row(&[], &[(0.0, 1.0), (15.0, 1.0), (30.0, 1.0)])]),
            (Subject::Max, vec![row(&[], &[(0.0, 10.0), (15.0, 10.0), (30.0, 10.0)])]),
            (Subject::Current, vec![row(&[], &[(0.0, 1.0), (15.0, 1.0), (30.0, 5.0)])]),
            (Subject::Desired, vec![row(&[], &[(0.0, 1.0), (15.0, 5.0), (30.0, 5.0)])]),
            (Subject::Target, vec![row(&queue, &[(0.0, 20.0), (15.0, 20.0), (30.0, 20.0)])]),
            (Subject::Reading, vec![row(&queue, &[(0.0, 0.0), (15.0, 90.5)])]),
            (
                Subject::Conditions,
                vec![row(&[("condition", "AbleToScale"), ("status", "true")], &[(0.0, 1.0), (15.0, 1.0)])],
            ),
            (Subject::Queue, vec![row(&[], &[(0.0, 0.0), (15.0, 90.0), (30.0, 60.0)])]),
            (Subject::InWork, vec![row(&[], &[(15.0, 1.0), (30.0, 5.0)])]),
        ]
        .into()
    }

    #[test]
    fn series_become_the_events_of_a_watch() {
        let imported = import(&wanted(), &answers(), Duration::from_secs(15)).unwrap();
        let hpas: Vec<_> = imported
            .events
            .iter()
            .filter_map(|stamped| match &stamped.event {
                Event::Hpa(Some(hpa)) => Some((stamped.at.0.as_secs(), hpa)),
                _ => None,
            })
            .collect();
        let shown: Vec<_> =
            hpas.iter().map(|(at, hpa)| (*at, hpa.desired_replicas, hpa.targets_column.as_str())).collect();
        assert_eq!(shown, [(0, 1, "0/20 (avg)"), (15, 5, "90.5/20 (avg)"), (30, 5, "<unknown>/20 (avg)")]);
        assert_eq!((hpas[1].1.min, hpas[1].1.max, hpas[1].1.reading_milli), (1, 10, Some(90_500)));
        assert_eq!(hpas[1].1.scale_target, ("Deployment".to_owned(), "worker".to_owned()));
        let depths: Vec<_> = imported
            .events
            .iter()
            .filter_map(|stamped| match &stamped.event {
                Event::Depth(depth) => Some((depth.ready, depth.unacked)),
                _ => None,
            })
            .collect();
        assert_eq!(depths, [(0, 0), (89, 1), (55, 5)]);
        for sentence in
            [strings::NO_BEHAVIOR, strings::NO_WORKLOAD, strings::NO_READING, &strings::assumed_type("depth")]
        {
            assert!(
                imported.missing.iter().any(|missing| missing == sentence),
                "{sentence}: {:?}",
                imported.missing
            );
        }
        assert!(!imported.missing.iter().any(|missing| missing == strings::NO_LIMITS));
    }

    #[test]
    fn a_stretch_without_samples_is_unknown() {
        let mut answers = answers();
        for rows in answers.values_mut() {
            for point in rows.iter_mut().flat_map(|row| &mut row.values).filter(|point| point.time == 30.0) {
                point.time = 90.0;
            }
        }
        let imported = import(&wanted(), &answers, Duration::from_secs(15)).unwrap();
        let states: Vec<_> = imported
            .events
            .iter()
            .filter_map(|stamped| match &stamped.event {
                Event::Source(source, state) if stamped.at > At::default() => {
                    Some((stamped.at.0.as_secs(), *source, *state == SourceState::Live))
                }
                _ => None,
            })
            .collect();
        let expected = [
            (30, Source::Broker, false),
            (90, Source::Broker, true),
            (30, Source::Hpa, false),
            (30, Source::Workload, false),
            (90, Source::Hpa, true),
            (90, Source::Workload, true),
        ];
        assert_eq!(states, expected);
        assert!(imported.missing.iter().any(|missing| missing == strings::GAPS));
    }

    #[test]
    fn an_unknown_hpa_is_an_error() {
        let error = import(&wanted(), &Answers::new(), Duration::from_secs(15)).unwrap_err().to_string();
        assert!(error.starts_with("no sample of HPA shop/web in that time"), "{error}");
    }

    #[test]
    fn names_are_quoted_in_queries() {
        let wanted = Wanted { namespace: "a\"b".to_owned(), name: "x\\y".to_owned() };
        let (_, query) = &wanted.queries()[1];
        assert_eq!(
            query,
            "kube_horizontalpodautoscaler_spec_min_replicas{namespace=\"a\\\"b\",horizontalpodautoscaler=\"x\\\\y\"}"
        );
        let workload = wanted.workload_queries(&answers());
        assert_eq!(
            workload[2].1,
            "kube_deployment_status_replicas_ready{namespace=\"a\\\"b\",deployment=\"worker\"}"
        );
    }
}
