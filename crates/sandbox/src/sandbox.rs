//! The sandbox as a whole: starts its parts in order, and stops them.

use std::path::{Path, PathBuf};
use std::time::Duration;

use apiserver::{ApiServer, Serve, Tls};
use kube::Client;
use kube::config::{KubeConfigOptions, Kubeconfig};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::cluster::Cluster;
use crate::config::{Config, System};
use crate::error::Error;
use crate::events::Recorder;
use crate::kubelet::{Kubelet, NodeParts};
use crate::network::{Ports, Services};
use crate::progress::{Progress, StepState, report};
use crate::reaper::Lifeline;
use crate::tasks::Tasks;
use crate::workload::{Workload, WorkloadKind};
use crate::{adapter, admission, controllers, hpa_loop, manifests, metrics_server, runtime_dir, system};

/// Lifetime of Events; a real API server's default.
const EVENT_TTL: Duration = Duration::from_secs(3600);
/// Time limit for the end of the tasks, and of the reaper.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(3);
/// Title of the step of the API server and all other parts that are not pods.
const API_STEP: &str = "API server";
/// Title of the step of the monitoring stack.
const PROMETHEUS_STEP: &str = "Prometheus";

/// A running sandbox. Dropping it stops it too, without waiting.
pub struct Sandbox {
    cluster: Cluster,
    lifeline: Lifeline,
    supervisor: Option<JoinHandle<()>>,
    kubeconfig: String,
    kubeconfig_path: PathBuf,
    client: Client,
    /// Notifies of each change of pods and workloads.
    changed: watch::Receiver<()>,
    progress: mpsc::Sender<Progress>,
    system: System,
    server: ApiServer,
}

impl std::fmt::Debug for Sandbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sandbox").field("kubeconfig", &self.kubeconfig_path).finish_non_exhaustive()
    }
}

impl Sandbox {
    /// Starts the API server, the controllers and the kubelet, and installs the system. The system's pods may still be
    /// starting when it returns; see [`Sandbox::ready`].
    ///
    /// Call it on a multi-thread runtime with I/O and time.
    ///
    /// # Errors
    /// Returns the cause of a failed start, after removing all parts that were started.
    pub async fn start(config: Config, progress: mpsc::Sender<Progress>) -> Result<Self, Error> {
        report(&progress, API_STEP, StepState::Starting).await;
        match Self::try_start(config, progress.clone()).await {
            Ok(sandbox) => {
                report(&progress, API_STEP, StepState::Ready).await;
                Ok(sandbox)
            }
            Err(error) => {
                report(&progress, API_STEP, StepState::Failed(error.to_string())).await;
                Err(error)
            }
        }
    }

    async fn try_start(config: Config, progress: mpsc::Sender<Progress>) -> Result<Self, Error> {
        let folder = runtime_dir::create(config.runtime_parent.as_deref())?;
        let kubeconfig_path = config.kubeconfig.clone().unwrap_or_else(|| folder.join("kubeconfig"));
        let owned_path = if config.kubeconfig.is_some() && kubeconfig_path.exists() {
            // The reaper must not remove a file that the sandbox did not create.
            let _empty = std::fs::remove_dir_all(&folder);
            return Err(Error::Kubeconfig {
                path: kubeconfig_path,
                source: std::io::Error::new(
                    std::io::ErrorKind::AlreadyExists,
                    "the file exists; choose another path or remove it",
                ),
            });
        } else {
            kubeconfig_path
        };
        let started = Lifeline::start(config.reaper.clone(), folder.clone(), owned_path.clone()).await;
        let (lifeline, supervisor) = match started {
            Ok(started) => started,
            Err(error) => {
                let _empty = std::fs::remove_dir_all(&folder);
                return Err(error);
            }
        };
        let built = Self::build(config, progress, folder, owned_path, lifeline.clone()).await;
        match built {
            Ok(mut sandbox) => {
                sandbox.supervisor = Some(supervisor);
                Ok(sandbox)
            }
            Err(error) => {
                lifeline.close();
                let _late = tokio::time::timeout(SHUTDOWN_TIMEOUT, supervisor).await;
                Err(error)
            }
        }
    }

