//! The result of one sync.

use serde::{Deserialize, Serialize};

use crate::event::Event;
use crate::status::Status;
use crate::trace::{ErrorClass, Trace};

/// The result of one sync.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[must_use = "write the status, emit the events, and write a new size to the scale"]
pub struct Decision {
    /// The size to write to the scale. With a new size, the decision is complete only after
    /// [`after_scale`](crate::after_scale).
    pub new_size: Option<i32>,
    /// The status to write, if it differs from the old one.
    pub status: Status,
    /// The events to emit, in this order.
    pub events: Vec<Event>,
    /// The error of the sync. A decision can have both an error and a new size: one metric failed, others ask for more.
    pub error: Option<SyncError>,
    /// The steps of the arithmetic.
    pub trace: Trace,
    /// The controller's reason for a rescale, as in its event.
    pub rescale_reason: String,
}

/// The error of a sync.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[error("{message}")]
pub struct SyncError {
    /// The class of the error.
    pub class: ErrorClass,
    /// The controller's text.
    pub message: String,
}
