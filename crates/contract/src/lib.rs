//! What all sides of the demo agree on: names, labels, ports, queue arguments, the job's JSON, the lines that
//! workers log about jobs, and the producer's answers.
//!
//! Manifests, charts, dashboards and tests speak these names too, so they are fixed. The crate does no I/O and
//! has no async: everything here is a constant, a plain type or a pure function.

mod answer;
mod event;
mod job;
pub mod names;
pub mod queue;
pub mod routes;
pub mod settings;
mod step;

pub use answer::{Accepted, Cause, PROBLEM_CONTENT_TYPE, Problem};
pub use event::{JobEvent, JobEventKind};
pub use job::{BurstId, InvalidBurstId, Job, JobError, MAX_JOB_BYTES};
pub use step::StepState;