    async fn build(
        config: Config,
        progress: mpsc::Sender<Progress>,
        folder: PathBuf,
        kubeconfig_path: PathBuf,
        lifeline: Lifeline,
    ) -> Result<Self, Error> {
        let pods = folder.join("pods");
        runtime_dir::create_private(&pods)
            .map_err(|source| Error::RuntimeDir { parent: folder.clone(), source })?;
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.map_err(Error::Listen)?;
        let api_port = listener.local_addr().map_err(Error::Listen)?.port();
        let tls = Tls::generate(&["127.0.0.1", "localhost", "kubernetes", "kubernetes.default.svc"])?;
        let token = format!("{}{}", uuid::Uuid::new_v4().simple(), uuid::Uuid::new_v4().simple());
        let url = format!("https://127.0.0.1:{api_port}");
        let kubeconfig =
            apiserver::kubeconfig(&config.context, &url, tls.ca_pem(), &token, &config.namespace);
        // Pods read a copy, because the user may move the requested file.
        let pods_kubeconfig = folder.join("pods.kubeconfig");
        for path in [&kubeconfig_path, &pods_kubeconfig] {
            runtime_dir::write_private(path, &kubeconfig)
                .map_err(|source| Error::Kubeconfig { path: path.clone(), source })?;
        }

        let kinds = admission::kinds(&hpa_loop::config(&config.autoscaling));
        let server = ApiServer::new(apiserver::Config { kinds, ..apiserver::Config::default() });
        // Calls the API server's router directly: no socket, no TLS.
        let in_process = Client::new(server.router(), "default");
        let tasks = Tasks::new();
        let (recorder, events) = Recorder::new(in_process.clone(), EVENT_TTL);
        tasks.spawn(events);
        let cluster = Cluster::new(in_process, recorder, tasks.clone());
        let ports = Ports::default();
        let services = Services::start(&cluster, &ports, config.service_hold, api_port);
        let parts = NodeParts {
            ports,
            services: services.clone(),
            lifeline: lifeline.clone(),
            folder: pods,
            kubeconfig: pods_kubeconfig.to_string_lossy().into_owned(),
        };
        let kubelet =
            Kubelet::start(&cluster, &config, parts).map_err(|error| Error::Probes(error.to_string()))?;
        server.set_node(std::sync::Arc::new(kubelet));
        let settings = adapter::Settings {
            namespace: contract::names::MONITORING.to_owned(),
            name: "prometheus-adapter".to_owned(),
            prometheus: (contract::names::PROMETHEUS_SERVICE.to_owned(), contract::names::PROMETHEUS_PORT),
            relist: config.adapter.relist,
            max_age: config.adapter.max_age,
        };
        adapter::start(&server, &cluster, settings);
        metrics_server::start(&server, &cluster, &config.node, &config.metrics);
        controllers::start(&cluster, &config);
        hpa_loop::start(&cluster, &config.autoscaling);
        let changed = watch_changes(&cluster);
        let shutdown = tasks.token().clone();
        let shared = server.clone();
        tasks.spawn_until_done(apiserver::run(server, Serve { tls, token }, listener, shutdown));
        cluster.watch().await;
        system::install_base(&cluster.client, api_port, config.autoscaling.sync_period).await?;
        if config.system == System::Monitoring {
            system::install_monitoring(&cluster.client).await?;
        }
        let client = client_over_https(&kubeconfig).await.map_err(Error::Manifest)?;
        Ok(Self {
            cluster,
            lifeline,
            supervisor: None,
            kubeconfig,
            kubeconfig_path,
            client,
            changed,
            progress,
            system: config.system,
            server: shared,
        })
    }

    /// The path of the kubeconfig.
    #[must_use]
    pub fn kubeconfig_path(&self) -> &Path {
        &self.kubeconfig_path
    }

    /// The kubeconfig's text.
    #[must_use]
    pub fn kubeconfig(&self) -> &str {
        &self.kubeconfig
    }

    /// A client that connects over HTTPS, as any other client does.
    #[must_use]
    pub fn client(&self) -> Client {
        self.client.clone()
    }

    /// Replaces the metrics adapter: `router` receives every request below `/apis/external.metrics.k8s.io/v1beta1/`, as
    /// if an `APIService` pointed to it.
    pub fn serve_external_metrics(&self, router: axum::Router) {
        let service = (contract::names::MONITORING.to_owned(), "metrics".to_owned());
        self.server.aggregate(adapter::served_by(service, router));
    }

