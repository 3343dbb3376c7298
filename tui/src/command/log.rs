//! `--log FILE`: the program's own log goes to a file, never to the screen.

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::Mutex;

use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// The filter without `RUST_LOG`.
const DEFAULT_FILTER: &str = "info,kube=warn,kube_client=warn,kube_runtime=warn";

fn start(writer: impl for<'a> MakeWriter<'a> + Send + Sync + 'static) -> bool {
    let asked = std::env::var("RUST_LOG").ok().and_then(|text| text.parse::<Targets>().ok());
    let filter = asked.or_else(|| DEFAULT_FILTER.parse().ok()).unwrap_or_default();
    let lines = tracing_subscriber::fmt::layer()
        .with_ansi(false)
        .with_writer(writer)
        // It would report a failed write on standard error, and panic if that fails too.
        .log_internal_errors(false)
        .with_filter(filter);
    tracing_subscriber::registry().with(lines).try_init().is_ok()
}

/// Starts to append to `path`, which only the user can read.
pub(super) fn to_file(path: &Path) -> Result<(), String> {
    let file = OpenOptions::new()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(path)
        .map_err(|error| format!("opening the log {} failed: {error}", path.display()))?;
    if start(Mutex::new(file)) { Ok(()) } else { Err("the log was started before".to_owned()) }
}

/// Starts to write to standard error, for commands without a screen.
pub(super) fn to_standard_error() {
    if !start(std::io::stderr) {
        tracing::debug!("the log was started before");
    }
}
