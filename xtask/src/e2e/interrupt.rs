//! Signals: the first Ctrl-C ends the running test, so that the suite can remove the demo; the second ends the suite.

use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use rustix::process::{Pid, Signal, kill_process_group};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

/// Time between SIGTERM and SIGKILL.
const GRACE_PERIOD: Duration = Duration::from_secs(20);

/// Time between two checks of a process.
const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// A flag that the first signal sets.
#[derive(Clone, Default)]
pub(super) struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// Installs the handlers: the first signal sets the flag, the second one ends this process.
    ///
    /// # Errors
    /// When the system refuses a handler.
    pub(super) fn install() -> anyhow::Result<Self> {
        let requested = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM, SIGHUP] {
            // The order matters: the second signal finds the flag that the first one set.
            signal_hook::flag::register_conditional_default(signal, Arc::clone(&requested))
                .and_then(|_id| signal_hook::flag::register(signal, Arc::clone(&requested)))
                .context("cannot install signal handlers")?;
        }
        Ok(Self(requested))
    }

    /// Returns true after a signal.
    pub(super) fn requested(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// The end of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// Exit code 0.
    Success,
    /// Another exit code, or a signal that this process did not send.
    Failure,
    /// This process ended it after its time limit.
    TimedOut,
    /// This process ended it after a signal of the user.
    Interrupted,
}

/// Runs a command as the leader of its own process group. Its children end with it, and a Ctrl-C in the terminal reaches
/// only this process.
///
/// # Errors
/// When the command cannot be started, or its status cannot be read.
pub(super) fn run(command: &mut Command, timeout: Duration, interrupt: &Interrupt) -> anyhow::Result<End> {
    let program = command.get_program().to_owned();
    let mut child =
        command.process_group(0).spawn().with_context(|| format!("cannot start {}", program.display()))?;
    let began = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(if status.success() { End::Success } else { End::Failure });
        }
        let end = match () {
            () if interrupt.requested() => End::Interrupted,
            () if began.elapsed() > timeout => End::TimedOut,
            () => {
                std::thread::sleep(POLL_INTERVAL);
                continue;
            }
        };
        end_group(&mut child)?;
        return Ok(end);
    }
}

/// Sends SIGTERM to the group, and SIGKILL after [`GRACE_PERIOD`].
fn end_group(child: &mut Child) -> anyhow::Result<()> {
    let group = Pid::from_child(child);
    let _gone = kill_process_group(group, Signal::TERM);
    let sent = Instant::now();
    while child.try_wait()?.is_none() && sent.elapsed() < GRACE_PERIOD {
        std::thread::sleep(POLL_INTERVAL);
    }
    let _gone = kill_process_group(group, Signal::KILL);
    child.wait()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn run_reports_the_end_of_a_process() {
        let (none, long) = (Interrupt::default(), Duration::from_secs(120));
        for (script, expected) in
            [("exit 0", End::Success), ("exit 3", End::Failure), ("kill -9 $$", End::Failure)]
        {
            assert_eq!(run(&mut shell(script), long, &none).unwrap(), expected, "{script}");
        }
    }

    #[test]
    fn children_end_with_their_process() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("pid");
        let script = format!("sleep 600 & echo $! >{}; wait", file.display());
        let interrupt = Interrupt(Arc::new(AtomicBool::new(false)));
        let (flag, written) = (interrupt.clone(), file.clone());
        let setter = std::thread::spawn(move || {
            testkit::wait::until_blocking("the process to run", || {
                std::fs::read_to_string(&written).ok().filter(|text| text.ends_with('\n'))
            });
            flag.0.store(true, Ordering::Relaxed);
        });
        assert_eq!(run(&mut shell(&script), Duration::from_secs(120), &interrupt).unwrap(), End::Interrupted);
        setter.join().unwrap();
        let pid: i32 = std::fs::read_to_string(file).unwrap().trim().parse().unwrap();
        // Its new parent may take a while to reap it.
        testkit::wait::until_blocking("its child to be gone", || {
            let state = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            state
                .rsplit(") ")
                .next()
                .is_none_or(|rest| rest.is_empty() || rest.starts_with(['Z', 'X']))
                .then_some(())
        });
    }

    #[test]
    fn run_ends_a_process_after_its_timeout() {
        let end = run(&mut shell("sleep 600"), Duration::ZERO, &Interrupt::default()).unwrap();
        assert_eq!(end, End::TimedOut);
    }
}
