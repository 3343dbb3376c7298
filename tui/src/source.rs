//! All input and output: watches, tunnels, the load, samples. Each source sends events and reconnects by itself.

pub(crate) mod broker;
pub mod dispatch;
pub mod drill;
pub(crate) mod external_metric;
pub(crate) mod health;
mod kill;
pub mod load;
mod logs;
pub mod outbox;
mod pace;
pub mod prometheus;
mod pulse;
mod server_clock;
pub mod target;
pub mod tune;
mod watch;
