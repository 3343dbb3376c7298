//! Ctrl-Z, `kill -TSTP`, `fg` and `kill -CONT`.

use std::io;

use rustix::process::Signal;
use tokio::signal::unix::SignalKind;

/// A signal of job control.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum JobSignal {
    /// SIGTSTP: the process should stop.
    Stop,
    /// SIGCONT: the process was stopped and continues.
    Continue,
}

/// The caught signals.
pub(super) struct JobSignals {
    stop: tokio::signal::unix::Signal,
    resume: tokio::signal::unix::Signal,
}

impl JobSignals {
    /// Catches the signals from now on.
    ///
    /// # Errors
    /// The error of the system, if it refuses a handler.
    pub(super) fn catch() -> io::Result<Self> {
        let caught = |signal: Signal| tokio::signal::unix::signal(SignalKind::from_raw(signal.as_raw()));
        Ok(Self { stop: caught(Signal::TSTP)?, resume: caught(Signal::CONT)? })
    }

    /// The next signal.
    pub(super) async fn next(&mut self) -> JobSignal {
        tokio::select! {
            _ = self.stop.recv() => JobSignal::Stop,
            _ = self.resume.recv() => JobSignal::Continue,
        }
    }
}

/// Stops this process with the default action of SIGTSTP, and returns when it continues. Unlike SIGSTOP, the default action
/// does nothing in an orphaned process group, which no shell would continue.
///
/// # Errors
/// The error of the system, if it refuses to change the action.
#[expect(unsafe_code, reason = "no safe interface changes the action of a signal")]
pub(super) fn stop() -> io::Result<()> {
    let checked = |code: libc::c_int| if code == 0 { Ok(()) } else { Err(io::Error::last_os_error()) };
    // SAFETY: zeros are a valid `sigaction`, the pointers are valid for each call, and the default action runs no code of this
    // process. The handler that was there before is put back.
    unsafe {
        let mut default: libc::sigaction = std::mem::zeroed();
        default.sa_sigaction = libc::SIG_DFL;
        let mut before: libc::sigaction = std::mem::zeroed();
        checked(libc::sigaction(libc::SIGTSTP, &raw const default, &raw mut before))?;
        let raised = checked(libc::raise(libc::SIGTSTP));
        checked(libc::sigaction(libc::SIGTSTP, &raw const before, std::ptr::null_mut()))?;
        raised
    }
}
