//! The steps of a file, and the settings in them.

use std::path::Path;

use hpa::spec::Policy;

use super::fields::{Reader, Table};
use super::{MAX_BURST, MAX_RATE, Part, Step, StepAction};
use crate::condition;
use crate::settings::{MetricTarget, Rules, Settings};
use crate::shape::{Shape, trace};
use crate::strings::did_you_mean;

/// The fields of a step that are its action.
const ACTIONS: [&str; 14] = [
    "burst", "rate", "hold", "ramp", "stairs", "sawtooth", "trace", "pause", "wait", "kill", "stop", "start",
    "tune", "mark",
];

/// Reads the steps. Their numbers begin at 1, as in the results.
pub(super) fn steps<'a>(
    reader: &mut Reader<'a>,
    root: &Table<'a>,
    read: &dyn Fn(&Path) -> Result<String, String>,
) -> Vec<Step> {
    let known: Vec<&'static str> = ACTIONS.into_iter().chain(["caption"]).collect();
    let found = reader.list(root, "steps");
    if found.is_empty() {
        reader.wrong(root, "steps", "a scenario needs one or more [[steps]]");
    }
    let mut steps = Vec::new();
    for (index, value) in found.into_iter().enumerate() {
        let path = format!("steps[{}]", index + 1);
        let Some(table) = reader.as_table(value, path.clone(), &known) else { continue };
        let caption = reader.text(&table, "caption").unwrap_or_default().to_owned();
        let mut named = ACTIONS.into_iter().filter(|key| table.get(key).is_some());
        let (first, second) = (named.next(), named.next());
        if let (Some(first), Some(second)) = (first, second) {
            reader.wrong(&table, second, &format!("a step has one action, and this one has {first} already"));
            continue;
        }
        let action = match first {
            Some(key) => action(reader, &table, key, read),
            None if caption.is_empty() => {
                reader.problem(value.span().start, path, format!("it needs one of {}", known.join(", ")));
                None
            }
            None => Some(StepAction::Note),
        };
        steps.extend(action.map(|action| Step { caption, action }));
    }
    steps
}

fn action<'a>(
    reader: &mut Reader<'a>,
    step: &Table<'a>,
    key: &str,
    read: &dyn Fn(&Path) -> Result<String, String>,
) -> Option<StepAction> {
    Some(match key {
        "burst" => {
            let size = reader.integer(step, key, 1, MAX_BURST)?;
            StepAction::Burst(u32::try_from(size).ok()?)
        }
        "rate" => StepAction::Rate(reader.number(step, key, MAX_RATE)?),
        "pause" => StepAction::Pause(reader.duration(step, key)?),
        "wait" => {
            let (condition, deadline) = reader.parsed(step, key, condition::wait)?;
            StepAction::Wait(condition, deadline)
        }
        "kill" => reader.parsed(step, key, |text| match text {
            "worker" => Ok(StepAction::Kill),
            _ => Err(format!("{text:?} cannot be killed; write kill = \"worker\"")),
        })?,
        "stop" => StepAction::Stop(reader.parsed(step, key, part)?),
        "start" => StepAction::Start(reader.parsed(step, key, part)?),
        "tune" => StepAction::Tune(settings(reader, step, key)?),
        "mark" => StepAction::Mark(reader.text(step, key)?.to_owned()),
        "trace" => StepAction::Load(reader.parsed(step, key, |path| {
            read(Path::new(path)).and_then(|csv| trace(&csv)).map_err(|why| format!("{path}: {why}"))
        })?),
        _ => StepAction::Load(shape(reader, step, key)?),
    })
}

fn part(text: &str) -> Result<Part, String> {
    Part::ALL.into_iter().find(|part| part.word() == text).ok_or_else(|| {
        let words = Part::ALL.map(Part::word);
        let guess = did_you_mean(text, words);
        format!("{text:?} cannot be stopped{guess}; the parts are {}", words.join(", "))
    })
}

