//! The same number at every hop of the metric chain, and which hop lags.

pub mod beliefs;
pub mod clock_offset;
pub mod explanation;
pub mod lag;
pub mod metric_beliefs;
pub mod sources;
