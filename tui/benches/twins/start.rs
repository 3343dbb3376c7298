//! Starts: of a sandbox, and of a cluster's API server by its owner's command, to the first 200 of `/readyz`.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use kube::Client;

use crate::process::{self, Watched};
use crate::side::Demo;
use tui::headless;

/// An API server that takes longer does not come.
const DEADLINE: Duration = Duration::from_secs(120);

/// Time between two polls of its readiness.
const LOOK: Duration = Duration::from_millis(2);

/// `surge sandbox`, ended by SIGTERM when dropped.
pub(crate) struct Sandbox {
    child: Child,
    kubeconfig: PathBuf,
}

impl Sandbox {
    /// One with the demo, ready.
    pub(crate) fn of_demo(folder: &Path, demo: &Demo, sync_seconds: u64) -> anyhow::Result<Self> {
        let sync = format!("{sync_seconds}s");
        Self::spawn(&folder.join("demo"), &["--sync-period", &sync, "--work-duration", &demo.work])?.ready()
    }

    /// One without, ready.
    pub(crate) fn empty(kubeconfig: &Path) -> anyhow::Result<Self> {
        Self::spawn(kubeconfig, &["--empty"])?.ready()
    }

    fn spawn(kubeconfig: &Path, arguments: &[&str]) -> anyhow::Result<Self> {
        let child = Command::new(env!("CARGO_BIN_EXE_surge"))
            .arg("sandbox")
            .arg("--kubeconfig")
            .arg(kubeconfig)
            .args(arguments)
            .env("KUBECONFIG", "")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .context("the sandbox cannot be started")?;
        Ok(Self { child, kubeconfig: kubeconfig.to_owned() })
    }

    /// Waits until it is ready.
    fn ready(mut self) -> anyhow::Result<Self> {
        let stdout = self.child.stdout.as_mut().context("its standard output is a pipe")?;
        let ready =
            BufReader::new(stdout).lines().map_while(Result::ok).any(|line| line.starts_with("export "));
        ensure!(ready, "the sandbox ended without saying that it is ready");
        Ok(self)
    }

    pub(crate) fn kubeconfig(&self) -> PathBuf {
        self.kubeconfig.clone()
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        let _gone_already = Command::new("kill").arg(self.child.id().to_string()).status();
        let _reaped = self.child.wait();
    }
}

/// The start of an empty sandbox, from the start of its process, including the writing of its kubeconfig.
pub(crate) async fn sandbox(kubeconfig: &Path) -> anyhow::Result<Duration> {
    let began = Instant::now();
    let _sandbox = Sandbox::spawn(kubeconfig, &["--empty"])?;
    while !kubeconfig.is_file() {
        ensure!(began.elapsed() < DEADLINE, "the sandbox wrote no kubeconfig in {DEADLINE:?}");
        tokio::time::sleep(LOOK).await;
    }
    until_ready(&headless::client(kubeconfig).await?, || true).await?;
    Ok(began.elapsed())
}

/// The start of the cluster's API server: from the start of its process if a file holds its ID, else from the start of the
/// command, which must end the old one first.
pub(crate) async fn cluster(
    command: &str,
    kubeconfig: &Path,
    server: Option<&Watched>,
    rounds: u32,
) -> anyhow::Result<(String, Vec<Duration>)> {
    let client = headless::client(kubeconfig).await?;
    let mut took = Vec::new();
    for _ in 0..rounds {
        let before = server.and_then(Watched::pid);
        let began = Instant::now();
        let mut restart = Command::new("sh").args(["-c", command]).spawn().context("there is no shell")?;
        let is_another = || server.is_none_or(|server| server.pid() != before);
        until_ready(&client, is_another).await?;
        let age = server.and_then(Watched::pid).and_then(process::age_seconds);
        took.push(age.map_or(began.elapsed(), Duration::from_secs_f64));
        let status = tokio::task::spawn_blocking(move || restart.wait()).await??;
        ensure!(status.success(), "`{command}` failed: {status}");
    }
    let from = server.map_or_else(
        || "the cluster's API server, from the begin of the command".to_owned(),
        |server| format!("the cluster's {}", server.name),
    );
    Ok((from, took))
}

/// Waits for a 200 of `/readyz` from the new process.
async fn until_ready(client: &Client, is_meant: impl Fn() -> bool) -> anyhow::Result<()> {
    let began = Instant::now();
    loop {
        let request = http::Request::get("/readyz").body(Vec::new())?;
        let asked = tokio::time::timeout(Duration::from_secs(1), client.request_text(request));
        // Checked before the request: an answer of the old process does not count.
        if is_meant() && matches!(asked.await, Ok(Ok(_))) {
            return Ok(());
        }
        ensure!(began.elapsed() < DEADLINE, "the API server was not ready in {DEADLINE:?}");
        tokio::time::sleep(LOOK).await;
    }
}
