//! The terminal: entered, drawn on, and restored, also after a panic.
//!
//! Only the difference between two frames is written, in one write. A frame without a difference writes nothing, so an idle
//! dashboard is silent.

mod cells;
mod job_control;

use std::backtrace::{Backtrace, BacktraceStatus};
use std::io::{self, Write};
use std::sync::{Mutex, MutexGuard, Once, PoisonError};

use crossterm::cursor::{Hide, Show};
use crossterm::event::{DisableBracketedPaste, EnableBracketedPaste};
use crossterm::terminal::{
    BeginSynchronizedUpdate, Clear, ClearType, EndSynchronizedUpdate, EnterAlternateScreen,
    LeaveAlternateScreen,
};
use crossterm::{Command, execute};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use rustix::event::{PollFd, PollFlags};
use text::mask::mask;
use tokio::sync::Notify;

pub(crate) use self::job_control::JobSignal;
use self::job_control::JobSignals;

/// The size of a terminal that reports none, as a serial line does.
const DEFAULT_SIZE: (u16, u16) = (80, 24);

/// Reports of clicks and the wheel, without a limit on columns. crossterm's own command would also report every move of the
/// pointer.
const MOUSE_ON: &str = "\x1b[?1000h\x1b[?1006h";
const MOUSE_OFF: &str = "\x1b[?1006l\x1b[?1000l";

/// True while the real terminal is in the dashboard's modes: a panic in any thread must restore them. Locked while a frame is
/// written, so that a frame cannot be written over the message of a panic in another thread.
static ENTERED: Mutex<bool> = Mutex::new(false);

/// Notified after a panic in any task: the loop ends instead of drawing over the message.
static PANICKED: Notify = Notify::const_new();

/// Notified when the other end of the terminal is closed.
static GONE: Notify = Notify::const_new();

/// A terminal, or a writer in place of one.
pub struct Terminal<W: Write> {
    out: W,
    /// True if `out` is a terminal, with modes to set and restore.
    is_real: bool,
    /// The signals of job control; `None` for a writer.
    jobs: Option<JobSignals>,
    mouse: bool,
    shown: Buffer,
    next: Buffer,
    bytes: String,
    /// True if the content of the screen is unknown.
    is_stale: bool,
}

impl Terminal<io::Stdout> {
    /// Enters the dashboard's modes: raw mode, alternate screen, bracketed paste, no cursor. Dropping the value restores the
    /// terminal, and so does a panic in any thread.
    ///
    /// # Errors
    /// When standard output is not a terminal or its modes cannot be set.
    pub fn enter(mouse: bool) -> io::Result<Self> {
        restore_on_panic();
        let size = real_size()?;
        let mut terminal = Self::with(io::stdout(), size, true);
        terminal.jobs = Some(JobSignals::catch()?);
        watch_the_other_end();
        terminal.mouse = mouse;
        terminal.enter_modes()?;
        Ok(terminal)
    }
}

impl<W: Write> Terminal<W> {
    /// A terminal of that size that writes frames to `out` and sets no modes: for tests and recordings.
    pub fn pretend(out: W, size: (u16, u16)) -> Self {
        Self::with(out, size, false)
    }

    fn with(out: W, (columns, rows): (u16, u16), is_real: bool) -> Self {
        let empty = Buffer::empty(Rect::new(0, 0, columns, rows));
        Self {
            out,
            is_real,
            jobs: None,
            mouse: false,
            shown: empty.clone(),
            next: empty,
            bytes: String::new(),
            is_stale: true,
        }
    }

    fn enter_modes(&mut self) -> io::Result<()> {
        if self.is_real {
            let mut entered = entered();
            crossterm::terminal::enable_raw_mode()?;
            *entered = true;
            execute!(self.out, EnterAlternateScreen, Hide, EnableBracketedPaste)?;
            self.switch_mouse()?;
        }
        self.is_stale = true;
        Ok(())
    }

    fn switch_mouse(&mut self) -> io::Result<()> {
        self.out.write_all(if self.mouse { MOUSE_ON } else { MOUSE_OFF }.as_bytes())?;
        self.out.flush()
    }

    /// Switches mouse reports on or off. While they are off, the terminal selects text with the mouse.
    ///
    /// # Errors
    /// When the terminal cannot be written.
    pub fn set_mouse(&mut self, on: bool) -> io::Result<()> {
        if self.mouse != on {
            self.mouse = on;
            if self.is_real {
                let entered = entered();
                if *entered {
                    self.switch_mouse()?;
                }
            }
        }
        Ok(())
    }

