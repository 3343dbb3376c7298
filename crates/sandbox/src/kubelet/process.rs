//! Processes of containers: started with inherited listeners, in a process group that the reaper knows.

use std::io;
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};

use command_fds::{CommandFdExt as _, FdMapping};
use k8s_openapi::api::core::v1::ContainerPort;
use rustix::process::{Pid, Signal, kill_process};
use tokio::net::unix::pipe;
use tokio::process::Child;

use super::environment::ProcessSpec;
use crate::config::Argv;
use crate::reaper::{Lifeline, kill_group};

/// Variables that a process inherits from the sandbox.
const INHERITED_VARIABLES: [&str; 4] = ["PATH", "TMPDIR", "TZ", "LD_LIBRARY_PATH"];
/// First inherited descriptor (`SD_LISTEN_FDS_START` of `sd_listen_fds(3)`).
const FIRST_FD: i32 = 3;
/// Name of a listener whose port has no name (`sd_listen_fds(3)`).
const UNNAMED: &str = "unknown";

/// A process that has just started.
pub(super) struct StartedProcess {
    pub(super) child: Child,
    /// PID of the process and number of its group.
    pub(super) pid: i32,
    /// Standard output and standard error in one stream.
    pub(super) output: pipe::Receiver,
    /// Declared and real ports.
    pub(super) ports: Vec<(u16, u16)>,
}

/// Starts the process of a container in `folder`, with a listener for each declared TCP port.
pub(super) fn start(
    image: &Argv,
    spec: &ProcessSpec,
    ports: &[ContainerPort],
    folder: &Path,
    lifeline: &Lifeline,
) -> io::Result<StartedProcess> {
    use std::os::unix::process::CommandExt as _;
    let mut command = match spec.command.split_first() {
        Some((program, rest)) => {
            let mut command = Command::new(program);
            command.args(rest);
            command
        }
        None => {
            let mut command = Command::new(&image.program);
            command.args(&image.args);
            command
        }
    };
    command.args(&spec.args).current_dir(folder).env_clear().env("HOME", folder);
    for name in INHERITED_VARIABLES {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    command.envs(spec.env.iter().map(|(name, value)| (name, value)));

    let mut names = Vec::new();
    let mut real_ports = Vec::new();
    let mut mappings = Vec::new();
    for port in ports.iter().filter(|port| port.protocol.as_deref().is_none_or(|protocol| protocol == "TCP"))
    {
        let Ok(declared) = u16::try_from(port.container_port) else { continue };
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        real_ports.push((declared, listener.local_addr()?.port()));
        names.push(port.name.as_deref().unwrap_or(UNNAMED));
        let child_fd = FIRST_FD + i32::try_from(mappings.len()).unwrap_or(i32::MAX - FIRST_FD);
        mappings.push(FdMapping { parent_fd: OwnedFd::from(listener), child_fd });
    }
    if !names.is_empty() {
        command.env("LISTEN_FDS", names.len().to_string()).env("LISTEN_FDNAMES", names.join(":"));
    }
    let (reader, writer) = io::pipe()?;
    command.stdin(Stdio::null()).stdout(writer.try_clone()?).stderr(writer).process_group(0);
    lifeline.register(&mut command)?;
    command.fd_mappings(mappings).map_err(io::Error::other)?;

    let child = tokio::process::Command::from(command).spawn()?;
    let pid = child
        .id()
        .and_then(|pid| i32::try_from(pid).ok())
        .ok_or_else(|| io::Error::other("the process ended at once"))?;
    lifeline.record(pid);
    let reader = OwnedFd::from(reader);
    rustix::io::ioctl_fionbio(&reader, true)?;
    Ok(StartedProcess { child, pid, output: pipe::Receiver::from_owned_fd(reader)?, ports: real_ports })
}

/// Sends SIGTERM to the process alone, as a container runtime does with a container's first process.
pub(super) fn terminate(pid: i32) {
    if let Some(pid) = Pid::from_raw(pid).filter(|pid| !pid.is_init()) {
        let _gone_already = kill_process(pid, Signal::TERM);
    }
}

/// Kills the process group.
pub(super) fn kill(pid: i32) {
    kill_group(pid, Signal::KILL);
}

/// The container's exit code: 128 plus the number for a process that a signal ended.
pub(super) fn exit_code(status: ExitStatus) -> i32 {
    use std::os::unix::process::ExitStatusExt as _;
    status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(255)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::process::ExitStatusExt as _;

    #[test]
    fn signals_are_exit_codes_above_128() {
        for (raw, expected) in [(0, 0), (3 << 8, 3), (9, 137), (15, 143)] {
            assert_eq!(exit_code(ExitStatus::from_raw(raw)), expected, "{raw}");
        }
    }
}
