//! The names and formats that all parts of the demo share: names, labels, ports, queue arguments, the job's JSON, the
//! job events that workers log, and the producer's answers.
//!
//! Manifests, charts, dashboards and tests use the same names, so they are fixed. The crate does no I/O and has no
//! async code: it contains constants, plain types and pure functions.

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
