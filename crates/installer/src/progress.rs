//! Progress of a command. A terminal shows one line a step and rewrites it while the step waits. A log gets a line for each
//! change, each reason for waiting once, and of a similar reason only what changed.

use std::io::{IsTerminal as _, Write};
use std::time::{Duration, Instant};

use unicode_width::UnicodeWidthChar as _;

use super::reasons::Reasons;
use text::clean;

/// The kind of output.
#[derive(Debug, Clone, Copy)]
pub enum OutputKind {
    /// A terminal, with its current width in columns.
    Terminal(fn() -> u16),
    /// A file or a pipe.
    Log,
}

impl OutputKind {
    /// The kind of standard output.
    #[must_use]
    pub fn of_stdout() -> Self {
        // The default for a terminal of unknown width.
        let width = || crossterm::terminal::size().map_or(80, |(columns, _)| columns);
        if std::io::stdout().is_terminal() { Self::Terminal(width) } else { Self::Log }
    }
}

/// The state of the last line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LastLine {
    /// It is complete, or nothing was written.
    Ended,
    /// The next line replaces it.
    Open,
}

/// Writes the steps of a command, numbered.
pub struct Progress {
    out: Box<dyn Write + Send>,
    kind: OutputKind,
    last_line: LastLine,
    total: usize,
    step: usize,
    title: String,
    began: Instant,
    reasons: Reasons,
}

impl Progress {
    /// Progress over `total` steps on standard output.
    #[must_use]
    pub fn stdout(total: usize) -> Self {
        Self::new(Box::new(std::io::stdout()), OutputKind::of_stdout(), total)
    }

    /// Progress over `total` steps, written to `out`.
    #[must_use]
    pub fn new(out: Box<dyn Write + Send>, kind: OutputKind, total: usize) -> Self {
        let (began, reasons) = (Instant::now(), Reasons::default());
        let last_line = LastLine::Ended;
        Self { out, kind, last_line, total, step: 0, title: String::new(), began, reasons }
    }

    /// Begins the next step.
    pub fn begin(&mut self, title: &str) {
        self.step += 1;
        title.clone_into(&mut self.title);
        self.began = Instant::now();
        self.reasons.clear();
        self.write_temporary("…");
    }

    /// Reports that the step waits, and the reason.
    pub fn waiting(&mut self, reason: &str) {
        let new = self.reasons.record(reason);
        match (self.kind, new) {
            (OutputKind::Terminal(_), _) => {
                let waited = self.began.elapsed().as_secs();
                let waited = if waited > 0 { format!(" {waited} s") } else { String::new() };
                self.write_temporary(&format!("waiting{waited}: {reason}"));
            }
            (OutputKind::Log, Some(new)) => self.write_temporary(&format!("waiting: {new}")),
            (OutputKind::Log, None) => {}
        }
    }

    /// Reports a detail of the step; there may be many.
    pub fn detail(&mut self, what: &str) {
        self.write_temporary(what);
    }

    /// Reports a detail that stays on the screen.
    pub fn note(&mut self, note: &str) {
        self.write_line(note);
    }

    /// Ends the step with a result, and its duration if it took a second or more.
    pub fn done(&mut self, result: &str) {
        let took = self.began.elapsed();
        let took =
            if took < Duration::from_secs(1) { String::new() } else { format!(" ({} s)", took.as_secs()) };
        self.write_line(&format!("{result}{took}"));
    }

    /// Title of the current step.
    #[must_use]
    pub fn title(&self) -> &str {
        &self.title
    }

    /// Ends an open line before other output.
    pub fn end_line(&mut self) {
        if self.last_line == LastLine::Open {
            self.last_line = LastLine::Ended;
            self.write("\n");
        }
    }

    /// Writes a line that the next one replaces on a terminal.
    fn write_temporary(&mut self, text: &str) {
        let line = self.numbered(text);
        match self.kind {
            OutputKind::Log => self.write(&format!("{line}\n")),
            OutputKind::Terminal(width) => {
                // A line that wraps could not be rewritten as a whole.
                let line = cut(&line, usize::from(width()).saturating_sub(1));
                self.last_line = LastLine::Open;
                self.write(&format!("\r{line}\x1b[K"));
            }
        }
    }

    /// Writes a line that stays.
    fn write_line(&mut self, text: &str) {
        let line = self.numbered(text);
        self.last_line = LastLine::Ended;
        match self.kind {
            OutputKind::Log => self.write(&format!("{line}\n")),
            OutputKind::Terminal(_) => self.write(&format!("\r{line}\x1b[K\n")),
        }
    }

    fn numbered(&self, text: &str) -> String {
        clean::text(&format!("[{}/{}] {}: {text}", self.step, self.total, self.title))
    }

    fn write(&mut self, text: &str) {
        // The work goes on without a reader.
        let _closed = self.out.write_all(text.as_bytes()).and_then(|()| self.out.flush());
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.end_line();
    }
}

/// The start of a line, at most `width` columns wide.
fn cut(line: &str, width: usize) -> String {
    let columns = |text: &str| text.chars().map(|c| c.width().unwrap_or(0)).sum::<usize>();
    if columns(line) <= width {
        return line.to_owned();
    }
    let mut taken = 0;
    let fits = |c: &char| {
        taken += c.width().unwrap_or(0);
        taken < width
    };
    line.chars().take_while(fits).chain(['…']).collect()
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

    /// The output for a broker that alternates between two reasons, and a worker that is ready at once.
    fn output(kind: OutputKind) -> String {
        let shared = Shared::default();
        let mut progress = Progress::new(Box::new(shared.clone()), kind, 2);
        progress.begin("broker");
        for reason in ["no pod", "no pod", "pulling\u{1b}", "no pod", "pulling"] {
            progress.waiting(reason);
        }
        progress.detail("one made");
        progress.note("two changed");
        progress.done("ready");
        progress.begin("worker");
        drop(progress);
        String::from_utf8(shared.0.lock().unwrap().clone()).unwrap()
    }

    #[test]
    fn a_log_has_each_reason_once() {
        assert_eq!(
            output(OutputKind::Log),
            "[1/2] broker: …\n[1/2] broker: waiting: no pod\n[1/2] broker: waiting: pulling\n\
             [1/2] broker: one made\n[1/2] broker: two changed\n[1/2] broker: ready\n[2/2] worker: …\n"
        );
    }

    #[test]
    fn a_terminal_has_one_line_a_step() {
        let text = output(OutputKind::Terminal(|| 25));
        let shown: Vec<&str> = text.split('\n').map(|line| line.rsplit('\r').next().unwrap()).collect();
        assert_eq!(
            shown,
            ["[1/2] broker: two changed\x1b[K", "[1/2] broker: ready\x1b[K", "[2/2] worker: …\x1b[K", ""]
        );
        let passing: Vec<&str> = text.split('\n').next().unwrap().split('\r').collect();
        assert_eq!(
            passing[2], "[1/2] broker: waiting: …\x1b[K",
            "cut to one column less than the terminal has"
        );
    }

    #[test]
    fn wide_characters_take_two_columns() {
        assert_eq!(cut("漢字漢字", 8), "漢字漢字");
        assert_eq!(cut("漢字漢字", 6), "漢字…");
        assert_eq!(cut("abc", 0), "…");
    }
}