    /// Applies objects in order by server-side apply. Namespaced objects without a namespace go to `namespace`.
    ///
    /// # Errors
    /// Returns [`Error::Manifest`] for an invalid object and [`Error::Api`] for one that the API server refuses. The
    /// objects before it stay applied.
    pub async fn apply(&self, namespace: &str, objects: &[Value]) -> Result<(), Error> {
        manifests::apply(&self.cluster.client, namespace, objects).await
    }

    /// The workloads of the system.
    #[must_use]
    pub fn system_workloads(&self) -> Vec<Workload> {
        match self.system {
            System::Bare => Vec::new(),
            System::Monitoring => vec![Workload {
                kind: WorkloadKind::StatefulSet,
                namespace: contract::names::MONITORING.to_owned(),
                name: "prometheus-prometheus".to_owned(),
                title: PROMETHEUS_STEP.to_owned(),
            }],
        }
    }

    /// Waits until all workloads are ready, and reports the progress of each.
    ///
    /// # Errors
    /// Returns [`Error::NotReady`], with the pods' reason, when a workload is not ready after `timeout`.
    pub async fn ready(&self, workloads: &[Workload], timeout: Duration) -> Result<(), Error> {
        let deadline = Instant::now() + timeout;
        let mut changed = self.changed.clone();
        let mut reported: Vec<Option<StepState>> = vec![None; workloads.len()];
        loop {
            changed.mark_unchanged();
            let mut waiting = None;
            for (workload, reported) in workloads.iter().zip(&mut reported) {
                let state = workload.state(&self.cluster);
                if reported.as_ref() != Some(&state) {
                    report(&self.progress, &workload.title, state.clone()).await;
                }
                if state != StepState::Ready && waiting.is_none() {
                    waiting = Some((workload, state.clone()));
                }
                *reported = Some(state);
            }
            let Some((workload, state)) = waiting else { return Ok(()) };
            let change = tokio::time::timeout_at(deadline, changed.changed()).await;
            if !matches!(change, Ok(Ok(()))) {
                let reason = match state {
                    StepState::Waiting(reason) => reason,
                    _ => "its pods run but are not ready".to_owned(),
                };
                report(&self.progress, &workload.title, StepState::Failed(reason.clone())).await;
                let workload = format!("{} {}", workload.kind.name(), workload.name);
                return Err(Error::NotReady { workload, timeout, reason });
            }
        }
    }

    /// Stops the sandbox and waits until its pods, files and listeners are gone.
    pub async fn stop(mut self) {
        // First, so that no controller replaces the pods that the reaper kills.
        self.cluster.tasks.token().cancel();
        self.lifeline.close();
        let ended = tokio::time::timeout(SHUTDOWN_TIMEOUT, self.cluster.tasks.shut_down()).await;
        if ended.is_err() {
            tracing::warn!("some tasks of the sandbox did not end in time");
        }
        if let Some(supervisor) = self.supervisor.take()
            && tokio::time::timeout(SHUTDOWN_TIMEOUT, supervisor).await.is_err()
        {
            tracing::warn!("the reaper did not end in time");
        }
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.cluster.tasks.token().cancel();
        self.lifeline.close();
    }
}

/// Creates a client that connects to the listener, because tunnels need a connection.
async fn client_over_https(kubeconfig: &str) -> Result<Client, String> {
    let kubeconfig = Kubeconfig::from_yaml(kubeconfig).map_err(|error| error.to_string())?;
    let mut config = kube::Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default())
        .await
        .map_err(|error| error.to_string())?;
    // Loopback connections need no proxy, and callers must see a refusal at once.
    config.proxy_url = None;
    config.default_retry = false;
    Client::try_from(config).map_err(|error| error.to_string())
}

/// Notifies of each change that could make a workload ready.
fn watch_changes(cluster: &Cluster) -> watch::Receiver<()> {
    let (sender, receiver) = watch::channel(());
    let notify = sender.clone();
    cluster.pods.on_change(move |_| {
        notify.send_replace(());
    });
    let notify = sender.clone();
    cluster.deployments.on_change(move |_| {
        notify.send_replace(());
    });
    cluster.stateful_sets.on_change(move |_| {
        sender.send_replace(());
    });
    receiver
}
