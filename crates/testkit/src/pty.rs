//! Runs a program in a pseudo-terminal, sends keys and reads its screen.

use std::fs::OpenOptions;
use std::io::{Read, Write};
use std::num::NonZero;
use std::os::unix::fs::OpenOptionsExt as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};

use rustix::termios::LocalModes;

use crate::wait;

/// Keeps the device from becoming the controlling terminal of the tests.
const NO_CONTROLLING_TERMINAL: i32 = rustix::fs::OFlags::NOCTTY.bits().cast_signed();

/// The output of the program so far, as bytes and as a screen.
struct Output {
    bytes: Vec<u8>,
    parser: vt100::Parser,
}

/// Terminal modes that a full-screen program changes and must restore. The default is that of a shell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Modes {
    /// No line editing, no echo, no signals from keys.
    pub raw: bool,
    /// The alternate screen is active.
    pub alternate_screen: bool,
    /// The cursor is hidden.
    pub hidden_cursor: bool,
    /// The terminal marks pasted text.
    pub bracketed_paste: bool,
    /// The terminal reports the mouse.
    pub mouse: bool,
}

/// A program in a pseudo-terminal. Dropping it kills the program.
pub struct Pty {
    master: Box<dyn MasterPty + Send>,
    writer: Box<dyn Write + Send>,
    child: Box<dyn Child + Send + Sync>,
    output: Arc<Mutex<Output>>,
}

/// Starts a program in a terminal, waits until its output satisfies `is_ready`, and takes the terminal away, as the end of a
/// connection does. Zero columns and rows make a terminal that reports no size.
///
/// # Errors
/// Fails if there is no pseudo-terminal, the program does not start, or it ends before it is ready.
pub fn hang_up(
    program: &str,
    arguments: &[&str],
    (columns, rows): (u16, u16),
    is_ready: impl Fn(&[u8]) -> bool,
) -> anyhow::Result<Box<dyn Child + Send + Sync>> {
    let pair = native_pty_system().openpty(size(columns, rows))?;
    let mut command = CommandBuilder::new(program);
    command.args(arguments);
    command.cwd(std::env::current_dir()?);
    command.env("TERM", "xterm-256color");
    let child = pair.slave.spawn_command(command)?;
    drop(pair.slave);
    let mut reader = pair.master.try_clone_reader()?;
    let (mut output, mut buffer) = (Vec::new(), [0_u8; 4096]);
    while !is_ready(&output) {
        let count = reader.read(&mut buffer)?;
        anyhow::ensure!(count > 0, "the program ended: {}", String::from_utf8_lossy(&output));
        output.extend_from_slice(&buffer[..count]);
    }
    Ok(child)
}

fn size(columns: u16, rows: u16) -> PtySize {
    PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 }
}

fn at_least_one(count: u16) -> NonZero<u16> {
    NonZero::new(count).unwrap_or(NonZero::<u16>::MIN)
}

impl Pty {
    /// Starts `program` with `arguments` and extra environment variables in a terminal of the given size.
    ///
    /// `TERM` is `xterm-256color`, the locale uses UTF-8, and `RUST_BACKTRACE` is `0`, so that a backtrace cannot scroll a
    /// message away.
    ///
    /// # Errors
    /// Fails if there is no pseudo-terminal or the program does not start.
    pub fn spawn(
        program: &str,
        arguments: &[&str],
        environment: &[(&str, &str)],
        (columns, rows): (u16, u16),
    ) -> anyhow::Result<Self> {
        let pair = native_pty_system().openpty(size(columns, rows))?;
        let mut command = CommandBuilder::new(program);
        command.args(arguments);
        // The default is $HOME, which a test can set to a missing directory.
        command.cwd(std::env::current_dir()?);
        command.env("TERM", "xterm-256color");
        command.env("LC_ALL", "C.UTF-8");
        command.env("RUST_BACKTRACE", "0");
        for (name, value) in environment {
            command.env(name, value);
        }
        let child = pair.slave.spawn_command(command)?;
        // Only the program keeps the other end, so the output ends with the program.
        drop(pair.slave);
        let mut reader = pair.master.try_clone_reader()?;
        let writer = pair.master.take_writer()?;
        let output = Arc::new(Mutex::new(Output {
            bytes: Vec::new(),
            parser: vt100::Parser::new(at_least_one(rows), at_least_one(columns), 0),
        }));
        let shared = Arc::clone(&output);
        std::thread::spawn(move || {
            let mut buffer = [0_u8; 4096];
            while let Ok(count @ 1..) = reader.read(&mut buffer) {
                let mut output = shared.lock().unwrap_or_else(PoisonError::into_inner);
                output.bytes.extend_from_slice(&buffer[..count]);
                output.parser.process(&buffer[..count]);
            }
        });
        Ok(Self { master: pair.master, writer, child, output })
    }

