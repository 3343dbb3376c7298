//! Ctrl-C and its like: what runs is ended, what was installed is removed, and only a second one ends the removal too.

use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use rustix::process::{Pid, Signal, kill_process_group};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

/// How long a process may take to end after it was asked to.
const FAREWELL: Duration = Duration::from_secs(20);

/// Between two looks at a process.
const LOOK: Duration = Duration::from_millis(100);

/// Whether somebody asked for the end.
#[derive(Clone, Default)]
pub(super) struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// From now on the first signal is noted, and the second one ends this process as it would any other.
    ///
    /// # Errors
    /// When the system takes no handler.
    pub(super) fn watched() -> anyhow::Result<Self> {
        let asked = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM, SIGHUP] {
            // The order counts: the second signal finds what the first one noted.
            signal_hook::flag::register_conditional_default(signal, Arc::clone(&asked))
                .and_then(|_id| signal_hook::flag::register(signal, Arc::clone(&asked)))
                .context("signals cannot be caught")?;
        }
        Ok(Self(asked))
    }

    /// Whether a signal came.
    pub(super) fn came(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// How a process came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// By itself, with exit code 0.
    Well,
    /// By itself, with another one or by a signal.
    Badly,
    /// It was late.
    Late,
    /// Somebody asked for the end.
    Interrupted,
}

/// Runs a command as the leader of a process group of its own, so that what it started ends with it, and a Ctrl-C of the
/// terminal reaches this process alone.
///
/// # Errors
/// When it cannot be started or waited for.
pub(super) fn run(command: &mut Command, within: Duration, interrupt: &Interrupt) -> anyhow::Result<End> {
    let program = command.get_program().to_owned();
    let mut child = command
        .process_group(0)
        .spawn()
        .with_context(|| format!("{} cannot be started", program.display()))?;
    let began = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(if status.success() { End::Well } else { End::Badly });
        }
        let end = match () {
            () if interrupt.came() => End::Interrupted,
            () if began.elapsed() > within => End::Late,
            () => {
                std::thread::sleep(LOOK);
                continue;
            }
        };
        end_group(&mut child)?;
        return Ok(end);
    }
}

/// Asks the group to end, and makes it.
fn end_group(child: &mut Child) -> anyhow::Result<()> {
    let group = Pid::from_child(child);
    let _gone = kill_process_group(group, Signal::TERM);
    let asked = Instant::now();
    while child.try_wait()?.is_none() && asked.elapsed() < FAREWELL {
        std::thread::sleep(LOOK);
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
    fn how_a_process_ends_is_told() {
        let (none, long) = (Interrupt::default(), Duration::from_secs(120));
        for (script, expected) in [("exit 0", End::Well), ("exit 3", End::Badly), ("kill -9 $$", End::Badly)]
        {
            assert_eq!(run(&mut shell(script), long, &none).unwrap(), expected, "{script}");
        }
    }

    #[test]
    fn what_a_process_started_ends_with_it() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("pid");
        let script = format!("sleep 600 & echo $! >{}; wait", file.display());
        let came = Interrupt(Arc::new(AtomicBool::new(false)));
        let (asked, written) = (came.clone(), file.clone());
        let asking = std::thread::spawn(move || {
            testkit::wait::until_blocking("the process to run", || {
                std::fs::read_to_string(&written).ok().filter(|text| text.ends_with('\n'))
            });
            asked.0.store(true, Ordering::Relaxed);
        });
        assert_eq!(run(&mut shell(&script), Duration::from_secs(120), &came).unwrap(), End::Interrupted);
        asking.join().unwrap();
        let pid: i32 = std::fs::read_to_string(file).unwrap().trim().parse().unwrap();
        // Whoever inherits it may be slow to bury it.
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
    fn a_process_that_is_late_is_ended() {
        let end = run(&mut shell("sleep 600"), Duration::ZERO, &Interrupt::default()).unwrap();
        assert_eq!(end, End::Late);
    }
}
