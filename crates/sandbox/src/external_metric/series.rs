//! Which metrics there are: the rules, and the series that Prometheus has for them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::rules::{self, Rule};

/// A metric by its name in the API: the rule and the series that it comes from.
pub(super) type Metrics = BTreeMap<String, (usize, String)>;

/// What is known at present.
#[derive(Debug, Default)]
pub(super) struct Known {
    rules: Arc<Vec<Rule>>,
    /// resourceVersion of the ConfigMap that the rules are from.
    version: Option<String>,
    metrics: Metrics,
    listed: Option<Instant>,
}

impl Known {
    /// Takes in the ConfigMap's text, if its version is another than before.
    pub(super) fn read(&mut self, version: Option<String>, text: &str) -> Result<(), String> {
        if self.version.is_some() && self.version == version {
            return Ok(());
        }
        self.rules = Arc::new(rules::parse(text)?);
        self.version = version;
        self.listed = None;
        self.metrics.clear();
        Ok(())
    }

    pub(super) fn rules(&self) -> Arc<Vec<Rule>> {
        Arc::clone(&self.rules)
    }

    /// Whether the list of metrics is older than `relist`.
    pub(super) fn is_stale(&self, now: Instant, relist: Duration) -> bool {
        self.listed.is_none_or(|listed| now.duration_since(listed) >= relist)
    }

    /// Takes in what Prometheus listed, a list of series names for each rule.
    pub(super) fn listed(&mut self, now: Instant, series: &[Vec<String>]) {
        self.metrics.clear();
        for (index, (rule, names)) in self.rules.iter().zip(series).enumerate() {
            for name in names {
                if let Some(metric) = rule.metric(name) {
                    self.metrics.insert(metric, (index, name.clone()));
                }
            }
        }
        self.listed = Some(now);
    }

    /// The rule and the series of a metric.
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
    fn metrics_come_from_rules_and_series() {
        let now = Instant::now();
        let relist = Duration::from_secs(30);
        let mut known = Known::default();
        known.read(Some("1".into()), RULES).unwrap();
        assert!(known.is_stale(now, relist));
        known.listed(now, &[vec!["a_x".into(), "other".into()], vec!["b".into()]]);
        assert_eq!(known.find("x"), Some((0, "a_x".into())));
        assert_eq!(known.find("c"), Some((1, "b".into())));
        assert_eq!(known.find("other"), None);
        assert!(!known.is_stale(now, relist));
        assert!(known.is_stale(now + relist, relist));
        known.read(Some("1".into()), "not looked at").unwrap();
        assert!(!known.is_stale(now, relist), "the same version changes nothing");
        known.read(Some("2".into()), RULES).unwrap();
        assert!(known.is_stale(now, relist));
        assert!(known.read(Some("3".into()), "externalRules: [{}]").is_err());
    }
}
