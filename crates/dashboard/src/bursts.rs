//! Bursts, their requests and jobs, the stopwatch and the comparison of runs.

pub mod burst;
pub mod fates;
pub mod jobs;
pub mod load;
pub mod reading;
pub mod recent;
pub mod runs;
pub mod stage;
pub mod stopwatch;
pub mod why;
