//! A small Kubernetes API server: storage, watch, patches, tables, logs and port-forward.
//!
//! It behaves like kube-apiserver v1.34 for kubectl, helm and kube clients; the test `twins` compares its responses with those
//! of a real server. It deliberately leaves out authorization (the token grants everything), admission plugins, conversion
//! beyond the views of events and HPAs, the schemas of custom kinds (it serves them, and accepts every field), and the
//! controllers, which its caller provides.
//!
//! | place | subject |
//! | --- | --- |
//! | `kind`, `kinds` | the API kinds: scope, defaults, validation, table, views |
//! | `schema`, `../schema/` | the types of the kinds, for decoding, patches, apply, OpenAPI and protobuf |
//! | `registry` | the resources: kinds with their stored objects |
//! | `storage` | the objects, one version counter, and the event log for watchers |
//! | `handlers` | from a request to its response: read, watch, create, write, patch, delete, subresources |
//! | `patch` | JSON, strategic-merge and apply patches, and `managedFields` |
//! | `decode` | typed decoding: pruning of unknown fields, zero values, canonical quantities and times |
//! | `strategy`, `namespace`, `definitions`, `expiry` | the server's own fields and the lifecycle of objects |
//! | `table`, `discovery`, `openapi` | tables and the description of the API |
//! | `serve`, `tls`, `auth`, `kubeconfig` | HTTPS on the caller's listener, and access to it |
//!
//! Invariants: a write computes its object without a lock; an object is serialised once, and responses, lists and watch
//! events share the bytes; a watcher costs the server only its position in the event log; [`Limits`] or a constant limits
//! everything that a client controls.

mod aggregate;
mod auth;
mod decode;
mod definitions;
mod discovery;
mod expiry;
mod handlers;
mod json_path;
mod kind;
pub mod kinds;
mod kubeconfig;
mod meta;
mod names;
mod namespace;
mod node;
mod openapi;
mod patch;
mod query;
mod registry;
mod schema;
mod select;
mod serve;
mod server;
mod status;
mod storage;
mod strategy;
mod table;
mod time;
mod tls;

pub use aggregate::{Aggregated, AggregatedResource, ListResources};
pub use auth::User;
pub use handlers::wants_table;
pub use kind::{
    Column, CreateStrategy, Default, Generation, Kind, PrinterColumn, Scale, Scope, StatusSubresource, Table,
    Validate, View,
};
pub use kubeconfig::kubeconfig;
pub use node::{LogOptions, Node, PodRef};
pub use select::{FieldSelector, LabelSelector, Requirement};
pub use serve::{Serve, run};
pub use server::{ApiServer, Config, Limits, Version};
pub use status::{Cause, Details, Status};
pub use tls::{Tls, TlsError};