fn shape<'a>(reader: &mut Reader<'a>, step: &Table<'a>, key: &str) -> Option<Shape> {
    let known: &[&'static str] = match key {
        "hold" => &["rate", "for"],
        "ramp" => &["from", "to", "for"],
        "stairs" => &["rates", "each"],
        _ => &["low", "high", "period", "times"],
    };
    let table = reader.child(step, key, known)?;
    let shape = {
        let mut rate = |key| {
            let found = reader.number(&table, key, MAX_RATE);
            reader.need(&table, key, found)
        };
        // All fields are read before one that is missing ends it: each has its own problem.
        match key {
            "hold" => (rate("rate"), Some(0.0)),
            "ramp" => (rate("from"), rate("to")),
            "sawtooth" => (rate("low"), rate("high")),
            _ => (Some(0.0), Some(0.0)),
        }
    };
    let mut time = |key| {
        let found = reader.duration(&table, key);
        if found.is_some_and(|time| time.is_zero()) {
            reader.wrong(&table, key, "it must be above 0s");
        }
        reader.need(&table, key, found)
    };
    Some(match key {
        "hold" => Shape::Hold { time: time("for")?, rate: shape.0? },
        "ramp" => Shape::Ramp { time: time("for")?, from: shape.0?, to: shape.1? },
        "stairs" => {
            let each = time("each");
            let path = table.path("rates");
            let values = reader.list(&table, "rates");
            if values.is_empty() {
                reader.wrong(&table, "rates", "it needs one or more rates, such as [5, 10, 20]");
            }
            let rates = values.into_iter().enumerate().filter_map(|(index, value)| {
                reader.as_number(value, format!("{path}[{}]", index + 1), MAX_RATE)
            });
            Shape::Stairs { rates: rates.collect(), each: each? }
        }
        _ => {
            let period = time("period");
            let times = reader.integer(&table, "times", 1, 10_000);
            let times = reader.need(&table, "times", times);
            Shape::Sawtooth {
                low: shape.0?,
                high: shape.1?,
                period: period?,
                times: u32::try_from(times?).ok()?,
            }
        }
    })
}

/// Reads the settings of an HPA.
pub(super) fn settings<'a>(reader: &mut Reader<'a>, parent: &Table<'a>, key: &str) -> Option<Settings> {
    const KNOWN: [&str; 5] = ["minReplicas", "maxReplicas", "averageValue", "value", "behavior"];
    let table = reader.child(parent, key, &KNOWN)?;
    let replicas = |reader: &mut Reader<'a>, key| {
        let found = reader.integer(&table, key, 0, 10_000)?;
        i32::try_from(found).ok()
    };
    let (min, max) = (replicas(reader, "minReplicas"), replicas(reader, "maxReplicas"));
    if let (Some(min), Some(max)) = (min, max)
        && min > max
    {
        reader.wrong(&table, "minReplicas", &format!("it is above maxReplicas, which is {max}"));
    }
    let quantity = |text: &str| text.parse::<hpa::Quantity>().map_err(|error| error.to_string());
    let average = reader.parsed(&table, "averageValue", quantity).map(MetricTarget::AverageValue);
    let total = reader.parsed(&table, "value", quantity).map(MetricTarget::Value);
    if average.is_some() && total.is_some() {
        reader.wrong(&table, "value", "a target has averageValue or value, not both");
    }
    let behavior = reader.child(&table, "behavior", &["scaleUp", "scaleDown"]);
    let (up, down) = behavior.map_or_else(Default::default, |behavior| {
        (rules(reader, &behavior, "scaleUp"), rules(reader, &behavior, "scaleDown"))
    });
    let settings = Settings { min, max, target: average.or(total), up, down };
    if key == "tune" && settings.is_empty() {
        reader.wrong(parent, key, "it changes nothing");
    }
    Some(settings)
}

fn rules<'a>(reader: &mut Reader<'a>, behavior: &Table<'a>, key: &str) -> Rules {
    const KNOWN: [&str; 3] = ["stabilizationWindowSeconds", "selectPolicy", "policies"];
    let Some(table) = reader.child(behavior, key, &KNOWN) else { return Rules::default() };
    // The limits are those of the API: `pkg/apis/autoscaling/validation`.
    let window = reader.integer(&table, "stabilizationWindowSeconds", 0, 3_600);
    let select = reader.parsed(&table, "selectPolicy", |text| match text {
        "Max" | "Min" | "Disabled" => Ok(text.to_owned()),
        _ => Err(format!("{text:?} is no policy; it must be Max, Min or Disabled")),
    });
    let listed = table.get("policies").is_some();
    let mut policies = Vec::new();
    for (index, value) in reader.list(&table, "policies").into_iter().enumerate() {
        let path = format!("{}[{}]", table.path("policies"), index + 1);
        let Some(policy) = reader.as_table(value, path, &["type", "value", "periodSeconds"]) else {
            continue;
        };
        let kind = reader.parsed(&policy, "type", |text| match text {
            "Pods" | "Percent" => Ok(text.to_owned()),
            _ => Err(format!("{text:?} is no type; it must be Pods or Percent")),
        });
        let kind = reader.need(&policy, "type", kind);
        let value = reader.integer(&policy, "value", 1, i32::MAX.into());
        let value = reader.need(&policy, "value", value).and_then(|value| i32::try_from(value).ok());
        let period = reader.integer(&policy, "periodSeconds", 1, 1_800);
        let period =
            reader.need(&policy, "periodSeconds", period).and_then(|period| i32::try_from(period).ok());
        if let (Some(type_), Some(value), Some(period_seconds)) = (kind, value, period) {
            policies.push(Policy { type_, value, period_seconds });
        }
    }
    Rules {
        window: window.and_then(|window| i32::try_from(window).ok()),
        select,
        policies: listed.then_some(policies),
    }
}
