//! Job events on standard output: one line each, whole and at once, since the log is followed live.

use std::io::Write;

use contract::JobEvent;

/// Prints the event's line. A closed standard output ends nobody's job.
pub(crate) fn print(event: &JobEvent) {
    let mut line = event.to_line();
    line.push('\n');
    let mut out = std::io::stdout().lock();
    if out.write_all(line.as_bytes()).and_then(|()| out.flush()).is_err() {
        tracing::debug!("standard output is closed");
    }
}
