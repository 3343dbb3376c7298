//! Settings of a sandbox, with every delay of a real cluster as a setting.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

/// A command line: the program and its first arguments, before those of the manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Argv {
    /// Path of the executable.
    pub program: PathBuf,
    /// First arguments.
    pub args: Vec<OsString>,
}

impl Argv {
    /// Creates a command line from its parts.
    pub fn new<A: Into<OsString>>(program: impl Into<PathBuf>, args: impl IntoIterator<Item = A>) -> Self {
        Self { program: program.into(), args: args.into_iter().map(Into::into).collect() }
    }
}

/// A program in the place of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// Its command line.
    pub argv: Argv,
    /// Names and numbers of the ports of a container that declares none: the program listens on them all the same.
    pub ports: Vec<(String, u16)>,
    /// The way in which the program gets its ports.
    pub sockets: Sockets,
}

/// The way in which a program gets its ports, which are other numbers on this machine than in the manifest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sockets {
    /// As open listeners, announced in `LISTEN_FDS` and `LISTEN_FDNAMES`.
    Inherited,
    /// As numbers: `LISTEN` is the address of its first port and `PORT` the number of that port. The program binds it.
    Environment,
}

impl From<Argv> for Image {
    /// A program that takes inherited listeners and has no ports of its own.
    fn from(argv: Argv) -> Self {
        Self { argv, ports: Vec::new(), sockets: Sockets::Inherited }
    }
}

/// The objects that exist in a new cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum System {
    /// Only the API server's own objects.
    Bare,
    /// The monitoring stack: namespace `monitoring` and a Prometheus behind Service `prometheus-operated:9090`. Needs a
    /// command line for image [`Config::PROMETHEUS_IMAGE`].
    #[default]
    Monitoring,
}

/// Settings of a sandbox.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// The program of each image. A pod with another image waits with `ErrImagePull`.
    pub images: BTreeMap<String, Image>,
    /// A command that runs [`crate::reaper::run`] on its standard input.
    pub reaper: Argv,
    /// Path of the kubeconfig (mode 0600), by default in the runtime folder. The file must not exist.
    pub kubeconfig: Option<PathBuf>,
    /// Parent of the private runtime folder (mode 0700), by default `$XDG_RUNTIME_DIR` or the system's folder for
    /// temporary files.
    pub runtime_parent: Option<PathBuf>,
    /// Name of the kubeconfig's cluster, user and context.
    pub context: String,
    /// Namespace of the kubeconfig's context.
    pub namespace: String,
    /// Name of the one Node.
    pub node: String,
    /// The objects that exist from the start.
    pub system: System,
    /// Settings of the kubelet.
    pub kubelet: KubeletConfig,
    /// Settings of the autoscaler.
    pub autoscaling: AutoscalingConfig,
    /// Settings of the metrics adapter.
    pub adapter: AdapterConfig,
    /// Settings of the metrics server.
    pub metrics: MetricsConfig,
    /// Time for which a connection to a Service without a ready pod waits before its reset. A real Service refuses at
    /// once. The wait saves clients that start together with their server a round of back-off.
    pub service_hold: Duration,
}

impl Config {
    /// Image of the Prometheus that [`System::Monitoring`] installs.
    pub const PROMETHEUS_IMAGE: &str = "surge.local/prometheus:0.1.0";

    /// Creates the default settings, with this reaper and no images.
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
            kubelet: KubeletConfig::default(),
            autoscaling: AutoscalingConfig::default(),
            adapter: AdapterConfig::default(),
            metrics: MetricsConfig::default(),
            service_hold: Duration::from_millis(500),
        }
    }
}

/// Settings of the kubelet.
#[derive(Debug, Clone, PartialEq)]
pub struct KubeletConfig {
    /// Delay before a container's first start, in place of pulling an image and creating a container.
    pub image_start_delay: Duration,
    /// Delay before the second restart of a container; doubles with each restart.
    pub back_off_base: Duration,
    /// Longest delay before a restart.
    pub back_off_max: Duration,
    /// Length of a run that resets the delay.
    pub back_off_reset: Duration,
    /// Interval of readiness probes until the first success, in place of `periodSeconds`, which is at least a second.
    pub first_ready_probe: Duration,
    /// Limit of pods on the node; further ones stay pending.
    pub max_pods: usize,
    /// Limit of the log of each run of a container, in bytes.
    pub log_bytes: usize,
    /// Limit of a log line in bytes; longer lines are split.
    pub log_line_bytes: usize,
}

impl Default for KubeletConfig {
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
pub struct AutoscalingConfig {
    /// `--horizontal-pod-autoscaler-sync-period`.
    pub sync_period: Duration,
    /// Delay before the first sync of a new HPA, at most a period. Kubernetes 1.34 waits a whole period. Later releases
    /// sync at once, when there is no metric yet.
    pub first_sync: Duration,
    /// `--horizontal-pod-autoscaler-downscale-stabilization`; an HPA's own `behavior` wins.
    pub downscale_stabilization: Duration,
    /// `--horizontal-pod-autoscaler-tolerance`.
    pub tolerance: f64,
}

impl Default for AutoscalingConfig {
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
pub struct AdapterConfig {
    /// `--metrics-relist-interval`: lifetime of the list of series, after which a new metric is known. The adapter's
    /// default is ten minutes, its chart's is one minute.
    pub relist: Duration,
    /// `--metrics-max-age`: time for which a series without new samples is still listed.
    pub max_age: Duration,
}

impl Default for AdapterConfig {
    fn default() -> Self {
        Self { relist: Duration::from_secs(1), max_age: Duration::from_secs(600) }
    }
}

/// Settings of the metrics server: a flag of metrics-server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetricsConfig {
    /// `--metric-resolution`: interval between two measurements of CPU and memory.
    pub resolution: Duration,
}

impl Default for MetricsConfig {
    fn default() -> Self {
        Self { resolution: Duration::from_secs(15) }
    }
}
