//! Where log lines go and how they look.

use clap::ValueEnum;
use tracing::{Level, Metadata};
use tracing_subscriber::{
    Layer,
    filter::{FilterExt, Targets, filter_fn},
    layer::SubscriberExt,
    util::SubscriberInitExt,
};

/// What is logged when `RUST_LOG` does not say. lapin's own lines repeat ours with less context.
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

/// Begins to log to standard error what `asked` for (`info`, or `warn,producer=debug`). What is not understood is said
/// and passed over: a variable that other programs read too should not keep this one from starting. A second call does
/// nothing, so a program inside another one keeps its log.
pub fn start(format: LogFormat, asked: Option<&str>) {
    let parsed = asked.filter(|asked| !asked.is_empty()).map(str::parse::<Targets>);
    let filter = match &parsed {
        Some(Ok(filter)) => filter.clone(),
        _ => DEFAULT_FILTER.parse().unwrap_or_else(|_| Targets::new().with_default(Level::INFO)),
    };
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let lines = match format {
        LogFormat::Text => lines.with_ansi(false).boxed(),
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
    };
    let lines = lines.with_filter(filter.and(filter_fn(harmless)));
    if tracing_subscriber::registry().with(lines).try_init().is_err() {
        tracing::debug!("the log was started before");
    } else if let Some(Err(error)) = parsed {
        tracing::warn!(%error, "RUST_LOG is not understood, so {DEFAULT_FILTER} holds");
    }
}

/// Whether the line can hold no secret. The AMQP crates print frames, and the login is one of them;
/// returned messages are printed with their bodies, as warnings.
fn harmless(line: &Metadata<'_>) -> bool {
    let foreign = ["lapin", "amq_protocol", "async_rs"].iter().any(|name| line.target().starts_with(name));
    !foreign || *line.level() <= Level::ERROR
}
