//! Log entries for a source that is lost or comes back: the list of events keeps the whole cause, and a
//! panel's title only its start.

use crate::chain::sources::SourceStatus;
use crate::clock::At;
use crate::model::Model;
use crate::reported::{Source, SourceState};
use crate::strings::{entries, names};
use crate::ui::events::Severity;

/// Logs that a source is lost or back. A source that was never live cannot be back, and a further failed
/// attempt is not logged.
pub(super) fn log_change(
    model: &mut Model,
    at: At,
    source: Source,
    old: Option<&SourceStatus>,
    new: &SourceState,
) {
    let Some(old) = old else { return };
    // Logs end with their pods, and gaps are logged elsewhere.
    if source == Source::Logs {
        return;
    }
    let name = names::source(source);
    let (severity, (reason, message)) = match (&old.state, new) {
        (SourceState::Live, SourceState::Retrying { cause, .. } | SourceState::Unavailable(cause)) => {
            (Severity::Warning, entries::source_lost(name, cause))
        }
        (SourceState::Retrying { .. } | SourceState::Unavailable(_), SourceState::Live) if old.was_live => {
            (Severity::Own, entries::source_back(name, at.since(old.since)))
        }
        _ => return,
    };
    let data = &mut model.data;
    data.events.push_quiet(at, &data.day, severity, reason, message);
    super::lists::keep_position(model, false);
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::clock::DayClock;
    use crate::message::{Event, Timestamped};
    use crate::update::update;

    #[test]
    fn a_source_is_logged_lost_once_and_back_once() {
        let retrying = |cause: &str| SourceState::Retrying { cause: cause.to_owned(), next: At::default() };
        let day = DayClock::new(jiff::Timestamp::UNIX_EPOCH, jiff::tz::TimeZone::UTC);
        let mut model = Model::new(day, (80, 24));
        for (second, state) in [
            (0, SourceState::Connecting),
            (1, retrying("connection refused")),
            (2, SourceState::Live),
            (5, retrying("connection reset")),
            (6, retrying("connection refused")),
            (9, SourceState::Live),
        ] {
            let event = Event::Source(Source::Broker, state);
            let _ = update(&mut model, Timestamped { at: At(Duration::from_secs(second)), event });
        }
        let logged: Vec<String> =
            model.data.events.iter().map(|entry| format!("{}: {}", entry.reason, entry.message)).collect();
        assert_eq!(
            logged,
            ["source lost: the broker: connection reset", "source back: the broker, after 4 s"],
            "that it was late in coming is neither"
        );
    }
}
