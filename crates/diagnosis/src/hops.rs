//! The hops of the chain, each with its checks. No hop uses another.

pub(crate) mod api;
pub(crate) mod api_server;
pub(crate) mod autoscaler;
pub(crate) mod broker;
pub(crate) mod endpoint;
pub(crate) mod intervals;
pub(crate) mod metrics;
pub(crate) mod permissions;
pub(crate) mod prometheus;
pub(crate) mod workloads;
