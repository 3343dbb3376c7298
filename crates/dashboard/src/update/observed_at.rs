//! Derives the time of an event from its arrival time and channel.

use std::time::Duration;

use jiff::Timestamp;

use crate::bursts::stopwatch::{Observation, Provenance};
use crate::clock::At;
use crate::data::Data;
use crate::reported::Source;
use observed::ScrapedSample;

/// Watch events within this time after a reconnect come from its list and are not new.
const LIST_WINDOW: Duration = Duration::from_secs(1);

/// Delay up to which a log line counts as read at once.
const MAX_LINE_DELAY: Duration = Duration::from_secs(1);

/// Possible error of the timestamp in a log line, which has milliseconds.
const LINE_RESOLUTION: Duration = Duration::from_millis(1);

/// Records a delivery of a source. Returns the time since its last one: a change that is visible now happened
/// in between.
pub(super) fn note_delivery(data: &mut Data, at: At, source: Source) -> Duration {
    let Some(status) = data.sources.get_mut(&source) else { return at.0 };
    let before = status.last_delivery.replace(at);
    before.map_or(at.0, |before| at.since(before))
}

/// The observation of a watch event: exact, or, right after a reconnect, at some time while the watch was
/// down.
pub(super) fn from_watch(data: &Data, at: At, source: Source) -> Observation {
    let away = data.sources.get(&source).and_then(|status| status.away);
    match away {
        Some((lost, back)) if at.since(back) <= LIST_WINDOW => {
            Observation::within(at, Provenance::Listed, at.since(lost))
        }
        _ => Observation::exact(at, Provenance::Watch),
    }
}

/// Adds the object's object_time timestamp. It is the better time if the watch was down.
pub(super) fn with_object_timestamp(
    data: &Data,
    seen: Observation,
    object_time: Option<Timestamp>,
) -> Observation {
    let object_time = object_time.and_then(|time| data.offset.place_second(time, seen.at));
    match object_time {
        Some((at, uncertainty))
            if seen.provenance == Provenance::Listed && uncertainty < seen.uncertainty =>
        {
            Observation {
                at: at.min(seen.at),
                provenance: Provenance::ObjectTime,
                uncertainty,
                object_time,
                caveat: seen.caveat,
            }
        }
        object_time => Observation { object_time, ..seen },
    }
}

/// The time of a scrape: by the sample's age, else by Prometheus' clock, else the time of the poll.
pub(super) fn from_scrape(data: &Data, at: At, since_last: Duration, sample: &ScrapedSample) -> Observation {
    let placed = sample.scraped.and_then(|time| data.offset.place(time, at));
    match (sample.age, placed) {
        // The answer travelled for less than the time since the one before.
        (Some(age), _) => Observation::within(At(at.0.saturating_sub(age)), Provenance::Sample, since_last),
        (None, Some((taken, uncertainty))) => {
            Observation::within(taken.min(at), Provenance::Sample, uncertainty)
        }
        (None, None) => Observation::within(at, Provenance::Polled, since_last),
    }
}

/// The time of a log line: its arrival, unless it was read long after it was written.
pub(super) fn from_log_line(data: &Data, at: At, written: Timestamp) -> Observation {
    match data.offset.place(written, at) {
        // A time before the run comes from a clock that is not set.
        Some((object_time, uncertainty))
            if object_time > At::default() && object_time.0 + uncertainty + MAX_LINE_DELAY < at.0 =>
        {
            Observation::within(object_time, Provenance::LogTime, uncertainty + LINE_RESOLUTION)
        }
        _ => Observation::exact(at, Provenance::Log),
    }
}

