//! The dashboard without a screen: its data, the changes by events and keys, and the effects for the runtime.
//!
//! No drawing and no I/O. Time is always an argument.

pub mod autoscaler;
pub mod bursts;
pub mod chain;
pub mod chart;
pub mod clock;
pub mod data;
pub mod edits;
pub mod fleet;
pub mod keys;
pub mod message;
pub mod model;
pub mod reported;
pub mod scenario_run;
mod scenario_world;
#[cfg(any(test, feature = "scenes"))]
#[doc(hidden)]
pub mod scenes;
pub mod session;
pub mod strings;
pub mod target;
#[cfg(test)]
pub(crate) mod testing;
pub mod ui;
pub mod update;
pub mod workers;
