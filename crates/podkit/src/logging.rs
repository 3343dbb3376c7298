//! Where log lines go and how they look.

use clap::ValueEnum;
use tracing_subscriber::EnvFilter;

/// What is logged when `RUST_LOG` does not say. lapin's own lines repeat ours with less context, and it would print
/// returned messages with their bodies.
const DEFAULT_FILTER: &str = "info,lapin=off";

/// Form of the log lines on standard error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// Begins to log to standard error. A second call does nothing, so a program inside another one keeps its log.
pub fn start(format: LogFormat) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(DEFAULT_FILTER));
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let started = match format {
        LogFormat::Text => lines.with_ansi(false).try_init(),
        LogFormat::Json => lines.json().flatten_event(true).try_init(),
    };
    if started.is_err() {
        tracing::debug!("the log was started before");
    }
}
