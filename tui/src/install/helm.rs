//! Helm as a process: found, asked for its version, and stopped when we are, so that it leaves no release half installed.

use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde::Deserialize;
use serde_json::Value;
use tokio::io::AsyncReadExt as _;
use tokio::process::{Child, Command};
use tokio_util::sync::CancellationToken;

use super::failure::{Failure, Kind};
use super::shell;
use crate::source::cluster::Flags;

/// The oldest helm that will do: labels on releases, by which `down` knows ours, came with it.
const OLDEST: Version = Version(3, 13, 0);

/// How long a question to helm may take that needs nothing but this machine and the API server.
const QUESTION: Duration = Duration::from_secs(60);

/// How long helm may take to end after it was asked to: it marks its release as failed before.
const FAREWELL: Duration = Duration::from_secs(10);

/// A version as helm prints it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(u32, u32, u32);

impl Version {
    /// Reads `v4.3.1`, `v3.14.0+g123` or `3.14.0-rc.1`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let text = text.strip_prefix('v').unwrap_or(text);
        let numbers = text.split(['+', '-']).next()?;
        let mut parts = numbers.split('.').map(str::parse::<u32>);
        let mut next = || parts.next()?.ok();
        Some(Self(next()?, next()?, next()?))
    }
}

impl std::fmt::Display for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}.{}", self.0, self.1, self.2)
    }
}

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
    version: Version,
    flags: Vec<String>,
    stop: CancellationToken,
}

impl Helm {
    /// Finds helm on the path and asks it for its version. `stop` ends every call.
    ///
    /// # Errors
    /// When there is none, when it does not answer, or when it is older than 3.13.
    pub async fn find(flags: &Flags, stop: CancellationToken) -> Result<Self, Failure> {
        let mut helm = Self { version: OLDEST, flags: Vec::new(), stop };
        let said = helm.run(&["version", "--template", "{{.Version}}"], QUESTION).await?;
        helm.version = checked(&said)?;
        helm.flags = cluster_flags(flags);
        Ok(helm)
    }

