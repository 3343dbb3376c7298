//! The metrics registry and its text exposition.

use prometheus::{Encoder, Registry, TextEncoder};

/// Content type of the answer to `GET /metrics`.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Error for a metric that cannot be registered.
#[derive(Debug, thiserror::Error)]
#[error("cannot register the metric {name}: {source}")]
pub struct RegisterError {
    name: String,
    source: prometheus::Error,
}

/// Adds a metric to the registry and returns it.
///
/// # Errors
/// The name or a label is malformed or already used: a bug in the program.
pub fn register<M>(registry: &Registry, name: &str, metric: prometheus::Result<M>) -> Result<M, RegisterError>
where
    M: prometheus::core::Collector + Clone + 'static,
{
    metric
        .and_then(|metric| registry.register(Box::new(metric.clone())).map(|()| metric))
        .map_err(|source| RegisterError { name: name.to_owned(), source })
}

/// Encodes the registry's samples in Prometheus' text format.
#[must_use]
pub fn text(registry: &Registry) -> Vec<u8> {
    let mut out = Vec::with_capacity(4096);
    if let Err(error) = TextEncoder::new().encode(&registry.gather(), &mut out) {
        tracing::error!(%error, "cannot encode the metrics");
    }
    out
}
