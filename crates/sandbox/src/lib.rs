//! A Kubernetes cluster in one process: an API server, the controllers, a kubelet that runs pods as child processes,
//! Services, the external metrics API and the HPA controller.
//!
//! Its only inputs are those of a cluster: manifests, and a command line for each image. It contains nothing about
//! producers, workers or brokers.
//!
//! # Structure
//!
//! ```text
//!   apiserver ◄── kube::Client in this process ──┬── controllers (Deployment, ReplicaSet, StatefulSet, Service,
//!      ▲   │                                     │                GC, namespaces, scheduler)
//!      │   └── Node (logs, port-forward) ──► kubelet ── pods: child processes in groups of their own
//!   HTTPS with token                             ├── adapter ──► Service prometheus-operated
//!   (kubectl, the dashboard)                     ├── metrics server ──► /proc of the pods
//!                                                └── HPA loop (crates/hpa)
//! ```
//!
//! Controllers read through watches and write through the API, so their logic would work against any API server. No
//! part polls: each waits for a watch event or for a timer that Kubernetes has too.
//!
//! # Cleanup
//!
//! A small child process kills every pod and removes every file when this process ends, even after `kill -9`; see
//! [`reaper`].

mod adapter;
mod admission;
mod back_off;
mod cluster;
mod config;
mod controllers;
mod error;
mod events;
mod go_duration;
mod hpa_loop;
mod informer;
mod kubelet;
mod manifests;
mod meta;
mod metrics_server;
mod network;
mod progress;
mod queue;
pub mod reaper;
mod runtime_dir;
mod sandbox;
mod system;
mod tasks;
mod workload;

pub use config::{
    AdapterConfig, Argv, AutoscalingConfig, Config, Image, KubeletConfig, MetricsConfig, Sockets, System,
};
pub use error::Error;
pub use manifests::parse as parse_manifests;
pub use progress::{Progress, StepState};
pub use sandbox::Sandbox;
pub use workload::{Workload, WorkloadKind};
