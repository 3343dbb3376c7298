//! Reasons why an exporter that reads the broker lacks a queue's series: its settings, or missing statistics of the broker.

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::EnvVar;
use text::command::Command;

use crate::facts::{Facts, MetricsEndpoint, Sample};
use crate::finding::Fix;
use crate::{fixes, messages, scrape};

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
    let fix = match broker_pod(facts) {
        Some(pod) => {
            let environment = Command::kubectl(["exec", pod])
                .namespace(namespace)
                .args(["--", "rabbitmqctl", "environment"])
                .pipe(Command::new("grep").arg("disable_metrics_collector"));
            Fix::command(messages::fix_collector(), environment)
        }
        None => Fix::command(messages::fix_collector(), fixes::doctor(facts)),
    };
    Some((messages::exporter_no_statistics(omits), fix))
}

/// A pod of the broker, behind the Service of its management API.
fn broker_pod(facts: &Facts) -> Option<&str> {
    let at = facts.broker.management.as_ref()?;
    let mut services = facts.services.all().iter();
    let service = services.find(|service| service.metadata.name.as_ref() == Some(&at.service))?;
    facts.pods.all().iter().find(|pod| scrape::is_behind(service, pod))?.metadata.name.as_deref()
}

/// Pointing an exporter at the broker of the namespace, if its variable names another host.
pub(crate) fn other_broker(facts: &Facts, endpoint: &MetricsEndpoint) -> Option<Fix> {
    const URL: &str = "RABBIT_URL";
    let at = facts.broker.management.as_ref()?;
    let name = &endpoint.at.service;
    let variables = variables(facts, name);
    let url = variables.iter().find(|variable| variable.name == URL)?.value.as_deref()?;
    let (scheme, rest) = url.split_once("://")?;
    let host = rest.split([':', '/']).next().unwrap_or_default();
    let is_same = host == at.service || host.starts_with(&format!("{}.{}", at.service, at.namespace));
    if is_same {
        return None;
    }
    let value = format!("{URL}={scheme}://{}.{}.svc:{}", at.service, at.namespace, at.port);
    let set = Command::kubectl(["set", "env"]).arg(format!("deployment/{name}")).namespace(&at.namespace);
    Some(Fix::command(messages::fix_exporter_url(), set.arg(value)))
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
