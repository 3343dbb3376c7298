//! Pods, the timeline of each worker, and their logs.

pub mod logs;
pub mod pods;
pub mod sampling;
pub mod timelines;
