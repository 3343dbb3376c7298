//! The limit on the rate of change that the policies of one direction give.
//!
//! Source: `calculateScale{Up,Down}LimitWithScalingRules` in `pkg/controller/podautoscaler/horizontal.go`.

use super::rules::{PolicyRate, Rules, Select, clamp_i32, select, start_size};
use crate::memory::{Memory, change_since};
use crate::spec::Direction;
use crate::time::Time;
use crate::trace::{PolicyTrace, RateRule};

/// The limit that the policies of one direction give. It can lie on the other side of the current size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimit {
    /// The size.
    pub replicas: i32,
    /// The policy that gives the limit; its `next` is `None`.
    pub rule: RateRule,
}

/// Returns the limit that the policies of one direction give at `now`.
///
/// **Both** lists of changes count in both directions: a recent decrease raises the size from which scale-up counts.
#[must_use]
pub fn rate_limit(current: i32, rules: &Rules<'_>, memory: &Memory, now: Time) -> RateLimit {
    if rules.select == Select::Disabled {
        return RateLimit { replicas: current, rule: RateRule::Disabled };
    }
    // Policies often share a period: add up the lists once per period.
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
