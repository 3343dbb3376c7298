//! `surge doctor` on a sandbox that is broken in one way after another: each time the verdict and the one fix are those of
//! that breakage, and gone once the fix is carried out as it is printed.

#![expect(clippy::unwrap_used, reason = "a test may end at the first surprise")]

mod audit;
mod autoscaler;
mod chain;
mod command;
mod pods;
mod rights;
mod rules;
mod sandbox;
