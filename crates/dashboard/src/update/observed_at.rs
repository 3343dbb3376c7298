//! Derives the time of an event from its arrival time and channel.

use std::time::Duration;

use jiff::Timestamp;

use crate::bursts::stopwatch::{Observation, Provenance};
use crate::clock::At;
use crate::data::Data;
use crate::reported::Source;
use observed::ScrapedSample;

/// Watch events within this time after a reconnect come from its list and are not new.
const LISTING: Duration = Duration::from_secs(1);

/// Delay up to which a log line counts as read at once.
const AT_ONCE: Duration = Duration::from_secs(1);

/// Possible error of the timestamp in a log line, which has milliseconds.
const LINE: Duration = Duration::from_millis(1);

/// Records a delivery of a source. Returns the time since its last one: a change that is visible now happened
/// in between.
pub(super) fn note_delivery(data: &mut Data, at: At, source: Source) -> Duration {
    let Some(status) = data.sources.get_mut(&source) else { return at.0 };
    let before = status.last_heard.replace(at);
    before.map_or(at.0, |before| at.since(before))
}

/// The observation of a watch event: exact, or, right after a reconnect, at some time while the watch was
/// down.
pub(super) fn from_watch(data: &Data, at: At, source: Source) -> Observation {
    let away = data.sources.get(&source).and_then(|status| status.away);
    match away {
        Some((lost, back)) if at.since(back) <= LISTING => {
            Observation::within(at, Provenance::Listed, at.since(lost))
        }
        _ => Observation::received(at, Provenance::Watch),
    }
}

/// Adds the object's own timestamp. It is the better time if the watch was down.
pub(super) fn with_object_timestamp(data: &Data, seen: Observation, own: Option<Timestamp>) -> Observation {
    let own = own.and_then(|time| data.offset.place_second(time, seen.at));
    match own {
        Some((at, uncertainty)) if seen.how == Provenance::Listed && uncertainty < seen.uncertainty => {
            Observation { at: at.min(seen.at), how: Provenance::OwnTime, uncertainty, own, doubt: seen.doubt }
        }
        own => Observation { own, ..seen },
    }
}

/// The time of a scrape: by the sample's age, else by Prometheus' clock, else the time of the poll.
pub(super) fn from_scrape(data: &Data, at: At, look: Duration, sample: &ScrapedSample) -> Observation {
    let placed = sample.scraped.and_then(|time| data.offset.place(time, at));
    match (sample.age, placed) {
        // The answer travelled for less than the time since the one before.
        (Some(age), _) => Observation::within(At(at.0.saturating_sub(age)), Provenance::Sample, look),
        (None, Some((taken, uncertainty))) => {
            Observation::within(taken.min(at), Provenance::Sample, uncertainty)
        }
        (None, None) => Observation::within(at, Provenance::Asked, look),
    }
}

/// The time of a log line: its arrival, unless it was read long after it was written.
pub(super) fn from_log_line(data: &Data, at: At, written: Timestamp) -> Observation {
    match data.offset.place(written, at) {
        // A time before the run comes from a clock that is not set.
        Some((own, uncertainty)) if own > At::default() && own.0 + uncertainty + AT_ONCE < at.0 => {
            Observation::within(own, Provenance::LogTime, uncertainty + LINE)
        }
        _ => Observation::received(at, Provenance::Log),
    }
}

/// The best estimate of a log line's time, never later than now: a job's duration must not depend on the
/// arrival of its lines.
pub(super) fn log_timestamp(data: &Data, at: At, written: Timestamp) -> At {
    match data.offset.place(written, at) {
        Some((own, _)) if own > At::default() => own.min(at),
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
            data.offset.hear(ServerTime { asked, answered, date: time(1_000 * date) });
        }
        data
    }

    fn with(data: &mut Data, source: Source, away: Option<(At, At)>) {
        let status = SourceStatus {
            state: SourceState::Live,
            since: at(0),
            first: at(0),
            was_live: true,
            last_heard: None,
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
        assert_eq!((listed.how, listed.uncertainty), (Provenance::Listed, Duration::from_millis(6_100)));
        assert_eq!(from_watch(&data, at(11_000), Source::Pods).how, Provenance::Watch);
        // The object's own second is closer than that.
        let own = with_object_timestamp(&data, listed, Some(time(5_000)));
        assert_eq!(own.how, Provenance::OwnTime);
        assert!(own.at.0.abs_diff(at(5_000).0) < Duration::from_millis(20), "{own:?}");
        assert!(own.uncertainty < Duration::from_millis(1_020), "{own:?}");
        // For an exact event it is only an additional time.
        let told =
            with_object_timestamp(&data, from_watch(&data, at(20_000), Source::Pods), Some(time(19_000)));
        assert_eq!((told.how, told.at, told.own.is_some()), (Provenance::Watch, at(20_000), true));
    }

    #[test]
    fn a_sample_is_placed_by_age_then_time_then_poll() {
        let data = data();
        let sample = |scraped, age| ScrapedSample { value: Some(1.0), scraped, age };
        let look = Duration::from_millis(250);
        for (sample, how, expected) in [
            (sample(Some(time(0)), Some(Duration::from_secs(2))), Provenance::Sample, 7_000),
            (sample(Some(time(6_500)), None), Provenance::Sample, 6_500),
            (sample(None, None), Provenance::Asked, 9_000),
        ] {
            let seen = from_scrape(&data, at(9_000), look, &sample);
            assert_eq!(seen.how, how);
            assert!(seen.at.0.abs_diff(at(expected).0) < Duration::from_millis(20), "{seen:?}");
        }
    }

    #[test]
    fn a_late_line_counts_from_its_timestamp() {
        let data = data();
        for (written, received, how) in [
            (8_900, 9_000, Provenance::Log),
            (3_000, 9_000, Provenance::LogTime),
            // A clock that is not set.
            (-999_000, 9_000, Provenance::Log),
        ] {
            let seen = from_log_line(&data, at(received), time(written));
            assert_eq!(seen.how, how, "{written}");
        }
        assert_eq!(log_timestamp(&data, at(9_000), time(20_000)), at(9_000), "a clock that is ahead");
        assert!(
            log_timestamp(&data, at(9_000), time(8_900)).0.abs_diff(at(8_900).0) < Duration::from_millis(20)
        );
        let late = from_log_line(&data, at(9_000), time(3_000));
        assert!(late.at.0.abs_diff(at(3_000).0) < Duration::from_millis(20), "{late:?}");
    }
}
