//! How bursts and the continuous load go.

use std::collections::BTreeMap;

use contract::BurstId;

use crate::clock::At;

/// How a burst goes. Counts never fall; the last one of a burst has `finished` set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BurstProgress {
    /// Which burst.
    pub id: BurstId,
    /// Requests it consists of.
    pub size: u32,
    /// Requests written to a tunnel.
    pub sent: u32,
    /// Jobs that the producer reported as confirmed.
    pub accepted: u32,
    /// Requests that failed, by cause in words.
    pub failed: BTreeMap<String, u32>,
    /// Ids of the confirmed jobs since the last progress event.
    pub new_ids: Vec<uuid::Uuid>,
    /// When the first byte of the first request went out.
    pub first_sent: Option<At>,
    /// When the first answer with a confirm came.
    pub first_accepted: Option<At>,
    /// When the last answer with a confirm came.
    pub last_accepted: Option<At>,
    /// What it waits for, when it waits: no ready producer, a tunnel being reopened.
    pub waiting: Option<String>,
    /// Set once nothing more will happen.
    pub finished: bool,
}

/// How the continuous load goes.
#[derive(Debug, Clone, PartialEq)]
pub struct LoadProgress {
    /// Requests per second asked for; zero when it is off.
    pub rate: f64,
    /// Jobs accepted since it was switched on.
    pub accepted: u64,
    /// Requests that failed since then, by cause in words.
    pub failed: BTreeMap<String, u64>,
    /// Why it was switched off by itself, if it was.
    pub stopped: Option<String>,
}
