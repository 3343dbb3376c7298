//! Settings; the defaults are Prometheus' own where it has one.

use std::collections::BTreeMap;
use std::time::Duration;

/// Settings of one server.
///
/// Every limit bounds memory or time that a target or a client could otherwise use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Labels that a ServiceMonitor or PodMonitor must have to be selected, as `serviceMonitorSelector.matchLabels`
    /// of a `Prometheus`. Empty selects all.
    pub monitor_selector: BTreeMap<String, String>,
    /// Time between two scrapes of a target whose monitor sets no `interval`.
    pub scrape_interval: Duration,
    /// Timeout of a scrape whose monitor sets no `scrapeTimeout`; at most the interval.
    pub scrape_timeout: Duration,
    /// Maximum age of a sample that an instant selector returns.
    pub lookback: Duration,
    /// Maximum age of a stored sample.
    pub retention: Duration,
    /// Most series in memory; a scrape that would exceed it fails.
    pub max_series: usize,
    /// Most samples in memory; beyond it, the newest sample of a series replaces its oldest.
    pub max_samples: usize,
    /// Most samples of one scrape whose monitor sets no `sampleLimit`; a larger scrape fails.
    pub sample_limit: usize,
    /// Largest body of one scrape, in bytes; a larger scrape fails.
    pub body_limit: usize,
    /// Most targets; further ones count as dropped.
    pub max_targets: usize,
    /// Timeout of a query; the `timeout` of a request can only shorten it.
    pub query_timeout: Duration,
    /// Most samples that one query may read.
    pub query_samples: usize,
    /// Most concurrent queries; further ones wait within their timeout.
    pub query_concurrency: usize,
}

impl Default for Config {
    /// Monitors labelled `release: prometheus`, an interval of 30 s, a retention of 15 minutes.
    fn default() -> Self {
        Self {
            monitor_selector: BTreeMap::from([("release".to_owned(), "prometheus".to_owned())]),
            scrape_interval: Duration::from_secs(30),
            scrape_timeout: Duration::from_secs(10),
            lookback: Duration::from_secs(5 * 60),
            retention: Duration::from_secs(15 * 60),
            max_series: 50_000,
            max_samples: 4_000_000,
            sample_limit: 20_000,
            body_limit: 8 << 20,
            max_targets: 1_000,
            query_timeout: Duration::from_secs(120),
            query_samples: 2_000_000,
            query_concurrency: 4,
        }
    }
}
