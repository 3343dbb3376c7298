//! `surge doctor` on a sandbox with one breakage after another: the verdict and the fix match the breakage, and both
//! disappear after the printed fix was run.

#![expect(clippy::unwrap_used, reason = "a test may end at the first surprise")]

mod audit;
mod autoscaler;
mod chain;
mod command;
mod numbers;
mod pods;
mod rights;
mod rules;
mod sandbox;
