//! Text for people and for terminals.
//!
//! - [`clean`]: text from outside, made harmless for a terminal.
//! - [`command`]: commands as data, quoted for a shell when they are displayed.
//! - [`duration`]: durations for people, and from people.
//! - [`figures`]: numbers and measured durations for people.
//! - [`mask`]: lines of logs without anything that looks like a secret.
//! - [`secret`]: credentials in URLs and settings, hidden.
//! - [`selector`]: label selectors without Go's notation.

pub mod clean;
pub mod command;
pub mod duration;
pub mod figures;
pub mod mask;
pub mod secret;
pub mod selector;
