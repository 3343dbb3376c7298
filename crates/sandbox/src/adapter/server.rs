//! The adapter itself, which both APIs share: rules, list of series, queries.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use apiserver::{ApiServer, LabelSelector, Requirement, Status};
use hpa::quantity::{Format, format_milli};
use jiff::Timestamp;
use kube::core::{Expression, Selector};
use promfmt::adapter::Resource;
use promfmt::api::Element;

use super::prometheus::Prometheus;
use super::registry::{Registry, SeriesOfRules};
use crate::cluster::Cluster;

/// Settings of the adapter.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    /// Namespace of the ConfigMap and of Prometheus' Service.
    pub(crate) namespace: String,
    /// Name of the ConfigMap, and of the Service that the `APIService` names.
    pub(crate) name: String,
    /// Prometheus' Service and its port.
    pub(crate) prometheus: (String, u16),
    /// Time for which a list of series is valid: `--metrics-relist-interval`.
    pub(crate) relist: Duration,
    /// Time for which a series counts after its last sample: `--metrics-max-age`.
    pub(crate) max_age: Duration,
}

pub(super) struct Server {
    pub(super) api: ApiServer,
    pub(super) cluster: Cluster,
    pub(super) settings: Settings,
    prometheus: Prometheus,
    registry: Mutex<Registry>,
}

impl Server {
    /// An adapter without rules.
    pub(super) fn new(api: &ApiServer, cluster: &Cluster, settings: Settings) -> Self {
        let (service, port) = (&settings.prometheus.0, settings.prometheus.1);
        let prometheus = Prometheus::new(&settings.namespace, service, port);
        Self { api: api.clone(), cluster: cluster.clone(), settings, prometheus, registry: Mutex::default() }
    }

    /// Namespace and name of the Service that the `APIService` objects name.
    pub(super) fn service(&self) -> (String, String) {
        (self.settings.namespace.clone(), self.settings.name.clone())
    }

    /// Lists the series if the list is stale. A failure keeps the previous list.
    pub(super) async fn refresh(&self) {
        if !self.registry().is_stale(Instant::now(), self.settings.relist) {
            return;
        }
        let rules = self.registry().rules();
        let listed = async {
            let custom = self.series_of(&rules.rules).await?;
            Ok::<_, String>((custom, self.series_of(&rules.external_rules).await?))
        };
        let (custom, external) = match listed.await {
            Ok(both) => both,
            Err(error) => return tracing::debug!("listing series failed: {error}"),
        };
        let kinds = self.api.kinds();
        let known: Vec<Resource<'_>> = kinds
            .iter()
            .map(|kind| Resource { group: &kind.group, plural: &kind.plural, singular: &kind.singular })
            .collect();
        let mut registry = self.registry();
        // New rules may have arrived in the meantime; the next request lists their series.
        if Arc::ptr_eq(&registry.rules(), &rules) {
            registry.set_series(Instant::now(), &custom, &external, &known);
        }
    }

    async fn series_of(&self, rules: &[promfmt::adapter::Rule]) -> Result<SeriesOfRules, String> {
        let max_age = i64::try_from(self.settings.max_age.as_secs()).unwrap_or(i64::MAX);
        let since = Timestamp::now().as_second().saturating_sub(max_age);
        let mut series = Vec::with_capacity(rules.len());
        for rule in rules {
            series.push(self.prometheus.series(&self.cluster.client, &rule.series_query, since).await?);
        }
        Ok(series)
    }

    /// The result of an instant query, or the adapter's answer to a failure.
    pub(super) async fn query(&self, query: &str) -> Result<Vec<Element>, Status> {
        self.prometheus.query(&self.cluster.client, query).await.map_err(|error| {
            tracing::warn!(%query, "unable to fetch metrics from prometheus: {error}");
            unable()
        })
    }

    pub(super) fn registry(&self) -> MutexGuard<'_, Registry> {
        self.registry.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The adapter's answer to every failure; the reason is in its log.
pub(super) fn unable() -> Status {
    Status::internal("unable to fetch metrics")
}

/// A value as the adapter writes it: it multiplies and truncates, and NaN is 0.
pub(super) fn milli(value: f64) -> String {
    format_milli((value * 1000.0) as i64, Format::DecimalSi)
}

/// The time without its fraction of a second, as Kubernetes writes times.
pub(super) fn whole_seconds(now: Timestamp) -> Timestamp {
    Timestamp::from_second(now.as_second()).unwrap_or(now)
}

/// Parses the selector of a query parameter. The inner error is the reason why Prometheus cannot evaluate it.
pub(super) fn selector(text: Option<&String>) -> Result<Result<Selector, String>, Status> {
    let selector = LabelSelector::parse(text.map_or("", String::as_str))?;
    Ok(kube_selector(&selector)
        .ok_or_else(|| "the selector compares numbers, which Prometheus cannot".to_owned()))
}

/// The selector as `kube` has it; `None` for a comparison of numbers.
fn kube_selector(selector: &LabelSelector) -> Option<Selector> {
    let expressions = selector.requirements().iter().map(|requirement| match requirement {
        Requirement::In(label, values) => Some(match values.as_slice() {
            [value] => Expression::Equal(label.clone(), value.clone()),
            _ => Expression::In(label.clone(), values.iter().cloned().collect()),
        }),
        Requirement::NotIn(label, values) => Some(match values.as_slice() {
            [value] => Expression::NotEqual(label.clone(), value.clone()),
            _ => Expression::NotIn(label.clone(), values.iter().cloned().collect()),
        }),
        Requirement::Exists(label) => Some(Expression::Exists(label.clone())),
        Requirement::Absent(label) => Some(Expression::DoesNotExist(label.clone())),
        Requirement::Greater(..) | Requirement::Less(..) => None,
    });
    expressions.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn selectors_convert_unless_they_compare_numbers() {
        let text = |selector: &str| {
            let selector = LabelSelector::parse(selector).unwrap();
            kube_selector(&selector).map(|selector| selector.to_string())
        };
        for selector in ["", "a=b", "a!=b", "a in (b,c)", "a notin (b,c)", "a", "!a"] {
            assert_eq!(text(selector).as_deref(), Some(selector));
        }
        assert_eq!(text("a>3"), None);
    }
}
