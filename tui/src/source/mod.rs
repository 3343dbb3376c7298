//! All input and output: watches, tunnels, the load, samples. Each source sends events and reconnects by itself.

pub mod backoff;
pub(crate) mod broker;
pub mod cluster;
pub(crate) mod convert;
pub mod dispatch;
pub mod doctor;
pub mod drill;
pub mod endpoint;
pub mod explain;
pub(crate) mod external_metric;
pub(crate) mod health;
pub mod http;
mod kept;
mod kill;
pub mod load;
mod logs;
pub mod outbox;
mod pace;
pub mod prometheus;
mod pulse;
mod query;
mod server_clock;
pub(crate) mod serving;
pub mod target;
pub mod tune;
pub mod tunnel;
mod watch;
