//! The load: bursts and the continuous stream of `/generate` requests, over several connections through tunnels.
//!
//! A request counts as accepted when the producer answered it, and as failed, with its cause, otherwise. One that was
//! sent and not answered is never sent again: its job may be in the queue.

pub mod burst;
pub mod connector;
pub mod continuous;
mod outcome;
mod pool;
pub(crate) mod producer;
mod sender;
mod tally;
