//! Kinds of stabilisation, rates, events and defaults.

use hpa::limits::behavior::{self, BothRules};
use hpa::limits::legacy;
use hpa::limits::rate::rate_limit;
use hpa::limits::rules::Rules;
use hpa::memory::{Recommendation, ScaleEvent, change_since};
use hpa::spec::{Behavior, Direction, ScalingRules};
use hpa::{Config, Memory, Time};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::case::{Actual, actual, read};

#[derive(Deserialize)]
struct Sizes {
    current_replicas: i32,
    desired_replicas: i32,
    min_replicas: i32,
    max_replicas: i32,
}

#[derive(Deserialize)]
struct Legacy {
    #[serde(flatten)]
    sizes: Sizes,
    scale_up_limit_factor: f64,
    scale_up_limit_minimum: f64,
}

pub(crate) fn convert_with_rules(input: Value) -> Result<Actual, String> {
    let i: Legacy = read(input)?;
    let config = Config {
        scale_up_limit_factor: i.scale_up_limit_factor,
        scale_up_limit_minimum: i.scale_up_limit_minimum,
        ..Config::default()
    };
    let Sizes { current_replicas, desired_replicas, min_replicas, max_replicas } = i.sizes;
    let limited = legacy::clamp(current_replicas, desired_replicas, min_replicas, max_replicas, &config);
    Ok(actual(json!({ "replicas": limited.replicas, "reason": limited.reason })))
}

#[derive(Deserialize)]
struct EventJson {
    change: i32,
    age_s: i64,
    #[serde(default)]
    outdated: bool,
}

fn events(list: Vec<EventJson>) -> Vec<ScaleEvent> {
    list.into_iter()
        .map(|e| ScaleEvent { change: e.change, at: Time::from_secs(-e.age_s), outdated: e.outdated })
        .collect()
}

#[derive(Deserialize)]
struct OneLimit {
    current_replicas: i32,
    scale_up_events: Vec<EventJson>,
    scale_down_events: Vec<EventJson>,
    rules: ScalingRules,
}

pub(crate) fn scale_limit(input: Value, direction: Direction) -> Result<Actual, String> {
    let i: OneLimit = read(input)?;
    let memory = Memory {
        up_events: events(i.scale_up_events),
        down_events: events(i.scale_down_events),
        ..Memory::default()
    };
    let config = Config::default();
    let rules = Rules::new(direction, Some(&i.rules), &config);
    let limit = rate_limit(i.current_replicas, &rules, &memory, Time(0));
    Ok(actual(json!({ "limit": limit.replicas })))
}

#[derive(Deserialize)]
struct BehaviorRate {
    #[serde(flatten)]
    sizes: Sizes,
    scale_up_rules: Option<ScalingRules>,
    scale_down_rules: Option<ScalingRules>,
    scale_up_events: Vec<EventJson>,
    scale_down_events: Vec<EventJson>,
}

pub(crate) fn convert_with_behavior_rate(input: Value) -> Result<Actual, String> {
    let i: BehaviorRate = read(input)?;
    let mut given = Behavior { scale_up: i.scale_up_rules, scale_down: i.scale_down_rules };
    hpa::defaults::default_behavior(&mut given);
    let config = Config::default();
    let rules = BothRules::new(&given, &config);
    let memory = Memory {
        up_events: events(i.scale_up_events),
        down_events: events(i.scale_down_events),
        ..Memory::default()
    };
    let Sizes { current_replicas, desired_replicas, min_replicas, max_replicas } = i.sizes;
    let range = (min_replicas, max_replicas);
    let (limited, _) = behavior::limit(current_replicas, desired_replicas, range, &rules, &memory, Time(0));
    Ok(actual(json!({ "replicas": limited.replicas, "reason": limited.reason })))
}

#[derive(Deserialize)]
struct RecommendationJson {
    replicas: i32,
    age_s: i64,
}

fn recommendations(list: Vec<RecommendationJson>) -> Vec<Recommendation> {
    list.into_iter().map(|r| Recommendation { replicas: r.replicas, at: Time::from_secs(-r.age_s) }).collect()
}

