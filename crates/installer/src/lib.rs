//! Installs the demo and its stack on a cluster, removes them, and reports their state.
//!
//! Each command first computes a plan, as data, from the request and the cluster's state ([`plan`], [`uninstall_plan`]). So
//! `--dry-run` shows exactly what would happen, and most refusals come before the first change.

pub mod apply;
pub mod bundled;
pub mod chart;
pub mod cluster_state;
pub mod connected_cluster;
pub mod down;
pub mod failure;
pub mod helm;
pub mod hints;
pub mod image_pull;
pub mod images;
pub mod object;
pub mod owner;
pub mod plan;
pub mod print;
pub mod program;
pub mod progress;
pub mod ready;
mod reasons;
pub mod request;
pub mod rules;
pub mod secret;
pub mod stack_options;
pub mod stack_values;
pub mod status;
pub mod survey;
pub mod uninstall_plan;
pub mod up;
pub mod upstream;
pub mod wait;
pub mod workloads;
