//! The progress of bursts and of the continuous load.

use std::collections::BTreeMap;

use contract::BurstId;
use serde::{Deserialize, Serialize};

use crate::clock::At;

/// The progress of a burst. Counts never fall; the last report of a burst has `finished` set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BurstProgress {
    /// The burst.
    pub id: BurstId,
    /// Number of requests.
    pub size: u32,
    /// Requests written to a tunnel.
    pub sent: u32,
    /// Jobs that the producer reported as confirmed.
    pub accepted: u32,
    /// Requests that failed, by cause in words.
    pub failed: BTreeMap<String, u32>,
    /// IDs of the jobs confirmed since the last report.
    pub new_ids: Vec<uuid::Uuid>,
    /// The time at which the first byte of the first request was sent.
    pub first_sent: Option<At>,
    /// The arrival time of the first answer with a confirm.
    pub first_accepted: Option<At>,
    /// The arrival time of the last answer with a confirm.
    pub last_accepted: Option<At>,
    /// The reason for waiting, if it waits: no ready producer, a tunnel that reopens.
    pub waiting: Option<String>,
    /// Set on the last report.
    pub finished: bool,
}

/// The progress of the continuous load.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LoadProgress {
    /// The rate in requests per second; zero when it is off.
    pub rate: f64,
    /// Jobs accepted since it was switched on.
    pub accepted: u64,
    /// Requests that failed since then, by cause in words.
    pub failed: BTreeMap<String, u64>,
    /// The reason why it switched itself off, if it did.
    pub stopped: Option<String>,
}