/// The best estimate of a log line's time, never later than now: a job's duration must not depend on the
/// arrival of its lines.
pub(super) fn log_timestamp(data: &Data, at: At, written: Timestamp) -> At {
    match data.offset.place(written, at) {
        Some((object_time, _)) if object_time > At::default() => object_time.min(at),
        _ => at,
    }
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;

    use super::*;
    use crate::chain::sources::SourceStatus;
    use crate::clock::DayClock;
    use crate::model::Model;
    use crate::reported::{ServerTime, SourceState};

    fn at(ms: u64) -> At {
        At(Duration::from_millis(ms))
    }

    fn time(ms: i64) -> Timestamp {
        Timestamp::from_millisecond(1_767_000_000_000 + ms).unwrap()
    }

    /// A run that began at `time(0)`, on a cluster whose clock is compared to within some milliseconds.
    fn data() -> Data {
        let mut data = Model::new(DayClock::new(time(0), TimeZone::UTC), (80, 24)).data;
        for (asked, date) in [(990, 0), (1_000, 1), (1_990, 1), (2_000, 2)] {
            let (asked, answered) = (at(asked), at(asked + 4));
            data.offset.add(ServerTime { asked, answered, date: time(1_000 * date) });
        }
        data
    }

    fn with(data: &mut Data, source: Source, away: Option<(At, At)>) {
        let status = SourceStatus {
            state: SourceState::Live,
            since: at(0),
            first: at(0),
            was_live: true,
            last_delivery: None,
            away,
        };
        data.sources.insert(source, status);
    }

    #[test]
    fn a_poll_reaches_back_to_the_one_before() {
        let mut data = data();
        assert_eq!(
            note_delivery(&mut data, at(700), Source::Broker),
            Duration::from_millis(700),
            "nothing was read before"
        );
        with(&mut data, Source::Broker, None);
        note_delivery(&mut data, at(1_000), Source::Broker);
        assert_eq!(note_delivery(&mut data, at(1_200), Source::Broker), Duration::from_millis(200));
    }

    #[test]
    fn events_right_after_a_reconnect_came_meanwhile() {
        let mut data = data();
        with(&mut data, Source::Pods, Some((at(3_000), at(9_000))));
        let listed = from_watch(&data, at(9_100), Source::Pods);
        assert_eq!(
            (listed.provenance, listed.uncertainty),
            (Provenance::Listed, Duration::from_millis(6_100))
        );
        assert_eq!(from_watch(&data, at(11_000), Source::Pods).provenance, Provenance::Watch);
        // The object's object_time second is closer than that.
        let object_time = with_object_timestamp(&data, listed, Some(time(5_000)));
        assert_eq!(object_time.provenance, Provenance::ObjectTime);
        assert!(object_time.at.0.abs_diff(at(5_000).0) < Duration::from_millis(20), "{object_time:?}");
        assert!(object_time.uncertainty < Duration::from_millis(1_020), "{object_time:?}");
        // For an exact event it is only an additional time.
        let exact =
            with_object_timestamp(&data, from_watch(&data, at(20_000), Source::Pods), Some(time(19_000)));
        assert_eq!(
            (exact.provenance, exact.at, exact.object_time.is_some()),
            (Provenance::Watch, at(20_000), true)
        );
    }

    #[test]
    fn a_sample_is_placed_by_age_then_time_then_poll() {
        let data = data();
        let sample = |scraped, age| ScrapedSample { value: Some(1.0), scraped, age };
        let since_last = Duration::from_millis(250);
        for (sample, provenance, expected) in [
            (sample(Some(time(0)), Some(Duration::from_secs(2))), Provenance::Sample, 7_000),
            (sample(Some(time(6_500)), None), Provenance::Sample, 6_500),
            (sample(None, None), Provenance::Polled, 9_000),
        ] {
            let seen = from_scrape(&data, at(9_000), since_last, &sample);
            assert_eq!(seen.provenance, provenance);
            assert!(seen.at.0.abs_diff(at(expected).0) < Duration::from_millis(20), "{seen:?}");
        }
    }

    #[test]
    fn a_late_line_counts_from_its_timestamp() {
        let data = data();
        for (written, received, provenance) in [
            (8_900, 9_000, Provenance::Log),
            (3_000, 9_000, Provenance::LogTime),
            // A clock that is not set.
            (-999_000, 9_000, Provenance::Log),
        ] {
            let seen = from_log_line(&data, at(received), time(written));
            assert_eq!(seen.provenance, provenance, "{written}");
        }
        assert_eq!(log_timestamp(&data, at(9_000), time(20_000)), at(9_000), "a clock that is ahead");
        assert!(
            log_timestamp(&data, at(9_000), time(8_900)).0.abs_diff(at(8_900).0) < Duration::from_millis(20)
        );
        let late = from_log_line(&data, at(9_000), time(3_000));
        assert!(late.at.0.abs_diff(at(3_000).0) < Duration::from_millis(20), "{late:?}");
    }
}
