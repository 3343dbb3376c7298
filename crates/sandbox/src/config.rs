//! Settings of a sandbox. Every delay that a real cluster has is one of them.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

/// A command line: the program and the arguments that come before those of the manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Argv {
    /// Path of the executable.
    pub program: PathBuf,
    /// First arguments.
    pub args: Vec<OsString>,
}

impl Argv {
    /// A command line from its parts.
    pub fn new<A: Into<OsString>>(program: impl Into<PathBuf>, args: impl IntoIterator<Item = A>) -> Self {
        Self { program: program.into(), args: args.into_iter().map(Into::into).collect() }
    }
}

/// What stands in the cluster before anything is installed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum System {
    /// Nothing beside the API.
    Bare,
    /// The monitoring stack: namespace `monitoring`, a Prometheus behind Service `prometheus-operated:9090`, and the
    /// metrics adapter's rules. Needs an argv for image [`Config::PROMETHEUS_IMAGE`].
    #[default]
    Monitoring,
}

/// How to run a sandbox.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// Which command line each image stands for. A pod with another image waits with `ErrImagePull`.
    pub images: BTreeMap<String, Argv>,
    /// Runs [`crate::reaper::run`] on its standard input: this executable with a hidden subcommand.
    pub reaper: Argv,
    /// Where the kubeconfig is written (mode 0600); an existing file is not overwritten. Without it, into the
    /// runtime folder.
    pub kubeconfig: Option<PathBuf>,
    /// Folder in which the private runtime folder (mode 0700) is made. Without it, `$XDG_RUNTIME_DIR`, else the
    /// system's folder for temporary files.
    pub runtime_parent: Option<PathBuf>,
    /// Name of the kubeconfig's cluster, user and context.
    pub context: String,
    /// Namespace of the kubeconfig's context.
    pub namespace: String,
    /// Name of the one Node.
    pub node: String,
    /// What stands in the cluster from the start.
    pub system: System,
    /// Settings of the kubelet.
    pub kubelet: Kubelet,
    /// Settings of the autoscaler.
    pub autoscaling: Autoscaling,
    /// Settings of the metrics adapter.
    pub adapter: MetricsAdapter,
    /// How long a connection to a Service without a ready pod waits for one before it is reset. A real Service
    /// refuses at once; waiting spares clients that start at the same time as their server a round of back-off.
    pub service_hold: Duration,
}

impl Config {
    /// Image of the Prometheus that [`System::Monitoring`] installs.
    pub const PROMETHEUS_IMAGE: &str = "surge.local/prometheus:0.1.0";

    /// The defaults, with this reaper and no images.
    #[must_use]
    pub fn new(reaper: Argv) -> Self {
        Self {
            images: BTreeMap::new(),
            reaper,
            kubeconfig: None,
            runtime_parent: None,
            context: "surge-sandbox".to_owned(),
            namespace: "default".to_owned(),
            node: "surge".to_owned(),
            system: System::default(),
            kubelet: Kubelet::default(),
            autoscaling: Autoscaling::default(),
            adapter: MetricsAdapter::default(),
            service_hold: Duration::from_millis(500),
        }
    }
}

/// Settings of the kubelet.
#[derive(Debug, Clone, PartialEq)]
pub struct Kubelet {
    /// What pulling an image and making a container take on a real node, added to every container's start.
    pub image_start_delay: Duration,
    /// First wait before a container that ended is started again; doubles each time.
    pub back_off_base: Duration,
    /// Longest such wait.
    pub back_off_max: Duration,
    /// A container that ran so long starts with [`Self::back_off_base`] again.
    pub back_off_reset: Duration,
    /// Until a container is ready for the first time its readiness is probed at this interval instead of
    /// `periodSeconds`, whose smallest value is a second.
    pub first_ready_probe: Duration,
    /// Pods that the node takes; further ones stay pending.
    pub max_pods: usize,
    /// Bytes of log kept for each run of a container.
    pub log_bytes: usize,
    /// Longer lines are cut in two.
    pub log_line_bytes: usize,
}

impl Default for Kubelet {
    fn default() -> Self {
        Self {
            image_start_delay: Duration::ZERO,
            back_off_base: Duration::from_secs(10),
            back_off_max: Duration::from_secs(300),
            back_off_reset: Duration::from_secs(600),
            first_ready_probe: Duration::from_millis(50),
            max_pods: 250,
            log_bytes: 1024 * 1024,
            log_line_bytes: 16 * 1024,
        }
    }
}

/// Settings of the autoscaler: flags of kube-controller-manager.
#[derive(Debug, Clone, PartialEq)]
pub struct Autoscaling {
    /// `--horizontal-pod-autoscaler-sync-period`.
    pub sync_period: Duration,
    /// How long a new HPA waits for its first sync, at most a period. Kubernetes 1.34 lets it wait a whole period, later
    /// releases look at once, when there is no metric yet.
    pub first_sync: Duration,
    /// `--horizontal-pod-autoscaler-downscale-stabilization`; an HPA's own `behavior` wins.
    pub downscale_stabilization: Duration,
    /// `--horizontal-pod-autoscaler-tolerance`.
    pub tolerance: f64,
}

impl Default for Autoscaling {
    fn default() -> Self {
        Self {
            sync_period: Duration::from_secs(15),
            first_sync: Duration::from_secs(3),
            downscale_stabilization: Duration::from_secs(300),
            tolerance: 0.1,
        }
    }
}

/// Settings of the metrics adapter: flags of prometheus-adapter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetricsAdapter {
    /// How long a list of series is good for, so the longest that a new metric stays unknown:
    /// `--metrics-relist-interval`. The adapter's own default is ten minutes, its chart's one minute.
    pub relist: Duration,
    /// For how long a series without samples still counts: `--metrics-max-age`.
    pub max_age: Duration,
}

impl Default for MetricsAdapter {
    fn default() -> Self {
        Self { relist: Duration::from_secs(1), max_age: Duration::from_secs(600) }
    }
}
