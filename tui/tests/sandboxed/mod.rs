//! A sandbox as the cluster for commands, and the commands as a user runs them.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use testkit::wait;

pub(crate) const SURGE: &str = env!("CARGO_BIN_EXE_surge");

/// `surge sandbox`, ready, with a folder of its own. It ends with the value.
pub(crate) struct Sandbox {
    folder: tempfile::TempDir,
    child: Child,
}

impl Sandbox {
    pub(crate) fn empty() -> Self {
        Self::with(&["--empty", "--sync-period", "1s"])
    }

    pub(crate) fn with(arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut child = Command::new(SURGE)
            .arg("sandbox")
            .args(arguments)
            .arg("--kubeconfig")
            .arg(folder.path().join("config"))
            .envs(["XDG_RUNTIME_DIR", "TMPDIR", "HOME"].map(|name| (name, folder.path())))
            .env("KUBECONFIG", "")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        assert!(line.starts_with("export KUBECONFIG="), "{line:?}");
        Self { folder, child }
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn kubeconfig(&self) -> PathBuf {
        self.path().join("config")
    }

    /// A kubeconfig of the same cluster whose context is called `name`.
    pub(crate) fn called(&self, name: &str) -> PathBuf {
        let text = std::fs::read_to_string(self.kubeconfig()).unwrap();
        assert!(text.contains("surge-sandbox"), "{text}");
        let path = self.path().join(name);
        std::fs::write(&path, text.replace("surge-sandbox", name)).unwrap();
        path
    }

    /// A command of surge on this cluster, with `path` as its only `PATH`.
    pub(crate) fn surge(&self, path: &Path, arguments: &[&str]) -> Command {
        let mut command = Command::new(SURGE);
        command
            .args(arguments)
            .env("KUBECONFIG", self.kubeconfig())
            .env("PATH", path)
            .env("HOME", self.path())
            .env("TMPDIR", self.path())
            .stdin(Stdio::null());
        command
    }

    /// The configuration of a client.
    pub(crate) async fn config(&self) -> kube::Config {
        let kubeconfig = kube::config::Kubeconfig::read_from(self.kubeconfig()).unwrap();
        let options = kube::config::KubeConfigOptions::default();
        let mut config = kube::Config::from_custom_kubeconfig(kubeconfig, &options).await.unwrap();
        config.proxy_url = None;
        config
    }

    /// A client, for the test's own reads and breakages.
    pub(crate) async fn client(&self) -> kube::Client {
        kube::Client::try_from(self.config().await).unwrap()
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        signal(&self.child, Signal::TERM);
        let _status = self.child.wait();
    }
}

/// Sends a signal to a process that was started here.
pub(crate) fn signal(child: &Child, sent: Signal) {
    let pid = Pid::from_raw(child.id().try_into().unwrap()).unwrap();
    // It may have ended by itself.
    let _ended = kill_process(pid, sent);
}

/// The output of a command, and its exit code.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl From<Output> for Said {
    fn from(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Self { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }
}

impl Said {
    /// Runs a command to its end.
    pub(crate) fn by(command: &mut Command) -> Self {
        command.output().unwrap().into()
    }

    /// Asserts that the command succeeded.
    #[track_caller]
    pub(crate) fn fine(self) -> Self {
        assert_eq!(self.code, Some(0), "{}\n{}", self.out, self.err);
        self
    }

    /// Asserts that the command ended with `code` and wrote all of `words` to standard error.
    #[track_caller]
    pub(crate) fn failed(self, code: i32, words: &[&str]) -> Self {
        assert_eq!(self.code, Some(code), "{}\n{}", self.out, self.err);
        for word in words {
            assert!(self.err.contains(word), "{word:?} is not in:\n{}\n{}", self.out, self.err);
        }
        self
    }
}

/// Waits until a file contains `text`.
pub(crate) fn until_written(path: &Path, text: &str) {
    wait::until_blocking(&format!("{text:?} in {}", path.display()), || {
        std::fs::read_to_string(path).is_ok_and(|read| read.contains(text)).then_some(())
    });
}

/// Every object of the demo's namespace and of the adapter's, as kind, name and resource version, without those that change
/// by themselves: pods, events, endpoints and the controllers' objects.
pub(crate) async fn versions(client: &kube::Client) -> Vec<(String, String, String)> {
    use kube::api::{Api, ApiResource, DynamicObject, ListParams};
    let kinds = [
        ("", "v1", "ConfigMap", "configmaps"),
        ("", "v1", "Secret", "secrets"),
        ("", "v1", "Service", "services"),
        ("", "v1", "ServiceAccount", "serviceaccounts"),
        ("policy", "v1", "PodDisruptionBudget", "poddisruptionbudgets"),
        ("networking.k8s.io", "v1", "NetworkPolicy", "networkpolicies"),
        ("rbac.authorization.k8s.io", "v1", "Role", "roles"),
        ("monitoring.coreos.com", "v1", "ServiceMonitor", "servicemonitors"),
        ("monitoring.coreos.com", "v1", "PrometheusRule", "prometheusrules"),
    ];
    let mut found = Vec::new();
    for (group, version, kind, plural) in kinds {
        let resource = ApiResource::from_gvk_with_plural(
            &kube::core::GroupVersionKind::gvk(group, version, kind),
            plural,
        );
        let api: Api<DynamicObject> = Api::all_with(client.clone(), &resource);
        // A kind that the cluster does not know has no objects.
        let listed = api.list(&ListParams::default()).await.map(|listed| listed.items).unwrap_or_default();
        found.extend(listed.into_iter().map(|object| {
            let metadata = object.metadata;
            (
                kind.to_owned(),
                metadata.name.unwrap_or_default(),
                metadata.resource_version.unwrap_or_default(),
            )
        }));
    }
    found
}

/// Generations of the workloads and the HPA, whose resource versions change with their status.
pub(crate) async fn generations(client: &kube::Client, namespace: &str) -> Vec<(String, Option<i64>)> {
    use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
    use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
    use kube::api::{Api, ListParams};
    let all = ListParams::default();
    let deployments: Api<Deployment> = Api::namespaced(client.clone(), namespace);
    let sets: Api<StatefulSet> = Api::namespaced(client.clone(), namespace);
    let scalers: Api<HorizontalPodAutoscaler> = Api::namespaced(client.clone(), namespace);
    let mut metadata = Vec::new();
    metadata.extend(deployments.list(&all).await.unwrap().items.into_iter().map(|object| object.metadata));
    metadata.extend(sets.list(&all).await.unwrap().items.into_iter().map(|object| object.metadata));
    metadata.extend(scalers.list(&all).await.unwrap().items.into_iter().map(|object| object.metadata));
    metadata.into_iter().map(|metadata| (metadata.name.unwrap_or_default(), metadata.generation)).collect()
}
