//! When something happened, from when and how word of it came in.

use std::time::Duration;

use jiff::Timestamp;

use crate::bursts::stopwatch::{How, Seen};
use crate::clock::At;
use crate::model::Data;
use crate::reported::Source;
use observed::ScrapedSample;

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

/// When a worker wrote a line, as close as can be told: how long a job took must not depend on how its lines came in.
/// Never later than now.
pub(super) fn written(data: &Data, at: At, written: Timestamp) -> At {
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
    use crate::reported::{Dated, SourceState};

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
            data.offset.hear(Dated { asked, answered, date: time(1_000 * date) });
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
    fn a_look_reaches_back_to_the_one_before() {
        let mut data = data();
        assert_eq!(
            heard(&mut data, at(700), Source::Broker),
            Duration::from_millis(700),
            "nothing was read before"
        );
        with(&mut data, Source::Broker, None);
        heard(&mut data, at(1_000), Source::Broker);
        assert_eq!(heard(&mut data, at(1_200), Source::Broker), Duration::from_millis(200));
    }

    #[test]
    fn what_a_watch_tells_right_after_it_was_away_came_meanwhile() {
        let mut data = data();
        with(&mut data, Source::Pods, Some((at(3_000), at(9_000))));
        let listed = watched(&data, at(9_100), Source::Pods);
        assert_eq!((listed.how, listed.margin), (How::Listed, Duration::from_millis(6_100)));
        assert_eq!(watched(&data, at(11_000), Source::Pods).how, How::Watch);
        // The object's own second is closer than that.
        let own = with_own(&data, listed, Some(time(5_000)));
        assert_eq!(own.how, How::OwnTime);
        assert!(own.at.0.abs_diff(at(5_000).0) < Duration::from_millis(20), "{own:?}");
        assert!(own.margin < Duration::from_millis(1_020), "{own:?}");
        // Of what came as it happened, it is no more than another word.
        let told = with_own(&data, watched(&data, at(20_000), Source::Pods), Some(time(19_000)));
        assert_eq!((told.how, told.at, told.own.is_some()), (How::Watch, at(20_000), true));
    }

    #[test]
    fn a_sample_is_placed_by_its_age_else_by_its_time_else_by_when_it_showed() {
        let data = data();
        let sample = |scraped, age| ScrapedSample { value: Some(1.0), scraped, age };
        let look = Duration::from_millis(250);
        for (sample, how, expected) in [
            (sample(Some(time(0)), Some(Duration::from_secs(2))), How::Sample, 7_000),
            (sample(Some(time(6_500)), None), How::Sample, 6_500),
            (sample(None, None), How::Asked, 9_000),
        ] {
            let seen = scraped(&data, at(9_000), look, &sample);
            assert_eq!(seen.how, how);
            assert!(seen.at.0.abs_diff(at(expected).0) < Duration::from_millis(20), "{seen:?}");
        }
    }

    #[test]
    fn a_line_that_is_read_late_counts_from_when_it_was_written() {
        let data = data();
        for (written, received, how) in [
            (8_900, 9_000, How::Log),
            (3_000, 9_000, How::LogTime),
            // A clock that nobody set.
            (-999_000, 9_000, How::Log),
        ] {
            let seen = line(&data, at(received), time(written));
            assert_eq!(seen.how, how, "{written}");
        }
        assert_eq!(written(&data, at(9_000), time(20_000)), at(9_000), "a clock that is ahead");
        assert!(written(&data, at(9_000), time(8_900)).0.abs_diff(at(8_900).0) < Duration::from_millis(20));
        let late = line(&data, at(9_000), time(3_000));
        assert!(late.at.0.abs_diff(at(3_000).0) < Duration::from_millis(20), "{late:?}");
    }
}
