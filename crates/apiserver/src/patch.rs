//! The patch formats, and the bookkeeping of field managers.

pub(crate) mod apply;
pub(crate) mod compare;
pub(crate) mod field_set;
mod go_format;
pub(crate) mod json;
pub(crate) mod managed_fields;
pub(crate) mod merge;
pub(crate) mod strategic;
pub(crate) mod traverse;
