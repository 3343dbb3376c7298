//! How far a command has come: on a terminal one line a step, which is rewritten while the step waits; elsewhere a line for what
//! is new, so that a log tells each reason of waiting once, however often two of them take turns.

use std::collections::BTreeSet;
use std::io::{IsTerminal as _, Write};
use std::time::{Duration, Instant};

use unicode_width::UnicodeWidthChar as _;

use text::clean;

/// Where the progress is written to.
#[derive(Debug, Clone, Copy)]
pub enum Form {
    /// A terminal of so many columns, which may change.
    Terminal(fn() -> u16),
    /// A file or a pipe.
    Log,
}

impl Form {
    /// What standard output is.
    #[must_use]
    pub fn of_stdout() -> Self {
        // A terminal that does not tell its width is taken for a small one.
        let width = || crossterm::terminal::size().map_or(80, |(columns, _)| columns);
        if std::io::stdout().is_terminal() { Self::Terminal(width) } else { Self::Log }
    }
}

/// The state of the line that is written last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Line {
    /// It ended, or nothing was written yet.
    Ended,
    /// It is rewritten by the next one.
    Open,
}

/// Writes the steps of a command, numbered.
pub struct Progress {
    out: Box<dyn Write + Send>,
    form: Form,
    line: Line,
    total: usize,
    step: usize,
    title: String,
    began: Instant,
    said: BTreeSet<String>,
}

impl Progress {
    /// Progress over `total` steps on standard output.
    #[must_use]
    pub fn stdout(total: usize) -> Self {
        Self::new(Box::new(std::io::stdout()), Form::of_stdout(), total)
    }

    /// Progress over `total` steps, written to `out`.
    #[must_use]
    pub fn new(out: Box<dyn Write + Send>, form: Form, total: usize) -> Self {
        let (began, said) = (Instant::now(), BTreeSet::new());
        Self { out, form, line: Line::Ended, total, step: 0, title: String::new(), began, said }
    }

    /// The next step begins.
    pub fn begin(&mut self, title: &str) {
        self.step += 1;
        title.clone_into(&mut self.title);
        self.began = Instant::now();
        self.said.clear();
        self.passing("…");
    }

    /// The step waits, for this reason.
    pub fn waiting(&mut self, reason: &str) {
        let is_new = self.said.insert(clean::text(reason));
        if is_new || matches!(self.form, Form::Terminal(_)) {
            let waited = self.began.elapsed().as_secs();
            let waited = match self.form {
                Form::Terminal(_) if waited > 0 => format!("waiting {waited} s"),
                Form::Terminal(_) | Form::Log => "waiting".to_owned(),
            };
            self.passing(&format!("{waited}: {reason}"));
        }
    }

    /// Something that the step has done or is about, of which there may be many.
    pub fn doing(&mut self, what: &str) {
        self.passing(what);
    }

    /// Something about the step that a person will want to read afterwards.
    pub fn note(&mut self, note: &str) {
        self.lasting(note);
    }

    /// The step is done; how long it took is said when it is worth it.
    pub fn done(&mut self, how: &str) {
        let took = self.began.elapsed();
        let took =
            if took < Duration::from_secs(1) { String::new() } else { format!(" ({} s)", took.as_secs()) };
        self.lasting(&format!("{how}{took}"));
    }

    /// What the current step is called.
    #[must_use]
    pub fn title(&self) -> &str {
        &self.title
    }

    /// Ends the line, so that something else can be written.
    pub fn end_line(&mut self) {
        if self.line == Line::Open {
            self.line = Line::Ended;
            self.write("\n");
        }
    }

    /// What the next one replaces, where that can be.
    fn passing(&mut self, text: &str) {
        let line = self.numbered(text);
        match self.form {
            Form::Log => self.write(&format!("{line}\n")),
            Form::Terminal(width) => {
                // A line that fills the terminal would wrap, and only its last part could be rewritten.
                let line = cut(&line, usize::from(width()).saturating_sub(1));
                self.line = Line::Open;
                self.write(&format!("\r{line}\x1b[K"));
            }
        }
    }

    /// What stays.
    fn lasting(&mut self, text: &str) {
        let line = self.numbered(text);
        self.line = Line::Ended;
        match self.form {
            Form::Log => self.write(&format!("{line}\n")),
            Form::Terminal(_) => self.write(&format!("\r{line}\x1b[K\n")),
        }
    }

    fn numbered(&self, text: &str) -> String {
        clean::text(&format!("[{}/{}] {}: {text}", self.step, self.total, self.title))
    }

    fn write(&mut self, text: &str) {
        // A closed standard output is nobody's loss: the work goes on.
        let _closed = self.out.write_all(text.as_bytes()).and_then(|()| self.out.flush());
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.end_line();
    }
}

/// The beginning of a line that takes at most `width` columns.
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

    /// What is written of a broker that wavers and a worker that is ready at once.
    fn written(form: Form) -> String {
        let shared = Shared::default();
        let mut progress = Progress::new(Box::new(shared.clone()), form, 2);
        progress.begin("broker");
        for reason in ["no pod", "no pod", "pulling\u{1b}", "no pod", "pulling"] {
            progress.waiting(reason);
        }
        progress.doing("one made");
        progress.note("two changed");
        progress.done("ready");
        progress.begin("worker");
        drop(progress);
        String::from_utf8(shared.0.lock().unwrap().clone()).unwrap()
    }

    #[test]
    fn a_log_tells_each_reason_once() {
        assert_eq!(
            written(Form::Log),
            "[1/2] broker: …\n[1/2] broker: waiting: no pod\n[1/2] broker: waiting: pulling\n\
             [1/2] broker: one made\n[1/2] broker: two changed\n[1/2] broker: ready\n[2/2] worker: …\n"
        );
    }

    #[test]
    fn a_terminal_has_one_line_a_step() {
        let text = written(Form::Terminal(|| 25));
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
