//! The terminal: taken over, drawn on, and given back, whatever happens.
//!
//! Frames are compared here and only the difference is written, in one piece; a frame without a difference writes
//! nothing at all, so an idle dashboard is silent.

mod cells;

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
use tokio::sync::Notify;

/// Clicks and the wheel, in the form without a limit on columns. Not the pointer's every move, which crossterm's own
/// command would ask for too.
const MOUSE_ON: &str = "\x1b[?1000h\x1b[?1006h";
const MOUSE_OFF: &str = "\x1b[?1006l\x1b[?1000l";

/// Whether the real terminal is ours, so that a panic anywhere knows whether there is something to give back. Locked
/// while it is written to: a frame begun before a panic in another thread must not be written over its message.
static TAKEN: Mutex<bool> = Mutex::new(false);

/// Told when some task has panicked, so that the loop ends instead of drawing over the message.
static PANICKED: Notify = Notify::const_new();

/// A terminal, real or pretended.
pub struct Terminal<W: Write> {
    out: W,
    /// Whether `out` is the real terminal, with modes to set and take back.
    is_real: bool,
    mouse: bool,
    shown: Buffer,
    next: Buffer,
    bytes: String,
    /// Whether what is on the screen is unknown.
    is_stale: bool,
}

impl Terminal<io::Stdout> {
    /// Takes the terminal over: raw mode, alternate screen, bracketed paste, no cursor. Dropping gives it back, and
    /// so does a panic in any thread.
    ///
    /// # Errors
    /// When standard output is no terminal or its modes cannot be set.
    pub fn enter(mouse: bool) -> io::Result<Self> {
        give_back_on_panic();
        let size = crossterm::terminal::size()?;
        let mut terminal = Self::with(io::stdout(), size, true);
        terminal.mouse = mouse;
        terminal.take()?;
        Ok(terminal)
    }
}

impl<W: Write> Terminal<W> {
    /// A terminal of that size that only writes to `out`: for tests and recordings.
    pub fn pretend(out: W, size: (u16, u16)) -> Self {
        Self::with(out, size, false)
    }

    fn with(out: W, (columns, rows): (u16, u16), is_real: bool) -> Self {
        let empty = Buffer::empty(Rect::new(0, 0, columns, rows));
        Self {
            out,
            is_real,
            mouse: false,
            shown: empty.clone(),
            next: empty,
            bytes: String::new(),
            is_stale: true,
        }
    }

    fn take(&mut self) -> io::Result<()> {
        if self.is_real {
            let mut taken = taken();
            crossterm::terminal::enable_raw_mode()?;
            *taken = true;
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

    /// Switches the mouse on or off; off leaves it to the terminal, to select text with.
    ///
    /// # Errors
    /// When the terminal cannot be written to.
    pub fn set_mouse(&mut self, on: bool) -> io::Result<()> {
        if self.mouse != on {
            self.mouse = on;
            if self.is_real {
                let taken = taken();
                if *taken {
                    self.switch_mouse()?;
                }
            }
        }
        Ok(())
    }

    /// Gives the terminal back. May be called more than once.
    pub fn leave(&mut self) {
        if self.is_real {
            give_back();
        }
    }

    /// Columns and rows.
    #[must_use]
    pub fn size(&self) -> (u16, u16) {
        (self.next.area.width, self.next.area.height)
    }

    /// The window has another size now.
    pub fn resize(&mut self, (columns, rows): (u16, u16)) {
        if (columns, rows) != self.size() {
            let area = Rect::new(0, 0, columns, rows);
            self.shown.resize(area);
            self.next.resize(area);
            self.is_stale = true;
        }
    }

    /// Forgets what is on the screen: the next frame is written whole.
    pub fn forget(&mut self) {
        self.is_stale = true;
    }

    /// Draws a frame and writes what differs from the last one.
    ///
    /// # Errors
    /// When the terminal cannot be written to.
    pub fn draw(&mut self, draw: impl FnOnce(Rect, &mut Buffer)) -> io::Result<()> {
        self.next.reset();
        draw(self.next.area, &mut self.next);
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
        let taken = self.is_real.then(taken);
        if taken.as_deref() == Some(&false) {
            // Given back by a panic in some thread.
            return Ok(());
        }
        self.out.write_all(self.bytes.as_bytes())?;
        self.out.flush()?;
        drop(taken);
        self.is_stale = false;
        std::mem::swap(&mut self.shown, &mut self.next);
        Ok(())
    }

    /// Gives the terminal back, stops this process group as a shell's Ctrl-Z would, and takes the terminal over again
    /// when it goes on.
    ///
    /// # Errors
    /// When the terminal cannot be taken over again.
    pub fn suspend(&mut self) -> io::Result<()> {
        if !self.is_real {
            return Ok(());
        }
        give_back();
        // The whole group, so that a `cargo run` around it stops too and the shell gets its prompt. Returns when the
        // shell continues it, or at once where nobody could (no job control).
        rustix::process::kill_current_process_group(rustix::process::Signal::TSTP)?;
        self.take()?;
        let size = crossterm::terminal::size()?;
        self.resize(size);
        Ok(())
    }
}

impl<W: Write> Drop for Terminal<W> {
    fn drop(&mut self) {
        self.leave();
    }
}

/// Gives the real terminal back if it is taken. Errors are ignored: there is nobody left to tell.
pub(crate) fn give_back() {
    let mut taken = taken();
    if std::mem::take(&mut *taken) {
        let mut out = io::stdout();
        let _ = out.write_all(MOUSE_OFF.as_bytes());
        let _ = execute!(out, EndSynchronizedUpdate, DisableBracketedPaste, LeaveAlternateScreen, Show);
        let _ = crossterm::terminal::disable_raw_mode();
    }
}

fn taken() -> MutexGuard<'static, bool> {
    TAKEN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// From now on a panic in any thread gives the terminal back before its message is written, and ends the loop.
fn give_back_on_panic() {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            give_back();
            before(panic);
            PANICKED.notify_one();
        }));
    });
}

/// Returns once some thread has panicked.
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
    fn a_frame_that_a_panic_overtook_is_not_written() {
        let mut terminal = Terminal::with(Vec::new(), (20, 2), true);
        *taken() = true;
        let overtaken = |_, buffer: &mut Buffer| {
            *taken() = false;
            buffer.set_string(0, 0, "hello", Style::new());
        };
        terminal.draw(overtaken).unwrap();
        terminal.set_mouse(true).unwrap();
        assert!(terminal.out.is_empty());
    }

    #[test]
    fn what_is_written_is_what_was_drawn() {
        let mut terminal = Terminal::pretend(Vec::new(), (20, 2));
        for text in ["hello, world", "hello", "日本 and more", "x"] {
            draw(&mut terminal, text);
            let mut parser = testkit::vt100::Parser::new(2.try_into().unwrap(), 20.try_into().unwrap(), 0);
            parser.process(&terminal.out);
            assert_eq!(parser.screen().contents().trim_end(), text);
        }
    }

    #[test]
    fn another_size_is_drawn_whole() {
        let mut terminal = Terminal::pretend(Vec::new(), (20, 2));
        draw(&mut terminal, "hello");
        terminal.resize((10, 3));
        assert_eq!(terminal.size(), (10, 3));
        assert!(draw(&mut terminal, "hello") > 0);
    }
}
