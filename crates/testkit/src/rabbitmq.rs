//! Starts a real RabbitMQ on free ports, with all its files in a private directory.
//!
//! Debian's `/usr/sbin/rabbitmq-server` switches the user and reads `/etc/rabbitmq`; the script in
//! `/usr/lib/rabbitmq/bin` does neither and runs as any user. Erlang starts a shared port mapper (epmd) that outlives the
//! node; here each node gets its own port mapper, which ends with it.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use tempfile::TempDir;

use crate::http;

/// Directory of the scripts in Debian's package.
const BIN: &str = "/usr/lib/rabbitmq/bin";
/// Variable with the folder of another Debian, whose RabbitMQ runs instead of this machine's. It has this machine's `/tmp`, so that
/// both see the same files. `.ci/rabbitmq4` makes it.
const ROOT: &str = "SURGE_RABBITMQ_ROOT";
/// Timeout for the start of a node (up to 10 s on an idle machine).
const START_TIMEOUT: Duration = Duration::from_secs(120);
/// Time between SIGTERM and SIGKILL.
const STOP_TIMEOUT: Duration = Duration::from_secs(60);
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// Settings of the node.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Milliseconds between two readings of the queue counters (`collect_statistics_interval`).
    pub statistics_interval_ms: u32,
    /// Additional lines for `rabbitmq.conf`. With `load_definitions`, the node has no user `guest`.
    pub configuration: String,
}

impl Default for Settings {
    fn default() -> Self {
        Self { statistics_interval_ms: 1000, configuration: String::new() }
    }
}

/// A running node with management and Prometheus plugins, user and password `guest`, vhost `/`.
///
/// Dropping it kills the node and its port mapper and removes the directory. All methods block; in async tests with other
/// work on the runtime, call them through `tokio::task::spawn_blocking`.
pub struct RabbitMq {
    folder: TempDir,
    ports: Ports,
    mapper: Child,
    node: Option<Child>,
    users: Users,
}

/// The users of the node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Users {
    /// Only `guest`.
    Guest,
    /// The users of the loaded definitions, without `guest`.
    Defined,
}

#[derive(Debug, Clone, Copy)]
struct Ports {
    amqp: u16,
    management: u16,
    metrics: u16,
    distribution: u16,
    mapper: u16,
}

/// Returns whether the package is installed.
///
/// Tests that need it are `#[ignore]`d and call [`RabbitMq::start`], which reports a missing package.
#[must_use]
pub fn installed() -> bool {
    root().unwrap_or_else(|| "/".into()).join(&BIN[1..]).join("rabbitmq-server").exists()
}

/// The folder of another Debian.
fn root() -> Option<PathBuf> {
    std::env::var_os(ROOT).filter(|root| !root.is_empty()).map(PathBuf::from)
}

/// A program of this machine, or of the other Debian.
fn program(path: &str) -> Command {
    match root() {
        None => Command::new(path),
        Some(root) => {
            let mut command = Command::new("chroot");
            // RabbitMQ 4 warns about, and Elixir refuses, a locale without UTF-8.
            command.arg(root).arg(path).env("LC_ALL", "C.UTF-8");
            command
        }
    }
}

impl RabbitMq {
    /// Starts a node and waits until AMQP, management and metrics answer.
    ///
    /// # Errors
    /// Fails, with the output of RabbitMQ, if it is not installed, ends early or is not ready in time.
    pub fn start() -> anyhow::Result<Self> {
        Self::start_with(&Settings::default())
    }

