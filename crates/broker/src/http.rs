//! The management API and the metrics, with RabbitMQ's paths and names.

mod management;
mod metrics;
mod query;

pub(crate) use self::management::router as management;
pub(crate) use self::metrics::router as metrics;
