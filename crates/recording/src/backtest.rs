//! Other settings on recorded readings: the exact controller, compared with what really happened.
//!
//! The readings do not react to the tried size, as in [`hpa::simulate::series`]. The rehearsal has a queue that reacts, and
//! is an estimate.

use std::fmt::Write as _;
use std::time::Duration;

use dashboard::autoscaler::shadow::rehearsal::Outcome;
use dashboard::autoscaler::shadow::{RunningShadow, Score};
use dashboard::clock::{At, DayClock};
use dashboard::data::Data;
use dashboard::message::{Event, Request, Timestamped};
use dashboard::model::Model;
use dashboard::update::update;
use hpa::simulate::Simulator;
use jiff::tz::TimeZone;
use serde_json::{Map, Value, json};

use crate::reader::Recording;
use crate::strings;

/// Adds the tried settings to a recording: a replay shows them as the shadow, which decides with the recorded readings.
///
/// # Errors
/// Fails if the recording has no specification, or a setting is no field of it or invalid.
pub fn with_settings(mut recording: Recording, settings: &[String]) -> Result<Recording, String> {
    let header = recording.header.hpa.as_ref().and_then(|hpa| hpa.spec.as_deref());
    let spec = header.or_else(|| recording.events.iter().find_map(spec_of)).ok_or(strings::NO_SPEC)?;
    let tried = tried(spec, settings)?;
    Simulator::new(tried.clone(), recording.header.config(), 1).map_err(|error| error.to_string())?;
    // The shadow needs the HPA and the size that it starts with.
    let is_hpa = |stamped: &Timestamped| spec_of(stamped).is_some();
    let is_workload = |stamped: &Timestamped| matches!(stamped.event, Event::Workload(Some(_)));
    let first = |found: &dyn Fn(&Timestamped) -> bool| recording.events.iter().position(found);
    let begin = first(&is_hpa).max(first(&is_workload)).ok_or(strings::NO_SPEC)?;
    let at = recording.events[begin].at;
    let request = Event::Request(Request::Shadow(Some(Box::new(tried))));
    let mut events = Vec::with_capacity(recording.events.len() + 1);
    for (index, stamped) in recording.events.into_iter().enumerate() {
        if !matches!(stamped.event, Event::Request(Request::Shadow(_))) {
            events.push(stamped);
        }
        if index == begin {
            events.push(Timestamped { at, event: request.clone() });
        }
    }
    recording.events = events;
    Ok(recording)
}

fn spec_of(stamped: &Timestamped) -> Option<&hpa::Spec> {
    match &stamped.event {
        Event::Hpa(Some(hpa)) => hpa.spec.as_deref(),
        _ => None,
    }
}

/// A specification with other settings, such as `target=40` or `behavior.scaleDown.stabilizationWindowSeconds=60`.
fn tried(spec: &hpa::Spec, settings: &[String]) -> Result<hpa::Spec, String> {
    let mut fields = serde_json::to_value(spec).map_err(|error| error.to_string())?;
    for setting in settings {
        let (path, value) = setting.split_once('=').ok_or_else(|| strings::no_setting(setting))?;
        let path = full_path(path, &fields);
        let pointer = format!("/{}", path.replace('.', "/"));
        let value = serde_json::from_str(value).unwrap_or_else(|_text| Value::String(value.to_owned()));
        put(&mut fields, &path, value.clone()).ok_or_else(|| strings::no_field(&path))?;
        let parse = |fields: &Value| serde_json::from_value::<hpa::Spec>(fields.clone());
        let parsed = parse(&fields).or_else(|error| {
            // A quantity is a text.
            put(&mut fields, &path, Value::String(value.to_string()));
            parse(&fields).map_err(|_same| strings::wrong_value(&path, &error.to_string()))
        })?;
        let known = serde_json::to_value(&parsed).map_err(|error| error.to_string())?;
        if known.pointer(&pointer).is_none_or(Value::is_null) {
            return Err(strings::no_field(&path));
        }
        fields = known;
    }
    serde_json::from_value(fields).map_err(|error| error.to_string())
}

