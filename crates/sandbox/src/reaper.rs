//! The reaper: a small child process through which nothing outlives the sandbox, not even after `kill -9`.
//!
//! # How it works
//!
//! The reaper reads a pipe. The sandbox holds the writing end, and so does each pod's process from its fork until its
//! exec (the descriptor is close-on-exec). Between the two, in the child itself, the pod's process writes its process
//! group to the pipe (`Lifeline::register`). So the pipe's end comes only when the sandbox is gone **and** every
//! child that it ever forked has either registered or died: there is no instant at which a pod runs that the reaper
//! has not been told of or is not about to be told of. A pod whose group ended is taken off the list again, because
//! the number may be used anew.
//!
//! At the end of the pipe the reaper sends SIGKILL to every group on its list, which ends stopped processes too,
//! removes the folders and files that it was told of, and ends. It stands in a process group of its own and ignores
//! the signals with which a terminal or a service manager ends the group of the sandbox, because these reach it in
//! the same moment as the sandbox. Should the reaper die first, the sandbox starts another one and tells it all.
//! While there is none, no pod starts: its write to the pipe ends it with SIGPIPE.
//!
//! What a reaper cannot do: a pod that leaves its process group (`setsid`) escapes, as it would a shell.
//!
//! # Protocol
//!
//! Lines: `+PGID` and `-PGID`; `d HEX` and `f HEX` name a folder and a file to be removed, as hexadecimal bytes so that
//! no path can break a line. Each is shorter than `PIPE_BUF`, so writes of several processes do not mix. The reaper
//! writes `ready` to its standard output once signals no longer harm it.

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

use crate::{Argv, Error};

/// How long the reaper may take to come up, and to go.
const DEADLINE: Duration = Duration::from_secs(10);
/// How often a folder's removal is tried while dying processes may still write into it.
const REMOVAL_TRIES: u32 = 20;

/// The reaper's whole life: returns when `pipe` has ended and everything is cleaned up.
///
/// # Errors
/// When the signals cannot be caught, so that it could not outlive its parent.
pub fn run(pipe: impl Read) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    let _entered = runtime.enter();
    // A caught signal does nothing; an ignored one would be inherited, a caught one is not.
    let _caught =
        [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup(), SignalKind::quit()]
            .map(signal)
            .into_iter()
            .collect::<io::Result<Vec<_>>>()?;
    let mut stdout = io::stdout();
    stdout.write_all(b"ready\n")?;
    stdout.flush()?;

    let mut estate = Estate::default();
    for line in BufReader::new(pipe).split(b'\n') {
        // A pipe has no other errors than those of a wrong descriptor: clean up as at its end.
        let Ok(line) = line else { break };
        estate.note(&String::from_utf8_lossy(&line));
    }
    estate.wind_up();
    Ok(())
}

/// What is to be cleaned up.
#[derive(Debug, Default, PartialEq, Eq)]
struct Estate {
    groups: BTreeSet<i32>,
    folders: BTreeSet<PathBuf>,
    files: BTreeSet<PathBuf>,
}

impl Estate {
    fn note(&mut self, line: &str) {
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

    fn wind_up(&self) {
        for group in &self.groups {
            kill_group(*group, Signal::KILL);
        }
        for file in &self.files {
            let _gone_already = std::fs::remove_file(file);
        }
        for folder in &self.folders {
            for _ in 0..REMOVAL_TRIES {
                match std::fs::remove_dir_all(folder) {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => {
                        std::thread::sleep(Duration::from_millis(5));
                    }
                    _ => break,
                }
            }
        }
    }
}

/// Signals a process group; one that is gone is fine. Returns false when there was none.
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

/// The sandbox's side: tells the reaper what there is to clean up, and keeps one running.
#[derive(Clone)]
pub(crate) struct Lifeline {
    shared: Arc<Shared>,
}

struct Shared {
    argv: Argv,
    folder: PathBuf,
    kubeconfig: PathBuf,
    state: Mutex<State>,
}

struct State {
    /// The pipe's writing end; gone once the sandbox ends.
    pipe: Option<Arc<OwnedFd>>,
    groups: BTreeSet<i32>,
}

impl Lifeline {
    /// Starts the reaper and waits until it is ready.
    pub(crate) async fn start(
        argv: Argv,
        folder: PathBuf,
        kubeconfig: PathBuf,
    ) -> Result<(Self, tokio::task::JoinHandle<()>), Error> {
        let state = Mutex::new(State { pipe: None, groups: BTreeSet::new() });
        let lifeline = Self { shared: Arc::new(Shared { argv, folder, kubeconfig, state }) };
        let child = lifeline.spawn().await?;
        let supervisor = tokio::spawn(lifeline.clone().supervise(child));
        Ok((lifeline, supervisor))
    }

