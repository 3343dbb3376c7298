//! Reasons why an exporter that reads the broker lacks a queue's series: its settings, or missing statistics of the broker.

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::EnvVar;
use text::command::Command;

use crate::facts::{Facts, MetricsEndpoint, Sample};
use crate::finding::Fix;
use crate::messages;

/// The variable with the parts that it exports.
const PARTS: &str = "RABBIT_EXPORTERS";

/// The variables that filter queues by pattern.
const FILTERS: [&str; 4] = ["SKIP_QUEUES", "INCLUDE_QUEUES", "SKIP_VHOST", "INCLUDE_VHOST"];

/// The finding for an exporter without the series of a queue that exists; `None` if the queue does not exist or the endpoint
/// is no exporter.
pub(crate) fn missing_queue_series(
    facts: &Facts,
    endpoint: &MetricsEndpoint,
    samples: &[Sample],
    queue: Option<&str>,
) -> Option<(String, Fix)> {
    // Only exporters have this series.
    let is_exporter = samples.iter().any(|sample| sample.label("__name__") == "rabbitmq_up");
    let mut queues = facts.broker.queues.all().iter();
    let exists = queues.any(|known| queue.is_none_or(|queue| known.name == queue));
    if !is_exporter || !exists {
        return None;
    }
    let (name, namespace) = (&endpoint.at.service, &endpoint.at.namespace);
    let subject = queue.map_or_else(messages::any_queue, messages::one_queue);
    let omits = messages::exporter_omits(&endpoint.at, subject);
    let variables = variables(facts, name);
    let value_of = |name: &str| {
        variables.iter().find(|variable| variable.name == name).and_then(|found| found.value.as_deref())
    };
    let set_env = || Command::kubectl(["set", "env"]).arg(format!("deployment/{name}")).namespace(namespace);
    if let Some(parts) = value_of(PARTS).filter(|parts| !parts.split(',').any(|part| part.trim() == "queue"))
    {
        let detail = messages::exporter_parts(omits, PARTS, parts);
        let set = set_env().arg(format!("{PARTS}={parts},queue"));
        return Some((detail, Fix::command(messages::fix_exporter_parts(), set)));
    }
    let filters = FILTERS.iter().filter_map(|name| Some((name, value_of(name)?)));
    let filters: Vec<(String, String)> =
        filters.map(|(name, value)| (format!("{name}={value}"), format!("{name}-"))).collect();
    if !filters.is_empty() {
        let (set, unset): (Vec<String>, Vec<String>) = filters.into_iter().unzip();
        let detail = messages::exporter_filters(omits, set.join(" "));
        return Some((detail, Fix::command(messages::fix_exporter_filters(), set_env().args(unset))));
    }
    let environment = Command::kubectl(["exec"])
        .namespace(namespace)
        .args(["statefulset/rabbitmq", "--", "rabbitmqctl", "environment"])
        .pipe(Command::new("grep").arg("disable_metrics_collector"));
    let fix = Fix::command(messages::fix_collector(), environment);
    Some((messages::exporter_no_statistics(omits), fix))
}

/// The environment of the Deployment with the Service's name, as in every chart.
fn variables<'a>(facts: &'a Facts, name: &str) -> Vec<&'a EnvVar> {
    let has_name = |deployment: &&Deployment| deployment.metadata.name.as_deref() == Some(name);
    let deployment = facts.deployments.all().iter().find(has_name);
    let pods = deployment.and_then(|deployment| deployment.spec.as_ref()?.template.spec.as_ref());
    pods.into_iter()
        .flat_map(|pods| &pods.containers)
        .flat_map(|container| container.env.iter().flatten())
        .collect()
}
