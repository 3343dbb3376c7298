//! The tests that need nothing but this machine, in one program: linking the dashboard and the sandbox takes most of their
//! build time.

#![expect(clippy::unwrap_used, reason = "a test may end at the first surprise")]

mod agree;
#[cfg(feature = "sandbox")]
mod command_line;
#[cfg(feature = "sandbox")]
mod commands;
mod cut;
#[cfg(feature = "sandbox")]
mod doctor;
#[cfg(feature = "sandbox")]
mod faults;
#[cfg(feature = "sandbox")]
mod files;
#[cfg(feature = "sandbox")]
mod fleet;
mod fleet_screens;
mod hostile;
#[cfg(feature = "sandbox")]
mod install;
mod keys;
mod load;
mod output;
mod pictures;
mod readme;
#[cfg(feature = "sandbox")]
mod recordings;
#[cfg(feature = "sandbox")]
mod run;
#[cfg(feature = "sandbox")]
mod sandbox;
#[cfg(feature = "sandbox")]
mod sandboxed;
#[cfg(feature = "sandbox")]
mod scenarios;
mod screens;
#[cfg(feature = "sandbox")]
mod secrets;
#[cfg(feature = "sandbox")]
mod stopwatch;
mod symbols;
mod terminal;
#[cfg(feature = "sandbox")]
mod tuning;
