//! A small in-memory AMQP 0-9-1 broker with RabbitMQ's management and metrics endpoints.
//!
//! For demonstrations and tests on one machine: what a client of RabbitMQ does with queues on the default exchange
//! it can do here, with the same answers and the same errors in the same words. There is no disk and no cluster; the
//! crate's README lists what else is different.
//!
//! A broker does little per message, so a runtime of one thread serves it best: with more, they mostly wake each other.
//! For a process of its own use `tokio::runtime::Builder::new_current_thread`.
//!
//! ```no_run
//! # async fn example() -> std::io::Result<()> {
//! use broker::{Config, Listeners};
//! use tokio::net::TcpListener;
//! use tokio_util::sync::CancellationToken;
//!
//! let listeners = Listeners {
//!     amqp: TcpListener::bind("127.0.0.1:5672").await?,
//!     management: Some(TcpListener::bind("127.0.0.1:15672").await?),
//!     metrics: Some(TcpListener::bind("127.0.0.1:15692").await?),
//! };
//! broker::run(Config::default(), listeners, CancellationToken::new()).await;
//! # Ok(())
//! # }
//! ```

mod config;
mod connection;
mod control;
mod fault;
mod http;
mod server;
mod shared;
mod state;
mod wire;

use tokio_util::sync::CancellationToken;

pub use crate::config::{Config, Limits};
pub use crate::control::{BadPattern, Control, Messages};
pub use crate::server::{Broker, Listeners};
pub use crate::state::policy::{Definition, Overflow};

/// Serves a new broker until `shutdown` is cancelled, then closes all connections in good order.
///
/// Use [`Broker`] to have a [`Control`] handle as well.
pub async fn run(config: Config, listeners: Listeners, shutdown: CancellationToken) {
    Broker::new(config).run(listeners, shutdown).await;
}