    /// Like [`RabbitMq::start`], with settings.
    ///
    /// # Errors
    /// See [`RabbitMq::start`].
    pub fn start_with(settings: &Settings) -> anyhow::Result<Self> {
        ensure!(
            installed(),
            "{BIN}/rabbitmq-server is missing; on Debian: apt-get install --no-install-recommends rabbitmq-server"
        );
        let folder = tempfile::Builder::new().prefix("rabbitmq").tempdir()?;
        let ports = Ports::free()?;
        write_configuration(folder.path(), ports, settings)?;
        let mapper = program("/usr/bin/epmd")
            .args(["-port", &ports.mapper.to_string(), "-address", "127.0.0.1"])
            .env("HOME", folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("cannot start Erlang's port mapper epmd")?;
        let defined = settings.configuration.contains("load_definitions");
        let users = if defined { Users::Defined } else { Users::Guest };
        let mut node = Self { folder, ports, mapper, node: None, users };
        node.launch()?;
        Ok(node)
    }

    /// Address of the AMQP listener.
    #[must_use]
    pub fn amqp(&self) -> SocketAddr {
        loopback(self.ports.amqp)
    }

    /// Address of the management API.
    #[must_use]
    pub fn management(&self) -> SocketAddr {
        loopback(self.ports.management)
    }

    /// Address of the metrics.
    #[must_use]
    pub fn metrics(&self) -> SocketAddr {
        loopback(self.ports.metrics)
    }

    /// Process id of the node, for its CPU time and memory.
    ///
    /// # Errors
    /// Fails if there is no pid file, because the node is stopped.
    pub fn pid(&self) -> anyhow::Result<u32> {
        let file = self.folder.path().join("rabbit.pid");
        let text = fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
        text.trim().parse().with_context(|| format!("{} does not hold a pid: {text:?}", file.display()))
    }

    /// Runs `rabbitmqctl` with `arguments` and returns its standard output.
    ///
    /// # Errors
    /// Fails, with the standard error, if the command fails.
    pub fn ctl(&self, arguments: &[&str]) -> anyhow::Result<String> {
        let output = self
            .command("rabbitmqctl")
            .args(["-q", "-n", "rabbit@localhost"])
            .args(arguments)
            .output()
            .context("cannot run rabbitmqctl")?;
        let (stdout, stderr) =
            (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        ensure!(
            output.status.success(),
            "rabbitmqctl {arguments:?} failed ({}): {stdout}{stderr}",
            output.status
        );
        Ok(stdout.into_owned())
    }

    /// Closes every connection and stops the listeners. The Erlang node and durable queues stay.
    ///
    /// # Errors
    /// Fails if `rabbitmqctl` fails.
    pub fn stop_app(&self) -> anyhow::Result<()> {
        self.ctl(&["stop_app"]).map(drop)
    }

    /// Starts the listeners again after [`RabbitMq::stop_app`].
    ///
    /// # Errors
    /// Fails if `rabbitmqctl` fails or the listeners do not respond in time.
    pub fn start_app(&mut self) -> anyhow::Result<()> {
        self.ctl(&["start_app"])?;
        self.wait_ready()
    }

    /// Raises (`true`) or clears the memory alarm, which blocks publishing connections.
    ///
    /// # Errors
    /// Fails if `rabbitmqctl` fails.
    pub fn memory_alarm(&self, raised: bool) -> anyhow::Result<()> {
        self.ctl(&["set_vm_memory_high_watermark", if raised { "0" } else { "0.4" }]).map(drop)
    }

    /// Sets a policy, such as `{"max-length": 10}`, on the queues whose names match `pattern`.
    ///
    /// # Errors
    /// Fails if `rabbitmqctl` fails.
    pub fn set_policy(
        &self,
        name: &str,
        pattern: &str,
        definition: &serde_json::Value,
    ) -> anyhow::Result<()> {
        self.ctl(&["set_policy", "--apply-to", "queues", name, pattern, &definition.to_string()]).map(drop)
    }

    /// Removes a policy.
    ///
    /// # Errors
    /// Fails if `rabbitmqctl` fails.
    pub fn clear_policy(&self, name: &str) -> anyhow::Result<()> {
        self.ctl(&["clear_policy", name]).map(drop)
    }

    /// Closes every client connection with 320 CONNECTION_FORCED.
    ///
    /// # Errors
    /// Fails if `rabbitmqctl` fails.
    pub fn close_all_connections(&self, reason: &str) -> anyhow::Result<()> {
        self.ctl(&["close_all_connections", reason]).map(drop)
    }

    /// Shuts the node down with SIGTERM. [`RabbitMq::launch`] starts it again with the same ports and data.
    ///
    /// # Errors
    /// Fails if the node does not end in time; it is killed then.
    pub fn stop(&mut self) -> anyhow::Result<()> {
        let Some(mut node) = self.node.take() else { return Ok(()) };
        signal(&node, Signal::TERM);
        let start = Instant::now();
        while node.try_wait()?.is_none() {
            if start.elapsed() > STOP_TIMEOUT {
                kill_group(&mut node);
                bail!(
                    "RabbitMQ did not end {STOP_TIMEOUT:?} after SIGTERM and was killed\n{}",
                    self.output()
                );
            }
            std::thread::sleep(POLL_INTERVAL);
        }
        // Helper processes of Erlang can outlive the node for a short time.
        kill_group(&mut node);
        Ok(())
    }

    /// Kills the node with SIGKILL.
    pub fn kill(&mut self) {
        if let Some(mut node) = self.node.take() {
            kill_group(&mut node);
        }
    }

    /// Freezes the node with SIGSTOP: sockets stay open without responses. Returns when each of its threads has stopped.
    pub fn freeze(&self) {
        self.signal_group(Signal::STOP);
        let Some(node) = &self.node else { return };
        crate::wait::until_blocking("the node's threads to stop", || is_stopped(node.id()).then_some(()));
    }

    /// Resumes a frozen node.
    pub fn thaw(&self) {
        self.signal_group(Signal::CONT);
    }

    /// Starts the node and waits until it is ready.
    ///
    /// # Errors
    /// Fails if it ends early or is not ready in time.
    pub fn launch(&mut self) -> anyhow::Result<()> {
        self.kill();
        // An old pid file can name another process.
        let _ = fs::remove_file(self.folder.path().join("rabbit.pid"));
        let output = fs::File::options().create(true).append(true).open(self.output_file())?;
        let node = self
            .command("rabbitmq-server")
            // Makes the script `exec` the node, so that the child process is the node.
            .env("RUNNING_UNDER_SYSTEMD", "true")
            .stdout(output.try_clone()?)
            .stderr(output)
            .process_group(0)
            .spawn()
            .context("cannot start rabbitmq-server")?;
        self.node = Some(node);
        self.wait_ready()
    }

    fn wait_ready(&mut self) -> anyhow::Result<()> {
        let start = Instant::now();
        loop {
            let management_ready = match self.users {
                Users::Guest => http::returns_ok(self.management(), "/api/overview"),
                Users::Defined => http::rejects_guest(self.management(), "/api/overview"),
            };
            let ready = management_ready
                && std::net::TcpStream::connect(self.amqp()).is_ok()
                && http::returns_ok(self.metrics(), "/metrics");
            if ready {
                return Ok(());
            }
            if let Some(status) = self.node.as_mut().and_then(|node| node.try_wait().ok().flatten()) {
                bail!("RabbitMQ ended before it was ready ({status})\n{}", self.output());
            }
            ensure!(
                start.elapsed() < START_TIMEOUT,
                "RabbitMQ was not ready within {START_TIMEOUT:?}\n{}",
                self.output()
            );
            std::thread::sleep(POLL_INTERVAL);
        }
    }

    /// A command of RabbitMQ with its environment, without the `RABBITMQ_*` variables of the caller.
    fn command(&self, script: &str) -> Command {
        let folder = self.folder.path();
        let mut command = program(&format!("{BIN}/{script}"));
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("RABBITMQ_") {
                command.env_remove(name);
            }
        }
        command
            .stdin(Stdio::null())
            .env("HOME", folder)
            .env("ERL_EPMD_ADDRESS", "127.0.0.1")
            .env("ERL_EPMD_PORT", self.ports.mapper.to_string())
            .env("RABBITMQ_NODENAME", "rabbit@localhost")
            .env("RABBITMQ_CONF_ENV_FILE", "/dev/null")
            .env("RABBITMQ_CONFIG_FILE", folder.join("rabbitmq.conf"))
            .env("RABBITMQ_ADVANCED_CONFIG_FILE", folder.join("advanced.config"))
            .env("RABBITMQ_ENABLED_PLUGINS_FILE", folder.join("enabled_plugins"))
            .env("RABBITMQ_MNESIA_BASE", folder.join("mnesia"))
            .env("RABBITMQ_LOG_BASE", folder.join("log"))
            .env("RABBITMQ_PID_FILE", folder.join("rabbit.pid"))
            .env("RABBITMQ_DIST_PORT", self.ports.distribution.to_string())
            .env("RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS", "-kernel inet_dist_use_interface {127,0,0,1}");
        command
    }

    fn output_file(&self) -> PathBuf {
        self.folder.path().join("output.log")
    }

    fn output(&self) -> String {
        let text = fs::read_to_string(self.output_file()).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(30)..].join("\n")
    }

