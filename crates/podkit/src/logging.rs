//! The log: format, filter and start.

use clap::ValueEnum;
use tracing::{Level, Metadata};
use tracing_subscriber::{
    Layer,
    filter::{FilterExt, Targets, filter_fn},
    layer::SubscriberExt,
    util::SubscriberInitExt,
};

/// Filter if `RUST_LOG` is not set. lapin's lines are off: they repeat ours with less context.
const DEFAULT_FILTER: &str = "info,lapin=off";

/// Format of the log lines on standard error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum LogFormat {
    /// Plain text.
    #[default]
    Text,
    /// One JSON object per line.
    Json,
}

/// Starts logging to standard error with the given filter (for example `info` or `warn,producer=debug`).
///
/// An invalid filter is reported and ignored: other programs read `RUST_LOG` too, so it must not stop this one. A second
/// call does nothing.
pub fn start(format: LogFormat, filter: Option<&str>) {
    let parsed = filter.filter(|filter| !filter.is_empty()).map(str::parse::<Targets>);
    let filter = match &parsed {
        Some(Ok(filter)) => filter.clone(),
        _ => DEFAULT_FILTER.parse().unwrap_or_else(|_| Targets::new().with_default(Level::INFO)),
    };
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let lines = match format {
        LogFormat::Text => lines.with_ansi(false).boxed(),
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
    };
    let lines = lines.with_filter(filter.and(filter_fn(contains_no_secret)));
    if tracing_subscriber::registry().with(lines).try_init().is_err() {
        tracing::debug!("logging has already started");
    } else if let Some(Err(error)) = parsed {
        tracing::warn!(%error, "invalid RUST_LOG: using {DEFAULT_FILTER}");
    }
}

/// Returns true if the line cannot contain a secret. The AMQP crates log frames, including the login, and returned
/// messages with their bodies.
fn contains_no_secret(line: &Metadata<'_>) -> bool {
    let foreign = ["lapin", "amq_protocol", "async_rs"].iter().any(|name| line.target().starts_with(name));
    !foreign || *line.level() <= Level::ERROR
}
