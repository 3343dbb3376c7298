//! When the policies will allow more than they do now.

use super::behavior::start_size;
use super::rules::{PolicyRate, Rules, select};
use crate::memory::{Memory, ScaleEvent};
use crate::number::Time;
use crate::spec::Direction;

/// The first moment after `now` at which the policies allow to go beyond `size`, if nothing but `event` happens until
/// then. A change counts until its period is over, so only those moments have to be looked at.
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

    // Mostly the first change to leave its period is enough.
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

    // Else all of them in order, with the sums kept up to date.
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
