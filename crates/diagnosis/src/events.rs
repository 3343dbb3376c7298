//! Warning events of an object.

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Event;

use crate::facts::Facts;

/// The newest Warning event of an object with one of these reasons; of any reason if the list is empty.
pub(crate) fn newest<'f>(facts: &'f Facts, kind: &str, name: &str, reasons: &[&str]) -> Option<&'f Event> {
    of(facts, kind, name, reasons).max_by_key(|event| seen(event))
}

/// The Warning events of an object with one of these reasons; of any reason if the list is empty.
pub(crate) fn of<'f>(
    facts: &'f Facts,
    kind: &str,
    name: &str,
    reasons: &[&str],
) -> impl Iterator<Item = &'f Event> {
    facts.warnings.all().iter().filter(move |event| {
        let object = &event.involved_object;
        object.kind.as_deref() == Some(kind)
            && object.name.as_deref() == Some(name)
            && (reasons.is_empty() || event.reason.as_deref().is_some_and(|reason| reasons.contains(&reason)))
    })
}

/// The time at which an event was last seen.
pub(crate) fn seen(event: &Event) -> Option<Timestamp> {
    let series =
        event.series.as_ref().and_then(|series| series.last_observed_time.as_ref()).map(|time| time.0);
    let last = event.last_timestamp.as_ref().map(|time| time.0);
    let first = event.event_time.as_ref().map(|time| time.0);
    series.or(last).or(first)
}

/// The message of an event.
pub(crate) fn message(event: &Event) -> &str {
    event.message.as_deref().unwrap_or_default()
}
