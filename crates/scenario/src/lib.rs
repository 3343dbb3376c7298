//! Scenarios: a file with steps, and expectations over the whole run.
//!
//! Everything is pure: time and observations are arguments, and a caller carries out the [`engine::Action`]s.
//!
//! - [`names`]: every name that a condition may use, with its unit, source and meaning.
//! - [`mod@file`]: the TOML file, and its errors by line and field.
//! - [`engine`]: the state of a run. It asks a [`world::World`] for numbers and returns actions and results.
//! - [`virtual_run`]: a run in virtual time on the exact controller and a simulated queue.
//! - [`outcome`] and [`results`]: the result of a run as data, and as files for other programs.
//! - [`library`]: the scenarios that are part of the program.

pub mod condition;
pub mod engine;
pub mod figure;
pub mod file;
pub mod library;
pub mod names;
pub mod outcome;
pub mod results;
pub mod settings;
pub mod shape;
pub mod strings;
pub mod virtual_run;
pub mod world;
