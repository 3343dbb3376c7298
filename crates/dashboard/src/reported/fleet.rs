//! The HPAs of a cluster, and the places that have some.

use explain::fleet::Row;
use serde::{Deserialize, Serialize};

/// A change of the fleet.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum FleetEvent {
    /// The watch begins in a namespace, or in all.
    #[serde(skip)]
    Began {
        /// The namespace; `None` for all.
        namespace: Option<String>,
        /// The reason why it is not all; empty if the user chose one.
        note: String,
    },
    /// A complete list: all other HPAs are gone.
    #[serde(skip)]
    Listed(Vec<Row>),
    /// The ScaledObjects that KEDA holds, which have no HPA: all of them.
    #[serde(skip)]
    Paused(Vec<Row>),
    /// An HPA is new or has changed.
    #[serde(skip)]
    Applied(Box<Row>),
    /// An HPA is gone.
    #[serde(skip)]
    Deleted {
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: String,
    },
    /// No HPA is open: the fleet is the only source.
    Alone,
    /// The sources of another HPA start; those of the old one have ended.
    Opened,
    /// The answer to a request for places.
    #[serde(skip)]
    Places(PlaceKind, Result<Vec<Place>, String>),
    /// Another context or namespace cannot be used; the sentence says why. The old one stays.
    #[serde(skip)]
    NotSwitched(String),
}

/// The kinds of places.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlaceKind {
    /// Contexts of the kubeconfig.
    Context,
    /// Namespaces of the cluster.
    Namespace,
}

/// A place that the dashboard can go to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Its name; `None` for all namespaces.
    pub name: Option<String>,
    /// The server of a context; empty for a namespace.
    pub server: String,
    /// True for the current one.
    pub is_current: bool,
}
