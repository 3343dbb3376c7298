//! `external.metrics.k8s.io` as prometheus-adapter serves it: rules from a ConfigMap, values from Prometheus.
//!
//! The rules are the adapter's own file (`externalRules`), so the sandbox evaluates the text that a chart installs on
//! a cluster. Three differences suit a demonstration: the sandbox reads the ConfigMap with each request instead of once
//! at the start; it lists series on request instead of by timer (a list is valid for [`Adapter::relist`]); and it reaches
//! Prometheus through the API server's proxy. A fourth comes from the API server's parser: the selectors `a=b` and
//! `a in (b)` are the same here, while the adapter matches the second as a regular expression.
//!
//! Source: `kubernetes-sigs/prometheus-adapter`, docs/externalmetrics.md, pkg/naming, pkg/external-provider.

mod api;
mod prometheus;
mod registry;

pub(crate) use api::{Adapter, aggregated, served_by};