    /// Makes `command`'s process write its group to the pipe between fork and exec. Must be called before anything
    /// else that runs there and may close descriptors.
    ///
    /// # Errors
    /// When the sandbox is ending: then nothing may start.
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
        #[expect(unsafe_code, reason = "only the child itself can register before it can do anything else")]
        // SAFETY: the closure runs in the forked child, where only async-signal-safe calls are allowed: it calls
        // getpid and write, and formats into a buffer on the stack; it allocates nothing and takes no lock.
        unsafe {
            command.pre_exec(announce);
        }
        Ok(())
    }

    /// Notes that a group runs, for the case that the reaper has to be started again.
    pub(crate) fn note(&self, group: i32) {
        self.lock().groups.insert(group);
    }

    /// Takes a group that is gone off the list.
    pub(crate) fn forget(&self, group: i32) {
        let mut state = self.lock();
        state.groups.remove(&group);
        if let Some(pipe) = &state.pipe {
            let _reaper_gone = write_line(pipe, &format!("-{group}\n"));
        }
    }

    /// Lets go of the pipe: the reaper ends every pod, removes the files, and ends.
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
        match tokio::time::timeout(DEADLINE, lines.next_line()).await {
            Ok(Ok(Some(line))) if line == "ready" => {}
            Ok(Ok(said)) => return Err(failed(format!("it said {said:?} instead of \"ready\""))),
            Ok(Err(error)) => return Err(failed(error.to_string())),
            Err(_) => return Err(failed(format!("it was not ready within {DEADLINE:?}"))),
        }
        let pipe = Arc::new(OwnedFd::from(writer));
        let mut state = self.lock();
        let mut story = format!("d {}\nf {}\n", hex(&self.shared.folder), hex(&self.shared.kubeconfig));
        for group in &state.groups {
            story.push_str(&format!("+{group}\n"));
        }
        write_line(&pipe, &story).map_err(|error| failed(error.to_string()))?;
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
            tracing::error!(?ended, "the reaper ended before its time; starting another");
            match self.spawn().await {
                Ok(next) => child = next,
                Err(error) => {
                    tracing::error!(%error, "no pod will start any more");
                    return;
                }
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn write_line(pipe: &OwnedFd, mut text: &str) -> io::Result<()> {
    while !text.is_empty() {
        let written = rustix::io::write(pipe.as_fd(), text.as_bytes())?;
        text = &text[written..];
    }
    Ok(())
}

/// `+PID\n` without allocating.
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
    fn announcements_are_lines() {
        for (pid, expected) in [(1, "+1\n"), (42, "+42\n"), (i32::MAX, "+2147483647\n")] {
            assert_eq!(announcement(pid, &mut [0; 16]), expected.as_bytes());
        }
    }

    #[test]
    fn the_list_follows_the_lines() {
        let mut estate = Estate::default();
        let folder = Path::new("/tmp/a b\nc\u{fc}");
        for line in ["+12", "+13", "-12", "-99", "", "nonsense", "+x", "d zz", &format!("d {}", hex(folder))]
        {
            estate.note(line);
        }
        assert_eq!(estate.groups, BTreeSet::from([13]));
        assert_eq!(estate.folders, BTreeSet::from([folder.to_owned()]));
        assert!(estate.files.is_empty());
    }

    #[test]
    fn a_group_that_cannot_be_is_never_signalled() {
        // 0 would be our own group, 1 everybody's.
        for group in [0, 1] {
            assert!(!kill_group(group, Signal::KILL), "{group}");
        }
    }
}
