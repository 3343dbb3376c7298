//! What the sources report, and the requests that they answer: plain data below the model.

mod changes;
mod load;
mod sources;
mod target;

pub use self::changes::{
    Applied, Change, Drill, DrillEvent, DrillRequest, Refusal, Scaled, ScaledKind, TuneEvent, TuneRequest,
};
pub use self::load::{BurstProgress, LoadProgress};
pub use self::sources::{Dated, LogState, Source, SourceState, Watchfulness};
pub use self::target::{Problem, Step, StepState, Target, TargetEvent};
