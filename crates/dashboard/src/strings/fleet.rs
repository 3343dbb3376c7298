//! Words about the HPAs of a fleet.

use std::borrow::Cow;
use std::time::Duration;

use explain::fleet::{Amount, MetricRow, Row, Verdict};
use hpa::spec::Direction;
use jiff::Timestamp;
use observed::scaled_object::Hold;

/// Characters of a metric's name in a column.
const MAX_NAME: usize = 40;

/// The sign for a value that the status does not have.
pub const NO_VALUE: &str = "-";

/// The verdict about an HPA; `now` is this machine's time.
#[must_use]
pub fn verdict(row: &Row, now: Timestamp) -> String {
    let wants = |before: &str, otherwise: &str| match row.wants {
        Some(size) => format!("{before}wants ≈{size}"),
        None => format!("{before}{otherwise}"),
    };
    match &row.verdict {
        Verdict::NotSynced { since: Some(since) } => {
            format!("not synced for {}", text::duration::age(elapsed(*since, now)))
        }
        Verdict::NotSynced { since: None } => "not synced yet".to_owned(),
        Verdict::Outdated => "new spec is not synced yet".to_owned(),
        Verdict::TargetMissing => "target is missing".to_owned(),
        Verdict::TargetUnreadable { .. } => "cannot read the target's scale".to_owned(),
        Verdict::TargetUnwritable { .. } => "cannot write the target's scale".to_owned(),
        Verdict::Unreadable { metrics, only_down: true, .. } => {
            format!("cannot read {}: no scale-down", few(metrics))
        }
        Verdict::Unreadable { metrics, .. } if metrics.is_empty() => "cannot read its metrics".to_owned(),
        Verdict::Unreadable { metrics, .. } => format!("cannot read {}", few(metrics)),
        Verdict::Inactive { reason, .. } => match reason.as_str() {
            "AmbiguousSelector" => "another HPA selects the same pods".to_owned(),
            "InvalidSelector" => "the target's selector is invalid".to_owned(),
            "InvalidMetricSourceType" => "a metric has an unknown type".to_owned(),
            reason => format!("inactive: {reason}"),
        },
        Verdict::Paused => "paused: 0 replicas".to_owned(),
        Verdict::PausedByKeda(Hold::At(replicas)) => format!("paused by KEDA at {replicas}"),
        Verdict::PausedByKeda(Hold::Here | Hold::WithoutAnnotation) => "paused by KEDA".to_owned(),
        Verdict::ScaledToZero { by_keda: true } => "scaled to zero by KEDA".to_owned(),
        Verdict::ScaledToZero { by_keda: false } => "scaled to zero".to_owned(),
        Verdict::AtMax => wants("at max: ", "wants more"),
        Verdict::HeldByWindow(direction) => wants("held by window: ", compared(*direction)),
        Verdict::LimitedByPolicy(direction) => wants("policy limits it: ", compared(*direction)),
        Verdict::Disabled(direction) => {
            let way = if *direction == Direction::Up { "scale-up" } else { "scale-down" };
            wants(&format!("{way} is off: "), compared(*direction))
        }
        Verdict::Scaling(direction) => {
            let way = if *direction == Direction::Up { "up" } else { "down" };
            match row.desired {
                Some(size) => format!("scaling {way} to {size}"),
                None => format!("scaling {way}"),
            }
        }
        Verdict::AtMin => "steady at min".to_owned(),
        Verdict::Fixed => "fixed: min equals max".to_owned(),
        Verdict::Steady => "steady".to_owned(),
    }
}

fn compared(direction: Direction) -> &'static str {
    match direction {
        Direction::Up => "wants more",
        Direction::Down => "wants fewer",
    }
}

/// At most two names, and the number of the others.
fn few(names: &[String]) -> String {
    match names {
        [first, second, others @ ..] if !others.is_empty() => format!("{first}, {second} +{}", others.len()),
        names => names.join(", "),
    }
}

/// The time since `then`; zero if that is later.
#[must_use]
pub fn elapsed(then: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(now.duration_since(then)).unwrap_or_default()
}

/// A metric with its whole name, its reading and its target, such as `depth{queue=Orders} 5 of 20 a pod`.
#[must_use]
pub fn metric(metric: &MetricRow) -> String {
    named(&metric.name, metric)
}

fn named(name: &str, metric: &MetricRow) -> String {
    let MetricRow { reading, target, .. } = metric;
    let reading = reading.map_or_else(|| "?".to_owned(), |amount| amount.to_string());
    match target {
        Some(target @ Amount::PerPod(_)) => format!("{name} {reading} of {target} a pod"),
        Some(target) => format!("{name} {reading} of {target}"),
        None => format!("{name} {reading}"),
    }
}

/// The name of a metric in a column. KEDA puts whole schedules and addresses into the names of its metrics.
fn short(name: &str) -> Cow<'_, str> {
    match name.char_indices().nth(MAX_NAME) {
        Some((end, _)) => Cow::Owned(format!("{}…", &name[..end])),
        None => Cow::Borrowed(name),
    }
}

