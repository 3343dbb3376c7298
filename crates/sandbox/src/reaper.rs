//! The reaper: a small child process that cleans up after the sandbox, even after `kill -9`.
//!
//! # How it works
//!
//! The reaper reads a pipe. The sandbox holds the writing end, and so does each pod's process from its fork until its
//! exec (the descriptor is close-on-exec). Between the two, in the child itself, the pod's process writes its process
//! group to the pipe (`Lifeline::register`). So the pipe's end comes only when the sandbox is gone **and** every
//! child that it ever forked has either registered or died: no pod can run without being on the reaper's list or in
//! the pipe on its way there. The sandbox removes a group that has ended from the list, because the system may reuse
//! the number.
//!
//! At the end of the pipe the reaper sends SIGKILL to every group on its list, which ends stopped processes too,
//! removes the folders and files on its list, and ends. It runs in a process group of its own and ignores the signals
//! with which a terminal or a service manager ends the sandbox's group, because these could reach it too. If the
//! reaper dies first, the sandbox starts another one and sends it the whole list. While there is no reaper, no pod
//! starts: its write to the pipe ends it with SIGPIPE.
//!
//! Limit: a pod that leaves its process group (`setsid`) escapes the reaper, as it would escape a shell.
//!
//! # Protocol
//!
//! Lines: `+PGID` and `-PGID`; `d HEX` and `f HEX` name a folder and a file to remove, in hexadecimal so that no path
//! can break a line. Each is shorter than `PIPE_BUF`, so writes of several processes do not mix. The reaper
//! writes `ready` to its standard output once it ignores signals.

use std::collections::BTreeSet;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::AsyncBufReadExt as _;
use tokio::signal::unix::{SignalKind, signal};

use crate::config::Argv;
use crate::error::Error;

/// Time limit for the reaper to report `ready`.
const READY_TIMEOUT: Duration = Duration::from_secs(10);
/// Attempts to remove a folder into which dying processes may still write.
const REMOVAL_ATTEMPTS: u32 = 20;
/// Pause between these attempts.
const REMOVAL_RETRY_DELAY: Duration = Duration::from_millis(5);

/// Runs the reaper until `pipe` has ended and everything on its list is cleaned up.
///
/// # Errors
/// Returns an error when signals cannot be caught, because then the reaper could not outlive its parent.
pub fn run(pipe: impl Read) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    let _entered = runtime.enter();
    // Catches the signals instead of ignoring them: a child would inherit ignored signals.
    let _caught =
        [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup(), SignalKind::quit()]
            .map(signal)
            .into_iter()
            .collect::<io::Result<Vec<_>>>()?;
    let mut stdout = io::stdout();
    stdout.write_all(b"ready\n")?;
    stdout.flush()?;

    let mut list = CleanupList::default();
    for line in BufReader::new(pipe).split(b'\n') {
        // Reading a pipe fails only for a wrong descriptor: clean up as at its end.
        let Ok(line) = line else { break };
        list.record(&String::from_utf8_lossy(&line));
    }
    list.run();
    Ok(())
}

/// Process groups to kill, and folders and files to remove.
#[derive(Debug, Default, PartialEq, Eq)]
struct CleanupList {
    groups: BTreeSet<i32>,
    folders: BTreeSet<PathBuf>,
    files: BTreeSet<PathBuf>,
}

impl CleanupList {
    fn record(&mut self, line: &str) {
        if let Some(group) = line.strip_prefix('+').and_then(|number| number.parse().ok()) {
            self.groups.insert(group);
        } else if let Some(group) = line.strip_prefix('-').and_then(|number| number.parse().ok()) {
            self.groups.remove(&group);
        } else if let Some(path) = line.strip_prefix("d ").and_then(unhex) {
            self.folders.insert(path);
        } else if let Some(path) = line.strip_prefix("f ").and_then(unhex) {
            self.files.insert(path);
        }
    }

