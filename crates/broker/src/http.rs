//! The two HTTP listeners, with RabbitMQ's paths and names.

mod management;
mod metrics;
mod query;
mod server;

pub(crate) use self::management::router as management;
pub(crate) use self::metrics::router as metrics;
pub(crate) use self::server::serve;
