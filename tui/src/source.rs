//! All input and output: watches, tunnels, the load, samples. Each source sends events and reconnects by itself.

pub(crate) mod broker;
pub mod dispatch;
pub mod drill;
pub mod event_sender;
pub(crate) mod external_metric;
pub(crate) mod fleet;
pub(crate) mod health;
mod kill;
mod liveness;
pub mod load;
mod logs;
mod metrics;
mod places;
pub mod player;
mod poll_timer;
pub mod prometheus;
pub mod recorder;
mod scaled_object;
pub mod scenario;
mod server_clock;
pub mod session;
pub mod target;
pub mod tune;
pub(crate) mod usage;
mod watch;
