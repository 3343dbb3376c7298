//! A cluster for a test: a kubeconfig, a client of the test's own, and a folder for its files.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::core::v1::Pod;
use kube::api::ListParams;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Api, Client, Config, ResourceExt as _};
use serde_json::json;
use testkit::fault_proxy::FaultProxy;
use tokio::runtime::Runtime;

use super::dashboard::Dashboard;

/// A generous limit: a cluster takes its intervals and windows, on a machine with other work.
pub(crate) const LONG: Duration = Duration::from_secs(300);

/// A cluster with the demo.
pub(crate) struct Site {
    pub(crate) kubeconfig: PathBuf,
    pub(crate) namespace: String,
    pub(crate) client: Client,
    config: Config,
    runtime: Runtime,
    folder: tempfile::TempDir,
}

impl Site {
    /// The cluster of that kubeconfig's current context.
    pub(crate) fn new(kubeconfig: &Path, namespace: &str) -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let read = Kubeconfig::read_from(kubeconfig).unwrap();
        let (config, client) = runtime.block_on(async {
            let config = Config::from_custom_kubeconfig(read, &KubeConfigOptions::default()).await.unwrap();
            (config.clone(), Client::try_from(config).unwrap())
        });
        Self {
            kubeconfig: kubeconfig.to_owned(),
            namespace: namespace.to_owned(),
            client,
            config,
            runtime,
            folder: tempfile::tempdir().unwrap(),
        }
    }

    /// Runs a future on the test's runtime.
    pub(crate) fn run<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }

    /// Runs it in the background.
    pub(crate) fn spawn<T: Send + 'static>(
        &self,
        future: impl Future<Output = T> + Send + 'static,
    ) -> tokio::task::JoinHandle<T> {
        self.runtime.spawn(future)
    }

    /// A proxy before the cluster's API server. It has the rights of the test.
    pub(crate) fn proxy(&self) -> FaultProxy {
        FaultProxy::start(self.config.clone()).unwrap()
    }

    /// A proxy that passes on the credentials of the requests.
    pub(crate) fn proxy_without_rights(&self) -> FaultProxy {
        let mut config = self.config.clone();
        config.auth_info = kube::config::AuthInfo::default();
        FaultProxy::start(config).unwrap()
    }

    /// Writes a file into the test's folder.
    pub(crate) fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The dashboard on this cluster, found as the current context.
    pub(crate) fn dashboard(&self, arguments: &[&str]) -> Dashboard {
        Dashboard::start(self.folder(), &self.kubeconfig, arguments)
    }

    /// The dashboard on this cluster through `proxy`.
    pub(crate) fn dashboard_through(&self, proxy: &FaultProxy, arguments: &[&str]) -> Dashboard {
        let kubeconfig = self.file("through-the-proxy", &proxy.kubeconfig("proxied", &json!({})));
        Dashboard::start(self.folder(), &kubeconfig, arguments)
    }

    /// A kubeconfig for the same API server with another `users[].user`, for example a token.
    pub(crate) fn kubeconfig_for(&self, name: &str, user: serde_json::Value) -> PathBuf {
        let mut read = Kubeconfig::read_from(&self.kubeconfig).unwrap();
        let current = read.current_context.clone().unwrap();
        read.contexts.retain(|context| context.name == current);
        let context = read.contexts[0].context.as_mut().unwrap();
        let wanted = context.user.clone().unwrap();
        context.namespace = None;
        read.auth_infos.retain(|named| named.name == wanted);
        read.auth_infos[0].auth_info = Some(serde_json::from_value(user).unwrap());
        self.file(name, &serde_json::to_string(&read).unwrap())
    }

    pub(crate) fn pods(&self) -> Api<Pod> {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    pub(crate) fn deployments(&self) -> Api<Deployment> {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    pub(crate) fn hpas(&self) -> Api<HorizontalPodAutoscaler> {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    /// The pods of a workload of the demo, in any state.
    pub(crate) fn all_pods(&self, name: &str) -> Vec<Pod> {
        let selector = format!("{}={name}", contract::names::LABEL_NAME);
        self.run(self.pods().list(&ListParams::default().labels(&selector))).unwrap().items
    }

    /// The ready pods of a workload of the demo, oldest first.
    pub(crate) fn ready_pods(&self, name: &str) -> Vec<Pod> {
        let mut pods = self.all_pods(name);
        pods.retain(observed::convert::pod::is_ready);
        pods.sort_by_key(|pod| (pod.creation_timestamp().map(|at| at.0), pod.name_any()));
        pods
    }

    /// Waits until `condition` returns a value, for at most [`LONG`].
    pub(crate) fn wait<T>(&self, what: &str, mut condition: impl FnMut() -> Option<T>) -> T {
        let began = Instant::now();
        loop {
            if let Some(value) = condition() {
                return value;
            }
            assert!(began.elapsed() < LONG, "waited {LONG:?} for {what} without success");
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// Waits until the demo is at rest: one ready pod of each workload, an HPA that reads 0 and wants one worker.
    pub(crate) fn wait_for_rest(&self) {
        self.wait("the demo to be at rest", || {
            let names = [contract::names::PRODUCER, contract::names::RABBITMQ, contract::names::WORKER];
            if names.iter().any(|name| self.ready_pods(name).len() != 1) {
                return None;
            }
            let hpa = self.run(self.hpas().get_opt(contract::names::HPA)).unwrap()?;
            let status = hpa.status?;
            let metric = status.current_metrics?.into_iter().find_map(|metric| metric.external)?;
            let is_zero = metric.current.average_value.is_some_and(|value| value.0 == "0");
            (is_zero && status.desired_replicas == 1 && status.current_replicas == Some(1)).then_some(())
        });
    }
}
