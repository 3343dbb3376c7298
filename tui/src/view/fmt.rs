//! Numbers, durations and ages as people read them.

pub(super) use ::text::duration::age;
pub(super) use ::text::figures::{coarse, coarse_up, count, measured, milli, ratio};
