//! When something happened, from when and how word of it came in.

use std::time::Duration;

use jiff::Timestamp;

use crate::event::{At, ScrapedSample, Source};
use crate::model::Data;
use crate::model::stopwatch::{How, Seen};

/// What a watch tells so soon after it came back is what its list found, and not news of this moment.
const LISTING: Duration = Duration::from_secs(1);

/// How much later than its own time a line may come in and still count as having come at once.
const AT_ONCE: Duration = Duration::from_secs(1);

/// How far off the time in a log line may be by itself: it has milliseconds.
const LINE: Duration = Duration::from_millis(1);

/// Notes that a source delivered. Returns how long ago it had done so before: what it shows now and did not show then
/// happened in between.
pub(super) fn heard(data: &mut Data, at: At, source: Source) -> Duration {
    let Some(status) = data.sources.get_mut(&source) else { return at.0 };
    let before = status.last_heard.replace(at);
    before.map_or(at.0, |before| at.since(before))
}

/// What a watch told at `at`: as it happened, or, if the watch had been away until just now, at some time meanwhile.
pub(super) fn watched(data: &Data, at: At, source: Source) -> Seen {
    let away = data.sources.get(&source).and_then(|status| status.away);
    match away {
        Some((lost, back)) if at.since(back) <= LISTING => Seen::within(at, How::Listed, at.since(lost)),
        _ => Seen::received(at, How::Watch),
    }
}

/// The same for something of which the object tells the second by the cluster's clock. While the watch was away, that is the
/// better time.
pub(super) fn with_own(data: &Data, seen: Seen, own: Option<Timestamp>) -> Seen {
    let own = own.and_then(|time| data.offset.place_second(time, seen.at));
    match own {
        Some((at, margin)) if seen.how == How::Listed && margin < seen.margin => {
            Seen { at: at.min(seen.at), how: How::OwnTime, margin, own, doubt: seen.doubt }
        }
        own => Seen { own, ..seen },
    }
}

/// When a sample was scraped: by its age, else by Prometheus' clock, else only that it showed now.
pub(super) fn scraped(data: &Data, at: At, look: Duration, sample: &ScrapedSample) -> Seen {
    let placed = sample.scraped.and_then(|time| data.offset.place(time, at));
    match (sample.age, placed) {
        // The answer was on its way for less than it is since the one before.
        (Some(age), _) => Seen::within(At(at.0.saturating_sub(age)), How::Sample, look),
        (None, Some((taken, margin))) => Seen::within(taken.min(at), How::Sample, margin),
        (None, None) => Seen::within(at, How::Asked, look),
    }
}

/// When a worker wrote a line: now, as it came in, unless it is read long after it was written.
pub(super) fn line(data: &Data, at: At, written: Timestamp) -> Seen {
    match data.offset.place(written, at) {
        // A time before the run is of a clock that nobody set.
        Some((own, margin)) if own > At::default() && own.0 + margin + AT_ONCE < at.0 => {
            Seen::within(own, How::LogTime, margin + LINE)
        }
        _ => Seen::received(at, How::Log),
    }
}
