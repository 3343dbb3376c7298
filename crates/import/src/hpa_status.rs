//! The records of `kubectl hpa-status record`: one JSON object a line, with the snapshots of one HPA since the line before.
//!
//! Source: mattsu2020/kubectl-hpa-status 4.0, `pkg/hpa`, types `TimelineTrace`, `TimelineSnapshot` and `MetricReading`. The
//! format has no header and no version.

use std::collections::BTreeSet;

use dashboard::reported::Source;
use jiff::Timestamp;
use observed::Workload;
use serde::Deserialize;
use text::clean;

use crate::object::{Changes, Form, ImportError, Sample, SampledMetric, unknown_selector};
use crate::{Imported, at, beginning, strings};

/// The name of the tool.
pub const TOOL: &str = "hpa-status";

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Trace {
    hpa_name: String,
    namespace: String,
    #[serde(default)]
    snapshots: Vec<Snapshot>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Snapshot {
    timestamp: Timestamp,
    current_replicas: i32,
    desired_replicas: i32,
    #[serde(default)]
    metric_values: Vec<Reading>,
    #[serde(default)]
    conditions: Option<Vec<Condition>>,
}

#[derive(Debug, Clone, Deserialize)]
struct Reading {
    #[serde(rename = "type")]
    type_: String,
    #[serde(default)]
    name: String,
    value: f64,
    #[serde(default)]
    target: f64,
    #[serde(default)]
    unit: String,
}

#[derive(Debug, Clone, Deserialize)]
struct Condition {
    #[serde(rename = "type")]
    type_: String,
    status: String,
    #[serde(default)]
    reason: String,
    #[serde(default)]
    message: String,
}

/// The run of one HPA in the records. Without a name it is the only HPA of the records.
///
/// # Errors
/// Fails if a line before the last one is no record, or if the records do not name exactly one HPA.
pub fn import(records: &str, hpa: Option<&str>) -> Result<Imported, ImportError> {
    let lines: Vec<&str> = records.lines().filter(|line| !line.trim().is_empty()).collect();
    let mut torn = 0;
    let mut traces = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        match serde_json::from_str::<Trace>(line) {
            Ok(trace) => traces.push(trace),
            // The writer was killed.
            Err(error) if error.is_eof() && index + 1 == lines.len() => torn += 1,
            Err(error) => return Err(ImportError(strings::bad_line(index + 1, &error.to_string()))),
        }
    }
    let name_of = |trace: &Trace| format!("{}/{}", trace.namespace, trace.hpa_name);
    let is_wanted = |trace: &Trace| hpa.is_none_or(|hpa| hpa == trace.hpa_name || hpa == name_of(trace));
    traces.retain(is_wanted);
    let names: BTreeSet<String> = traces.iter().map(name_of).collect();
    let names: Vec<String> = names.iter().map(|name| clean::text(name)).collect();
    if names.len() > 1 {
        return Err(ImportError(strings::several(&names.join(", "))));
    }
    let Some(first) = traces.first() else {
        return Err(ImportError(hpa.map_or_else(|| strings::NOTHING.to_owned(), strings::no_record)));
    };
    let (name, namespace) = (first.hpa_name.clone(), clean::text(&first.namespace));
    let mut snapshots: Vec<Snapshot> = traces.iter().flat_map(|trace| trace.snapshots.clone()).collect();
    snapshots.sort_by_key(|snapshot| snapshot.timestamp);
    snapshots.dedup_by_key(|snapshot| snapshot.timestamp);
    let Some(started) = snapshots.first().map(|snapshot| snapshot.timestamp) else {
        return Err(ImportError(strings::NOTHING.to_owned()));
    };
    let sizes = || snapshots.iter().flat_map(|s| [s.current_replicas, s.desired_replicas]);
    let (min, max) = (sizes().min().unwrap_or(0).max(1), sizes().max().unwrap_or(1).max(1));
    let mut changes =
        Changes::after(beginning(strings::title(TOOL), &namespace, TOOL, &[Source::Hpa, Source::Workload]));
    let mut has_gap = false;
    // A sample without a metric keeps the specification, and its reading is missing.
    let mut known: Vec<SampledMetric> = Vec::new();
    for snapshot in &snapshots {
        for metric in &mut known {
            metric.reading = None;
        }
        for reading in &snapshot.metric_values {
            let metric = metric(reading);
            match known.iter_mut().find(|one| one.type_ == metric.type_ && one.name == metric.name) {
                Some(one) => *one = metric,
                None => known.push(metric),
            }
        }
        has_gap |= known.is_empty() || known.iter().any(|metric| metric.reading.is_none());
        let conditions = snapshot.conditions.iter().flatten();
        let sample = Sample {
            name: name.clone(),
            target: ("Deployment".to_owned(), name.clone()),
            min,
            max,
            current: snapshot.current_replicas,
            desired: snapshot.desired_replicas,
            metrics: known.clone(),
            conditions: conditions
                .map(|c| [c.type_.clone(), c.status.clone(), c.reason.clone(), c.message.clone()])
                .collect(),
        };
        let at = at(snapshot.timestamp, started);
        changes.hpa(at, sample.hpa()?);
        changes.workload(at, workload(&name, snapshot.current_replicas));
    }
    let is_total = |metric: &SampledMetric| metric.form == Form::Value;
    let mut missing: Vec<String> = [
        strings::NO_TARGET,
        strings::NO_LIMITS,
        strings::NO_BEHAVIOR,
        strings::NO_WORKLOAD,
        strings::NO_PODS,
        strings::NO_SYNCS,
        strings::NO_RELEASE,
    ]
    .map(str::to_owned)
    .into();
    missing.extend(known.iter().any(is_total).then(|| strings::NO_FORM.to_owned()));
    missing.extend(has_gap.then(|| strings::NO_READING.to_owned()));
    missing.extend((torn > 0).then(|| strings::skipped(torn)));
    Ok(Imported { started, tool: TOOL, missing, events: changes.events })
}

