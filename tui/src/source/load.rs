//! The load: bursts and the continuous stream of requests, over several connections through tunnels.
//!
//! A request counts as accepted after its answer, and otherwise as failed with its cause. A request that was sent and not
//! answered is never repeated: its job may be in the queue.

pub mod burst;
pub mod connector;
pub mod continuous;
mod outcome;
pub mod plan;
mod pool;
pub(crate) mod producer;
mod sender;
mod tally;
