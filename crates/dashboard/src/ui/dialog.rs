//! The dialogs with text fields: each receives all keys without Ctrl.

use crate::autoscaler::{shadow, tuning};
use crate::ui::{drills, places, scenarios};

/// A dialog with text fields.
#[derive(Debug, Clone, PartialEq)]
pub enum Dialog {
    /// The dialog that tunes the HPA.
    Tune(tuning::TuneDialog),
    /// The dialog that configures the shadow.
    Shadow(shadow::ShadowDialog),
    /// The dialog that stops a part of the metric chain.
    Drills(drills::DrillDialog),
    /// The dialog that changes context or namespace.
    Places(places::PlacesDialog),
    /// The note of a mark.
    Mark(String),
    /// The dialog that starts a scenario, or shows the one that runs.
    Scenarios(scenarios::ScenarioDialog),
}
