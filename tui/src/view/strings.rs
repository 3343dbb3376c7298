//! All text that the screens show, one file a subject: titles, labels, empty states, and sentences as functions of their
//! values. The words for keys are in `dashboard::keys`.
//!
//! Text for users has the subject first and at most about twelve words. A source is stale, not "lost for words": each
//! sentence names the thing as Kubernetes, RabbitMQ or Prometheus does.

pub(super) mod chart;
pub(super) mod decision;
pub(super) mod dialogs;
pub(super) mod doctor;
pub(super) mod fleet;
pub(super) mod forecast;
pub(super) mod general;
pub(super) mod hops;
pub(super) mod lists;
pub(super) mod pod_table;
pub(super) mod runs;
pub(super) mod scenarios;
pub(super) mod stopwatch;
pub(super) mod workers;
