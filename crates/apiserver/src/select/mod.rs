//! What lists, watches and controllers pick objects by.

mod fields;
mod labels;

pub(crate) use fields::FieldSelector;
pub use labels::{LabelSelector, Requirement};
