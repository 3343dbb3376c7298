//! A small Kubernetes API server: storage, watch, patches, tables, logs and port-forward over one table of kinds.

mod aggregate;
mod auth;
mod kind;
pub mod kinds;
mod kubeconfig;
mod node;
mod serve;
mod server;
mod status;
mod tls;

pub use aggregate::{Aggregated, AggregatedResource};
pub use auth::User;
pub use kind::{Assign, Column, Default, Generation, Kind, Scale, Scope, StatusPart, Table, Validate, View};
pub use kubeconfig::kubeconfig;
pub use node::{LogOptions, Node, PodRef};
pub use serve::{Serve, run};
pub use server::{ApiServer, Config, Limits, Version};
pub use status::{Cause, Details, Status};
pub use tls::{Tls, TlsError};
