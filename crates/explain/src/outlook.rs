//! Sentences about the size: what it waits for, what holds it, and what the next pod needs.

use hpa::explain::Hold;
use hpa::spec::{Direction, Metric};
use hpa::trace::{Constraint, Measured, MetricState, Path, Rate, RateRule, Trace};
use hpa::{Spec, Time};

use crate::figure::Unit;
use crate::{metric, strings};

/// The sentences of a decision, the most important first. `clock` formats a time of the trace. Recommendations are known since
/// `known_since`: one from then may be older.
#[must_use]
pub fn sentences(
    spec: &Spec,
    trace: &Trace,
    known_since: Time,
    clock: &dyn Fn(Time) -> String,
) -> Vec<String> {
    match trace.path {
        Path::NoScale => return vec![strings::NO_SCALE.to_owned()],
        Path::Paused => return vec![strings::PAUSED.to_owned(), strings::RESUME.to_owned()],
        Path::AboveMax => return vec![strings::above_max(trace.current, trace.max)],
        Path::BelowMin => return vec![strings::below_min(trace.current, trace.min)],
        Path::Failed | Path::Computed => {}
    }
    let mut all = Vec::new();
    let failed =
        || trace.metrics.iter().zip(&spec.metrics).filter(|(metric, _)| metric.state == MetricState::Invalid);
    if trace.metrics.is_empty() {
        return vec![strings::NO_DECISION.to_owned()];
    }
    if failed().count() == trace.metrics.len() {
        return vec![strings::ALL_FAILED.to_owned()];
    }
    all.extend(failed().map(|(_, metric)| strings::blocks_down(&metric::name(metric))));
    if trace.path == Path::Failed {
        return all;
    }
    all.extend(held(trace, known_since, clock));
    if trace.desired != trace.current {
        all.push(strings::changes(trace.current, trace.desired));
    } else if all.is_empty() && trace.raw == Some(trace.current) {
        all.push(strings::steady(trace.current));
    }
    if let Some((winner, measured)) = winner(spec, trace) {
        // Alone, a metric needs no selector to be distinguished.
        let name = match spec.metrics.as_slice() {
            [_] => metric::short_name(winner),
            _ => metric::name(winner),
        };
        all.extend(next_edges(&name, winner, &measured, trace));
    }
    all
}

/// The metric that decided, with its arithmetic.
fn winner<'a>(spec: &'a Spec, trace: &Trace) -> Option<(&'a Metric, Measured)> {
    let index = trace.metrics.iter().position(|metric| metric.state == MetricState::Used)?;
    Some((spec.metrics.get(index)?, trace.metrics[index].measured?))
}

/// The constraint that keeps the size from following the metrics.
fn held(trace: &Trace, known_since: Time, clock: &dyn Fn(Time) -> String) -> Option<String> {
    let raw = trace.raw?;
    match trace.hold()? {
        Hold::Max(max) if raw > max => Some(strings::maxed_out(raw, max)),
        Hold::Min(min) if raw < min => Some(strings::at_min(raw, min)),
        Hold::Recommendation(held) => {
            let way = strings::way(held.direction == Direction::Up);
            let until = clock(held.expires);
            Some(match held.at > known_since {
                true => strings::held(way, &until, held.replicas, &clock(held.at)),
                false => strings::held_at_most(way, &until, held.replicas),
            })
        }
        Hold::Rate(Rate { rule: RateRule::Disabled, direction, .. }) => {
            Some(strings::disabled(strings::way(direction == Direction::Up)))
        }
        Hold::Rate(rate) => {
            let next = match rate.rule {
                RateRule::Policy(policy) => policy.next.map(clock),
                _ => None,
            };
            Some(strings::policy_allows(rate.allowed, raw, next.as_deref()))
        }
        _ => None,
    }
}

/// The usage at which the winner would ask for one pod fewer, and for one pod more.
fn next_edges(name: &str, metric: &Metric, measured: &Measured, trace: &Trace) -> Vec<String> {
    let unit = Unit::of(metric, measured);
    let mut all = Vec::new();
    if trace.current > trace.min
        && let Some(edge) = measured.most_for_fewer(trace.current)
    {
        all.push(strings::fewer(name, &unit.format(whole(edge, measured, unit, false))));
    }
    let is_limited = trace.limited.is_some_and(|limit| limit.constraint == Some(Constraint::MaxReplicas));
    if trace.current < trace.max
        && !is_limited
        && let Some(edge) = measured.least_for_more(trace.current)
    {
        all.push(strings::more(name, &unit.format(whole(edge, measured, unit, true))));
    }
    all
}

/// The edge as a whole number, if the metric counts whole things.
fn whole(edge: i64, measured: &Measured, unit: Unit, up: bool) -> i64 {
    if unit != Unit::Number || measured.compared() % 1_000 != 0 || measured.total_milli.is_none() {
        return edge;
    }
    let down = edge.div_euclid(1_000) * 1_000;
    if up && down < edge { down.saturating_add(1_000) } else { down }
}
