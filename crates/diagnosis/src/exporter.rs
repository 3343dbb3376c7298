//! What keeps an exporter that reads the broker from having the series of a queue: its own settings, or a broker that gives it no
//! figures.

use k8s_openapi::api::core::v1::EnvVar;

use super::endpoint::tell;
use super::facts::{Facts, MetricsEndpoint, Sample};
use super::line::{Fix, Pen};

/// Which of its parts it exports.
const PARTS: &str = "RABBIT_EXPORTERS";

/// What it leaves out, by patterns.
const FILTERS: [&str; 4] = ["SKIP_QUEUES", "INCLUDE_QUEUES", "SKIP_VHOST", "INCLUDE_VHOST"];

/// Whether an exporter has said so: the broker's own endpoint knows nothing of the sort.
pub(super) fn is_exporter(samples: &[Sample]) -> bool {
    samples.iter().any(|sample| sample.label("__name__") == "rabbitmq_up")
}

/// Whether the broker has it.
fn has(facts: &Facts, queue: Option<&str>) -> bool {
    facts.broker.queues.all().iter().any(|found| queue.is_none_or(|queue| found.name == queue))
}

/// Tells it, where it is the exporter's or the broker's doing: the queue is there. Whether it was told.
pub(super) fn leaves_out(
    facts: &Facts,
    pen: &mut Pen<'_>,
    endpoint: &MetricsEndpoint,
    queue: Option<&str>,
) -> bool {
    if !has(facts, queue) {
        return false;
    }
    let at = &endpoint.at;
    let which = queue.map_or_else(|| "any queue".to_owned(), |queue| format!("queue {queue}"));
    let saw =
        format!("the exporter at {at} reads the broker, which has the queue, and has no series of {which}");
    let (name, namespace) = (&at.service, &at.namespace);
    let variables = variables(facts, name);
    let set = |name: &str| {
        variables.iter().find(|variable| variable.name == name).and_then(|found| found.value.as_deref())
    };
    let change = format!("kubectl set env deployment/{name} -n {namespace}");
    if let Some(parts) = set(PARTS).filter(|parts| !parts.split(',').any(|part| part.trim() == "queue")) {
        let saw = format!("{saw}: {PARTS} is {parts}, without queue");
        let fix = Fix::command("let it export the queues", format!("{change} {PARTS}={parts},queue"));
        tell(facts, pen, endpoint, "exporter-queues", saw, fix);
        return true;
    }
    let filters: Vec<String> =
        FILTERS.iter().filter_map(|name| Some(format!("{name}={}", set(name)?))).collect();
    if !filters.is_empty() {
        let saw = format!("{saw}: it leaves out what {} says", filters.join(" "));
        let names = FILTERS.iter().filter(|name| set(name).is_some()).map(|name| format!(" {name}-"));
        let fix = Fix::command("let it export every queue", change + &names.collect::<String>());
        tell(facts, pen, endpoint, "exporter-queues", saw, fix);
        return true;
    }
    let saw = format!(
        "{saw}: the broker has just started, or its management plugin collects no figures, as with RabbitMQ's images whose tag does not end in -management"
    );
    let fix = Fix::command(
        "look again in half a minute; if it stays so, see whether the broker says disable_metrics_collector",
        format!(
            "kubectl exec -n {namespace} statefulset/rabbitmq -- rabbitmqctl environment | grep disable_metrics_collector"
        ),
    );
    tell(facts, pen, endpoint, "exporter-queues", saw, fix);
    true
}

/// The variables of the Deployment that bears the Service's name, as in every chart.
fn variables<'a>(facts: &'a Facts, name: &str) -> Vec<&'a EnvVar> {
    let named = |of: &&k8s_openapi::api::apps::v1::Deployment| of.metadata.name.as_deref() == Some(name);
    let pods =
        facts.deployments.all().iter().find(named).and_then(|of| of.spec.as_ref()?.template.spec.as_ref());
    pods.into_iter()
        .flat_map(|pods| &pods.containers)
        .flat_map(|container| container.env.iter().flatten())
        .collect()
}