    /// Restores the terminal. May be called more than once.
    pub fn leave(&mut self) {
        if self.is_real {
            restore();
        }
    }

    /// The writer in place of a terminal.
    pub(crate) fn writer(&mut self) -> &mut W {
        &mut self.out
    }

    /// Columns and rows.
    #[must_use]
    pub fn size(&self) -> (u16, u16) {
        (self.next.area.width, self.next.area.height)
    }

    /// Changes the size of the frames.
    pub fn resize(&mut self, (columns, rows): (u16, u16)) {
        if (columns, rows) != self.size() {
            let area = Rect::new(0, 0, columns, rows);
            self.shown.resize(area);
            self.next.resize(area);
            self.is_stale = true;
        }
    }

    /// Forgets the content of the screen: the next frame is written as a whole.
    pub fn forget(&mut self) {
        self.is_stale = true;
    }

    /// Draws a frame and writes the difference to the last one. Returns what `draw` returns.
    ///
    /// # Errors
    /// When the terminal cannot be written.
    pub fn draw<T>(&mut self, draw: impl FnOnce(Rect, &mut Buffer) -> T) -> io::Result<T> {
        self.next.reset();
        let drawn = draw(self.next.area, &mut self.next);
        self.write_difference()?;
        Ok(drawn)
    }

    fn write_difference(&mut self) -> io::Result<()> {
        self.bytes.clear();
        if !self.is_stale && self.shown == self.next {
            return Ok(());
        }
        BeginSynchronizedUpdate.write_ansi(&mut self.bytes).map_err(io::Error::other)?;
        if self.is_stale {
            Clear(ClearType::All).write_ansi(&mut self.bytes).map_err(io::Error::other)?;
            self.shown.reset();
        }
        cells::write(&mut self.bytes, &self.shown, &self.next);
        EndSynchronizedUpdate.write_ansi(&mut self.bytes).map_err(io::Error::other)?;
        let entered = self.is_real.then(entered);
        if entered.as_deref() == Some(&false) {
            // A panic in another thread has restored the terminal.
            return Ok(());
        }
        self.out.write_all(self.bytes.as_bytes())?;
        self.out.flush()?;
        drop(entered);
        self.is_stale = false;
        std::mem::swap(&mut self.shown, &mut self.next);
        Ok(())
    }

    /// Asks the whole process group to stop, as a shell's Ctrl-Z does: a `cargo run` around it stops too, and the shell shows
    /// its prompt. This process gets the request as a [`JobSignal`].
    ///
    /// # Errors
    /// The error of the system, if it does not send the signal.
    pub(crate) fn ask_to_stop(&self) -> io::Result<()> {
        if self.is_real {
            rustix::process::kill_current_process_group(rustix::process::Signal::TSTP)?;
        }
        Ok(())
    }

    /// The next signal of job control.
    pub(crate) async fn job_signal(&mut self) -> JobSignal {
        match &mut self.jobs {
            Some(jobs) => jobs.next().await,
            None => std::future::pending().await,
        }
    }

    /// Restores the terminal, stops this process, and enters the modes again when it continues.
    ///
    /// # Errors
    /// The error of the system, if it does not stop the process or does not take the modes again.
    pub(crate) fn suspend(&mut self) -> io::Result<()> {
        restore();
        job_control::stop()?;
        self.resume()
    }

    /// Enters the modes again after the process continued. A shell may have changed them.
    ///
    /// # Errors
    /// The error of the terminal, if it does not take the modes.
    pub(crate) fn resume(&mut self) -> io::Result<()> {
        // Else crossterm takes the modes for those that it set.
        crossterm::terminal::disable_raw_mode()?;
        self.enter_modes()?;
        self.resize(real_size()?);
        Ok(())
    }
}

/// The size of the real terminal.
fn real_size() -> io::Result<(u16, u16)> {
    crossterm::terminal::size().map(usable_size)
}

/// The size, or the default for a terminal that reports none.
pub(crate) fn usable_size((columns, rows): (u16, u16)) -> (u16, u16) {
    if columns == 0 || rows == 0 { DEFAULT_SIZE } else { (columns, rows) }
}

