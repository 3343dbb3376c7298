//! The time at which the policies next allow a further change.

use super::rules::{PolicyRate, Rules, select, start_size};
use crate::memory::{Memory, ScaleEvent};
use crate::spec::Direction;
use crate::time::Time;

/// The first time after `now` at which the policies allow a size beyond `size`, if no change but `event` follows.
///
/// A change counts until it leaves its period, so the result is one of those times.
pub(super) fn next_allowed(
    size: i32,
    rules: &Rules<'_>,
    memory: &Memory,
    event: Option<ScaleEvent>,
    now: Time,
) -> Option<Time> {
    let extra = event.as_slice();
    let (ups, downs): (&[ScaleEvent], &[ScaleEvent]) = match rules.direction {
        Direction::Up => (extra, &[]),
        Direction::Down => (&[], extra),
    };
    let added = || memory.up_events.iter().chain(ups);
    let removed = || memory.down_events.iter().chain(downs);
    let beyond = |limit: i32| match rules.direction {
        Direction::Up => limit > size,
        Direction::Down => limit < size,
    };
    let expiry = |event: &ScaleEvent, rate: PolicyRate| event.at.plus_secs(i64::from(rate.period_seconds));

    // In most cases the first change that leaves its period is enough.
    let first = rules
        .rates()
        .flat_map(|(_, rate)| added().chain(removed()).map(move |event| expiry(event, rate)))
        .filter(|at| *at > now)
        .min()?;
    let limit_at = |at: Time| {
        let allowed = rules.rates().map(|(_, rate)| {
            let since = at.minus_secs(i64::from(rate.period_seconds));
            let sum = |events: &mut dyn Iterator<Item = &ScaleEvent>| -> i64 {
                events.filter(|e| e.at > since).map(|e| i64::from(e.change)).sum()
            };
            let start = start_size(size, sum(&mut added()), sum(&mut removed()));
            (rate.allows(rules.direction, start), ())
        });
        select(rules.direction, rules.select, allowed).is_some_and(|(limit, ())| beyond(limit))
    };
    if limit_at(first) {
        return Some(first);
    }

    // Otherwise go through all of them in order and update the sums.
    let rates: Vec<PolicyRate> = rules.rates().map(|(_, rate)| rate).collect();
    let mut sums: Vec<(i64, i64)> = vec![(0, 0); rates.len()];
    let mut leaving = Vec::new();
    for (policy, rate) in rates.iter().enumerate() {
        let both = added().map(|e| (e, true)).chain(removed().map(|e| (e, false)));
        for (event, is_up) in both.filter(|(e, _)| expiry(e, *rate) > now) {
            let change = i64::from(event.change);
            leaving.push((expiry(event, *rate), policy, is_up, change));
            let sum = &mut sums[policy];
            *(if is_up { &mut sum.0 } else { &mut sum.1 }) += change;
        }
    }
    leaving.sort_unstable();
    let mut leaving = leaving.into_iter().peekable();
    while let Some((at, policy, is_up, change)) = leaving.next() {
        let sum = &mut sums[policy];
        *(if is_up { &mut sum.0 } else { &mut sum.1 }) -= change;
        if leaving.peek().is_some_and(|(next, ..)| *next == at) {
            continue;
        }
        let allowed = rates.iter().zip(&sums).map(|(rate, (added, removed))| {
            (rate.allows(rules.direction, start_size(size, *added, *removed)), ())
        });
        if select(rules.direction, rules.select, allowed).is_some_and(|(limit, ())| beyond(limit)) {
            return Some(at);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::super::rate::rate_limit;
    use super::*;
    use crate::compat::Config;
    use crate::spec::{Policy, ScalingRules};

    /// A pseudo-random sequence with a fixed seed.
    struct Numbers(u64);

    impl Numbers {
        fn below(&mut self, bound: u64) -> i32 {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            i32::try_from((self.0 >> 33) % bound).expect("the bound is small")
        }
    }

    #[test]
    fn next_allowed_agrees_with_brute_force() {
        let config = Config::default();
        let now = Time::from_secs(1000);
        let mut numbers = Numbers(7);
        let (mut found, mut never, mut late) = (0, 0, 0);
        for _ in 0..3000 {
            let events = |numbers: &mut Numbers, most| -> Vec<ScaleEvent> {
                (0..numbers.below(most))
                    .map(|_| ScaleEvent {
                        change: numbers.below(4),
                        at: now.minus_secs(numbers.below(70).into()),
                        outdated: false,
                    })
                    .collect()
            };
            let mut memory = Memory {
                up_events: events(&mut numbers, 6),
                down_events: events(&mut numbers, 6),
                ..Memory::default()
            };
            let policies = (0..=numbers.below(3))
                .map(|_| Policy {
                    type_: if numbers.below(2) == 0 { "Pods" } else { "Percent" }.to_owned(),
                    value: 1 + numbers.below(60),
                    period_seconds: 1 + numbers.below(60),
                })
                .collect();
            let select = if numbers.below(2) == 0 { "Max" } else { "Min" };
            let given = ScalingRules {
                select_policy: Some(select.to_owned()),
                policies: Some(policies),
                ..ScalingRules::default()
            };
            let direction = if numbers.below(2) == 0 { Direction::Up } else { Direction::Down };
            let rules = Rules::new(direction, Some(&given), &config);
            let size = numbers.below(20);
            let event = Some(ScaleEvent { change: 1 + numbers.below(3), at: now, outdated: false });
            let computed = next_allowed(size, &rules, &memory, event, now);

            match direction {
                Direction::Up => memory.up_events.extend(event),
                Direction::Down => memory.down_events.extend(event),
            }
            let tried = (1..=70).find(|seconds| {
                let limit = rate_limit(size, &rules, &memory, now.plus_secs(*seconds)).replicas;
                if direction == Direction::Up { limit > size } else { limit < size }
            });
            // Callers ask only if no further change is allowed now.
            let already = rate_limit(size, &rules, &memory, now).replicas;
            if if direction == Direction::Up { already > size } else { already < size } {
                continue;
            }
            assert_eq!(computed, tried.map(|seconds| now.plus_secs(seconds)), "{rules:?} {memory:?} {size}");
            found += u32::from(computed.is_some());
            never += u32::from(computed.is_none());
            late += u32::from(tried.is_some_and(|seconds| seconds > 30));
        }
        assert!(found > 500 && never > 10 && late > 50, "{found} found, {never} never, {late} late");
    }
}