/// The path of a field with a short name.
fn full_path(path: &str, spec: &Value) -> String {
    match path {
        "min" => "minReplicas".to_owned(),
        "max" => "maxReplicas".to_owned(),
        "target" => {
            const SOURCES: [&str; 5] = ["external", "object", "pods", "resource", "containerResource"];
            const KINDS: [&str; 3] = ["averageValue", "value", "averageUtilization"];
            let is_there = |path: &str| {
                spec.pointer(&format!("/{}", path.replace('.', "/"))).is_some_and(|v| !v.is_null())
            };
            let paths = SOURCES
                .iter()
                .flat_map(|source| KINDS.iter().map(move |kind| format!("metrics.0.{source}.target.{kind}")));
            paths.into_iter().find(|path| is_there(path)).unwrap_or_else(|| path.to_owned())
        }
        path => path.strip_prefix("spec.").unwrap_or(path).to_owned(),
    }
}

/// Sets a field, and makes the objects above it. `None` if something above it is neither object nor list.
fn put(fields: &mut Value, path: &str, value: Value) -> Option<()> {
    let mut place = fields;
    for segment in path.split('.') {
        if place.is_null() {
            *place = Value::Object(Map::new());
        }
        place = match place {
            Value::Object(fields) => fields.entry(segment.to_owned()).or_insert(Value::Null),
            Value::Array(list) => list.get_mut(segment.parse::<usize>().ok()?)?,
            _ => return None,
        };
    }
    *place = value;
    Some(())
}

/// One side of the comparison.
#[derive(Debug, Clone, PartialEq)]
pub struct Side {
    /// The settings in one line.
    pub settings: String,
    /// The sizes, each with the time of the run from which on it was asked for.
    pub sizes: Vec<(At, i32)>,
    /// Costs and waiting times. The same rule counts both sides, as if every requested pod were ready at once.
    pub score: Score,
    /// The simulated result of a burst, with a queue that reacts. An estimate.
    pub rehearsal: Option<Outcome>,
}

/// The comparison.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// The name of the HPA.
    pub hpa: String,
    /// The time of the run at which it begins.
    pub start: At,
    /// Its length.
    pub length: Duration,
    /// The recorded settings, and what happened.
    pub recorded: Side,
    /// The tried settings.
    pub tried: Side,
    /// Jobs of the simulated burst.
    pub burst: u32,
}

/// Runs a recording with tried settings. `None` if it has no readable HPA.
#[must_use]
pub fn result(recording: &Recording) -> Option<Comparison> {
    let mut model = Model::new(DayClock::new(recording.header.started, TimeZone::UTC), (80, 24));
    let (mut real, mut tried) = (Vec::new(), Vec::new());
    for stamped in &recording.events {
        // A backtest has nothing to carry out.
        let _dropped = update(&mut model, stamped.clone());
        let data = &model.data;
        let Some(running) = data.shadow.running() else { continue };
        note(&mut real, stamped.at, data.workload.get().map(|workload| workload.spec_replicas));
        note(&mut tried, stamped.at, Some(running.size()));
    }
    let data: &Data = &model.data;
    let running: &RunningShadow = data.shadow.running()?;
    Some(Comparison {
        hpa: data.hpa.get().map(|hpa| hpa.name.clone()).unwrap_or_default(),
        start: recording.start(),
        length: recording.end().since(running.since),
        recorded: Side {
            settings: data.tuning.current_settings(),
            sizes: real,
            score: running.real.clone(),
            rehearsal: running.rehearsal.real,
        },
        tried: Side {
            settings: running.in_short(),
            sizes: tried,
            score: running.shadow.clone(),
            rehearsal: running.rehearsal.shadow,
        },
        burst: data.load.size,
    })
}

fn note(sizes: &mut Vec<(At, i32)>, at: At, size: Option<i32>) {
    let Some(size) = size else { return };
    if sizes.last().is_none_or(|(_, last)| *last != size) {
        sizes.push((at, size));
    }
}