    fn run(&self) {
        for group in &self.groups {
            kill_group(*group, Signal::KILL);
        }
        for file in &self.files {
            let _gone_already = std::fs::remove_file(file);
        }
        for folder in &self.folders {
            for _ in 0..REMOVAL_ATTEMPTS {
                match std::fs::remove_dir_all(folder) {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => {
                        std::thread::sleep(REMOVAL_RETRY_DELAY);
                    }
                    _ => break,
                }
            }
        }
    }
}

/// Signals a process group. Returns false when there is no such group.
pub(crate) fn kill_group(group: i32, signal: Signal) -> bool {
    Pid::from_raw(group)
        .filter(|pid| !pid.is_init())
        .is_some_and(|pid| kill_process_group(pid, signal).is_ok())
}

fn hex(path: &Path) -> String {
    use std::fmt::Write as _;
    use std::os::unix::ffi::OsStrExt as _;
    path.as_os_str().as_bytes().iter().fold(String::new(), |mut text, byte| {
        let _infallible = write!(text, "{byte:02x}");
        text
    })
}

fn unhex(text: &str) -> Option<PathBuf> {
    use std::os::unix::ffi::OsStringExt as _;
    let text = text.as_bytes();
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    if !text.len().is_multiple_of(2) {
        return None;
    }
    let bytes: Option<Vec<u8>> = text.chunks(2).map(byte).collect();
    Some(PathBuf::from(std::ffi::OsString::from_vec(bytes?)))
}

/// The sandbox's end of the pipe: sends the reaper its list and keeps a reaper running.
#[derive(Clone)]
pub(crate) struct Lifeline {
    shared: Arc<Shared>,
}

struct Shared {
    argv: Argv,
    folder: PathBuf,
    kubeconfig: PathBuf,
    state: Mutex<LifelineState>,
}

struct LifelineState {
    /// The pipe's writing end; `None` once the sandbox ends.
    pipe: Option<Arc<OwnedFd>>,
    groups: BTreeSet<i32>,
}

impl Lifeline {
    /// Starts the reaper and waits until it is ready. Returns the task that supervises it, too.
    pub(crate) async fn start(
        argv: Argv,
        folder: PathBuf,
        kubeconfig: PathBuf,
    ) -> Result<(Self, tokio::task::JoinHandle<()>), Error> {
        let state = Mutex::new(LifelineState { pipe: None, groups: BTreeSet::new() });
        let lifeline = Self { shared: Arc::new(Shared { argv, folder, kubeconfig, state }) };
        let child = lifeline.spawn().await?;
        let supervisor = tokio::spawn(lifeline.clone().supervise(child));
        Ok((lifeline, supervisor))
    }

    /// Makes `command`'s process write its group to the pipe between fork and exec. Call it before any other
    /// `pre_exec` hook that may close descriptors.
    ///
    /// # Errors
    /// Returns an error when the sandbox is shutting down, because then no pod may start.
    pub(crate) fn register(&self, command: &mut Command) -> io::Result<()> {
        use std::os::unix::process::CommandExt as _;
        let pipe =
            self.lock().pipe.clone().ok_or_else(|| io::Error::other("the sandbox is shutting down"))?;
        let announce = move || {
            let mut line = [0_u8; 16];
            let line = announcement(rustix::process::getpid().as_raw_nonzero().get(), &mut line);
            if rustix::io::write(&*pipe, line)? == line.len() {
                Ok(())
            } else {
                Err(io::ErrorKind::WriteZero.into())
            }
        };
        #[expect(unsafe_code, reason = "only the child itself can register before it does anything else")]
        // SAFETY: the closure runs in the forked child, where only async-signal-safe calls are allowed: it calls
        // getpid and write, and formats into a buffer on the stack; it allocates nothing and takes no lock.
        unsafe {
            command.pre_exec(announce);
        }
        Ok(())
    }

    /// Records a running group, for the list that a restarted reaper receives.
    pub(crate) fn record(&self, group: i32) {
        self.lock().groups.insert(group);
    }

    /// Removes a group that has ended from the list.
    pub(crate) fn forget(&self, group: i32) {
        let mut state = self.lock();
        state.groups.remove(&group);
        if let Some(pipe) = &state.pipe {
            let _reaper_gone = write_all(pipe, &format!("-{group}\n"));
        }
    }

