//! The dashboard as a library: the binary `surge` is a thin `main` on top of it.

pub mod clean;
pub mod clock;
pub mod command;
pub mod doctor;
pub mod edits;
pub mod event;
pub mod install;
pub mod keys;
pub mod model;
pub mod runtime;
pub mod source;
pub mod terminal;
pub mod update;
pub mod view;
