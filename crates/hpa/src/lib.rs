//! The HorizontalPodAutoscaler's decision as pure functions.
mod combine;
pub mod compat;
pub mod condition;
pub mod defaults;
pub mod event;
pub mod explain;
pub mod input;
#[cfg(feature = "k8s")]
pub mod k8s;
pub mod limits;
pub mod memory;
pub mod metric;
pub mod number;
pub mod quantity;
pub mod readiness;
pub mod selector;
pub mod simulate;
pub mod spec;
pub mod status;
pub mod sync;
pub mod tolerance;
pub mod trace;
pub mod validate;

pub use compat::{Compat, Config, Gates, Release};
pub use event::{Event, EventKind};
pub use input::{Input, Pod, Reading, Scale};
pub use memory::Memory;
pub use number::Time;
pub use quantity::Quantity;
pub use spec::Spec;
pub use status::Status;
pub use sync::{Decision, SyncError, after_scale, decide};
pub use trace::Trace;
