//! Durations, names and numbers as the lines of the report have them.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

/// A duration as Go and Prometheus write it: `1h30m`, `15s`, `500ms`.
pub(super) fn duration(text: &str) -> Option<Duration> {
    let mut rest = text.trim();
    let mut total = 0.0;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let number: f64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let unit_end = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        total += number
            * match &rest[..unit_end] {
                "ms" => 0.001,
                "s" => 1.0,
                "m" => 60.0,
                "h" => 3_600.0,
                "d" => 86_400.0,
                _ => return None,
            };
        rest = &rest[unit_end..];
    }
    Duration::try_from_secs_f64(total).ok()
}

/// Seconds with as many digits as matter.
pub(super) fn seconds(seconds: f64) -> String {
    if seconds >= 10.0 || seconds.fract() == 0.0 {
        format!("{seconds:.0} s")
    } else {
        format!("{seconds:.1} s")
    }
}

/// As [`seconds`].
pub(super) fn span(duration: Duration) -> String {
    seconds(duration.as_secs_f64())
}

/// How old an object is, if it says so.
pub(super) fn age(metadata: &ObjectMeta, now: Timestamp) -> Option<Duration> {
    let made = metadata.creation_timestamp.as_ref()?.0;
    now.duration_since(made).try_into().ok()
}

/// A number of things.
pub(super) fn count(number: usize, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

/// A value in milli-units.
pub(super) fn milli(value: i64) -> String {
    let text = format!("{:.3}", value as f64 / 1_000.0);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// The candidate that was probably meant: one that differs in case, or in at most two letters.
pub(super) fn nearest<'a>(wanted: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let wanted_lower = wanted.to_lowercase();
    candidates
        .into_iter()
        .map(|candidate| (distance(&wanted_lower, &candidate.to_lowercase()), candidate))
        .filter(|(distance, candidate)| *distance <= 2 && *distance * 2 < candidate.len().max(1))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Letters to insert, delete or change (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let changed = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

/// A list for a sentence, cut after five.
pub(super) fn list<'a>(items: impl IntoIterator<Item = &'a str>) -> String {
    let mut items: Vec<&str> = items.into_iter().collect();
    items.sort_unstable();
    items.dedup();
    let more = items.len().saturating_sub(5);
    items.truncate(5);
    let text = items.join(", ");
    if more > 0 { format!("{text} and {more} more") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read() {
        for (text, millis) in
            [("15s", Some(15_000)), ("1h30m", Some(5_400_000)), ("500ms", Some(500)), ("1.5s", Some(1_500))]
        {
            assert_eq!(duration(text), millis.map(Duration::from_millis), "{text}");
        }
        for text in ["", "15", "s", "1 minute", "1y"] {
            assert_eq!(duration(text), None, "{text}");
        }
    }

    #[test]
    fn what_was_meant_is_found() {
        for (wanted, candidates, meant) in [
            ("orders", vec!["Orders", "Orders.dead"], Some("Orders")),
            ("Ordres", vec!["Orders", "Orders.dead"], Some("Orders")),
            ("Oders", vec!["Orders"], Some("Orders")),
            ("mails", vec!["Orders"], None),
            ("a", vec!["b"], None),
            ("a", vec![], None),
        ] {
            assert_eq!(nearest(wanted, candidates), meant, "{wanted}");
        }
    }

    #[test]
    fn figures_have_the_digits_that_matter() {
        assert_eq!([seconds(0.5), seconds(15.0), seconds(37.5)], ["0.5 s", "15 s", "38 s"]);
        assert_eq!([milli(20_000), milli(1_500), milli(0)], ["20", "1.5", "0"]);
        assert_eq!(list(["b", "a", "b"]), "a, b");
        assert_eq!(list(["1", "2", "3", "4", "5", "6"]), "1, 2, 3, 4, 5 and 1 more");
    }
}
