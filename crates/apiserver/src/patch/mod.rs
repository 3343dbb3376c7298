//! The ways in which a client describes a change.

pub(crate) mod apply;
pub(crate) mod compare;
pub(crate) mod fields;
mod go;
pub(crate) mod json;
pub(crate) mod managed;
pub(crate) mod merge;
pub(crate) mod strategic;
pub(crate) mod walk;