    /// Signals the node and its helper processes.
    fn signal_group(&self, signal: Signal) {
        if let Some(group) = self.node.as_ref().and_then(pid_of) {
            let _ = kill_process_group(group, signal);
        }
    }
}

impl Drop for RabbitMq {
    fn drop(&mut self) {
        self.kill();
        let _ = self.mapper.kill();
        let _ = self.mapper.wait();
    }
}

impl Ports {
    /// Finds free ports. It binds all of them at the same time, so that they differ.
    fn free() -> anyhow::Result<Self> {
        let mut listeners = Vec::new();
        let mut port = || -> anyhow::Result<u16> {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
            let port = listener.local_addr()?.port();
            listeners.push(listener);
            Ok(port)
        };
        Ok(Self {
            amqp: port()?,
            management: port()?,
            metrics: port()?,
            distribution: port()?,
            mapper: port()?,
        })
    }
}

fn write_configuration(folder: &Path, ports: Ports, settings: &Settings) -> anyhow::Result<()> {
    let Settings { statistics_interval_ms: interval, configuration } = settings;
    for name in ["mnesia", "log"] {
        fs::create_dir(folder.join(name))?;
    }
    fs::write(
        folder.join("rabbitmq.conf"),
        format!(
            "listeners.tcp.1 = 127.0.0.1:{}\nmanagement.tcp.ip = 127.0.0.1\nmanagement.tcp.port = {}\n\
             prometheus.tcp.ip = 127.0.0.1\nprometheus.tcp.port = {}\ncollect_statistics_interval = {interval}\n\
             {configuration}\n",
            ports.amqp, ports.management, ports.metrics,
        ),
    )?;
    fs::write(folder.join("enabled_plugins"), "[rabbitmq_management,rabbitmq_prometheus].\n")?;
    // Quorum queues use this timer instead of the statistics interval.
    fs::write(
        folder.join("advanced.config"),
        format!("[{{rabbit,[{{quorum_tick_interval,{interval}}}]}}].\n"),
    )?;
    Ok(())
}

fn loopback(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}

/// Returns true if each thread of a process is stopped, according to `/proc`.
fn is_stopped(pid: u32) -> bool {
    let Ok(threads) = fs::read_dir(format!("/proc/{pid}/task")) else { return false };
    threads.flatten().all(|thread| {
        // A thread that ended in the meantime does nothing.
        let Ok(text) = fs::read_to_string(thread.path().join("stat")) else { return true };
        // The name before the state may contain any character.
        text.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with(['T', 't']))
    })
}

fn pid_of(child: &Child) -> Option<Pid> {
    i32::try_from(child.id()).ok().and_then(Pid::from_raw)
}

fn signal(child: &Child, signal: Signal) {
    if let Some(pid) = pid_of(child) {
        let _ = kill_process(pid, signal);
    }
}

fn kill_group(child: &mut Child) {
    if let Some(group) = pid_of(child) {
        let _ = kill_process_group(group, Signal::KILL);
    }
    let _ = child.wait();
}
