//! One machine as a cluster: an API server, the controllers, a kubelet that runs pods as child processes, Services,
//! the external metric and the HPA's loop.
//!
//! It stands in for a real cluster, so it is told only what a cluster is told: manifests, and for each image the
//! command line that runs it. It knows no producer, worker or broker.
//!
//! # How it hangs together
//!
//! ```text
//!   apiserver ◄── kube::Client in this process ──┬── controllers (Deployment, ReplicaSet, StatefulSet, Service,
//!      ▲   │                                     │                GC, namespaces, scheduler)
//!      │   └── Node (logs, port-forward) ──► kubelet ── pods: child processes in groups of their own
//!   HTTPS with token                             ├── external metric ──► Service prometheus-operated
//!   (kubectl, the dashboard)                     └── HPA loop (crates/hpa)
//! ```
//!
//! Controllers read through watches and write through the API, as those of a real cluster do: the same logic would
//! work against any API server. Nothing polls; what waits, waits for an event or for a clock that Kubernetes has too.
//!
//! # Nothing is left
//!
//! See [`reaper`]: a small child process kills every pod and removes every file when this process ends, however it
//! ends.

mod admission;
mod client;
mod cluster;
mod config;
mod controllers;
mod error;
mod events;
mod external_metric;
mod hpa_loop;
mod informer;
mod kubelet;
mod manifests;
mod meta;
mod network;
mod progress;
mod queue;
pub mod reaper;
mod runtime_dir;
mod sandbox;
mod system;
mod tasks;
mod workload;

pub use config::{Argv, Autoscaling, Config, Kubelet, MetricsAdapter, System};
pub use error::Error;
pub use manifests::parse as parse_manifests;
pub use progress::{Progress, StepState};
pub use sandbox::Sandbox;
pub use workload::{Workload, WorkloadKind};