    fn output(&self) -> MutexGuard<'_, Output> {
        self.output.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Types `text`.
    ///
    /// # Errors
    /// Fails if the terminal is closed.
    pub fn send(&mut self, text: &str) -> anyhow::Result<()> {
        self.writer.write_all(text.as_bytes())?;
        self.writer.flush()?;
        Ok(())
    }

    /// The text of the screen, one line per row.
    #[must_use]
    pub fn screen(&self) -> String {
        self.output().parser.screen().contents()
    }

    /// Calls `inspect` with the screen.
    pub fn with_screen<T>(&self, inspect: impl FnOnce(&vt100::Screen) -> T) -> T {
        inspect(self.output().parser.screen())
    }

    /// Returns whether the alternate screen is active.
    #[must_use]
    pub fn alternate(&self) -> bool {
        self.output().parser.screen().alternate_screen()
    }

    /// The modes of the terminal.
    ///
    /// # Errors
    /// Fails if the terminal's device is not accessible.
    pub fn modes(&self) -> anyhow::Result<Modes> {
        let device = self.master.tty_name().ok_or_else(|| anyhow::anyhow!("the terminal has no name"))?;
        let device =
            OpenOptions::new().read(true).write(true).custom_flags(NO_CONTROLLING_TERMINAL).open(device)?;
        let local = rustix::termios::tcgetattr(&device)?.local_modes;
        let output = self.output();
        let screen = output.parser.screen();
        Ok(Modes {
            raw: !local.intersects(LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG),
            alternate_screen: screen.alternate_screen(),
            hidden_cursor: screen.hide_cursor(),
            bracketed_paste: screen.bracketed_paste(),
            mouse: screen.mouse_protocol_mode() != vt100::MouseProtocolMode::None,
        })
    }

    /// All output of the program so far.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        self.output().bytes.clone()
    }

    /// Waits until `condition` holds for the text of the screen and returns this text.
    ///
    /// # Panics
    /// Panics after [`wait::DEADLINE`].
    pub fn wait_for(&self, what: &str, condition: impl Fn(&str) -> bool) -> String {
        wait::until_blocking(what, || Some(self.screen()).filter(|screen| condition(screen)))
    }

    /// Resizes the window.
    ///
    /// # Errors
    /// Fails if the terminal is closed.
    pub fn resize(&self, columns: u16, rows: u16) -> anyhow::Result<()> {
        self.output().parser.screen_mut().set_size(at_least_one(rows), at_least_one(columns));
        self.master.resize(size(columns, rows))
    }

    /// The program's process id.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.child.process_id()
    }

    /// Kills the program.
    ///
    /// # Errors
    /// Fails if the program has ended already.
    pub fn kill(&mut self) -> anyhow::Result<()> {
        Ok(self.child.kill()?)
    }

    /// Waits for the program to end and returns its exit code, 1 after a signal.
    ///
    /// # Panics
    /// Panics after [`wait::DEADLINE`].
    pub fn exit_code(&mut self) -> u32 {
        let child = &mut self.child;
        wait::until_blocking("the program to end", || child.try_wait().ok().flatten()).exit_code()
    }
}

impl Drop for Pty {
    fn drop(&mut self) {
        let _already_ended = self.child.kill();
    }
}
