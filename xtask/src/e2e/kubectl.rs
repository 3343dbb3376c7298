//! kubectl with the kubeconfig of the cluster under test.

use std::ffi::OsStr;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail};

/// A kubectl for the cluster under test.
pub(super) struct Kubectl {
    program: PathBuf,
    kubeconfig: PathBuf,
}

impl Kubectl {
    /// Finds `program`, on the path if it is a bare name.
    pub(super) fn new(program: &Path, kubeconfig: &Path) -> anyhow::Result<Self> {
        let found = if program.components().count() > 1 {
            Some(program.to_owned()).filter(|program| program.is_file())
        } else {
            let path = std::env::var_os("PATH").unwrap_or_default();
            std::env::split_paths(&path).map(|folder| folder.join(program)).find(|file| file.is_file())
        };
        let program = found.with_context(|| {
            format!("cannot find {}: install kubectl, or set --kubectl FILE", program.display())
        })?;
        Ok(Self { program, kubeconfig: kubeconfig.to_owned() })
    }

    /// The path of the program.
    pub(super) fn program(&self) -> &Path {
        &self.program
    }

    /// Runs kubectl and returns its standard output.
    ///
    /// # Errors
    /// When kubectl fails; the error contains its message.
    pub(super) fn run<S: AsRef<OsStr>>(
        &self,
        arguments: impl IntoIterator<Item = S>,
    ) -> anyhow::Result<String> {
        self.run_with("", arguments)
    }

    /// Like [`Self::run`], with `input` on the standard input.
    pub(super) fn run_with<S: AsRef<OsStr>>(
        &self,
        input: &str,
        arguments: impl IntoIterator<Item = S>,
    ) -> anyhow::Result<String> {
        let mut command = Command::new(&self.program);
        command.arg("--kubeconfig").arg(&self.kubeconfig).args(arguments);
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start {}", self.program.display()))?;
        if let Some(mut stdin) = child.stdin.take() {
            stdin.write_all(input.as_bytes()).context("cannot write to kubectl")?;
        }
        let output = child.wait_with_output().context("cannot wait for kubectl")?;
        if !output.status.success() {
            let words: Vec<_> = command.get_args().skip(2).map(OsStr::to_string_lossy).collect();
            bail!("kubectl {}: {}", words.join(" "), String::from_utf8_lossy(&output.stderr).trim());
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// The current context of the kubeconfig.
    pub(super) fn context(&self) -> anyhow::Result<String> {
        Ok(self.run(["config", "current-context"])?.trim().to_owned())
    }

    /// The version that the API server reports.
    pub(super) fn version(&self) -> anyhow::Result<String> {
        let json: serde_json::Value = serde_json::from_str(&self.run(["get", "--raw", "/version"])?)?;
        Ok(format!("Kubernetes {}", json["gitVersion"].as_str().unwrap_or("of an unknown version")))
    }
}
