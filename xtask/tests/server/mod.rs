//! An API server in this process, for Helm and kubectl. It runs no pods.

#![expect(clippy::unwrap_used, reason = "a test stops at the first failure")]

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::JoinHandle;

use apiserver::{ApiServer, Config, Serve, Tls, kubeconfig};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

/// The server; it stops on drop.
pub(crate) struct Server {
    folder: tempfile::TempDir,
    shutdown: CancellationToken,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    pub(crate) fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let tls = Tls::generate(&["127.0.0.1"]).unwrap();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let url = format!("https://{}", listener.local_addr().unwrap());
        let token = "test-token".to_owned();
        let text = kubeconfig("test", &url, tls.ca_pem(), &token, "default");
        std::fs::write(folder.path().join("kubeconfig"), text).unwrap();
        let shutdown = CancellationToken::new();
        let stopped = shutdown.clone();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::from_std(listener).unwrap();
                let server = ApiServer::new(Config::default());
                apiserver::run(server, Serve { tls, token }, listener, stopped).await;
            });
        });
        Self { folder, shutdown, thread: Some(thread) }
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn kubeconfig(&self) -> PathBuf {
        self.folder.path().join("kubeconfig")
    }

    /// Registers a Service as the server of external metrics.
    pub(crate) fn external_metrics_by(&self, namespace: &str, service: &str) {
        let object = json!({
            "apiVersion": "apiregistration.k8s.io/v1",
            "kind": "APIService",
            "metadata": {"name": "v1beta1.external.metrics.k8s.io"},
            "spec": {
                "group": "external.metrics.k8s.io", "version": "v1beta1",
                "groupPriorityMinimum": 100, "versionPriority": 100,
                "service": {"namespace": namespace, "name": service},
            },
        });
        let mut kubectl = self.kubectl(&["apply", "--server-side", "--force-conflicts", "--filename", "-"]);
        let mut kubectl = kubectl.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        kubectl.stdin.take().unwrap().write_all(object.to_string().as_bytes()).unwrap();
        assert!(kubectl.wait().unwrap().success());
    }

    /// Returns an object as JSON.
    pub(crate) fn get(&self, kind: &str, namespace: &str, name: &str) -> Value {
        let output =
            self.kubectl(&["get", kind, name, "--namespace", namespace, "--output", "json"]).output();
        let output = output.unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    fn kubectl(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("kubectl");
        command.args(arguments).env("KUBECONFIG", self.kubeconfig());
        // For kubectl's discovery cache.
        command.env("HOME", self.folder());
        command
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shutdown.cancel();
        if let Some(thread) = self.thread.take() {
            let _result = thread.join();
        }
    }
}
