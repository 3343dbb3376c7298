//! Time series, the stretch of time on the screen, and the curves.

pub mod curves;
pub mod history;
pub mod series;
pub mod viewport;
