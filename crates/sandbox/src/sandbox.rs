//! The sandbox as a whole: starts every part in its order, and ends them all.

use std::path::{Path, PathBuf};
use std::time::Duration;

use apiserver::{ApiServer, Serve, Tls};
use kube::Client;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::cluster::Cluster;
use crate::events::Recorder;
use crate::external_metric::{self, Adapter};
use crate::kubelet::{Kubelet, Parts};
use crate::network::{Ports, Services};
use crate::progress::report;
use crate::reaper::Lifeline;
use crate::tasks::Tasks;
use crate::{Config, Error, Progress, StepState, System, Workload, WorkloadKind};
use crate::{admission, client, controllers, hpa_loop, manifests, runtime_dir, system};

/// How long events are kept; a real API server's default.
const EVENTS_KEPT: Duration = Duration::from_secs(3600);
/// How long the end of the tasks and of the reaper is waited for.
const FAREWELL: Duration = Duration::from_secs(3);
/// Step of the API server and everything beside it that is not a pod.
const API_STEP: &str = "API server";
/// Step of the monitoring stack.
const PROMETHEUS_STEP: &str = "Prometheus";

/// A running sandbox. Dropping it ends it too, only without waiting.
pub struct Sandbox {
    cluster: Cluster,
    lifeline: Lifeline,
    supervisor: Option<JoinHandle<()>>,
    kubeconfig: String,
    kubeconfig_path: PathBuf,
    client: Client,
    /// Told of each change to pods and workloads.
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
    /// Starts the API server, the controllers and the kubelet, and installs the system. Pods of the system may still
    /// be starting when it returns; see [`Sandbox::ready`].
    ///
    /// Must be called on a runtime with I/O, time and at least the workers that a multi-thread runtime has.
    ///
    /// # Errors
    /// [`Error`] says what could not be made; nothing is left of it then.
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
        let folder = runtime_dir::make(config.runtime_parent.as_deref())?;
        let kubeconfig_path = config.kubeconfig.clone().unwrap_or_else(|| folder.join("kubeconfig"));
        let owned_path = if config.kubeconfig.is_some() && kubeconfig_path.exists() {
            // Not ours: it must not be removed with what is.
            let _empty = std::fs::remove_dir_all(&folder);
            return Err(Error::Kubeconfig {
                path: kubeconfig_path,
                source: std::io::Error::new(
                    std::io::ErrorKind::AlreadyExists,
                    "it exists; choose another path or remove it",
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
                let _late = tokio::time::timeout(FAREWELL, supervisor).await;
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
        runtime_dir::make_private(&pods)
            .map_err(|source| Error::RuntimeDir { parent: folder.clone(), source })?;
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.map_err(Error::Listen)?;
        let api_port = listener.local_addr().map_err(Error::Listen)?.port();
        let tls = Tls::generate(&["127.0.0.1", "localhost", "kubernetes", "kubernetes.default.svc"])?;
        let token = format!("{}{}", uuid::Uuid::new_v4().simple(), uuid::Uuid::new_v4().simple());
        let url = format!("https://127.0.0.1:{api_port}");
        let kubeconfig =
            apiserver::kubeconfig(&config.context, &url, tls.ca_pem(), &token, &config.namespace);
        // Pods read their own: the one that was asked for is its owner's, who may move it.
        let pods_kubeconfig = folder.join("pods.kubeconfig");
        for path in [&kubeconfig_path, &pods_kubeconfig] {
            runtime_dir::write_private(path, &kubeconfig)
                .map_err(|source| Error::Kubeconfig { path: path.clone(), source })?;
        }

        let kinds = admission::kinds(&hpa_loop::config(&config.autoscaling));
        let server = ApiServer::new(apiserver::Config { kinds, ..apiserver::Config::default() });
        let in_process = client::in_process(&server);
        let tasks = Tasks::new();
        let (recorder, events) = Recorder::new(in_process.clone(), EVENTS_KEPT);
        tasks.spawn(events);
        let cluster = Cluster::new(in_process, recorder, tasks.clone());
        let ports = Ports::default();
        let services = Services::start(&cluster, &ports, config.service_hold, api_port);
        let parts = Parts {
            ports,
            services: services.clone(),
            lifeline: lifeline.clone(),
            folder: pods,
            kubeconfig: pods_kubeconfig.to_string_lossy().into_owned(),
        };
        let kubelet =
            Kubelet::start(&cluster, &config, parts).map_err(|error| Error::Probes(error.to_string()))?;
        server.set_node(std::sync::Arc::new(kubelet));
        server.aggregate(external_metric::aggregated(
            cluster.client.clone(),
            Adapter {
                namespace: contract::names::MONITORING.to_owned(),
                name: "prometheus-adapter".to_owned(),
                prometheus: (
                    contract::names::PROMETHEUS_SERVICE.to_owned(),
                    contract::names::PROMETHEUS_PORT,
                ),
                relist: config.adapter.relist,
                max_age: config.adapter.max_age,
            },
        ));
        controllers::start(&cluster, &config);
        hpa_loop::start(&cluster, &config.autoscaling);
        let changed = changes(&cluster);
        let shutdown = tasks.token().clone();
        let shared = server.clone();
        tasks.spawn_until_done(async move {
            if let Err(error) = apiserver::run(server, Serve { tls, token }, listener, shutdown).await {
                tracing::error!(%error, "the API server ended");
            }
        });
        cluster.watch().await;
        system::install_base(&cluster.client, api_port, config.autoscaling.sync_period).await?;
        if config.system == System::Monitoring {
            system::install_monitoring(&cluster.client).await?;
        }
        let client = client::over_https(&kubeconfig).await.map_err(Error::Manifest)?;
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

    /// Where the kubeconfig lies.
    #[must_use]
    pub fn kubeconfig_path(&self) -> &Path {
        &self.kubeconfig_path
    }

    /// The kubeconfig's text.
    #[must_use]
    pub fn kubeconfig(&self) -> &str {
        &self.kubeconfig
    }

    /// A client that goes through the listener, as any other client does.
    #[must_use]
    pub fn client(&self) -> Client {
        self.client.clone()
    }

    /// Puts another program in the place of the metrics adapter: `router` gets every request below
    /// `/apis/external.metrics.k8s.io/v1beta1/`, as if the `APIService` led to it.
    pub fn serve_external_metrics(&self, router: axum::Router) {
        let service = (contract::names::MONITORING.to_owned(), "metrics".to_owned());
        self.server.aggregate(external_metric::served_by(service, router));
    }

    /// Applies objects in their order by server-side apply; those without a namespace go to `namespace` if their kind
    /// has one.
    ///
    /// # Errors
    /// [`Error::Manifest`] when an object is none, [`Error::Api`] when the API refuses one; the ones before it stay.
    pub async fn apply(&self, namespace: &str, objects: &[Value]) -> Result<(), Error> {
        manifests::apply(&self.cluster.client, namespace, objects).await
    }

    /// The workloads that the system itself consists of.
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

    /// Waits until all workloads are ready; tells how each comes along.
    ///
    /// # Errors
    /// [`Error::NotReady`] with what the pods say when one is not ready after `within`.
    pub async fn ready(&self, workloads: &[Workload], within: Duration) -> Result<(), Error> {
        let deadline = Instant::now() + within;
        let mut changed = self.changed.clone();
        let mut told: Vec<Option<StepState>> = vec![None; workloads.len()];
        loop {
            changed.mark_unchanged();
            let mut waiting = None;
            for (workload, told) in workloads.iter().zip(&mut told) {
                let state = workload.state(&self.cluster);
                if told.as_ref() != Some(&state) {
                    report(&self.progress, &workload.title, state.clone()).await;
                }
                if state != StepState::Ready && waiting.is_none() {
                    waiting = Some((workload, state.clone()));
                }
                *told = Some(state);
            }
            let Some((workload, state)) = waiting else { return Ok(()) };
            let more = tokio::time::timeout_at(deadline, changed.changed()).await;
            if !matches!(more, Ok(Ok(()))) {
                let reason = match state {
                    StepState::Waiting(reason) => reason,
                    _ => "its pods run but are not ready".to_owned(),
                };
                report(&self.progress, &workload.title, StepState::Failed(reason.clone())).await;
                let what = format!("{} {}", workload.kind.name(), workload.name);
                return Err(Error::NotReady { what, within, reason });
            }
        }
    }

    /// Ends everything and waits until nothing is left: pods, files, listeners.
    pub async fn stop(mut self) {
        // First, so that nothing is started again in place of what the reaper ends.
        self.cluster.tasks.token().cancel();
        self.lifeline.close();
        let ended = tokio::time::timeout(FAREWELL, self.cluster.tasks.end()).await;
        if ended.is_err() {
            tracing::warn!("some tasks of the sandbox did not end in time");
        }
        if let Some(supervisor) = self.supervisor.take()
            && tokio::time::timeout(FAREWELL, supervisor).await.is_err()
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

/// One signal for any change that could make a workload ready.
fn changes(cluster: &Cluster) -> watch::Receiver<()> {
    let (sender, receiver) = watch::channel(());
    let tell = sender.clone();
    cluster.pods.on_change(move |_| {
        tell.send_replace(());
    });
    let tell = sender.clone();
    cluster.deployments.on_change(move |_| {
        tell.send_replace(());
    });
    cluster.stateful_sets.on_change(move |_| {
        sender.send_replace(());
    });
    receiver
}
