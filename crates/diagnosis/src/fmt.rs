//! Numbers, names and lists as the findings show them.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

/// Parses a duration of Go's flags, such as `1h30m`, `15s` or `1.5s`.
pub(crate) fn parse_duration(text: &str) -> Option<Duration> {
    text.trim().parse::<SignedDuration>().ok()?.try_into().ok()
}

/// Age of an object by its creation timestamp.
pub(crate) fn age(metadata: &ObjectMeta, now: Timestamp) -> Option<Duration> {
    let created = metadata.creation_timestamp.as_ref()?.0;
    now.duration_since(created).try_into().ok()
}

/// A count with its noun.
pub(crate) fn count(number: usize, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

/// A value in milli-units as a decimal number.
pub(crate) fn milli(value: i64) -> String {
    let text = format!("{:.3}", value as f64 / 1_000.0);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// The candidate that the user probably meant: it differs in case, or in at most two letters.
pub(crate) fn nearest<'a>(wanted: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let wanted = wanted.to_lowercase();
    candidates
        .into_iter()
        .map(|candidate| (strsim::levenshtein(&wanted, &candidate.to_lowercase()), candidate))
        .filter(|(distance, candidate)| *distance <= 2 && *distance * 2 < candidate.len().max(1))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// The first five items in order, without duplicates, and the number of the others.
pub(crate) fn list<'a>(items: impl IntoIterator<Item = &'a str>) -> String {
    let mut items: Vec<&str> = items.into_iter().collect();
    items.sort_unstable();
    items.dedup();
    let more = items.len().saturating_sub(5);
    items.truncate(5);
    let text = items.join(", ");
    if more > 0 { format!("{text} and {more} more") } else { text }
}

/// Labels as `key=value` arguments.
pub(crate) fn pairs<'a>(labels: impl IntoIterator<Item = (&'a String, &'a String)>) -> Vec<String> {
    labels.into_iter().map(|(key, value)| format!("{key}={value}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_parsed() {
        for (text, millis) in
            [("15s", Some(15_000)), ("1h30m", Some(5_400_000)), ("500ms", Some(500)), ("1.5s", Some(1_500))]
        {
            assert_eq!(parse_duration(text), millis.map(Duration::from_millis), "{text}");
        }
        for text in ["", "15", "s", "1y", "-1s"] {
            assert_eq!(parse_duration(text), None, "{text}");
        }
    }

    #[test]
    fn the_nearest_name_is_found() {
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
    fn numbers_and_lists_are_short() {
        assert_eq!([milli(20_000), milli(1_500), milli(0)], ["20", "1.5", "0"]);
        assert_eq!(list(["b", "a", "b"]), "a, b");
        assert_eq!(list(["1", "2", "3", "4", "5", "6"]), "1, 2, 3, 4, 5 and 1 more");
    }
}
