//! Helm as a child process. A signal to surge stops it first, so that it leaves no release half installed.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde::Deserialize;
use serde_json::Value;
use text::command::{ClusterFlags, Command};
use tokio::io::AsyncReadExt as _;
use tokio::process::Child;
use tokio_util::sync::CancellationToken;

use super::failure::Failure;
use super::program;
use cluster::connect::ConnectFlags;

mod errors;
mod suggest;
mod version;

pub use version::Version;

/// Time limit for commands of helm that only read.
const READ_TIMEOUT: Duration = Duration::from_secs(60);

/// Time limit for commands of helm that change a release.
pub const CHANGE_TIMEOUT: Duration = Duration::from_secs(300);

/// Time for helm to end after SIGTERM; it marks its release as failed before.
const GRACE_PERIOD: Duration = Duration::from_secs(10);

/// A release in the output of `helm list`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Listed {
    /// Name.
    pub name: String,
    /// Namespace.
    pub namespace: String,
    /// Such as `deployed`, `failed` or `pending-install`.
    pub status: String,
    /// Chart and version, such as `prometheus-adapter-5.3.0`.
    pub chart: String,
}

/// A helm that works.
#[derive(Debug, Clone)]
pub struct Helm {
    program: PathBuf,
    version: Version,
    flags: ClusterFlags,
    stop: CancellationToken,
}

impl Helm {
    /// Finds helm on `PATH` and checks its version. `stop` ends every call.
    ///
    /// # Errors
    /// If helm is missing, does not answer, or is older than 3.13.
    pub async fn find(flags: &ConnectFlags, stop: CancellationToken) -> Result<Self, Failure> {
        let program = program::find("helm", std::env::var_os("PATH").as_deref()).map_err(|missing| {
            Failure::step(
                format!("{missing}; surge renders and installs charts with helm"),
                version::advice(),
            )
        })?;
        let mut helm = Self { program, version: version::OLDEST, flags: ClusterFlags::default(), stop };
        let output = helm.run(&["version", "--template", "{{.Version}}"], READ_TIMEOUT).await?;
        helm.version = version::checked(&output)?;
        helm.flags = flags.into();
        Ok(helm)
    }

    /// A helm that is never run.
    #[cfg(test)]
    pub(crate) fn for_tests() -> Self {
        Self {
            program: PathBuf::from("helm"),
            version: version::OLDEST,
            flags: ClusterFlags::default(),
            stop: CancellationToken::new(),
        }
    }

    /// Its version.
    #[must_use]
    pub fn version(&self) -> Version {
        self.version
    }

    /// A command of helm on this cluster.
    #[must_use]
    pub fn command<S: AsRef<str>>(&self, arguments: &[S]) -> Command {
        Command::helm(arguments.iter().map(AsRef::as_ref)).on(&self.flags)
    }

    /// The releases of all namespaces and states that match a label selector (empty: all).
    ///
    /// # Errors
    /// If helm fails.
    pub async fn list(&self, selector: &str) -> Result<Vec<Listed>, Failure> {
        let mut arguments = vec!["list", "--all-namespaces", "--max", "0", "--output", "json"];
        // Helm 4 lists every state and has no such flag.
        if self.version < Version::new(4, 0, 0) {
            arguments.push("--all");
        }
        if !selector.is_empty() {
            arguments.extend(["--selector", selector]);
        }
        let output = self.run(&arguments, READ_TIMEOUT).await?;
        serde_json::from_str(&output)
            .map_err(|error| Failure::step(format!("helm list printed an invalid list: {error}"), ""))
    }

    /// The values of a release.
    ///
    /// # Errors
    /// If helm fails.
    pub async fn values(&self, name: &str, namespace: &str) -> Result<Value, Failure> {
        let arguments = ["get", "values", name, "--namespace", namespace, "--output", "json"];
        let output = self.run(&arguments, READ_TIMEOUT).await?;
        Ok(serde_json::from_str(&output).unwrap_or(Value::Null))
    }