/// Waits in a thread until the other end of the terminal is closed. A shell that ignores SIGHUP passes no signal on, and
/// crossterm reads such a terminal in an endless loop. The thread ends with the process.
fn watch_the_other_end() {
    std::thread::spawn(|| {
        let input = io::stdin();
        // Without a wish for readiness, only a hang-up or an error ends the wait.
        let mut ends = [PollFd::new(&input, PollFlags::empty())];
        while rustix::event::poll(&mut ends, None) == Err(rustix::io::Errno::INTR) {}
        GONE.notify_one();
    });
}

/// Returns when the other end of the terminal is closed.
pub(crate) async fn gone() {
    GONE.notified().await;
}

impl<W: Write> Drop for Terminal<W> {
    fn drop(&mut self) {
        self.leave();
    }
}

/// Restores the real terminal if it was entered. Errors are ignored: there is no place left to report them.
pub(crate) fn restore() {
    let mut entered = entered();
    if std::mem::take(&mut *entered) {
        let mut out = io::stdout();
        let _ = out.write_all(MOUSE_OFF.as_bytes());
        let _ = execute!(out, EndSynchronizedUpdate, DisableBracketedPaste, LeaveAlternateScreen, Show);
        let _ = crossterm::terminal::disable_raw_mode();
    }
}

fn entered() -> MutexGuard<'static, bool> {
    ENTERED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Installs a panic hook that restores the terminal before the message is written, and ends the loop.
fn restore_on_panic() {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            restore();
            before(panic);
            PANICKED.notify_one();
        }));
    });
}

/// Installs a panic hook that reports a panic without secrets: its message may quote a URL or a setting.
pub fn mask_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let text = panic.to_string();
        let trace = Backtrace::capture();
        let trace =
            if trace.status() == BacktraceStatus::Captured { format!("\n{trace}") } else { String::new() };
        // Standard error may be closed, and a second panic would abort.
        let _closed = writeln!(io::stderr(), "{}{trace}", mask(&text));
    }));
}

/// Returns after a panic in any thread.
pub(crate) async fn panicked() {
    PANICKED.notified().await;
}

#[cfg(test)]
mod tests {
    use ratatui::style::Style;

    use super::*;

    fn draw(terminal: &mut Terminal<Vec<u8>>, text: &str) -> usize {
        let before = terminal.out.len();
        let draw = |_, buffer: &mut Buffer| {
            buffer.set_string(0, 0, text, Style::new());
        };
        terminal.draw(draw).unwrap();
        terminal.out.len() - before
    }

    #[test]
    fn an_unchanged_frame_writes_nothing() {
        let mut terminal = Terminal::pretend(Vec::new(), (20, 2));
        assert!(draw(&mut terminal, "hello") > 0);
        assert_eq!(draw(&mut terminal, "hello"), 0);
        assert!(draw(&mut terminal, "hullo") > 0);
        assert_eq!(draw(&mut terminal, "hullo"), 0);
        terminal.forget();
        assert!(draw(&mut terminal, "hullo") > 0);
    }

    #[test]
    fn a_frame_after_a_panic_is_not_written() {
        let mut terminal = Terminal::with(Vec::new(), (20, 2), true);
        *entered() = true;
        let panicking = |_, buffer: &mut Buffer| {
            *entered() = false;
            buffer.set_string(0, 0, "hello", Style::new());
        };
        terminal.draw(panicking).unwrap();
        terminal.set_mouse(true).unwrap();
        assert!(terminal.out.is_empty());
    }

    #[test]
    fn the_terminal_shows_the_drawn_frame() {
        let mut terminal = Terminal::pretend(Vec::new(), (20, 2));
        for text in ["hello, world", "hello", "日本 and more", "x"] {
            draw(&mut terminal, text);
            let mut parser = testkit::vt100::Parser::new(2.try_into().unwrap(), 20.try_into().unwrap(), 0);
            parser.process(&terminal.out);
            assert_eq!(parser.screen().contents().trim_end(), text);
        }
    }

    #[test]
    fn a_resized_frame_is_written_as_a_whole() {
        let mut terminal = Terminal::pretend(Vec::new(), (20, 2));
        draw(&mut terminal, "hello");
        terminal.resize((10, 3));
        assert_eq!(terminal.size(), (10, 3));
        assert!(draw(&mut terminal, "hello") > 0);
    }
}