    /// A helm that is never run.
    #[cfg(test)]
    pub(crate) fn for_tests() -> Self {
        Self { version: OLDEST, flags: Vec::new(), stop: CancellationToken::new() }
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
        if self.version < Version(4, 0, 0) {
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
        let mut child = Command::new("helm")
            .args(&arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            // Ctrl-C in the terminal reaches the whole group: helm is told by us, once.
            .process_group(0)
            .spawn()
            .map_err(|error| missing(&error))?;
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
        if code == Some(0) { Ok(out) } else { Err(failed(&line, &err)) }
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
fn cluster_flags(flags: &Flags) -> Vec<String> {
    let mut words = Vec::new();
    if let Some(path) = &flags.kubeconfig {
        words.extend(["--kubeconfig".to_owned(), path.to_string_lossy().into_owned()]);
    }
    if let Some(context) = &flags.context {
        words.extend(["--kube-context".to_owned(), context.clone()]);
    }
    words
}

fn checked(said: &str) -> Result<Version, Failure> {
    let advice = format!("install helm {OLDEST} or newer: https://helm.sh/docs/intro/install/");
    match Version::parse(said) {
        None => {
            Err(Failure::step(format!("the helm on your path gives no version: {:?}", said.trim()), advice))
        }
        Some(version) if version < OLDEST => {
            Err(Failure::step(format!("helm {version} is too old: it puts no labels on releases"), advice))
        }
        Some(version) => Ok(version),
    }
}

fn missing(error: &std::io::Error) -> Failure {
    let advice = format!("install helm {OLDEST} or newer: https://helm.sh/docs/intro/install/");
    if error.kind() == std::io::ErrorKind::NotFound {
        Failure::step("helm is not on your path; the charts are rendered and installed with it", advice)
    } else {
        Failure::step(format!("helm cannot be started: {error}"), advice)
    }
}

/// What helm's words mean to the person who gave the arguments.
fn failed(line: &str, said: &str) -> Failure {
    let said = readable(said);
    if said.contains("values don't meet the specifications of the schema") {
        let details: Vec<&str> = said.lines().filter(|line| line.starts_with("- ")).collect();
        let advice = "look at your --values and --set; the chart's README lists every value";
        return Failure::new(
            Kind::Usage,
            format!("the chart refuses these values:\n{}", details.join("\n")),
            advice,
        );
    }
    // What the chart's own checks refuse: the place in the template is of no use to whoever gave the value.
    if let Some((_, refusal)) =
        said.split_once("execution error at (").and_then(|(_, rest)| rest.split_once("): "))
    {
        return Failure::new(
            Kind::Usage,
            format!("the chart refuses these values:\n- {refusal}"),
            "look at your --values and --set; the chart's README lists every value",
        );
    }
    if said.contains("another operation (install/upgrade/rollback) is in progress") {
        let advice = "wait for the helm that still runs; if none does, a killed one left this: helm rollback or helm uninstall the release";
        return Failure::step(format!("{line}: {said}"), advice);
    }
    if said.contains("invalid ownership metadata") {
        let advice = "somebody else installed that: build on it with --skip-stack, or remove it first";
        return Failure::step(format!("{line}: {said}"), advice);
    }
    Failure::step(format!("{line}: {said}"), "")
}

/// Helm's standard error without what is only for its developers.
fn readable(said: &str) -> String {
    let lines = said.lines().map(str::trim_end).filter(|line| {
        !line.is_empty()
            && !line.starts_with("Use --debug")
            && !line.starts_with("level=")
            && !line.starts_with("WARNING:")
    });
    let text = lines.collect::<Vec<_>>().join("\n");
    let text = text.strip_prefix("Error: ").unwrap_or(&text).to_owned();
    if text.is_empty() { "it failed and said nothing".to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_as_helm_prints_them() {
        for (text, expected) in [
            ("v4.3.1", Some(Version(4, 3, 1))),
            ("v3.14.0+g3fc9f4b\n", Some(Version(3, 14, 0))),
            ("3.13.0-rc.1", Some(Version(3, 13, 0))),
            ("v3", None),
            ("", None),
        ] {
            assert_eq!(Version::parse(text), expected, "{text:?}");
        }
        assert!(checked("v3.12.3").unwrap_err().what.contains("helm 3.12.3 is too old"));
        assert!(checked("Client: v2").unwrap_err().what.contains("gives no version"));
        assert_eq!(checked("v3.13.0"), Ok(OLDEST));
    }

    #[test]
    fn wrong_values_are_the_askers_business() {
        let said = "Error: values don't meet the specifications of the schema(s) in the following chart(s):\n\
                    autoscaling-demo:\n- at '/hpa/maxReplicas': got string, want integer\n\n";
        let failure = failed("helm template", said);
        assert_eq!(failure.kind, Kind::Usage);
        assert_eq!(
            failure.what,
            "the chart refuses these values:\n- at '/hpa/maxReplicas': got string, want integer"
        );
    }

    #[test]
    fn other_failures_are_passed_on_with_what_to_do() {
        for (said, what, advice) in [
            (
                "Error: execution error at (a/templates/x.yaml:1:4): 3 is more than 2\n\nUse --debug flag to render out invalid YAML",
                "the chart refuses these values:\n- 3 is more than 2",
                "--set",
            ),
            (
                "Error: UPGRADE FAILED: another operation (install/upgrade/rollback) is in progress",
                "helm x: UPGRADE FAILED: another operation (install/upgrade/rollback) is in progress",
                "helm rollback",
            ),
            ("level=WARN msg=\"x\"\n", "helm x: it failed and said nothing", ""),
            (
                "Error: a exists and cannot be imported: invalid ownership metadata; b",
                "invalid ownership",
                "--skip-stack",
            ),
        ] {
            let failure = failed("helm x", said);
            assert!(failure.what.contains(what), "{failure:?}");
            assert!(failure.advice.contains(advice), "{failure:?}");
        }
    }
}
