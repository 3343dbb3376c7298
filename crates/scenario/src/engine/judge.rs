//! The comparison of conditions with the numbers of a run.

use std::time::Duration;

use text::duration;

use super::tally::Tally;
use crate::condition::Condition;
use crate::figure::{Function, Known};
use crate::file::Scenario;
use crate::names::{Name, Scope};
use crate::outcome::{BurstResult, Judgement, Verdict};
use crate::strings::{NO_BURST, NOT_OVER};
use crate::world::World;

/// The present number of a condition.
pub(super) fn present(condition: &Condition, tally: &Tally, world: &impl World) -> Known {
    if condition.name.row().scope != Scope::Burst {
        return tally.value(condition.name, world);
    }
    let values = world.bursts(condition.name, tally.first);
    if values.is_empty() {
        return Known::Open;
    }
    match condition.function {
        Some(function) => over(function, &values),
        None => worst(condition, &values),
    }
}

/// A function over the values of all bursts; a burst without a number makes the result unknown.
fn over(function: Function, values: &[(u32, Known)]) -> Known {
    if let Some((_, missing)) = values.iter().find(|(_, value)| value.number().is_none()) {
        return *missing;
    }
    let numbers: Vec<f64> = values.iter().filter_map(|(_, value)| value.number()).collect();
    let is_exact = values.iter().all(|(_, value)| matches!(value, Known::Is(_)));
    let result = function.of(&numbers).unwrap_or_default();
    if is_exact { Known::Is(result) } else { Known::About(result) }
}

/// The value that decides when each burst must hold: one that does not, else one that is unknown, else the closest to the bound.
fn worst(condition: &Condition, values: &[(u32, Known)]) -> Known {
    let fails = |value: &Known| value.number().is_some_and(|number| !condition.holds(number));
    let all = || values.iter().map(|(_, value)| *value);
    let closest = || {
        let distance = |value: &Known| (value.number().unwrap_or_default() - condition.bound).abs();
        all().min_by(|a, b| distance(a).total_cmp(&distance(b)))
    };
    all()
        .find(fails)
        .or_else(|| all().find(|value| value.number().is_none()))
        .or_else(closest)
        .unwrap_or(Known::Open)
}

/// The sentence about a condition that did not hold in time.
pub(super) fn not_within(condition: &Condition, measured: Known, deadline: Duration) -> String {
    let limit = duration::span(deadline);
    let word = condition.name.word();
    match measured {
        Known::Is(number) | Known::About(number) => {
            format!("{word} is {} after {limit}", condition.number(number))
        }
        Known::Open => format!("{word} is not known after {limit}"),
        Known::Never(reason) => format!("{word} is not known after {limit}: {reason}"),
    }
}

/// Returns true while a number of an expectation may still become known.
pub(super) fn is_open(scenario: &Scenario, tally: &Tally, world: &impl World) -> bool {
    scenario.expect.iter().any(|condition| match condition.name.row().scope {
        Scope::Burst => {
            world.bursts(condition.name, tally.first).iter().any(|(_, value)| *value == Known::Open)
        }
        Scope::Now | Scope::Run => tally.value(condition.name, world) == Known::Open,
    })
}

/// Judges all expectations.
pub(super) fn expectations(scenario: &Scenario, tally: &Tally, world: &impl World) -> Vec<Judgement> {
    let judged = scenario.expect.iter().map(|condition| {
        let measured = present(condition, tally, world);
        let is_without_burst = condition.name.row().scope == Scope::Burst
            && world.bursts(condition.name, tally.first).is_empty();
        let verdict = match measured {
            Known::Is(number) | Known::About(number) if condition.holds(number) => Verdict::Held,
            Known::Is(number) | Known::About(number) => {
                Verdict::Failed(format!("{} is {}", condition.name.word(), condition.number(number)))
            }
            Known::Open if is_without_burst => Verdict::Unknown(NO_BURST.to_owned()),
            Known::Open => Verdict::Unknown(NOT_OVER.to_owned()),
            Known::Never(reason) => Verdict::Unknown(reason.to_owned()),
        };
        Judgement { condition: *condition, measured, verdict }
    });
    judged.collect()
}

/// The numbers of the run.
pub(super) fn figures(tally: &Tally, world: &impl World) -> Vec<(Name, Known)> {
    Name::of(Scope::Run).map(|name| (name, tally.value(name, world))).collect()
}

/// The bursts of the run with their values.
pub(super) fn bursts(tally: &Tally, world: &impl World) -> Vec<BurstResult> {
    let mut found: Vec<BurstResult> = Vec::new();
    for name in Name::of(Scope::Burst) {
        for (number, value) in world.bursts(name, tally.first) {
            let number = number - tally.first;
            match found.iter_mut().find(|burst| burst.number == number) {
                Some(burst) => burst.values.push((name, value)),
                None => found.push(BurstResult { number, values: vec![(name, value)] }),
            }
        }
    }
    found.sort_by_key(|burst| burst.number);
    found
}
