//! The controllers: each brings the cluster nearer to what one kind of object asks for.

mod claims;
mod deployment;
mod endpoints;
mod garbage;
mod namespace;
mod node;
mod pods;
mod replica_set;
mod rollout;
mod scheduler;
mod stateful_set;
mod template;
mod victims;

use crate::Config;
use crate::cluster::Cluster;

/// Says what to listen for and starts the controllers; the watches start afterwards.
pub(crate) fn start(cluster: &Cluster, config: &Config) {
    deployment::start(cluster);
    replica_set::start(cluster);
    stateful_set::start(cluster);
    endpoints::start(cluster);
    garbage::start(cluster);
    namespace::start(cluster);
    scheduler::start(cluster, &config.node, config.kubelet.max_pods);
    node::start(cluster, config);
}