    /// Closes the pipe: the reaper kills every pod, removes the files, and ends.
    pub(crate) fn close(&self) {
        self.lock().pipe = None;
    }

    async fn spawn(&self) -> Result<tokio::process::Child, Error> {
        let failed = |reason: String| Error::Reaper {
            command: self.shared.argv.program.display().to_string(),
            reason,
        };
        let (reader, writer) = io::pipe().map_err(|error| failed(error.to_string()))?;
        let mut child = tokio::process::Command::new(&self.shared.argv.program)
            .args(&self.shared.argv.args)
            .stdin(Stdio::from(reader))
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .map_err(|error| failed(error.to_string()))?;
        let stdout = child.stdout.take().ok_or_else(|| failed("it has no standard output".to_owned()))?;
        let mut lines = tokio::io::BufReader::new(stdout).lines();
        match tokio::time::timeout(READY_TIMEOUT, lines.next_line()).await {
            Ok(Ok(Some(line))) if line == "ready" => {}
            Ok(Ok(line)) => return Err(failed(format!("it printed {line:?} instead of \"ready\""))),
            Ok(Err(error)) => return Err(failed(error.to_string())),
            Err(_) => return Err(failed(format!("it was not ready within {READY_TIMEOUT:?}"))),
        }
        let pipe = Arc::new(OwnedFd::from(writer));
        let mut state = self.lock();
        let mut lines = format!("d {}\nf {}\n", hex(&self.shared.folder), hex(&self.shared.kubeconfig));
        for group in &state.groups {
            lines.push_str(&format!("+{group}\n"));
        }
        write_all(&pipe, &lines).map_err(|error| failed(error.to_string()))?;
        state.pipe = Some(pipe);
        drop(state);
        Ok(child)
    }

    async fn supervise(self, mut child: tokio::process::Child) {
        loop {
            let ended = child.wait().await;
            if self.lock().pipe.is_none() {
                return;
            }
            tracing::error!(?ended, "the reaper ended early; starting another one");
            match self.spawn().await {
                Ok(next) => child = next,
                Err(error) => {
                    tracing::error!(%error, "the reaper could not be restarted; no more pods will start");
                    return;
                }
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, LifelineState> {
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn write_all(pipe: &OwnedFd, mut text: &str) -> io::Result<()> {
    while !text.is_empty() {
        let written = rustix::io::write(pipe.as_fd(), text.as_bytes())?;
        text = &text[written..];
    }
    Ok(())
}

/// Formats `+PID\n` without allocating.
fn announcement(pid: i32, buffer: &mut [u8; 16]) -> &[u8] {
    let mut at = buffer.len() - 1;
    buffer[at] = b'\n';
    let mut rest = pid.unsigned_abs();
    loop {
        at -= 1;
        // A remainder of ten fits a byte.
        buffer[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    at -= 1;
    buffer[at] = b'+';
    &buffer[at..]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn announcements_are_whole_lines() {
        for (pid, expected) in [(1, "+1\n"), (42, "+42\n"), (i32::MAX, "+2147483647\n")] {
            assert_eq!(announcement(pid, &mut [0; 16]), expected.as_bytes());
        }
    }

    #[test]
    fn the_cleanup_list_follows_the_protocol() {
        let mut list = CleanupList::default();
        let folder = Path::new("/tmp/a b\nc\u{fc}");
        for line in ["+12", "+13", "-12", "-99", "", "nonsense", "+x", "d zz", &format!("d {}", hex(folder))]
        {
            list.record(line);
        }
        assert_eq!(list.groups, BTreeSet::from([13]));
        assert_eq!(list.folders, BTreeSet::from([folder.to_owned()]));
        assert!(list.files.is_empty());
    }

    #[test]
    fn groups_0_and_1_are_never_signalled() {
        // `kill(2)` takes the negated group: 0 is this process's own group, -1 is every process.
        for group in [0, 1] {
            assert!(!kill_group(group, Signal::KILL), "{group}");
        }
    }
}
