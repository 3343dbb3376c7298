//! Text for people and for terminals.
//!
//! - [`clean`]: text from outside, made harmless for a terminal.
//! - [`command`]: commands as data, quoted for a shell when they are displayed.

pub mod clean;
pub mod command;
