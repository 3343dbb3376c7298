//! The state of the dashboard: the observed data, and the state that the keys change.
//!
//! Only `update` changes a [`Model`]. Time is always an argument.

use std::time::Duration;

use crate::clock::DayClock;
use crate::data::Data;
use crate::fleet::Fleet;
use crate::session::Session;
use crate::ui::state::{Ui, View};

/// The observed data and the state that the keys change.
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    /// The observed data.
    pub data: Data,
    /// The state that the keys change.
    pub ui: Ui,
    /// The HPAs of the cluster. They outlive a change of the target.
    pub fleet: Fleet,
    /// The origin of the data.
    pub session: Session,
}

impl Model {
    /// An empty model for a window of that size.
    #[must_use]
    pub fn new(day: DayClock, size: (u16, u16)) -> Self {
        Self { data: Data::new(day), ui: Ui::new(size), fleet: Fleet::default(), session: Session::default() }
    }

    /// The data to show: the current data, or that of the moment of the pause.
    #[must_use]
    pub fn shown(&self) -> &Data {
        match &self.ui.view {
            View::Live => &self.data,
            View::Paused(frozen) => frozen,
        }
    }

    /// The time since the view was paused.
    #[must_use]
    pub fn paused_for(&self) -> Option<Duration> {
        match &self.ui.view {
            View::Live => None,
            View::Paused(frozen) => Some(self.data.now.since(frozen.now)),
        }
    }
}
