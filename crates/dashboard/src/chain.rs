//! The same number at every hop of the metric chain, and which hop lags.

pub mod beliefs;
pub mod lag;
pub mod offset;
pub mod sources;
