//! The broker: whether it answers, and whether the HPA's queue exists, is declared as expected, and has consumers.

use contract::queue::{ORDERS, QueueType, arguments};
use serde_json::json;
use text::command::Command;

use crate::facts::{Facts, Outcome, Queue};
use crate::finding::{Fix, ReportWriter};
use crate::{fixes, fmt, messages, metric, scaled_object};

pub(crate) fn examine(facts: &Facts, writer: &mut ReportWriter<'_>) {
    let metric = metric::examined(facts);
    // KEDA's metric names a ScaledObject, whose trigger names the queue.
    let wanted =
        metric.as_ref().and_then(|metric| metric.queue.as_deref()).or_else(|| scaled_object::queue(facts));
    let Some(queues) = answers(facts, writer) else { return };
    let (Some(metric), Some(wanted)) = (metric.as_ref(), wanted) else {
        return writer.not_applicable("queue", messages::no_queue_named());
    };
    let command = facts.broker.queues.command.as_ref();
    let named: Vec<&Queue> = queues.iter().filter(|queue| queue.name == wanted).collect();
    let Some(queue) = named.iter().find(|queue| queue.vhost == contract::queue::VHOST).or(named.first())
    else {
        return missing(facts, writer, queues, metric.index, wanted);
    };
    let depth = match (queue.messages_ready, queue.messages_unacknowledged) {
        (Some(ready), Some(unacked)) => messages::queue_depth(ready, unacked),
        _ => messages::queue_without_statistics(),
    };
    writer.ok("queue", messages::queue_exists(wanted, depth), command);
    if let Some(other) = named.iter().find(|other| other.vhost != queue.vhost) {
        let query = format!("sum(<<.Series>>{{<<.LabelMatchers>>,vhost={:?}}})", queue.vhost);
        let fix = Fix::yaml(messages::fix_pin_vhost(), fixes::yaml(&json!({"metricsQuery": query})));
        writer.warn("queue-vhost", messages::queue_in_other_vhost(wanted, &other.vhost), command, fix);
    }
    declaration(facts, writer, queue);
    consumers(facts, writer, queue);
}

/// The queues, if the broker lists them.
fn answers<'f>(facts: &'f Facts, writer: &mut ReportWriter<'_>) -> Option<&'f [Queue]> {
    let Some(at) = &facts.broker.management else {
        let detail = match facts.services.get() {
            Some(_) => messages::no_management_port(&facts.subject.namespace),
            None => messages::services_unknown(),
        };
        writer.not_applicable("broker", detail);
        return None;
    };
    let command = facts.broker.queues.command.as_ref();
    if let Outcome::Failed(sentence) = &facts.broker.queues.outcome {
        let service =
            facts.services.all().iter().find(|service| service.metadata.name.as_deref() == Some(&at.service));
        let selector = service.and_then(|service| service.spec.as_ref()?.selector.as_ref());
        let labels = fmt::pairs(selector.into_iter().flatten()).join(",");
        let pods = fixes::get("pods", &at.namespace).flag("-l", labels);
        writer.fail("broker", sentence, command, Fix::command(messages::fix_broker_pods(), pods));
        return None;
    }
    let Some(queues) = writer.require("broker", &facts.broker.queues).ok()? else {
        writer.not_permitted("broker", messages::queues_hidden(), command);
        return None;
    };
    let count = fmt::count(queues.len(), "queue", "queues");
    writer.ok("broker", messages::broker_answers(at, count), command);
    Some(queues)
}

