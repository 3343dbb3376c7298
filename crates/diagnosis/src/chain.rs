//! Questions about the facts that several hops ask.

use std::collections::BTreeMap;

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::kube_aggregator::pkg::apis::apiregistration::v1::APIService;
use observed::keda;
use promfmt::adapter::{self, Rule};
use promfmt::matcher::{self, Matcher, Operator};
use promfmt::query::{Query, SeriesSelector};

use crate::facts::{ExternalMetric, Facts, Queue, Sample};
use crate::finding::ReportWriter;
use crate::metric::{self, Metric};
use crate::rule;

/// Name of the APIService for external metrics.
pub(crate) const METRICS_API: &str = "v1beta1.external.metrics.k8s.io";

/// The adapter's argument with the URL of Prometheus.
pub(crate) const PROMETHEUS_URL: &str = "--prometheus-url";

/// The labels of a target, which every monitor adds. Series that differ in these alone are one series, scraped twice.
pub(crate) const TARGET_LABELS: [&str; 8] =
    ["job", "instance", "pod", "service", "endpoint", "container", "prometheus", "prometheus_replica"];

/// One External metric of the HPA, its rule, and the observations of both.
pub(crate) struct Chain<'f> {
    pub(crate) metric: Metric,
    pub(crate) observed: &'f ExternalMetric,
    /// The adapter's rule for the metric.
    pub(crate) rule: Option<Made>,
    /// The matchers that the HPA asks for: those of its selector, and of its namespace where the rule is namespaced.
    pub(crate) asked: Vec<Matcher>,
    /// The queues that the metric names: by the HPA's selector, or else by matchers of the rule.
    pub(crate) queues: Vec<String>,
    /// The label with the name of the queue; `None` if the series are about no queue.
    pub(crate) queue_label: Option<String>,
    /// The label with the name of the virtual host.
    pub(crate) vhost_label: String,
}

/// A rule and the query that it makes of the HPA's request.
pub(crate) struct Made {
    /// Its index in the file.
    pub(crate) index: usize,
    pub(crate) rule: Rule,
    /// Name of the series that it uses.
    pub(crate) series: String,
    /// The query with its selectors, or the reason why it cannot be read.
    pub(crate) query: Result<Query, String>,
}

impl Chain<'_> {
    /// The stored series that the HPA asks for.
    pub(crate) fn asked_series(&self) -> Vec<&Sample> {
        self.observed
            .series
            .all()
            .iter()
            .filter(|sample| matcher::accept(&self.asked, &sample.labels))
            .collect()
    }

    /// The stored series in the result of the rule's query; without a readable rule, those that the HPA asks for.
    pub(crate) fn picked_series(&self) -> Vec<&Sample> {
        let Some(query) = self.query() else { return self.asked_series() };
        let picks = |sample: &&Sample| query.measured().any(|selector| selects(selector, &sample.labels));
        self.observed.series.all().iter().filter(picks).collect()
    }

    /// The series that the HPA asks for and the rule picks.
    pub(crate) fn counted_series(&self) -> Vec<&Sample> {
        let picked = self.picked_series();
        picked.into_iter().filter(|sample| matcher::accept(&self.asked, &sample.labels)).collect()
    }

    /// The rule's query, if it can be read.
    pub(crate) fn query(&self) -> Option<&Query> {
        self.rule.as_ref()?.query.as_ref().ok()
    }

    /// Returns whether the metric is about queues.
    pub(crate) fn is_queue(&self) -> bool {
        self.queue_label.is_some()
    }

    /// The value of a sample's label for the queue.
    pub(crate) fn queue_of<'s>(&self, sample: &'s Sample) -> &'s str {
        self.queue_label.as_deref().map_or("", |label| sample.label(label))
    }

    /// The value of a sample's label for the virtual host.
    pub(crate) fn vhost_of<'s>(&self, sample: &'s Sample) -> &'s str {
        sample.label(&self.vhost_label)
    }

    /// The messages of a queue that the series counts: ready, unacknowledged, or both.
    pub(crate) fn depth(&self, queue: &Queue) -> Option<u64> {
        let series = self.rule.as_ref().map_or("", |made| made.series.as_str());
        if series.ends_with("_ready") {
            queue.messages_ready
        } else if series.ends_with("_unacked") || series.ends_with("_unacknowledged") {
            queue.messages_unacknowledged
        } else {
            Some(queue.messages_ready? + queue.messages_unacknowledged?)
        }
    }
}

