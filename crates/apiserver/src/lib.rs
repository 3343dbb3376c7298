//! A small Kubernetes API server: storage, watch, patches, tables, logs and port-forward over one table of kinds.
//!
//! It behaves as kube-apiserver v1.34 does, so that a real kubectl, helm or kube client cannot tell the difference in
//! what they ask for; `tests/golden.rs` holds it to the answers of a real one. What it leaves out on purpose:
//! authorization (who has the token may do everything), admission plugins, conversion beyond the two views of
//! events and autoscalers, custom resource definitions, and the controllers, which are its caller's.
//!
//! | place | subject |
//! | --- | --- |
//! | `kind`, `kinds/` | one row a kind: scope, defaults, validation, table, views |
//! | `schema`, `../schema/` | the types of the kinds: what drives decoding, patches, apply, OpenAPI and protobuf |
//! | `registry` | rows to shelves |
//! | `store/` | the objects, one counter of versions, and the past that watchers read |
//! | `handle/` | from a request to its answer: read, watch, create, write, patch, delete, subresources |
//! | `patch/` | JSON, strategic-merge and apply patches, and `managedFields` |
//! | `conform` | what typed decoding does: unknown fields go, absent parts come, quantities and times are canonical |
//! | `table`, `discovery`, `openapi` | what kubectl asks for beside objects |
//! | `logs`, `forward`, `proxy` | what goes on to the pods, through [`Node`] |
//! | `serve`, `tls`, `auth`, `kubeconfig` | HTTPS on a listener of the caller's, and the way in |
//!
//! Invariants: a write holds no lock while it computes, only while it is put on the shelf; an object is serialised once,
//! and answers, lists and watch events share the bytes; a watcher costs the server nothing but its place in the log;
//! everything that a client controls has a bound in [`Limits`] or beside its code.

mod aggregate;
mod assign;
mod auth;
mod conform;
mod discovery;
mod expiry;
mod forward;
mod go;
mod handle;
mod kind;
pub mod kinds;
mod kubeconfig;
mod logs;
mod meta;
mod names;
mod namespace;
mod node;
mod openapi;
mod patch;
mod proxy;
mod quantity;
mod query;
mod registry;
mod schema;
mod select;
mod serve;
mod server;
mod status;
mod store;
mod table;
mod time;
mod tls;

pub use aggregate::{Aggregated, AggregatedResource};
pub use auth::User;
pub use kind::{Assign, Column, Default, Generation, Kind, Scale, Scope, StatusPart, Table, Validate, View};
pub use kubeconfig::kubeconfig;
pub use node::{LogOptions, Node, PodRef};
pub use select::{LabelSelector, Requirement};
pub use serve::{Serve, run};
pub use server::{ApiServer, Config, Limits, Version};
pub use status::{Cause, Details, Status};
pub use tls::{Tls, TlsError};
