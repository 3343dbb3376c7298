//! Helm as a process: found, asked for its version, and stopped when we are, so that it leaves no release half installed.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde::Deserialize;
use serde_json::Value;
use tokio::io::AsyncReadExt as _;
use tokio::process::{Child, Command};
use tokio_util::sync::CancellationToken;

use super::failure::Failure;
use super::program;
use super::shell;
use cluster::connect::ConnectFlags;

mod said;
mod version;

pub use version::Version;

/// How long a question to helm may take that needs nothing but this machine and the API server.
const QUESTION: Duration = Duration::from_secs(60);

/// How long helm may take to end after it was asked to: it marks its release as failed before.
const FAREWELL: Duration = Duration::from_secs(10);

/// A release as `helm list` shows it.
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

/// A helm that can be used.
#[derive(Debug, Clone)]
pub struct Helm {
    program: PathBuf,
    version: Version,
    flags: Vec<String>,
    stop: CancellationToken,
}

impl Helm {
    /// Finds helm on the path and asks it for its version. `stop` ends every call.
    ///
    /// # Errors
    /// When there is none, when it does not answer, or when it is older than 3.13.
    pub async fn find(flags: &ConnectFlags, stop: CancellationToken) -> Result<Self, Failure> {
        let program = program::find("helm", std::env::var_os("PATH").as_deref()).map_err(|missing| {
            Failure::step(
                format!("{missing}; the charts are rendered and installed with helm"),
                version::advice(),
            )
        })?;
        let mut helm = Self { program, version: version::OLDEST, flags: Vec::new(), stop };
        let said = helm.run(&["version", "--template", "{{.Version}}"], QUESTION).await?;
        helm.version = version::checked(&said)?;
        helm.flags = cluster_flags(flags);
        Ok(helm)
    }

    /// A helm that is never run.
    #[cfg(test)]
    pub(crate) fn for_tests() -> Self {
        Self {
            program: PathBuf::from("helm"),
            version: version::OLDEST,
            flags: Vec::new(),
            stop: CancellationToken::new(),
        }
    }

    /// The version that it says it has.
    #[must_use]
    pub fn version(&self) -> Version {
        self.version
    }

    /// A command of this helm, on this cluster, as a person would type it.
    #[must_use]
    pub fn line(&self, arguments: &[String]) -> String {
        shell::line(std::iter::once("helm").chain(arguments.iter().chain(&self.flags).map(String::as_str)))
    }

    /// The releases in all namespaces, in whatever state, that match the label selector (empty: all).
    ///
    /// # Errors
    /// When helm fails.
    pub async fn list(&self, selector: &str) -> Result<Vec<Listed>, Failure> {
        let mut arguments = vec!["list", "--all-namespaces", "--max", "0", "--output", "json"];
        // Helm 4 lists every state by itself and knows the flag no more.
        if self.version < Version::new(4, 0, 0) {
            arguments.push("--all");
        }
        if !selector.is_empty() {
            arguments.extend(["--selector", selector]);
        }
        let said = self.run(&arguments, QUESTION).await?;
        serde_json::from_str(&said).map_err(|error| {
            Failure::step(format!("the list of releases that helm printed cannot be read: {error}"), "")
        })
    }

    /// The values that a release was given.
    ///
    /// # Errors
    /// When helm fails.
    pub async fn values(&self, name: &str, namespace: &str) -> Result<Value, Failure> {
        let said = self
            .run(&["get", "values", name, "--namespace", namespace, "--output", "json"], QUESTION)
            .await?;
        Ok(serde_json::from_str(&said).unwrap_or(Value::Null))
    }

    /// The version in the `Chart.yaml` of the chart that `source` leads to.
    ///
    /// # Errors
    /// When helm fails, or the chart has no version.
    pub async fn chart_version(&self, source: &[String]) -> Result<String, Failure> {
        let mut arguments = vec!["show".to_owned(), "chart".to_owned()];
        arguments.extend_from_slice(source);
        let said = self.run(&arguments, QUESTION).await?;
        let chart: Value = serde_saphyr::from_str(&said).unwrap_or(Value::Null);
        chart["version"]
            .as_str()
            .map(str::to_owned)
            .ok_or_else(|| Failure::usage(format!("the chart at {} has no version", shell::line(source)), ""))
    }

    /// The objects of a release, as YAML.
    ///
    /// # Errors
    /// When helm fails.
    pub async fn manifest(&self, name: &str, namespace: &str) -> Result<String, Failure> {
        self.run(&["get", "manifest", name, "--namespace", namespace], QUESTION).await
    }

    /// Runs helm to its end and returns what it printed.
    ///
    /// # Errors
    /// When it cannot be started, takes longer than `within`, is stopped, or fails: then with what it said.
    pub async fn run<S: AsRef<str>>(&self, arguments: &[S], within: Duration) -> Result<String, Failure> {
        let arguments: Vec<&str> =
            arguments.iter().map(AsRef::as_ref).chain(self.flags.iter().map(String::as_str)).collect();
        let line = shell::line(std::iter::once("helm").chain(arguments.iter().copied()));
        let mut child = Command::new(&self.program)
            .args(&arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            // Ctrl-C in the terminal reaches the whole group: helm is told by us, once.
            .process_group(0)
            .spawn()
            .map_err(|error| {
                Failure::step(
                    format!("{} cannot be started: {error}", self.program.display()),
                    version::advice(),
                )
            })?;
        let ended = tokio::select! {
            ended = read(&mut child) => Some(ended),
            () = self.stop.cancelled() => None,
            () = tokio::time::sleep(within) => {
                farewell(&mut child).await;
                let advice = format!("run it yourself to see why: {line}");
                return Err(Failure::step(format!("{line}: not done within {within:?}"), advice));
            }
        };
        let Some(ended) = ended else {
            farewell(&mut child).await;
            return Err(Failure::stopped());
        };
        let (code, out, err) = ended
            .map_err(|error| Failure::step(format!("{line}: reading its output failed: {error}"), ""))?;
        if code == Some(0) { Ok(out) } else { Err(said::failed(&line, &err)) }
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

/// Asks the process to end, and waits for it; kills it if that takes too long.
async fn farewell(child: &mut Child) {
    if let Some(pid) = child.id().and_then(|id| Pid::from_raw(id.cast_signed()))
        && kill_process(pid, Signal::TERM).is_ok()
        && tokio::time::timeout(FAREWELL, child.wait()).await.is_ok()
    {
        return;
    }
    if let Err(error) = child.kill().await {
        tracing::debug!(%error, "helm had ended already");
    }
}

/// The flags that make helm talk to the cluster that we talk to.
fn cluster_flags(flags: &ConnectFlags) -> Vec<String> {
    let mut words = Vec::new();
    if let Some(path) = &flags.kubeconfig {
        words.extend(["--kubeconfig".to_owned(), path.to_string_lossy().into_owned()]);
    }
    if let Some(context) = &flags.context {
        words.extend(["--kube-context".to_owned(), context.clone()]);
    }
    words
}
