//! A small in-memory AMQP 0-9-1 broker with RabbitMQ's management and metrics endpoints.
//!
//! For demonstrations and tests on one machine. Clients can use queues on the default exchange as with RabbitMQ, and get
//! the same answers and error texts. There is no disk and no cluster; the crate's README lists all differences.
//!
//! A broker does little work per message, so it is fastest on a runtime with one thread
//! (`tokio::runtime::Builder::new_current_thread`).
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
mod error;
mod http;
mod message;
mod server;
mod shared;
mod state;
mod wire;

use tokio_util::sync::CancellationToken;

pub use crate::config::{Config, Limits};
pub use crate::control::{BadPattern, Control, Messages};
pub use crate::server::{Broker, Listeners};
pub use crate::state::policy::{Overflow, PolicyDefinition};

/// Serves a new broker until `shutdown` is cancelled, then closes all connections gracefully.
///
/// Use [`Broker`] to get a [`Control`] handle.
pub async fn run(config: Config, listeners: Listeners, shutdown: CancellationToken) {
    Broker::new(config).run(listeners, shutdown).await;
}
