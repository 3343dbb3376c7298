//! The controllers: each brings the cluster closer to the desired state of one kind of object.

mod claims;
mod deployment;
mod disruption;
mod endpoints;
mod garbage;
mod namespace;
mod node;
mod pod_deletion_order;
mod pods;
mod replica_set;
mod rollout;
mod scheduler;
mod stateful_set;
mod template;

use crate::cluster::Cluster;
use crate::config::Config;

/// Registers the controllers' listeners and starts their tasks. Start the watches afterwards.
pub(crate) fn start(cluster: &Cluster, config: &Config) {
    deployment::start(cluster);
    replica_set::start(cluster);
    stateful_set::start(cluster);
    disruption::start(cluster);
    endpoints::start(cluster);
    garbage::start(cluster);
    namespace::start(cluster);
    scheduler::start(cluster, &config.node, config.kubelet.max_pods);
    node::start(cluster, config);
}
