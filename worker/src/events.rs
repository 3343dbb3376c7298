//! Job events on standard output, one line each. The output is flushed at once, because clients follow the log live.

use std::io::Write;

use contract::JobEvent;

/// Prints the events' lines in one write. A closed standard output is not an error.
pub(crate) fn print(events: &[JobEvent]) {
    let mut lines = String::new();
    for event in events {
        lines.push_str(&event.to_line());
        lines.push('\n');
    }
    let mut out = std::io::stdout().lock();
    if out.write_all(lines.as_bytes()).and_then(|()| out.flush()).is_err() {
        tracing::debug!("standard output is closed");
    }
}
