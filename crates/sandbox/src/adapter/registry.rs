//! The known metrics: the rules, and the series that Prometheus has for them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use promfmt::adapter::{Config, Resource, Rule};
use promfmt::api::Labels;
use promfmt::exposition::NAME;

/// Resources whose objects are outside of namespaces, although the series has a namespace.
const ROOT_SCOPED: [&str; 3] = ["namespaces", "nodes", "persistentvolumes"];

/// The rules and the metrics that they make.
#[derive(Debug, Default)]
pub(super) struct Registry {
    rules: Arc<Config>,
    external: BTreeMap<String, Source>,
    custom: BTreeMap<CustomMetric, Source>,
    listed: Option<Instant>,
}

/// The origin of a metric.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Source {
    /// Index of the rule in its list.
    pub(super) rule: usize,
    /// Name of the series.
    pub(super) series: String,
}

/// A metric about objects of one resource.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct CustomMetric {
    /// API group of the resource.
    pub(super) group: String,
    /// Plural name of the resource.
    pub(super) plural: String,
    /// True when requests name a namespace.
    pub(super) namespaced: bool,
    /// Name of the metric.
    pub(super) metric: String,
}

/// The series of each rule, in the order of the rules.
pub(super) type SeriesOfRules = Vec<Vec<Labels>>;

impl Registry {
    /// Replaces the rules. The next request lists their series.
    pub(super) fn set_rules(&mut self, rules: Config) {
        *self = Self { rules: Arc::new(rules), ..Self::default() };
    }

    pub(super) fn rules(&self) -> Arc<Config> {
        Arc::clone(&self.rules)
    }

    /// Returns `true` if the list of metrics is older than `relist`.
    pub(super) fn is_stale(&self, now: Instant, relist: Duration) -> bool {
        self.listed.is_none_or(|listed| now.duration_since(listed) >= relist)
    }

    /// Replaces the metrics; `known` are the cluster's resources. As in the adapter, the last rule that makes a metric
    /// wins.
    pub(super) fn set_series(
        &mut self,
        now: Instant,
        custom: &SeriesOfRules,
        external: &SeriesOfRules,
        known: &[Resource<'_>],
    ) {
        self.external.clear();
        self.custom.clear();
        for (index, name, metric, _) in named(&self.rules.external_rules, external) {
            self.external.insert(metric, Source { rule: index, series: name.to_owned() });
        }
        let by_label: Vec<_> = self.rules.rules.iter().map(|rule| rule.resources_by_label(known)).collect();
        for (index, name, metric, labels) in named(&self.rules.rules, custom) {
            let resources: Vec<_> = labels.keys().filter_map(|label| by_label[index].get(label)).collect();
            let namespaced = resources.iter().any(|resource| **resource == Resource::NAMESPACES);
            for resource in resources {
                let root_scoped = resource.group.is_empty() && ROOT_SCOPED.contains(&resource.plural);
                let key = CustomMetric {
                    group: resource.group.to_owned(),
                    plural: resource.plural.to_owned(),
                    namespaced: namespaced && !root_scoped,
                    metric: metric.clone(),
                };
                self.custom.insert(key, Source { rule: index, series: name.to_owned() });
            }
        }
        self.listed = Some(now);
    }

    pub(super) fn external(&self) -> &BTreeMap<String, Source> {
        &self.external
    }

    pub(super) fn custom(&self) -> &BTreeMap<CustomMetric, Source> {
        &self.custom
    }
}

/// The series that rules turn into metrics: index of the rule, name of the series, name of the metric, labels.
fn named<'a>(
    rules: &'a [Rule],
    series: &'a SeriesOfRules,
) -> impl Iterator<Item = (usize, &'a str, String, &'a Labels)> {
    rules.iter().zip(series).enumerate().flat_map(|(index, (rule, series))| {
        series.iter().filter_map(move |labels| {
            let name = labels.get(NAME)?;
            Some((index, name.as_str(), rule.metric_name(name)?, labels))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PODS: Resource<'static> = Resource { group: "", plural: "pods", singular: "pod" };
    const NODES: Resource<'static> = Resource { group: "", plural: "nodes", singular: "node" };

    const RULES: &str = "
externalRules:
- {seriesQuery: a, metricsQuery: q, resources: {namespaced: false}, name: {matches: ^a_(.*)$}}
- {seriesQuery: b, metricsQuery: q, resources: {namespaced: false}, name: {matches: ^b$, as: c}}
rules:
- {seriesQuery: m, metricsQuery: q, resources: {template: '<<.Resource>>'}}
";

    fn series(texts: &[&str]) -> Vec<Labels> {
        let labels = |text: &&str| {
            let pairs = text.split(',').map(|pair| pair.split_once('=').unwrap_or((NAME, pair)));
            pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
        };
        texts.iter().map(labels).collect()
    }

    #[test]
    fn external_metrics_follow_from_rules_and_series() {
        let now = Instant::now();
        let relist = Duration::from_secs(30);
        let mut registry = Registry::default();
        registry.set_rules(Config::parse(RULES).unwrap());
        assert!(registry.is_stale(now, relist));
        registry.set_series(now, &vec![vec![]], &vec![series(&["a_x", "other"]), series(&["b"])], &[]);
        let found =
            |metric| registry.external().get(metric).map(|source| (source.rule, source.series.as_str()));
        assert_eq!(found("x"), Some((0, "a_x")));
        assert_eq!(found("c"), Some((1, "b")));
        assert_eq!(found("other"), None);
        assert!(!registry.is_stale(now, relist));
        assert!(registry.is_stale(now + relist, relist));
        registry.set_rules(Config::parse(RULES).unwrap());
        assert!(registry.is_stale(now, relist));
    }

    #[test]
    fn labels_decide_about_which_objects_a_metric_is() {
        let mut registry = Registry::default();
        registry.set_rules(Config::parse(RULES).unwrap());
        let custom = series(&["m,namespace=demo,pod=a,node=n", "m,namespace=demo,pod=b", "other,pod=c"]);
        registry.set_series(
            Instant::now(),
            &vec![custom],
            &vec![vec![], vec![]],
            &[PODS, NODES, Resource::NAMESPACES],
        );
        let keys: Vec<String> = registry
            .custom()
            .keys()
            .map(|key| format!("{}/{} namespaced={}", key.plural, key.metric, key.namespaced))
            .collect();
        assert_eq!(
            keys,
            [
                "namespaces/m namespaced=false",
                "nodes/m namespaced=false",
                // The series without a namespace.
                "pods/other namespaced=false",
                "pods/m namespaced=true",
            ]
        );
    }
}
