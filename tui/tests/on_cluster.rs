//! The dashboard and the commands against a real Kubernetes: any cluster with the demo and its stack, named by
//! `SURGE_E2E_KUBECONFIG`. `cargo xtask e2e` installs the demo, runs this and removes what it installed.
//!
//! The tests share the cluster, so they run one at a time; each restores the demo.

mod admission;
mod any_hpa;
mod autoscalers;
mod clock;
mod commands;
mod doctor;
mod drill;
mod handles;
mod main_job;
mod metric;
mod objects;
mod recorder;
mod restarts;
mod rights;
mod tuning;
mod tunnels;
mod watches;
mod with_kubectl;