#[derive(Deserialize)]
struct LegacyWindow {
    downscale_stabilization_s: i64,
    recommendations: Vec<RecommendationJson>,
    desired_replicas: i32,
}

pub(crate) fn stabilize_legacy(input: Value) -> Result<Actual, String> {
    let i: LegacyWindow = read(input)?;
    let mut list = recommendations(i.recommendations);
    let stabilised = legacy::stabilise(&mut list, i.desired_replicas, i.downscale_stabilization_s, Time(0));
    Ok(actual(json!({ "replicas": stabilised.replicas, "recommendation_count": list.len() })))
}

#[derive(Deserialize)]
struct BehaviorWindows {
    current_replicas: i32,
    desired_replicas: i32,
    scale_up_window_s: i32,
    scale_down_window_s: i32,
    recommendations: Vec<RecommendationJson>,
}

pub(crate) fn stabilize_with_behaviors(input: Value) -> Result<Actual, String> {
    let i: BehaviorWindows = read(input)?;
    let mut list = recommendations(i.recommendations);
    let window =
        |seconds| ScalingRules { stabilization_window_seconds: Some(seconds), ..ScalingRules::default() };
    let given = Behavior {
        scale_up: Some(window(i.scale_up_window_s)),
        scale_down: Some(window(i.scale_down_window_s)),
    };
    let config = Config::default();
    let rules = BothRules::new(&given, &config);
    let stabilised = behavior::stabilise(&mut list, i.current_replicas, i.desired_replicas, &rules, Time(0));
    let after: Vec<i32> = list.iter().map(|r| r.replicas).collect();
    Ok(actual(json!({ "replicas": stabilised.replicas, "recommendations_after": after })))
}

#[derive(Deserialize)]
struct StoreEvent {
    direction: Direction,
    previous_replicas: i32,
    new_replicas: i32,
    rules: Option<ScalingRules>,
    events: Vec<EventJson>,
    period_s: i64,
}

/// `null` rules mean that the HPA has no behavior; the controller then stores no event.
pub(crate) fn store_scale_event(input: Value) -> Result<Actual, String> {
    let i: StoreEvent = read(input)?;
    let mut memory = Memory::default();
    let list = events(i.events);
    let before = change_since(&list, Time(0).minus_secs(i.period_s));
    match i.direction {
        Direction::Up => memory.up_events = list,
        Direction::Down => memory.down_events = list,
    }
    let config = Config::default();
    let rules = i.rules.as_ref().map(|given| Rules::new(i.direction, Some(given), &config));
    if let Some(rules) = &rules {
        let change = i.new_replicas - i.previous_replicas;
        if (i.direction == Direction::Up) != (change > 0) {
            return Err(format!("the case stores a change of {change} as {:?}", i.direction));
        }
        memory.store_event(i.direction, change.abs(), Time(0), rules.longest_period_seconds());
    }
    let (list, other) = match i.direction {
        Direction::Up => (memory.up_events, memory.down_events),
        Direction::Down => (memory.down_events, memory.up_events),
    };
    if !other.is_empty() {
        return Err("the other direction's list was touched".to_owned());
    }
    let after: Vec<Value> =
        list.iter().map(|e| json!({ "change": e.change, "outdated": e.outdated })).collect();
    Ok(actual(json!({ "change_in_period_before": before, "events_after": after })))
}

#[derive(Deserialize)]
struct DefaultRules {
    direction: Direction,
    rules: Option<ScalingRules>,
}

pub(crate) fn default_scaling_rules(input: Value) -> Result<Actual, String> {
    let i: DefaultRules = read(input)?;
    let rules = hpa::defaults::default_rules(i.direction, i.rules.as_ref());
    let mut json = json!({
        "stabilizationWindowSeconds": rules.stabilization_window_seconds,
        "selectPolicy": rules.select_policy,
        "policies": rules.policies,
    });
    if let Some(tolerance) = rules.tolerance {
        json["tolerance"] = json!(tolerance);
    }
    Ok(actual(json!({ "rules": json })))
}
