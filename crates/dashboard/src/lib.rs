//! The dashboard without a screen: what it knows, what events and keys change, and what it asks the runtime to do.
//!
//! No drawing and no I/O. Time is always an argument.

pub mod autoscaler;
pub mod bursts;
pub mod chain;
pub mod chart;
pub mod clock;
pub mod data;
pub mod edits;
pub mod keys;
pub mod message;
pub mod model;
pub mod reported;
pub mod target;
#[cfg(test)]
pub(crate) mod testing;
pub mod ui;
pub mod update;
pub mod workers;
