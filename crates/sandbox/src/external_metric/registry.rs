//! The known metrics: the rules, and the series that Prometheus has for them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use promfmt::adapter::{Config, ConfigError, Rule};

/// The rules and the metrics that they make.
#[derive(Debug, Default)]
pub(super) struct Registry {
    rules: Arc<Vec<Rule>>,
    /// resourceVersion of the ConfigMap with the rules.
    version: Option<String>,
    /// Index of the rule, and the series, by the metric's name.
    metrics: BTreeMap<String, (usize, String)>,
    listed: Option<Instant>,
}

impl Registry {
    /// Replaces the rules by those of the ConfigMap's text, if its version differs.
    pub(super) fn set_rules(&mut self, version: Option<String>, text: &str) -> Result<(), ConfigError> {
        if self.version.is_some() && self.version == version {
            return Ok(());
        }
        self.rules = Arc::new(Config::parse(text)?.external_rules);
        self.version = version;
        self.listed = None;
        self.metrics.clear();
        Ok(())
    }

    pub(super) fn rules(&self) -> Arc<Vec<Rule>> {
        Arc::clone(&self.rules)
    }

    /// Returns `true` if the list of metrics is older than `relist`.
    pub(super) fn is_stale(&self, now: Instant, relist: Duration) -> bool {
        self.listed.is_none_or(|listed| now.duration_since(listed) >= relist)
    }

    /// Replaces the metrics; `series` has a list of series names for each rule. As in the adapter, the last rule that
    /// makes a metric wins.
    pub(super) fn set_series(&mut self, now: Instant, series: &[Vec<String>]) {
        self.metrics.clear();
        for (index, (rule, names)) in self.rules.iter().zip(series).enumerate() {
            for name in names {
                if let Some(metric) = rule.metric_name(name) {
                    self.metrics.insert(metric, (index, name.clone()));
                }
            }
        }
        self.listed = Some(now);
    }

    /// The index of the rule and the series of a metric.
    pub(super) fn find(&self, metric: &str) -> Option<(usize, String)> {
        self.metrics.get(metric).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: &str = "
externalRules:
- {seriesQuery: a, metricsQuery: q, resources: {namespaced: false}, name: {matches: ^a_(.*)$}}
- {seriesQuery: b, metricsQuery: q, resources: {namespaced: false}, name: {matches: ^b$, as: c}}
";

    #[test]
    fn metrics_follow_from_rules_and_series() {
        let now = Instant::now();
        let relist = Duration::from_secs(30);
        let mut registry = Registry::default();
        registry.set_rules(Some("1".into()), RULES).unwrap();
        assert!(registry.is_stale(now, relist));
        registry.set_series(now, &[vec!["a_x".into(), "other".into()], vec!["b".into()]]);
        assert_eq!(registry.find("x"), Some((0, "a_x".into())));
        assert_eq!(registry.find("c"), Some((1, "b".into())));
        assert_eq!(registry.find("other"), None);
        assert!(!registry.is_stale(now, relist));
        assert!(registry.is_stale(now + relist, relist));
        registry.set_rules(Some("1".into()), "not parsed").unwrap();
        assert!(!registry.is_stale(now, relist), "the same version changes nothing");
        registry.set_rules(Some("2".into()), RULES).unwrap();
        assert!(registry.is_stale(now, relist));
        assert!(registry.set_rules(Some("3".into()), "externalRules: [{}]").is_err());
    }
}
