//! Limits of an HPA with `behavior`.
//!
//! Source: `stabilizeRecommendationWithBehaviors`, `convertDesiredReplicasWithBehaviorRate` and
//! `calculateScale{Up,Down}LimitWithScalingRules` in `pkg/controller/podautoscaler/horizontal.go`.

use super::rules::{PolicyRate, Rules, Select, select};
use super::{Limited, next};
use crate::compat::Config;
use crate::memory::{Memory, Recommendation, ScaleEvent, change_since, record};
use crate::number::Time;
use crate::spec::{Behavior, Direction};
use crate::trace::{self, Held, PolicyTrace, RateRule, Stabilisation};

/// The rules of both directions.
#[derive(Debug, Clone, Copy)]
pub struct BothRules<'a> {
    /// For more replicas.
    pub up: Rules<'a>,
    /// For fewer replicas.
    pub down: Rules<'a>,
}

impl<'a> BothRules<'a> {
    /// Reads the rules of a specification, see [`Rules::of`].
    #[must_use]
    pub fn new(behavior: &'a Behavior, config: &Config) -> Self {
        Self {
            up: Rules::of(Direction::Up, behavior.scale_up.as_ref(), config),
            down: Rules::of(Direction::Down, behavior.scale_down.as_ref(), config),
        }
    }

    /// Those of one direction.
    #[must_use]
    pub const fn of(&self, direction: Direction) -> &Rules<'a> {
        match direction {
            Direction::Up => &self.up,
            Direction::Down => &self.down,
        }
    }
}

/// Starts from the current size and moves only as far as every recommendation of the windows agrees, and remembers this
/// one as it is. The result is always between the current size and the desired one. Windows exclude their edge.
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
        held(recommendations, current, desired, rules.of(direction), now)
    });
    record(recommendations, old, Recommendation { replicas: desired, at: now });
    Stabilisation { replicas, held_by: held_by.flatten() }
}

/// The recommendation that holds the size: the most cautious of the window, and the latest of those.
fn held(
    recommendations: &[Recommendation],
    current: i32,
    desired: i32,
    rules: &Rules<'_>,
    now: Time,
) -> Option<Held> {
    let since = now.minus_secs(rules.window_seconds);
    let caution = |r: &&Recommendation| match rules.direction {
        Direction::Up => -i64::from(r.replicas),
        Direction::Down => i64::from(r.replicas),
    };
    let inside = || recommendations.iter().filter(|r| r.at > since);
    let holder = inside().max_by_key(|r| (caution(r), r.at))?;
    let rest = inside().filter(|r| r.at > holder.at).max_by_key(caution).map_or(desired, |r| r.replicas);
    Some(Held {
        direction: rules.direction,
        replicas: holder.replicas,
        at: holder.at,
        age_ms: now.millis_since(holder.at),
        window_seconds: rules.window_seconds,
        expires: holder.at.plus_secs(rules.window_seconds),
        then: match rules.direction {
            Direction::Up => current.max(rest.min(desired)),
            Direction::Down => current.min(rest.max(desired)),
        },
    })
}

/// The limit that the policies of one direction give now, without the bound that it does not cross the current size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimit {
    /// The size.
    pub replicas: i32,
    /// The policy that gave it; its `next` is not filled in.
    pub rule: RateRule,
}

/// What the policies of one direction allow. **Both** lists of changes count in both directions: a recent decrease
/// raises the size that growth is counted from.
#[must_use]
pub fn rate_limit(current: i32, rules: &Rules<'_>, memory: &Memory, now: Time) -> RateLimit {
    if rules.select == Select::Disabled {
        return RateLimit { replicas: current, rule: RateRule::Disabled };
    }
    // Policies mostly share one period: the lists are added up once for each that differs.
    let mut last: Option<(i32, i64, i64)> = None;
    let allowed = rules.rates().map(|(index, rate)| {
        let (added, removed) = match last {
            Some((period, added, removed)) if period == rate.period_seconds => (added, removed),
            _ => {
                let since = now.minus_secs(i64::from(rate.period_seconds));
                let added = change_since(&memory.up_events, since);
                let removed = change_since(&memory.down_events, since);
                last = Some((rate.period_seconds, added, removed));
                (added, removed)
            }
        };
        let start = start_size(current, added, removed);
        (rate.allows(rules.direction, start), (index, rate, added, removed, start))
    });
    match select(rules.direction, rules.select, allowed) {
        Some((replicas, (index, rate, added, removed, start))) => {
            let PolicyRate { kind, value, period_seconds } = rate;
            let (added, removed) = (clamp_i32(added), clamp_i32(removed));
            let next = None;
            let policy = PolicyTrace { index, kind, value, period_seconds, added, removed, start, next };
            RateLimit { replicas, rule: RateRule::Policy(policy) }
        }
        None => RateLimit {
            replicas: match (rules.direction, rules.select) {
                (Direction::Up, Select::Min) | (Direction::Down, Select::Max) => i32::MAX,
                _ => i32::MIN,
            },
            rule: RateRule::NoPolicy,
        },
    }
}

/// The size at a period's start: the current one without the changes in it.
pub(super) fn start_size(current: i32, added: i64, removed: i64) -> i32 {
    clamp_i32(i64::from(current).saturating_sub(added).saturating_add(removed))
}

fn clamp_i32(value: i64) -> i32 {
    i32::try_from(value).unwrap_or(if value < 0 { i32::MIN } else { i32::MAX })
}

/// Cuts to what the policies allow and to the smallest and largest size. A size that is the current one already is not
/// looked at.
#[must_use]
pub fn limit(
    current: i32,
    desired: i32,
    (min, max): (i32, i32),
    rules: &BothRules<'_>,
    memory: &Memory,
    now: Time,
) -> (Limited, Option<trace::Rate>) {
    let direction = match desired.cmp(&current) {
        std::cmp::Ordering::Equal => return (Limited::new(desired, "DesiredWithinRange"), None),
        std::cmp::Ordering::Greater => Direction::Up,
        std::cmp::Ordering::Less => Direction::Down,
    };
    let rules = rules.of(direction);
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
    (limited, Some(trace::Rate { direction, allowed, rule }))
}