/// The queue does not exist. The guard of the adapter's rule returns 0 for any name, so only the broker shows a wrong name.
fn missing(facts: &Facts, writer: &mut ReportWriter<'_>, queues: &[Queue], index: usize, wanted: &str) {
    let names = || queues.iter().map(|queue| queue.name.as_str());
    let others =
        if queues.is_empty() { messages::no_queues() } else { messages::other_queues(fmt::list(names())) };
    let consequence = if scaled_object::queue(facts).is_some() {
        messages::queue_missing_for_keda()
    } else {
        messages::queue_missing_for_adapter()
    };
    let target = facts.autoscaler.get().map(fixes::target);
    let fix = match (fmt::nearest(wanted, names()), target) {
        (Some(meant), _) => fixes::set_queue(facts, index, meant),
        // The name is right: a consumer declares its queue when it connects.
        (None, Some(target)) if queues.is_empty() || wanted == ORDERS => {
            let kind = target.kind.to_lowercase();
            let restart = fixes::restart(&kind, &target.name, &facts.subject.namespace);
            Fix::command(messages::fix_restart_consumers(), restart)
        }
        _ => {
            // A queue with consumers, rather than a dead-letter queue.
            let likely = |queue: &&Queue| {
                (queue.consumers.unwrap_or(0) > 0, queue.name == ORDERS, queue.messages_ready)
            };
            let meant = queues.iter().max_by_key(likely).map_or(ORDERS, |queue| queue.name.as_str());
            fixes::set_queue(facts, index, meant)
        }
    };
    let detail = messages::queue_missing(wanted, others, consequence);
    writer.fail("queue", detail, facts.broker.queues.command.as_ref(), fix);
}

/// Checks the declaration. The demo's queue must have the contract's arguments, or the broker refuses its programs.
fn declaration(facts: &Facts, writer: &mut ReportWriter<'_>, queue: &Queue) {
    let command = facts.broker.queues.command.as_ref();
    if queue.name == ORDERS && is_demo(facts) {
        let given = |key: &str| queue.arguments.get(key).and_then(serde_json::Value::as_str);
        let kind = given("x-queue-type").unwrap_or_default().parse().unwrap_or(QueueType::Classic);
        let expected = arguments(ORDERS, kind);
        let is_same = queue.durable
            && queue.arguments.len() == expected.len()
            && expected.iter().all(|(key, value)| given(key) == Some(value.as_str()));
        if is_same {
            return writer.ok("queue-arguments", messages::queue_arguments(kind.as_str()), command);
        }
        let arguments = serde_json::to_string(&queue.arguments).unwrap_or_default();
        let detail = messages::queue_arguments_differ(ORDERS, arguments, queue.durable);
        let delete = Command::kubectl(["exec", "rabbitmq-0"]).namespace(&facts.subject.namespace).args([
            "--",
            "rabbitmqctl",
            "delete_queue",
            ORDERS,
        ]);
        let fix = Fix::command(messages::fix_delete_queue(), delete);
        return writer.fail("queue-arguments", detail, command, fix);
    }
    if queue.durable {
        return writer.ok("queue-arguments", messages::queue_durable(), command);
    }
    let fix = Fix::yaml(messages::fix_durable(), fixes::yaml(&json!({"durable": true})));
    writer.warn("queue-arguments", messages::queue_not_durable(&queue.name), command, fix);
}

/// Returns whether this is the demo's own broker, by its label.
fn is_demo(facts: &Facts) -> bool {
    let mut services = facts.services.all().iter();
    services.any(|service| {
        let labels = service.metadata.labels.as_ref();
        let part_of = labels.and_then(|labels| labels.get(contract::names::LABEL_PART_OF));
        service.metadata.name.as_deref() == Some(contract::names::RABBITMQ)
            && part_of.is_some_and(|part_of| part_of == contract::names::PART_OF)
    })
}

fn consumers(facts: &Facts, writer: &mut ReportWriter<'_>, queue: &Queue) {
    let Some(consumers) = queue.consumers else { return };
    let command = facts.broker.queues.command.as_ref();
    let target = facts.autoscaler.get().map(fixes::target).unwrap_or_default().name;
    let mut deployments = facts.deployments.all().iter();
    let ready = deployments
        .find(|deployment| deployment.metadata.name.as_deref() == Some(&target))
        .and_then(|deployment| deployment.status.as_ref()?.ready_replicas)
        .unwrap_or(0);
    if consumers > 0 {
        let count = fmt::count(usize::try_from(consumers).unwrap_or(0), "consumer", "consumers");
        writer.ok("consumers", messages::consumers(count), command);
    } else if ready > 0 {
        let log = fixes::logs(&target, &facts.subject.namespace, 50);
        let fix = Fix::command(messages::fix_consumer_log(), log);
        writer.warn("consumers", messages::no_consumers(&queue.name, ready, &target), command, fix);
    } else {
        writer.not_applicable("consumers", messages::no_consumers_yet(&queue.name));
    }
}