/// The winning metric and the number of the others; without a winner the first metric.
#[must_use]
pub fn winner(row: &Row) -> String {
    let Some(shown) = row.winning().or(row.metrics.first()) else { return NO_VALUE.to_owned() };
    let text = named(&short(&shown.short_name), shown);
    match row.metrics.len() - 1 {
        0 => text,
        others => format!("{text} +{others}"),
    }
}

/// The scale target, as kubectl writes it.
#[must_use]
pub fn reference(row: &Row) -> String {
    format!("{}/{}", row.target.0, row.target.1)
}

/// The sizes before and after the last sync, and the estimate without limits: `3 → 5 (≈14)`.
#[must_use]
pub fn sizes(row: &Row) -> String {
    let sizes = match (row.current, row.desired) {
        (Some(current), Some(desired)) if current != desired => format!("{current} → {desired}"),
        (Some(current), _) => current.to_string(),
        (None, _) => NO_VALUE.to_owned(),
    };
    match row.wants.filter(|wants| row.desired != Some(*wants)) {
        Some(wants) => format!("{sizes} (≈{wants})"),
        None => sizes,
    }
}

/// Minimum and maximum.
#[must_use]
pub fn bounds(row: &Row) -> String {
    format!("{}-{}", row.min, row.max)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(verdict: Verdict) -> Row {
        Row {
            namespace: "shop".to_owned(),
            name: "web".to_owned(),
            target: ("Deployment".to_owned(), "web".to_owned()),
            metrics: vec![MetricRow {
                kind: "Resource".to_owned(),
                name: "cpu".to_owned(),
                short_name: "cpu".to_owned(),
                reading: Some(Amount::Percent(72)),
                target: Some(Amount::Percent(80)),
                failed: false,
            }],
            winner: Some(0),
            current: Some(3),
            desired: Some(5),
            wants: None,
            min: 1,
            max: 10,
            last_scale: None,
            created: None,
            scaled_object: None,
            verdict,
        }
    }

    #[test]
    fn verdicts_are_sentences() {
        let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
        let unreadable = |metrics: &[&str], only_down| Verdict::Unreadable {
            metrics: names(metrics),
            only_down,
            message: String::new(),
        };
        let inactive = |reason: &str| Verdict::Inactive { reason: reason.to_owned(), message: String::new() };
        let now = Timestamp::from_second(1_000).unwrap();
        for (state, wants, expected) in [
            (Verdict::NotSynced { since: Timestamp::from_second(925).ok() }, None, "not synced for 75s"),
            (Verdict::NotSynced { since: None }, None, "not synced yet"),
            (Verdict::TargetMissing, None, "target is missing"),
            (unreadable(&["cpu"], false), None, "cannot read cpu"),
            (unreadable(&["cpu", "memory"], true), None, "cannot read cpu, memory: no scale-down"),
            (unreadable(&["a", "b", "c", "d"], false), None, "cannot read a, b +2"),
            (unreadable(&[], false), None, "cannot read its metrics"),
            (inactive("AmbiguousSelector"), None, "another HPA selects the same pods"),
            (inactive("New"), None, "inactive: New"),
            (Verdict::AtMax, Some(14), "at max: wants ≈14"),
            (Verdict::AtMax, None, "at max: wants more"),
            (Verdict::HeldByWindow(Direction::Down), Some(3), "held by window: wants ≈3"),
            (Verdict::LimitedByPolicy(Direction::Up), Some(9), "policy limits it: wants ≈9"),
            (Verdict::Disabled(Direction::Down), Some(1), "scale-down is off: wants ≈1"),
            (Verdict::HeldByWindow(Direction::Up), None, "held by window: wants more"),
            (Verdict::Scaling(Direction::Up), None, "scaling up to 5"),
            (Verdict::Steady, None, "steady"),
        ] {
            let row = Row { wants, ..row(state) };
            assert_eq!(verdict(&row, now), expected);
        }
    }

    #[test]
    fn sizes_show_the_wish_where_it_differs() {
        let with = |current, desired, wants| sizes(&Row { current, desired, wants, ..row(Verdict::Steady) });
        assert_eq!(with(Some(3), Some(5), None), "3 → 5");
        assert_eq!(with(Some(5), Some(5), None), "5");
        assert_eq!(with(Some(10), Some(10), Some(14)), "10 (≈14)");
        assert_eq!(with(Some(2), Some(4), Some(4)), "2 → 4");
        assert_eq!(with(Some(1), None, None), "1");
        assert_eq!(with(None, None, None), "-");
    }

    #[test]
    fn metrics_show_reading_and_target() {
        let mut row = row(Verdict::Steady);
        assert_eq!(winner(&row), "cpu 72 % of 80 %");
        row.metrics.push(MetricRow {
            name: "depth{queue=a}".to_owned(),
            short_name: "depth".to_owned(),
            reading: None,
            ..row.metrics[0].clone()
        });
        assert_eq!(winner(&row), "cpu 72 % of 80 % +1");
        row.winner = Some(1);
        assert_eq!(winner(&row), "depth ? of 80 % +1");
        row.metrics.clear();
        assert_eq!(winner(&row), "-");
    }
}