    /// The version in `Chart.yaml`; `source` are helm's arguments for the chart.
    ///
    /// # Errors
    /// If helm fails, or the chart has no version.
    pub async fn chart_version(&self, source: &[String]) -> Result<String, Failure> {
        let mut arguments = vec!["show".to_owned(), "chart".to_owned()];
        arguments.extend_from_slice(source);
        let output = self.run(&arguments, READ_TIMEOUT).await?;
        let chart: Value = serde_saphyr::from_str(&output).unwrap_or(Value::Null);
        chart["version"]
            .as_str()
            .map(str::to_owned)
            .ok_or_else(|| Failure::usage(format!("the chart {} has no version", source.join(" ")), ""))
    }

    /// The objects of a release, as YAML.
    ///
    /// # Errors
    /// If helm fails.
    pub async fn manifest(&self, name: &str, namespace: &str) -> Result<String, Failure> {
        self.run(&["get", "manifest", name, "--namespace", namespace], READ_TIMEOUT).await
    }

    /// The definitions of custom resources in the folders `crds` of a chart and its dependencies, as YAML.
    ///
    /// # Errors
    /// If helm fails.
    pub async fn definitions(&self, source: &[String]) -> Result<String, Failure> {
        let mut arguments = vec!["show".to_owned(), "crds".to_owned()];
        arguments.extend_from_slice(source);
        self.run(&arguments, READ_TIMEOUT).await
    }

    /// Runs helm and returns its standard output.
    ///
    /// # Errors
    /// If helm does not start, exceeds the timeout, is stopped, or fails.
    pub async fn run<S: AsRef<str>>(&self, arguments: &[S], timeout: Duration) -> Result<String, Failure> {
        let command = self.command(arguments);
        let mut child = tokio::process::Command::new(&self.program)
            .args(command.arguments())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            // Ctrl-C would reach the whole group; instead only surge signals helm.
            .process_group(0)
            .spawn()
            .map_err(|error| {
                Failure::step(
                    format!("starting {} failed: {error}", self.program.display()),
                    version::advice(),
                )
            })?;
        let command = command.without_secrets();
        let ended = tokio::select! {
            ended = read(&mut child) => Some(ended),
            () = self.stop.cancelled() => None,
            () = tokio::time::sleep(timeout) => {
                terminate(&mut child).await;
                let advice = format!("run it to see the cause: {command}");
                return Err(Failure::step(format!("{command}: not done within {timeout:?}"), advice));
            }
        };
        let Some(ended) = ended else {
            terminate(&mut child).await;
            return Err(Failure::stopped());
        };
        let (code, out, err) = ended
            .map_err(|error| Failure::step(format!("{command}: reading its output failed: {error}"), ""))?;
        if code == Some(0) { Ok(out) } else { Err(errors::failed(&command.to_string(), &err)) }
    }
}

async fn read(child: &mut Child) -> std::io::Result<(Option<i32>, String, String)> {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let first = async {
        match stdout {
            Some(mut pipe) => pipe.read_to_end(&mut out).await,
            None => Ok(0),
        }
    };
    let second = async {
        match stderr {
            Some(mut pipe) => pipe.read_to_end(&mut err).await,
            None => Ok(0),
        }
    };
    tokio::try_join!(first, second)?;
    let status = child.wait().await?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ok((status.code(), text(&out), text(&err)))
}

/// Sends SIGTERM and waits; sends SIGKILL after the grace period.
async fn terminate(child: &mut Child) {
    if let Some(pid) = child.id().and_then(|id| Pid::from_raw(id.cast_signed()))
        && kill_process(pid, Signal::TERM).is_ok()
        && tokio::time::timeout(GRACE_PERIOD, child.wait()).await.is_ok()
    {
        return;
    }
    if let Err(error) = child.kill().await {
        tracing::debug!(%error, "helm has ended already");
    }
}
