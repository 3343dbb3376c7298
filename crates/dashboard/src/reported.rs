//! Reports of the sources, and the requests that they answer: plain data below the model.

mod changes;
mod fleet;
mod load;
mod recorder;
mod scenario;
mod sources;
mod target;

pub use self::changes::{
    Applied, Change, Drill, DrillEvent, DrillRequest, Refusal, ScaledKind, ScaledWorkload, TuneEvent,
    TuneRequest,
};
pub use self::fleet::{FleetEvent, Place, PlaceKind};
pub use self::load::{BurstProgress, LoadProgress};
pub use self::recorder::{RecordRequest, RecorderEvent};
pub use self::scenario::ScenarioEvent;
pub use self::sources::{EarlierLine, LogState, MetricAnswers, PollRate, ServerTime, Source, SourceState};
pub use self::target::{Problem, StartStep, Target, TargetEvent};
pub use contract::StepState;
