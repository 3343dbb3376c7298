//! Starts a real Prometheus (Debian's package) on a free port, to compare our scraper with it.

use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::{http, wait};

/// Path of the program in Debian.
pub const PROGRAM: &str = "/usr/bin/prometheus";

/// A running Prometheus. Dropping it kills the process and removes its data.
#[derive(Debug)]
pub struct Prometheus {
    child: Child,
    port: u16,
    _folder: tempfile::TempDir,
}

impl Prometheus {
    /// Starts Prometheus with this configuration (YAML) and waits until it is ready.
    ///
    /// # Errors
    /// Fails if the program is not installed or does not start.
    ///
    /// # Panics
    /// Panics if Prometheus is not ready within [`wait::DEADLINE`].
    pub fn start(configuration: &str) -> anyhow::Result<Self> {
        anyhow::ensure!(Path::new(PROGRAM).exists(), "{PROGRAM} is missing: apt-get install prometheus");
        let folder = tempfile::tempdir()?;
        let config = folder.path().join("prometheus.yml");
        std::fs::write(&config, configuration)?;
        // Prometheus takes no inherited socket, so find a free port first.
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        let child = Command::new(PROGRAM)
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.tsdb.path={}", folder.path().join("data").display()))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .arg("--log.level=warn")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let prometheus = Self { child, port, _folder: folder };
        // Prometheus accepts connections before it responds to queries.
        let address = (Ipv4Addr::LOCALHOST, port).into();
        wait::until_blocking("Prometheus to be ready", || {
            http::returns_ok(address, "/-/ready").then_some(())
        });
        Ok(prometheus)
    }

    /// Its URL without a trailing slash.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _gone_already = self.child.kill();
        let _reaped = self.child.wait();
    }
}
