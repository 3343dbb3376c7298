//! The report of one or more runs: one HTML file that needs no network and no script. Pure.
//!
//! A caller replays a recording through `dashboard::update` and shows the data to a [`Story`] after each event. [`page::html`]
//! makes the file of the [`Run`]s.

pub mod chart;
pub mod page;
pub mod palette;
pub mod run;
pub mod story;
mod strings;

pub use self::run::{Check, Origin, Outcome, Results, Run};
pub use self::story::Story;
