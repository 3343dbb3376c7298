//! `external.metrics.k8s.io`, as prometheus-adapter serves it: rules from a ConfigMap, answers from Prometheus.
//!
//! The rules are those of the adapter's own file (`externalRules`), so the text that a chart installs on a cluster is
//! the text that is evaluated here. Three things differ from the adapter, all for the sake of a demonstration: the
//! ConfigMap is read anew for each request instead of once at the start, series are looked for when somebody asks
//! instead of on a clock (a list is good for [`Adapter::relist`]), and the API's own service machinery leads to
//! Prometheus.
//!
//! Source: `kubernetes-sigs/prometheus-adapter`, docs/externalmetrics.md, pkg/naming, pkg/external-provider.

mod api;
mod matchers;
mod prometheus;
mod rules;
mod series;
mod template;

pub(crate) use api::{Adapter, aggregated, served_by};
