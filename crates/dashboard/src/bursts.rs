//! Bursts, their requests and jobs, the stopwatch and the comparison of runs.

pub mod burst;
pub mod job_outcomes;
pub mod jobs;
pub mod load;
pub mod missing_reason;
pub mod recent;
pub mod runs;
pub mod stage;
pub mod stage_time;
pub mod stopwatch;
