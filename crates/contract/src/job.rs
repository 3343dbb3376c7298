//! The job: what the producer publishes and the worker takes.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A body larger than this is no job.
pub const MAX_JOB_BYTES: usize = 4096;

/// One unit of work, sent as `application/json`; the AMQP `message_id` repeats the id.
///
/// ```
/// let job = contract::Job::parse(
///     br#"{"id":"01890a5d-ac96-774b-bcce-b302099a8057","enqueued_at":"2026-01-02T03:04:05.678Z","burst":null}"#,
/// )?;
/// assert_eq!(job.burst, None);
/// # Ok::<(), contract::JobError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// UUID version 7, made by the producer.
    pub id: Uuid,
    /// When the producer made it, in UTC with milliseconds (RFC 3339).
    #[serde(serialize_with = "milliseconds")]
    pub enqueued_at: Timestamp,
    /// The burst that it belongs to, if any.
    pub burst: Option<BurstId>,
}

impl Job {
    /// Reads a message's body.
    ///
    /// # Errors
    /// [`JobError`] says what is wrong with it; such a message is poison and goes to the dead-letter queue.
    pub fn parse(body: &[u8]) -> Result<Self, JobError> {
        if body.len() > MAX_JOB_BYTES {
            return Err(JobError::TooLarge { bytes: body.len() });
        }
        serde_json::from_slice(body).map_err(|error| match error.classify() {
            serde_json::error::Category::Data => JobError::Fields(error.to_string()),
            _ => JobError::NotJson(error.to_string()),
        })
    }

    /// The message's body.
    #[must_use]
    pub fn to_body(&self) -> Vec<u8> {
        // A struct of strings always serialises; an empty body would be refused by the worker as poison.
        serde_json::to_vec(self).unwrap_or_default()
    }
}

/// Why a message's body is not a job.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JobError {
    /// Longer than [`MAX_JOB_BYTES`].
    #[error("the body has {bytes} bytes, more than the {MAX_JOB_BYTES} that a job may have")]
    TooLarge {
        /// Length of the body.
        bytes: usize,
    },
    /// Not a JSON text.
    #[error("the body is not JSON: {0}")]
    NotJson(String),
    /// JSON, but not with a job's fields.
    #[error("the body is JSON but not a job: {0}")]
    Fields(String),
}

/// Names the burst that a request belongs to: 1 to 64 characters of `A-Z a-z 0-9 _ -`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct BurstId(String);

impl BurstId {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for BurstId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::str::FromStr for BurstId {
    type Err = InvalidBurstId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let legal = |c: u8| c.is_ascii_alphanumeric() || c == b'_' || c == b'-';
        if (1..=64).contains(&text.len()) && text.bytes().all(legal) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidBurstId)
        }
    }
}

impl TryFrom<String> for BurstId {
    type Error = InvalidBurstId;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<BurstId> for String {
    fn from(id: BurstId) -> Self {
        id.0
    }
}

/// The text cannot name a burst.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a burst's ID has 1 to 64 characters of A-Z, a-z, 0-9, _ and -")]
pub struct InvalidBurstId;

/// RFC 3339 with exactly three digits of a second, in UTC.
pub(crate) fn milliseconds<S: serde::Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&format_args!("{at:.3}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_comes_back_as_it_was_sent() {
        let body = br#"{"id":"01890a5d-ac96-774b-bcce-b302099a8057","enqueued_at":"2026-01-02T03:04:05.600Z","burst":"b-1"}"#;
        let job = Job::parse(body).unwrap();
        assert_eq!(job.burst.as_ref().unwrap().as_str(), "b-1");
        assert_eq!(job.to_body(), body);
    }

    #[test]
    fn what_is_not_a_job_says_why() {
        let large = vec![b' '; MAX_JOB_BYTES + 1];
        let cases: [(&[u8], &str); 6] = [
            (b"", "not JSON"),
            (b"not json", "not JSON"),
            (b"{}", "missing field `id`"),
            (br#"{"id":1}"#, "not a job"),
            (
                br#"{"id":"01890a5d-ac96-774b-bcce-b302099a8057","enqueued_at":"yesterday","burst":null}"#,
                "not a job",
            ),
            (&large, "4097 bytes"),
        ];
        for (body, expected) in cases {
            let error = Job::parse(body).unwrap_err().to_string();
            assert!(error.contains(expected), "{error:?} should contain {expected:?}");
        }
    }

    #[test]
    fn burst_ids_are_checked() {
        for good in ["a", "A-Z_09", &"x".repeat(64)] {
            assert!(good.parse::<BurstId>().is_ok(), "{good:?}");
        }
        for bad in ["", "a b", "ä", "a/b", &"x".repeat(65)] {
            assert!(bad.parse::<BurstId>().is_err(), "{bad:?}");
        }
    }
}