/// Returns whether a selector of a query selects a series.
pub(crate) fn selects(selector: &SeriesSelector, labels: &BTreeMap<String, String>) -> bool {
    let name = labels.get("__name__").map_or("", String::as_str);
    selector.name.as_deref().is_none_or(|wanted| wanted == name)
        && matcher::accept(&selector.matchers, labels)
}

/// The labels of a series without those of its target.
pub(crate) fn identity(sample: &Sample) -> BTreeMap<&str, &str> {
    let own = sample.labels.iter().filter(|(name, _)| !TARGET_LABELS.contains(&name.as_str()));
    own.map(|(name, value)| (name.as_str(), value.as_str())).collect()
}

/// The chains of all External metrics of the HPA.
pub(crate) fn all(facts: &Facts) -> Vec<Chain<'_>> {
    let rules = facts.api.rules.get().and_then(|text| rule::parse(text).ok()).unwrap_or_default();
    let metrics = facts.autoscaler.get().map(metric::externals).unwrap_or_default();
    metrics.into_iter().map(|metric| of_metric(facts, &rules, metric)).collect()
}

fn of_metric<'f>(facts: &'f Facts, rules: &[Rule], metric: Metric) -> Chain<'f> {
    let observed = facts.metric(metric.index);
    let namespace = &facts.subject.namespace;
    // As in the adapter, the last rule that makes a metric counts.
    let found = rule::rules_for(rules, &metric.name).into_iter().next_back();
    let request =
        found.as_ref().map(|(rule, series)| rule.external_request(series, namespace, &metric.selector));
    let asked = match &request {
        Some(Ok((matchers, _))) => matchers.clone(),
        _ => adapter::label_matchers(&metric.selector).unwrap_or_default(),
    };
    let made = found.zip(request).map(|((rule, series), request)| Made {
        index: rules.iter().position(|known| std::ptr::eq(known, rule)).unwrap_or_default(),
        rule: rule.clone(),
        series,
        query: request.map_err(|error| error.to_string()).and_then(|(_, query)| Query::parse(&query)),
    });
    let (queue_label, vhost_label) = labels(facts, &metric, made.as_ref(), observed);
    let query = made.as_ref().and_then(|made| made.query.as_ref().ok());
    let queues = queue_label.as_deref().map(|label| queues(facts, label, &asked, query)).unwrap_or_default();
    Chain { metric, observed, rule: made, asked, queues, queue_label, vhost_label }
}

/// The queues that matchers name.
fn queues(facts: &Facts, label: &str, asked: &[Matcher], query: Option<&Query>) -> Vec<String> {
    let known = || facts.broker.queues.all().iter().map(|queue| &queue.name);
    let of = |matcher: &Matcher| -> Option<Vec<String>> {
        let is_literal = |c: char| c.is_alphanumeric() || "|_-/: ".contains(c);
        match matcher.operator {
            _ if matcher.label != label => None,
            Operator::Equal => Some(vec![matcher.value.clone()]),
            Operator::Matches if matcher.value.chars().all(is_literal) => {
                Some(matcher.value.split('|').map(str::to_owned).collect())
            }
            Operator::Matches => Some(known().filter(|name| matcher.accepts(name)).cloned().collect()),
            _ => None,
        }
    };
    // The HPA may have a queue under another name of the label.
    let misnamed = || {
        let values = asked.iter().filter(|matcher| matcher.operator == Operator::Equal);
        values.map(|matcher| &matcher.value).find(|value| known().any(|name| name == *value))
    };
    let own = || {
        let mut matchers =
            query.into_iter().flat_map(Query::measured).flat_map(|selector| &selector.matchers);
        matchers.find_map(of)
    };
    asked
        .iter()
        .find_map(of)
        .or_else(|| misnamed().map(|queue| vec![queue.clone()]))
        .or_else(own)
        .unwrap_or_default()
}

