//! The texts of this crate that users read. The help of the keys is in [`crate::keys::TABLE`].

pub mod entries;
pub mod fleet;
pub mod names;
pub mod runs;
pub mod sentences;
pub mod steps;
