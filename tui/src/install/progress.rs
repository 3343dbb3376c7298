//! A line a step, and a line whenever the reason for waiting changes.

use std::io::Write;
use std::time::{Duration, Instant};

use crate::clean;

/// Writes the steps of a command, numbered.
pub struct Progress {
    out: Box<dyn Write + Send>,
    total: usize,
    step: usize,
    title: String,
    began: Instant,
    said: String,
}

impl Progress {
    /// Progress over `total` steps, written to `out`.
    #[must_use]
    pub fn new(out: Box<dyn Write + Send>, total: usize) -> Self {
        Self { out, total, step: 0, title: String::new(), began: Instant::now(), said: String::new() }
    }

    /// The next step begins.
    pub fn begin(&mut self, title: &str) {
        self.step += 1;
        title.clone_into(&mut self.title);
        self.began = Instant::now();
        self.said.clear();
        self.write("…");
    }

    /// The step waits, for this reason; the same reason is said once.
    pub fn waiting(&mut self, reason: &str) {
        if self.said != reason {
            reason.clone_into(&mut self.said);
            let line = format!("waiting: {reason}");
            self.write(&line);
        }
    }

    /// Something that belongs to the step.
    pub fn note(&mut self, note: &str) {
        self.write(note);
    }

    /// The step is done; how long it took is said when it is worth it.
    pub fn done(&mut self, how: &str) {
        let took = self.began.elapsed();
        let took =
            if took < Duration::from_secs(1) { String::new() } else { format!(" ({} s)", took.as_secs()) };
        self.write(&format!("{how}{took}"));
    }

    /// What the current step is called.
    #[must_use]
    pub fn title(&self) -> &str {
        &self.title
    }

    fn write(&mut self, text: &str) {
        let (step, total) = (self.step, self.total);
        let line = clean::text(&format!("[{step}/{total}] {}: {text}", self.title));
        // A closed standard output is nobody's loss: the work goes on.
        let _closed = writeln!(self.out, "{line}").and_then(|()| self.out.flush());
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Shared(Arc<Mutex<Vec<u8>>>);

    impl Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_reason_is_said_once_and_steps_are_counted() {
        let shared = Shared::default();
        let mut progress = Progress::new(Box::new(shared.clone()), 2);
        progress.begin("broker");
        for reason in ["no pod", "no pod", "pulling\u{1b}", "no pod"] {
            progress.waiting(reason);
        }
        progress.done("ready");
        progress.begin("worker");
        progress.done("ready");
        let text = String::from_utf8(shared.0.lock().unwrap().clone()).unwrap();
        assert_eq!(
            text,
            "[1/2] broker: …\n[1/2] broker: waiting: no pod\n[1/2] broker: waiting: pulling\n\
             [1/2] broker: waiting: no pod\n[1/2] broker: ready\n[2/2] worker: …\n[2/2] worker: ready\n"
        );
    }
}
