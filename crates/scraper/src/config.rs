//! What a server can be told; the defaults are Prometheus' own where it has one.

use std::collections::BTreeMap;
use std::time::Duration;

/// Settings of one server.
///
/// Every bound is a bound on memory or time that a target or a client could otherwise claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Labels that a ServiceMonitor must bear to be taken, as `serviceMonitorSelector.matchLabels` of the
    /// Prometheus Operator. Empty takes all.
    pub monitor_selector: BTreeMap<String, String>,
    /// Time between two scrapes of a target whose monitor gives no `interval`.
    pub scrape_interval: Duration,
    /// The longest that one scrape may take where the monitor gives no `scrapeTimeout`; never more than the
    /// interval.
    pub scrape_timeout: Duration,
    /// How old a series' newest sample may be and still answer an instant selector.
    pub lookback: Duration,
    /// How long samples are kept.
    pub retention: Duration,
    /// Most series held at once; a scrape that would pass it fails.
    pub max_series: usize,
    /// Most samples held at once; past it the oldest of a series make room for its newest.
    pub max_samples: usize,
    /// Most samples taken from one scrape where the monitor gives no `sampleLimit`; a larger scrape fails.
    pub sample_limit: usize,
    /// Largest body of one scrape, in bytes; a larger scrape fails.
    pub body_limit: usize,
    /// Most targets scraped; further ones are dropped and counted as dropped.
    pub max_targets: usize,
    /// The longest that one query may run; a request's own `timeout` can only shorten it.
    pub query_timeout: Duration,
    /// Most samples that one query may touch.
    pub query_samples: usize,
    /// Most queries evaluated at once; further ones wait within their time-out.
    pub query_concurrency: usize,
}

impl Default for Config {
    /// ServiceMonitors labelled `release: prometheus`, every 30 s, 15 minutes kept.
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
