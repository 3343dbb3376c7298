//! Processes of containers: started with inherited listeners, in a process group that the reaper knows.

use std::io;
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};

use command_fds::{CommandFdExt as _, FdMapping};
use k8s_openapi::api::core::v1::Container;
use rustix::process::{Pid, Signal, kill_process};
use tokio::net::unix::pipe;
use tokio::process::Child;

use super::environment::ProcessSpec;
use crate::config::{Image, Sockets};
use crate::reaper::{Lifeline, kill_group};

/// Variables that a process inherits from the sandbox.
const INHERITED_VARIABLES: [&str; 4] = ["PATH", "TMPDIR", "TZ", "LD_LIBRARY_PATH"];
/// First inherited descriptor (`SD_LISTEN_FDS_START` of `sd_listen_fds(3)`).
const FIRST_FD: i32 = 3;
/// Variables with the address and the number of the port that a program binds itself.
const LISTEN: &str = contract::settings::LISTEN;
const PORT: &str = "PORT";
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

/// A port of a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Port {
    name: String,
    number: u16,
}

/// The TCP ports of a container: those that it declares, else those of its image.
pub(super) fn ports(container: &Container, image: &Image) -> Vec<Port> {
    let declared: Vec<Port> = container
        .ports
        .iter()
        .flatten()
        .filter(|port| port.protocol.as_deref().is_none_or(|protocol| protocol == "TCP"))
        .filter_map(|port| {
            let name = port.name.as_deref().unwrap_or(UNNAMED).to_owned();
            Some(Port { name, number: u16::try_from(port.container_port).ok()? })
        })
        .collect();
    if !declared.is_empty() {
        return declared;
    }
    image.ports.iter().map(|(name, number)| Port { name: name.clone(), number: *number }).collect()
}

/// Starts the process of a container in `folder`, with a listener or a free port of 127.0.0.1 for each of its ports.
pub(super) fn start(
    image: &Image,
    spec: &ProcessSpec,
    ports: &[Port],
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
            let mut command = Command::new(&image.argv.program);
            command.args(&image.argv.args);
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

    let mut real_ports = Vec::new();
    let mut mappings = Vec::new();
    for (port, child_fd) in ports.iter().zip(FIRST_FD..) {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let address = listener.local_addr()?;
        if image.sockets == Sockets::Environment && real_ports.is_empty() {
            command.env(LISTEN, address.to_string()).env(PORT, address.port().to_string());
        }
        real_ports.push((port.number, address.port()));
        mappings.push(FdMapping { parent_fd: OwnedFd::from(listener), child_fd });
    }
    match image.sockets {
        Sockets::Inherited if !mappings.is_empty() => {
            let names: Vec<&str> = ports.iter().map(|port| port.name.as_str()).collect();
            command.env("LISTEN_FDS", names.len().to_string()).env("LISTEN_FDNAMES", names.join(":"));
        }
        Sockets::Inherited => {}
        // The listeners only found free ports. The program binds them itself.
        Sockets::Environment => mappings.clear(),
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
    fn a_container_without_ports_has_those_of_its_image() {
        let image = Image {
            ports: vec![("http".to_owned(), 3000)],
            ..Image::from(crate::config::Argv::new("/bin/true", [] as [&str; 0]))
        };
        let container = |ports: serde_json::Value| -> Container {
            serde_json::from_value(serde_json::json!({"name": "c", "ports": ports})).unwrap()
        };
        let texts = |declared: serde_json::Value| {
            let ports = ports(&container(declared), &image);
            ports.iter().map(|port| format!("{}:{}", port.name, port.number)).collect::<Vec<_>>().join(" ")
        };
        for (declared, expected) in [
            (serde_json::json!([]), "http:3000"),
            (serde_json::json!([{"containerPort": 53, "protocol": "UDP"}]), "http:3000"),
            (
                serde_json::json!([{"containerPort": 80}, {"name": "x", "containerPort": 81}]),
                "unknown:80 x:81",
            ),
        ] {
            assert_eq!(texts(declared), expected);
        }
    }

    #[test]
    fn signals_are_exit_codes_above_128() {
        for (raw, expected) in [(0, 0), (3 << 8, 3), (9, 137), (15, 143)] {
            assert_eq!(exit_code(ExitStatus::from_raw(raw)), expected, "{raw}");
        }
    }
}
