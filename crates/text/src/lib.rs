//! Text for people and for terminals.
//!
//! - [`clean`]: text from outside, made harmless for a terminal.

pub mod clean;
