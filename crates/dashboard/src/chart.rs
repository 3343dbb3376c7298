//! Time series, the stretch of time on the screen, the curves, and round steps for axes.

pub mod curves;
pub mod history;
pub mod series;
pub mod ticks;
pub mod viewport;
