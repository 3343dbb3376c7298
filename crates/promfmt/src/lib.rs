//! Formats that Prometheus, prometheus-adapter and the Prometheus Operator share with the programs around them.
//!
//! The crate parses and prints; it does no I/O and knows no clock:
//!
//! - [`exposition`]: the text format of a scrape.
//! - [`promql`]: string literals of expressions.
//! - [`matcher`] and [`query`]: label matchers, and the selectors of a query with their roles.
//! - [`relabel`]: the rules that change the labels of targets and of samples.
//! - [`number`] and [`duration`]: sample values and durations such as `1m30s`.
//! - [`adapter`]: the rules of prometheus-adapter, from the file to the query that a request becomes.
//! - [`operator`]: the fields of `ServiceMonitor`, `PodMonitor` and `Prometheus` that decide what is scraped.
//! - [`api`]: answers of Prometheus' HTTP API.
//! - [`selector`]: label selectors of Kubernetes, matched and printed as client-go does.
//! - [`percent`]: percent-encoding of paths and queries.

pub mod adapter;
pub mod api;
pub mod duration;
pub mod exposition;
pub mod matcher;
pub mod number;
pub mod operator;
pub mod percent;
pub mod promql;
pub mod query;
pub mod relabel;
pub mod selector;
