//! The clock of a run: everything else in the dashboard takes time as an argument.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

/// Time since the run began, by the monotonic clock. [`DayClock`] turns it into a time of day.
/// In JSON it is a number of seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct At(#[serde(with = "observed::seconds")] pub Duration);

impl At {
    /// Seconds since the run began.
    #[must_use]
    pub fn seconds(self) -> f64 {
        self.0.as_secs_f64()
    }

    /// The time since `earlier`; zero if that is later.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}

/// Monotonic time since the run began. Sources copy it to stamp their events.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    started: Instant,
}

impl Clock {
    /// A clock that starts now.
    #[must_use]
    pub fn start() -> Self {
        Self { started: Instant::now() }
    }

    /// A clock of a run that began `ago`; it starts now if the system's clock does not reach back.
    #[must_use]
    pub fn started_before(ago: Duration) -> Self {
        let now = Instant::now();
        Self { started: now.checked_sub(ago).unwrap_or(now) }
    }

    /// Time since the start in whole microseconds, which keeps recordings short.
    #[must_use]
    pub fn now(&self) -> At {
        let elapsed = self.started.elapsed();
        At(Duration::new(elapsed.as_secs(), elapsed.subsec_micros() * 1_000))
    }

    /// The instant of `at`, to wait until it.
    #[must_use]
    pub fn instant(&self, at: At) -> Instant {
        self.started + at.0
    }
}

/// Turns [`At`] into a time of day, and a cluster's timestamps into [`At`].
#[derive(Debug, Clone, PartialEq)]
pub struct DayClock {
    started: Timestamp,
    zone: TimeZone,
}

impl DayClock {
    /// A run that started at `started`, read in `zone`.
    #[must_use]
    pub fn new(started: Timestamp, zone: TimeZone) -> Self {
        Self { started, zone }
    }

    /// The day clock of the run that `clock` counts from, in the machine's time zone.
    #[must_use]
    pub fn of_run(clock: &Clock) -> Self {
        // The system may preempt this process between the two reads: the closest of a few pairs counts.
        let pair = || {
            let before = clock.now();
            let now = Timestamp::now();
            (clock.now().since(before), before, now)
        };
        let (_, at, now) = (0..8).map(|_| pair()).min_by_key(|(apart, ..)| *apart).unwrap_or_else(pair);
        Self::new(now.checked_sub(at.0).unwrap_or(now), TimeZone::system())
    }

    /// This clock, set forward by `seconds`.
    #[must_use]
    pub fn set_forward(self, seconds: i64) -> Self {
        let started =
            self.started.checked_add(jiff::SignedDuration::from_secs(seconds)).unwrap_or(self.started);
        Self { started, ..self }
    }

    /// The time of day as `14:03:27`.
    #[must_use]
    pub fn time_of_day(&self, at: At) -> String {
        self.of(self.started.checked_add(at.0).unwrap_or(self.started))
    }

    /// The time of day, with the date in front on another day than the run's first: `May 2 14:03:27`.
    #[must_use]
    pub fn moment(&self, at: At) -> String {
        let [first, then] = [At::default(), at].map(|at| self.zone.to_datetime(self.timestamp(at)));
        let form = if first.date() == then.date() { "%H:%M:%S" } else { "%b %-d %H:%M:%S" };
        then.strftime(form).to_string()
    }

    /// The label of a moment on an axis with labels every `step` seconds: `14:03:20`, `14:03`, or `May 2` at midnight.
    #[must_use]
    pub fn label(&self, at: At, step: u64) -> String {
        let then = self.zone.to_datetime(self.timestamp(at));
        let form = match step.is_multiple_of(60) {
            true if then.time() == jiff::civil::Time::midnight() => "%b %-d",
            true => "%H:%M",
            false => "%H:%M:%S",
        };
        then.strftime(form).to_string()
    }

    /// The time of day of a cluster's timestamp.
    #[must_use]
    pub fn of(&self, time: Timestamp) -> String {
        self.zone.to_datetime(time).strftime("%H:%M:%S").to_string()
    }

