//! Stabilisation and limits of an HPA with `behavior`.
//!
//! Source: `stabilizeRecommendationWithBehaviors` and `convertDesiredReplicasWithBehaviorRate` in
//! `pkg/controller/podautoscaler/horizontal.go`.

use super::limited::Limited;
use super::next;
use super::rate::{RateLimit, rate_limit};
use super::rules::Rules;
use crate::compat::Config;
use crate::memory::{Memory, Recommendation, ScaleEvent, record};
use crate::spec::{Behavior, Direction};
use crate::time::Time;
use crate::trace::{Rate, RateRule, RecommendationHold, Stabilisation};

/// The rules of both directions.
#[derive(Debug, Clone, Copy)]
pub struct BothRules<'a> {
    /// Rules for scale-up.
    pub up: Rules<'a>,
    /// Rules for scale-down.
    pub down: Rules<'a>,
}

impl<'a> BothRules<'a> {
    /// Reads the rules of a specification, see [`Rules::new`].
    #[must_use]
    pub fn new(behavior: &'a Behavior, config: &Config) -> Self {
        Self {
            up: Rules::new(Direction::Up, behavior.scale_up.as_ref(), config),
            down: Rules::new(Direction::Down, behavior.scale_down.as_ref(), config),
        }
    }

    /// The rules of one direction.
    #[must_use]
    pub const fn direction(&self, direction: Direction) -> &Rules<'a> {
        match direction {
            Direction::Up => &self.up,
            Direction::Down => &self.down,
        }
    }
}

/// Moves from the current size towards `desired` only as far as every recommendation in the windows allows.
///
/// The result lies between the current and the desired size. The windows exclude their edge. The function records
/// `desired` itself, before stabilisation.
pub fn stabilise(
    recommendations: &mut Vec<Recommendation>,
    current: i32,
    desired: i32,
    rules: &BothRules<'_>,
    now: Time,
) -> Stabilisation {
    let up = now.minus_secs(rules.up.window_seconds);
    let down = now.minus_secs(rules.down.window_seconds);
    let (mut low, mut high, mut old) = (desired, desired, None);
    for (i, recommendation) in recommendations.iter().enumerate() {
        if recommendation.at > up {
            low = low.min(recommendation.replicas);
        }
        if recommendation.at > down {
            high = high.max(recommendation.replicas);
        }
        if recommendation.at < up && recommendation.at < down {
            old = Some(i);
        }
    }
    let replicas = current.max(low).min(high);
    let held_by = (replicas != desired).then(|| {
        let direction = if desired >= current { Direction::Up } else { Direction::Down };
        held(recommendations, current, desired, rules.direction(direction), now)
    });
    record(recommendations, old, Recommendation { replicas: desired, at: now });
    Stabilisation { replicas, held_by: held_by.flatten() }
}

/// The recommendation that holds the size: the most cautious one in the window, and the latest among equals.
fn held(
    recommendations: &[Recommendation],
    current: i32,
    desired: i32,
    rules: &Rules<'_>,
    now: Time,
) -> Option<RecommendationHold> {
    let since = now.minus_secs(rules.window_seconds);
    let caution = |r: &&Recommendation| match rules.direction {
        Direction::Up => -i64::from(r.replicas),
        Direction::Down => i64::from(r.replicas),
    };
    let inside = || recommendations.iter().filter(|r| r.at > since);
    let holder = inside().max_by_key(|r| (caution(r), r.at))?;
    let rest = inside().filter(|r| r.at > holder.at).max_by_key(caution).map_or(desired, |r| r.replicas);
    Some(RecommendationHold {
        direction: rules.direction,
        replicas: holder.replicas,
        at: holder.at,
        age_ms: now.millis_since(holder.at),
        window_seconds: rules.window_seconds,
        expires: holder.at.plus_secs(rules.window_seconds),
        next_replicas: match rules.direction {
            Direction::Up => current.max(rest.min(desired)),
            Direction::Down => current.min(rest.max(desired)),
        },
    })
}

/// Limits the size to the range that the policies, the minimum and the maximum allow.
///
/// If `desired` equals the current size, no limit applies, not even minimum and maximum.
#[must_use]
pub fn limit(
    current: i32,
    desired: i32,
    (min, max): (i32, i32),
    rules: &BothRules<'_>,
    memory: &Memory,
    now: Time,
) -> (Limited, Option<Rate>) {
    let direction = match desired.cmp(&current) {
        std::cmp::Ordering::Equal => return (Limited::new(desired, "DesiredWithinRange"), None),
        std::cmp::Ordering::Greater => Direction::Up,
        std::cmp::Ordering::Less => Direction::Down,
    };
    let rules = rules.direction(direction);
    let RateLimit { replicas, mut rule } = rate_limit(current, rules, memory, now);
    let (allowed, limited) = match direction {
        Direction::Up => {
            let allowed = replicas.max(current);
            let (cap, reason) =
                if max > allowed { (allowed, "ScaleUpLimit") } else { (max, "TooManyReplicas") };
            (allowed, (desired > cap).then(|| Limited::new(cap, reason)))
        }
        Direction::Down => {
            let allowed = replicas.min(current);
            let (floor, reason) =
                if min < allowed { (allowed, "ScaleDownLimit") } else { (min, "TooFewReplicas") };
            (allowed, (desired < floor).then(|| Limited::new(floor, reason)))
        }
    };
    let limited = limited.unwrap_or(Limited::new(desired, "DesiredWithinRange"));
    if let (RateRule::Policy(policy), "ScaleUpLimit" | "ScaleDownLimit") = (&mut rule, limited.reason) {
        let change = limited.replicas.saturating_sub(current).saturating_abs();
        let event = (change > 0).then_some(ScaleEvent { change, at: now, outdated: false });
        policy.next = next::next_allowed(limited.replicas, rules, memory, event, now);
    }
    (limited, Some(Rate { direction, allowed, rule }))
}
