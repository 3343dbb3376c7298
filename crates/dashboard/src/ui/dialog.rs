//! The dialogs in which people type: each is a sheet over the screen, and all keys without Ctrl go to it.

use crate::autoscaler::{shadow, tuning};
use crate::ui::drills;

/// A sheet.
#[derive(Debug, Clone, PartialEq)]
pub enum Dialog {
    /// The HPA is tuned.
    Tune(tuning::TuneDialog),
    /// The shadow is chosen.
    Shadow(shadow::ShadowDialog),
    /// A part of the metric chain is stopped.
    Drills(drills::DrillDialog),
}