    /// The time of day of the run's start, as time since midnight. A later change of the zone's offset moves only labels.
    #[must_use]
    pub fn since_midnight(&self) -> Duration {
        let start = self.zone.to_datetime(self.started).time();
        start.duration_since(jiff::civil::Time::midnight()).unsigned_abs()
    }

    /// The moments between `from` and `to` at which the time of day is a multiple of `step` seconds.
    pub fn round(&self, from: At, to: At, step: u64) -> impl Iterator<Item = At> + use<> {
        let start = self.since_midnight();
        let step = Duration::from_secs(step.max(1));
        let first = (start + from.0).as_millis().div_ceil(step.as_millis());
        let first = u32::try_from(first).unwrap_or(u32::MAX);
        (first..)
            .map(move |index| step.saturating_mul(index).saturating_sub(start))
            .map(At)
            .skip_while(move |at| *at < from)
            .take_while(move |at| *at <= to)
    }

    /// Milliseconds since 1970 at the start of the run: makes the IDs of this run's bursts unique.
    #[must_use]
    pub fn started_ms(&self) -> i64 {
        self.started.as_millisecond()
    }

    /// The timestamp of a moment of the run.
    #[must_use]
    pub fn timestamp(&self, at: At) -> Timestamp {
        self.started.checked_add(at.0).unwrap_or(Timestamp::MAX)
    }

    /// Converts a cluster's timestamp, assuming that its clock agrees with ours; times before the run become
    /// its start.
    #[must_use]
    pub fn at(&self, time: Timestamp) -> At {
        At(time.duration_since(self.started).try_into().unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_day_is_read_in_the_zone() {
        let clock =
            DayClock::new("2026-01-02T23:59:58Z".parse().unwrap(), TimeZone::fixed(jiff::tz::offset(1)));
        assert_eq!(clock.time_of_day(At(Duration::from_secs(3))), "01:00:01");
    }

    #[test]
    fn another_day_has_its_date() {
        let clock = DayClock::new("2026-05-01T22:00:00Z".parse().unwrap(), TimeZone::UTC);
        let at = |hours: u64| At(Duration::from_secs(hours * 3_600));
        assert_eq!(
            [1, 2, 26].map(|hours| clock.moment(at(hours))),
            ["23:00:00", "May 2 00:00:00", "May 3 00:00:00"]
        );
        assert_eq!([1, 2].map(|hours| clock.label(at(hours), 3_600)), ["23:00", "May 2"]);
        assert_eq!(clock.label(at(2), 5), "00:00:00");
    }

    #[test]
    fn a_clock_can_be_wrong_in_both_directions() {
        let clock = DayClock::new("2026-01-02T00:00:30Z".parse().unwrap(), TimeZone::UTC);
        for (seconds, shown) in
            [(120, "00:02:30"), (-120, "23:58:30"), (0, "00:00:30"), (i64::MAX, "00:00:30")]
        {
            assert_eq!(clock.clone().set_forward(seconds).time_of_day(At::default()), shown, "{seconds}");
        }
    }

    #[test]
    fn round_moments_are_round_in_the_time_of_day() {
        let clock = DayClock::new("2026-01-02T14:03:20.5Z".parse().unwrap(), TimeZone::UTC);
        let at = |seconds| At(Duration::from_secs(seconds));
        let times: Vec<_> = clock.round(at(10), at(250), 60).map(|at| clock.time_of_day(at)).collect();
        assert_eq!(times, ["14:04:00", "14:05:00", "14:06:00", "14:07:00"]);
        assert_eq!(clock.round(at(0), at(10), 3_600).count(), 0);
    }

    #[test]
    fn timestamps_become_times_of_the_run() {
        let clock = DayClock::new("2026-01-02T00:00:00Z".parse().unwrap(), TimeZone::UTC);
        assert_eq!(clock.at("2026-01-02T00:01:30Z".parse().unwrap()), At(Duration::from_secs(90)));
        assert_eq!(clock.at("2026-01-01T00:00:00Z".parse().unwrap()), At::default());
    }
}