/// The labels with the queue and the virtual host, by their values: those of the broker's queues.
fn labels(
    facts: &Facts,
    metric: &Metric,
    made: Option<&Made>,
    observed: &ExternalMetric,
) -> (Option<String>, String) {
    let queues = facts.broker.queues.all();
    let series = made.map(|made| made.series.as_str());
    let exposed = facts.broker.endpoints.iter().flat_map(|endpoint| endpoint.samples.all());
    let exposed = exposed.filter(|sample| series.is_none_or(|series| sample.label("__name__") == series));
    let samples: Vec<&Sample> = observed.series.all().iter().chain(exposed).collect();
    let has = |label: &str| samples.iter().any(|sample| !sample.label(label).is_empty());
    let by_value = |is_known: &dyn Fn(&str) -> bool| {
        let labels = samples.iter().flat_map(|sample| &sample.labels);
        let labels = labels.filter(|(name, value)| {
            !TARGET_LABELS.contains(&name.as_str()) && *name != "__name__" && is_known(value)
        });
        labels.map(|(name, _)| name.clone()).next()
    };
    let vhost = if has(VHOST) {
        VHOST.to_owned()
    } else {
        let is_vhost = |value: &str| queues.iter().any(|queue| queue.vhost == value);
        by_value(&is_vhost).unwrap_or_else(|| VHOST.to_owned())
    };
    let is_queue = |value: &str| queues.iter().any(|queue| queue.name == value);
    let Some(made) = made else {
        // Without a rule, only the HPA's request shows what the metric is about.
        let selector = adapter::label_matchers(&metric.selector).unwrap_or_default();
        let names_queue = metric.queue.is_some() || selector.iter().any(|asked| is_queue(&asked.value));
        let is_queue = names_queue || (selector.is_empty() && has(QUEUE)) || is_keda(facts);
        return (is_queue.then(|| QUEUE.to_owned()), vhost);
    };
    let is_about_queues = made.series.contains("queue");
    let queue = if has(QUEUE) || (metric.queue.is_some() && is_about_queues) {
        Some(QUEUE.to_owned())
    } else {
        by_value(&is_queue).or_else(|| is_about_queues.then(|| QUEUE.to_owned()))
    };
    (queue, vhost)
}

/// The label with the queue in RabbitMQ's own series.
pub(crate) const QUEUE: &str = "queue";
/// The label with the virtual host in RabbitMQ's own series.
pub(crate) const VHOST: &str = "vhost";

/// Runs the checks of a hop for each External metric. With several metrics, each finding names its own.
pub(crate) fn each<'f>(
    facts: &'f Facts,
    writer: &mut ReportWriter<'_>,
    mut check: impl FnMut(&Chain<'f>, &mut ReportWriter<'_>),
) {
    let chains = all(facts);
    for chain in &chains {
        writer.metric = (chains.len() > 1).then(|| chain.metric.title());
        check(chain, writer);
    }
    writer.metric = None;
}

/// Returns whether KEDA serves the external metrics API.
#[must_use]
pub fn is_keda(facts: &Facts) -> bool {
    facts.api.registration.get().is_some_and(keda::serves)
}

/// Namespace and name of the Service behind the registration.
pub(crate) fn service_of(registration: &APIService) -> (String, String) {
    let at = registration.spec.as_ref().and_then(|spec| spec.service.clone()).unwrap_or_default();
    (at.namespace.unwrap_or_default(), at.name.unwrap_or_default())
}

/// The value of an argument `--name=value` of the adapter.
pub(crate) fn adapter_argument(facts: &Facts, name: &str) -> Option<String> {
    argument_of(facts.api.backend.get()?, name)
}

/// The value of an argument `--name=value` of a Deployment's containers.
#[must_use]
pub fn argument_of(deployment: &Deployment, name: &str) -> Option<String> {
    let containers = deployment.spec.as_ref()?.template.spec.as_ref()?.containers.as_slice();
    let mut arguments = containers
        .iter()
        .flat_map(|container| container.args.iter().flatten().chain(container.command.iter().flatten()));
    arguments.find_map(|argument| argument.strip_prefix(name)?.strip_prefix('=').map(str::to_owned))
}
