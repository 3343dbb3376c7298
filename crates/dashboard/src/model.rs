//! Everything that the screen shows: what was observed and what the keys changed.
//!
//! Only `update` changes a [`Model`]. Time is always an argument.

use std::time::Duration;

use crate::clock::DayClock;
use crate::data::Data;
use crate::ui::state::{Ui, View};

/// Everything: what was observed and what the keys did.
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    /// What was observed.
    pub data: Data,
    /// What the keys did.
    pub ui: Ui,
}

impl Model {
    /// A model that knows nothing yet, for a window of that size.
    #[must_use]
    pub fn new(day: DayClock, size: (u16, u16)) -> Self {
        Self { data: Data::new(day), ui: Ui::new(size) }
    }

    /// What is to be shown: the data as it is, or as it was when the view was paused.
    #[must_use]
    pub fn shown(&self) -> &Data {
        match &self.ui.view {
            View::Live => &self.data,
            View::Paused(frozen) => frozen,
        }
    }

    /// How long the view has been paused.
    #[must_use]
    pub fn paused_for(&self) -> Option<Duration> {
        match &self.ui.view {
            View::Live => None,
            View::Paused(frozen) => Some(self.data.now.since(frozen.now)),
        }
    }
}
