//! An examination in progress: the hops whose facts are complete, and the questions without an answer.

use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::time::Duration;

use crate::finding::Hop;
use crate::messages;
use crate::report::Report;

/// A part of the facts that is requested as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Part {
    /// The API server's version and the namespace.
    Server,
    /// The user's permissions.
    Permissions,
    /// The objects of the namespace.
    Objects,
    /// KEDA's operator and objects.
    Keda,
    /// The logs of containers that do not work.
    Logs,
    /// The broker's queues and metrics endpoints.
    Broker,
    /// Prometheus and the objects that configure it.
    Prometheus,
    /// The external metrics API.
    Api,
    /// The scale target, and the metrics of pods and objects.
    Target,
    /// The settings of the controller manager.
    Controller,
    /// The HPA's next sync.
    Sync,
}

impl Part {
    /// All parts.
    pub const ALL: [Self; 11] = [
        Self::Server,
        Self::Permissions,
        Self::Objects,
        Self::Keda,
        Self::Logs,
        Self::Broker,
        Self::Prometheus,
        Self::Api,
        Self::Target,
        Self::Controller,
        Self::Sync,
    ];

    /// The name of the part for a person.
    #[must_use]
    pub fn title(self) -> String {
        match self {
            Self::Server => messages::part_server(),
            Self::Permissions => messages::part_permissions(),
            Self::Objects => messages::part_objects(),
            Self::Keda => messages::part_keda(),
            Self::Logs => messages::part_logs(),
            Self::Broker => messages::part_broker(),
            Self::Prometheus => messages::part_prometheus(),
            Self::Api => messages::part_api(),
            Self::Target => messages::part_target(),
            Self::Controller => messages::part_controller(),
            Self::Sync => messages::part_sync(),
        }
    }
}

impl Hop {
    /// The parts that the checks of the hop read.
    fn parts(self) -> &'static [Part] {
        use Part::{
            Api, Broker, Controller, Keda, Logs, Objects, Permissions, Prometheus, Server, Sync, Target,
        };
        match self {
            Self::Cluster => &[Server],
            Self::Permissions => &[Permissions],
            Self::Workloads => &[Objects, Keda, Logs, Target],
            Self::Broker => &[Objects, Keda, Broker],
            Self::Endpoint => &[Objects, Keda, Broker, Api],
            Self::Prometheus | Self::Api => &[Objects, Keda, Broker, Prometheus, Api],
            Self::Metrics => &[Objects, Keda, Target, Api],
            Self::Autoscaler => &[Objects, Keda, Target, Api, Sync],
            Self::Intervals => &[Objects, Keda, Broker, Prometheus, Api, Controller],
        }
    }

    /// Returns whether the checks of the hop have all their facts.
    pub(crate) fn is_answered(self, pending: &BTreeSet<Part>) -> bool {
        !self.parts().iter().any(|part| pending.contains(part))
    }
}

/// A part that was requested and has not answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Asked {
    /// The part.
    pub part: Part,
    /// The start of the request, from the start of the examination.
    #[serde(with = "observed::seconds")]
    pub after: Duration,
}

/// The state of an examination in progress.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Progress {
    /// The findings of the hops whose facts are complete.
    pub report: Report,
    /// The requests without an answer, in the order of the chain.
    pub asked: Vec<Asked>,
}

impl Progress {
    /// The requests without an answer as one line, such as `Prometheus, container logs`.
    #[must_use]
    pub fn titles(&self) -> String {
        self.asked.iter().map(|asked| asked.part.title()).collect::<Vec<_>>().join(", ")
    }
}
