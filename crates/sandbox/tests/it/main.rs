//! The sandbox with real pods: processes of the test program `sandbox-podling`.

#![expect(clippy::unwrap_used, reason = "a test that cannot continue panics")]

mod autoscaling;
mod cleanup;
mod golden;
mod pods;
mod rig;
mod workloads;
