//! The dashboard as a library: the binary `surge` is a thin `main` on top of it.

pub mod cast;
pub mod command;
pub mod headless;
pub mod runtime;
pub mod source;
pub mod terminal;
pub mod view;
