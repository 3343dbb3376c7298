//! Shared by all parts of the sandbox: the API client, the object caches, the event recorder and the tasks.

use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet, StatefulSet};
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::core::v1::{Namespace, Node, Pod, Service};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use kube::Client;

use crate::events::Recorder;
use crate::informer::Informer;
use crate::tasks::Tasks;

/// The cluster as its controllers see it; clones share it.
#[derive(Clone)]
pub(crate) struct Cluster {
    /// Calls the API server in this process, without a socket.
    pub(crate) client: Client,
    /// Writes Events.
    pub(crate) recorder: Recorder,
    /// Runs the background tasks.
    pub(crate) tasks: Tasks,
    pub(crate) pods: Informer<Pod>,
    pub(crate) deployments: Informer<Deployment>,
    pub(crate) replica_sets: Informer<ReplicaSet>,
    pub(crate) stateful_sets: Informer<StatefulSet>,
    pub(crate) services: Informer<Service>,
    pub(crate) namespaces: Informer<Namespace>,
    pub(crate) nodes: Informer<Node>,
    pub(crate) autoscalers: Informer<HorizontalPodAutoscaler>,
    pub(crate) budgets: Informer<PodDisruptionBudget>,
}

impl Cluster {
    pub(crate) fn new(client: Client, recorder: Recorder, tasks: Tasks) -> Self {
        Self {
            client,
            recorder,
            tasks,
            pods: Informer::new(),
            deployments: Informer::new(),
            replica_sets: Informer::new(),
            stateful_sets: Informer::new(),
            services: Informer::new(),
            namespaces: Informer::new(),
            nodes: Informer::new(),
            autoscalers: Informer::new(),
            budgets: Informer::new(),
        }
    }

    /// Starts the watches and waits for the first list of each. Register listeners before.
    pub(crate) async fn watch(&self) {
        macro_rules! run {
            ($($informer:ident),*) => {
                $( self.tasks.spawn(self.$informer.clone().run(self.client.clone())); )*
                $( self.$informer.synced().await; )*
            };
        }
        run!(
            pods,
            deployments,
            replica_sets,
            stateful_sets,
            services,
            namespaces,
            nodes,
            autoscalers,
            budgets
        );
    }
}
