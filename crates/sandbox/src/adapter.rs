//! `external.metrics.k8s.io` and `custom.metrics.k8s.io` as prometheus-adapter serves them: rules from a ConfigMap, values
//! from Prometheus.
//!
//! The rules are the adapter's own file, so the sandbox evaluates the text that a chart installs on a cluster. As with
//! the chart, the custom metrics API exists while the file has `rules`. Three differences suit a demonstration: the
//! sandbox follows changes of the ConfigMap instead of reading it once at the start; it lists series on request instead
//! of by timer (a list is valid for [`Settings::relist`]); and it reaches Prometheus through the API server's proxy. A
//! fourth comes from the API server's parser: the selectors `a=b` and `a in (b)` are the same here, while the adapter
//! matches the second as a regular expression.
//!
//! Source: `kubernetes-sigs/prometheus-adapter` 0.12, pkg/naming, pkg/custom-provider, pkg/external-provider;
//! `kubernetes-sigs/custom-metrics-apiserver`, pkg/apiserver/installer, pkg/provider.

mod custom;
mod external;
mod prometheus;
mod registry;
mod server;

pub(crate) use external::served_by;
pub(crate) use server::{Settings, start};
