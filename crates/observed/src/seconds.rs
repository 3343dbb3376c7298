//! Durations as seconds in JSON: a number with up to nine digits after the point, exact to the nanosecond for 90 days.

use std::time::Duration;

use serde::de::Error as _;
use serde::{Deserialize as _, Deserializer, Serializer};

/// The seconds that are nearest to a duration: [`Duration::as_secs_f64`] rounds twice, and so has more digits.
#[must_use]
pub fn of(duration: Duration) -> f64 {
    duration.as_nanos() as f64 / 1e9
}

/// Writes seconds.
///
/// # Errors
/// Fails if the serializer fails.
pub fn serialize<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(of(*duration))
}

/// Reads seconds.
///
/// # Errors
/// Fails if the value is no number, negative, or too large for a [`Duration`].
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    Duration::try_from_secs_f64(f64::deserialize(deserializer)?).map_err(D::Error::custom)
}

/// The same for a duration that may be absent.
pub mod optional {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serialize as _, Serializer};

    /// Writes seconds, or null.
    ///
    /// # Errors
    /// Fails if the serializer fails.
    pub fn serialize<S: Serializer>(duration: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
        duration.map(super::of).serialize(serializer)
    }

    /// Reads seconds, or null.
    ///
    /// # Errors
    /// Fails as [`super::deserialize`] does.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
        #[derive(Deserialize)]
        struct Seconds(#[serde(with = "super")] Duration);
        Ok(Option::<Seconds>::deserialize(deserializer)?.map(|seconds| seconds.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::{Deserialize, Serialize};

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Both(#[serde(with = "super")] Duration, #[serde(with = "super::optional")] Option<Duration>);

    #[test]
    fn durations_come_back_to_the_nanosecond() {
        for nanos in [0, 1, 999_999_999, 36_000_123_456_789, 7_775_999_999_999_999] {
            let duration = Duration::from_nanos(nanos);
            for both in [Both(duration, Some(duration)), Both(duration, None)] {
                let text = serde_json::to_string(&both).unwrap();
                assert_eq!(serde_json::from_str::<Both>(&text).unwrap(), both, "{text}");
            }
        }
    }

    #[test]
    fn impossible_seconds_are_refused() {
        for text in ["[-1,null]", "[1e300,null]", "[\"1\",null]"] {
            assert!(serde_json::from_str::<Both>(text).is_err(), "{text}");
        }
    }
}