/// A reading. The format does not say if a number is a total or an average: External and Object metrics of it are totals,
/// because an average has no other mark.
fn metric(reading: &Reading) -> SampledMetric {
    let form = match (reading.unit.as_str(), reading.type_.as_str()) {
        ("%", _) => Form::Utilization,
        (_, "External" | "Object") => Form::Value,
        _ => Form::AverageValue,
    };
    SampledMetric {
        type_: reading.type_.clone(),
        name: reading.name.clone(),
        form,
        target: reading.target,
        reading: Some(reading.value),
    }
}

/// A workload of which only the size is known.
fn workload(name: &str, replicas: i32) -> Workload {
    Workload {
        name: clean::text(name),
        spec_replicas: replicas,
        replicas,
        ready: replicas,
        selector: unknown_selector(),
    }
}

#[cfg(test)]
mod tests {
    use dashboard::message::Event;

    use super::*;

    fn line(hpa: &str, snapshots: &[(&str, i32, i32, f64)]) -> String {
        let snapshots: Vec<_> = snapshots
            .iter()
            .map(|(time, current, desired, value)| {
                serde_json::json!({"timestamp": time, "currentReplicas": current, "desiredReplicas": desired,
                    "health": "OK", "healthScore": 100, "topMetric": "",
                    "metricValues": [{"type": "Resource", "name": "cpu", "value": value, "target": 60.0, "unit": "%"}],
                    "conditions": [{"type": "AbleToScale", "status": "True", "reason": "ReadyForNewScale"}]})
            })
            .collect();
        serde_json::json!({"hpaName": hpa, "namespace": "shop", "start": "2026-05-01T10:00:00Z",
            "interval": 15_000_000_000_i64, "snapshots": snapshots})
        .to_string()
    }

    fn hpas(imported: &Imported) -> Vec<(u64, i32, i32, String)> {
        let hpa = |stamped: &dashboard::message::Timestamped| match &stamped.event {
            Event::Hpa(Some(hpa)) => Some((
                stamped.at.0.as_secs(),
                hpa.current_replicas,
                hpa.desired_replicas,
                hpa.targets_column.clone(),
            )),
            _ => None,
        };
        imported.events.iter().filter_map(hpa).collect()
    }

    #[test]
    fn snapshots_become_changes_of_the_hpa() {
        let records = format!(
            "{}\n{}\n",
            line("web", &[("2026-05-01T10:00:00Z", 2, 2, 55.0), ("2026-05-01T10:00:15Z", 2, 4, 120.0)]),
            line("web", &[("2026-05-01T10:00:30Z", 4, 4, 60.0), ("2026-05-01T10:00:45Z", 4, 4, 60.0)]),
        );
        let imported = import(&records, None).unwrap();
        assert_eq!(
            hpas(&imported),
            [
                (0, 2, 2, "cpu: 55%/60%".to_owned()),
                (15, 2, 4, "cpu: 120%/60%".to_owned()),
                (30, 4, 4, "cpu: 60%/60%".to_owned()),
            ]
        );
        assert!(imported.missing.contains(&strings::NO_LIMITS.to_owned()), "{:?}", imported.missing);
    }

    #[test]
    fn one_of_several_hpas_must_be_named() {
        let snapshot = [("2026-05-01T10:00:00Z", 1, 1, 5.0)];
        let records = format!("{}\n{}", line("web", &snapshot), line("api", &snapshot));
        let error = import(&records, None).unwrap_err().to_string();
        assert_eq!(error, "the file has several HPAs; name one with --hpa: shop/api, shop/web");
        assert!(import(&records, Some("shop/api")).is_ok());
        assert_eq!(import(&records, Some("x")).unwrap_err().to_string(), "the file has no record of HPA x");
        assert_eq!(import("", None).unwrap_err().to_string(), "the file has no record");
    }

    #[test]
    fn a_torn_last_line_is_skipped_and_another_refused() {
        let good = line("web", &[("2026-05-01T10:00:00Z", 1, 1, 5.0)]);
        let torn = format!("{good}\n{}", &good[..40]);
        assert!(import(&torn, None).unwrap().missing.contains(&strings::skipped(1)));
        let bad = format!("{{}}\n{good}");
        assert!(import(&bad, None).unwrap_err().to_string().starts_with("line 1 is no record"));
    }
}
