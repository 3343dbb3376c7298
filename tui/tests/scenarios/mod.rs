//! The faults that the dashboard must survive, written once: each scenario runs on any kubeconfig, on the sandbox (always) and on
//! a real cluster (if there is one).

#![allow(dead_code, reason = "each test target needs others of the scenarios")]
#![expect(clippy::unwrap_used, reason = "a test may end at the first surprise")]

pub(crate) mod clock;
pub(crate) mod dashboard;
pub(crate) mod metric;
pub(crate) mod objects;
pub(crate) mod restarts;
pub(crate) mod site;
pub(crate) mod tuning;
pub(crate) mod tunnels;
pub(crate) mod watching;
