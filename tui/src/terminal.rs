//! The terminal: taken over, drawn on, and restored.
//!
//! Only the difference between two frames is written, in one piece. A frame without a difference writes nothing, so an idle
//! dashboard is silent.

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

/// Clicks and the wheel, in the form without a limit on columns. crossterm's own command would also report every move.
const MOUSE_ON: &str = "\x1b[?1000h\x1b[?1006h";
const MOUSE_OFF: &str = "\x1b[?1006l\x1b[?1000l";

/// Set while this program owns the terminal, so that a panic knows whether to restore it. Locked during a write: a frame
/// that was begun before a panic in another thread must not overwrite its message.
static TAKEN: Mutex<bool> = Mutex::new(false);

/// Notified when a task panicked, so that the loop ends instead of drawing over the message.
static PANICKED: Notify = Notify::const_new();

/// A real or a simulated terminal.
pub struct Terminal<W: Write> {
    out: W,
    /// Set if `out` is the real terminal, with modes to set and restore.
    is_real: bool,
    mouse: bool,
    shown: Buffer,
    next: Buffer,
    bytes: String,
    /// Set if the content of the screen is unknown.
    is_stale: bool,
}

impl Terminal<io::Stdout> {
    /// Takes the terminal: raw mode, alternate screen, bracketed paste, no cursor. Dropping the value restores it, and so does a
    /// panic in any thread.
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

    /// Switches the mouse on or off; when off, the terminal selects text with it.
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

    /// Restores the terminal. Can be called more than once.
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

    /// Notes a new size of the window.
    pub fn resize(&mut self, (columns, rows): (u16, u16)) {
        if (columns, rows) != self.size() {
            let area = Rect::new(0, 0, columns, rows);
            self.shown.resize(area);
            self.next.resize(area);
            self.is_stale = true;
        }
    }

    /// Forgets the screen: the next frame is written whole.
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
            // A panic in another thread has restored it.
            return Ok(());
        }
        self.out.write_all(self.bytes.as_bytes())?;
        self.out.flush()?;
        drop(taken);
        self.is_stale = false;
        std::mem::swap(&mut self.shown, &mut self.next);
        Ok(())
    }

    /// Restores the terminal, stops this process group as a shell's Ctrl-Z does, and takes the terminal again afterwards.
    ///
    /// # Errors
    /// When the terminal cannot be taken over again.
    pub fn suspend(&mut self) -> io::Result<()> {
        if !self.is_real {
            return Ok(());
        }
        give_back();
        // The whole group, so that a `cargo run` around it stops too and the shell gets its prompt. Returns when the shell
        // continues it, or at once without job control.
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

/// Restores the real terminal if it is taken. Errors are ignored: there is no place left to report them.
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

/// From now on a panic in any thread restores the terminal before its message is written, and ends the loop.
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

/// Returns once a thread has panicked.
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
    fn a_frame_is_not_written_over_a_panic() {
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
    fn the_written_cells_are_the_drawn_cells() {
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
