//! From the size that the metrics ask for to the allowed size: stabilisation, then rates, minimum and maximum.
//!
//! An HPA with `behavior` and one without follow different rules, not only different defaults.

pub mod behavior;
pub mod legacy;
mod limited;
mod next;
pub mod rate;
pub mod rules;

pub use limited::Limited;