impl Comparison {
    /// The comparison for a person.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = strings::compared(&self.hpa, self.length);
        let mut row = |name: &str, value: &dyn Fn(&Side) -> String| {
            let _ = writeln!(text, "{name:<22}{:<34}{}", value(&self.recorded), value(&self.tried));
        };
        row("", &|side| if std::ptr::eq(side, &self.recorded) { "recorded" } else { "tried" }.to_owned());
        row(strings::SETTINGS, &|side| side.settings.clone());
        row(strings::RESCALES, &|side| side.sizes.len().saturating_sub(1).to_string());
        row(strings::PEAK, &|side| side.score.peak.to_string());
        row(strings::POD_SECONDS, &|side| format!("{:.0}", side.score.pod_seconds));
        row(strings::LONGEST_SHORT, &|side| format!("{:.0} s", side.score.longest_short.as_secs_f64()));
        row(strings::LONGEST_WAIT, &|side| match side.score.longest_wait {
            Some(wait) => format!("≈ {:.0} s", wait.as_secs_f64()),
            None => strings::UNKNOWN.to_owned(),
        });
        let _ = writeln!(text, "\n{}", strings::SIZES);
        for (side, name) in [(&self.recorded, strings::RECORDED), (&self.tried, strings::TRIED)] {
            let sizes = side
                .sizes
                .iter()
                .map(|(at, size)| format!("{} {size}", strings::clock(at.since(self.start))));
            let _ = writeln!(text, "{name:<22}{}", sizes.collect::<Vec<_>>().join("  "));
        }
        text.push('\n');
        text.push_str(strings::OPEN_LOOP);
        if let (Some(recorded), Some(tried)) = (self.recorded.rehearsal, self.tried.rehearsal) {
            text.push_str(&strings::rehearsed(self.burst, &recorded, &tried));
        }
        text
    }

    /// The comparison for a program.
    #[must_use]
    pub fn json(&self) -> Value {
        let side = |side: &Side| {
            let sizes: Vec<Value> = side
                .sizes
                .iter()
                .map(|(at, size)| json!({"seconds": at.since(self.start).as_secs_f64(), "replicas": size}))
                .collect();
            json!({
                "settings": side.settings,
                "sizes": sizes,
                "peak": side.score.peak,
                "podSeconds": side.score.pod_seconds,
                "longestShortSeconds": side.score.longest_short.as_secs_f64(),
                "estimatedLongestWaitSeconds": side.score.longest_wait.map(|wait| wait.as_secs_f64()),
                "estimatedBurst": side.rehearsal.map(|outcome| json!({
                    "jobs": self.burst,
                    "drainedSeconds": outcome.drained.map(|drained| drained.as_secs_f64()),
                    "peak": outcome.peak,
                    "podSeconds": outcome.pod_seconds,
                })),
            })
        };
        json!({
            "version": 1,
            "hpa": self.hpa,
            "seconds": self.length.as_secs_f64(),
            "recorded": side(&self.recorded),
            "tried": side(&self.tried),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec() -> hpa::Spec {
        serde_json::from_value(json!({
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "worker"},
            "minReplicas": 1, "maxReplicas": 10,
            "metrics": [{"type": "External", "external": {
                "metric": {"name": "queue"}, "target": {"type": "AverageValue", "averageValue": "20"}}}]
        }))
        .unwrap()
    }

    fn set(setting: &str) -> Result<Value, String> {
        tried(&spec(), &[setting.to_owned()]).map(|spec| serde_json::to_value(spec).unwrap())
    }

    #[test]
    fn a_setting_changes_its_field() {
        for (setting, pointer, expected) in [
            ("target=40", "/metrics/0/external/target/averageValue", json!("40")),
            ("target=1500m", "/metrics/0/external/target/averageValue", json!("1500m")),
            ("max=4", "/maxReplicas", json!(4)),
            ("spec.minReplicas=2", "/minReplicas", json!(2)),
            (
                "behavior.scaleDown.stabilizationWindowSeconds=60",
                "/behavior/scaleDown/stabilizationWindowSeconds",
                json!(60),
            ),
        ] {
            assert_eq!(set(setting).unwrap().pointer(pointer), Some(&expected), "{setting}");
        }
    }

    #[test]
    fn a_wrong_setting_is_refused_by_name() {
        for (setting, sentence) in [
            ("target", "\"target\" is not FIELD=VALUE, such as target=40"),
            ("behavior.scaleDwon.stabilizationWindowSeconds=60", "is no field of an HPA's specification"),
            ("maxReplicas.x=1", "maxReplicas.x is no field of an HPA's specification"),
            ("max=many", "maxReplicas:"),
        ] {
            let refusal = set(setting).unwrap_err();
            assert!(refusal.contains(sentence), "{setting}: {refusal}");
        }
    }
}
