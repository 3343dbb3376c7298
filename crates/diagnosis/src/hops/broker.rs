//! The broker: whether it answers, and whether the HPA's queues exist, are declared as expected, and have consumers.

use contract::queue::{QueueType, arguments};
use serde_json::json;
use text::command::Command;

use crate::chain::{self, Chain};
use crate::facts::{Facts, Outcome, Queue};
use crate::finding::{Fix, ReportWriter};
use crate::{fixes, fmt, messages, scaled_object, scrape};

pub(crate) fn examine(facts: &Facts, writer: &mut ReportWriter<'_>) {
    let Some(queues) = answers(facts, writer) else { return };
    if chain::all(facts).is_empty() {
        writer.not_applicable("queue", messages::no_queue_named());
    }
    chain::each(facts, writer, |chain, writer| metric(facts, writer, chain, queues));
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

/// Checks the queues that a metric names.
fn metric(facts: &Facts, writer: &mut ReportWriter<'_>, chain: &Chain<'_>, queues: &[Queue]) {
    // KEDA's metric names a ScaledObject, whose trigger names the queue.
    let of_trigger = scaled_object::queue(facts, &chain.metric);
    let wanted: Vec<&str> = match of_trigger {
        Some(queue) => vec![queue],
        None if !chain.is_queue() => {
            return writer.not_applicable("queue", messages::metric_of_no_queue(&chain.metric.name));
        }
        None => chain.queues.iter().map(String::as_str).collect(),
    };
    if wanted.is_empty() {
        return writer.not_applicable("queue", messages::no_queue_named());
    }
    for wanted in wanted {
        queue(facts, writer, chain, queues, wanted);
    }
}

fn queue(facts: &Facts, writer: &mut ReportWriter<'_>, chain: &Chain<'_>, queues: &[Queue], wanted: &str) {
    let command = facts.broker.queues.command.as_ref();
    let named: Vec<&Queue> = queues.iter().filter(|queue| queue.name == wanted).collect();
    let Some(first) = named.first() else {
        return missing(facts, writer, chain, queues, wanted);
    };
    let depth = |queue: &Queue| match (queue.messages_ready, queue.messages_unacknowledged) {
        (Some(ready), Some(unacked)) => messages::queue_depth(ready, unacked),
        _ => messages::queue_without_statistics(),
    };
    let detail = if named.len() == 1 {
        messages::queue_exists(wanted, depth(first))
    } else {
        let each: Vec<String> =
            named.iter().map(|queue| messages::in_vhost(&queue.vhost, depth(queue))).collect();
        messages::queue_in_vhosts(wanted, each.join("; "))
    };
    writer.ok("queue", detail, command);
    // The virtual hosts that the metric counts.
    let counted: Vec<&str> =
        chain.counted_series().into_iter().map(|sample| chain.vhost_of(sample)).collect();
    let is_counted = |queue: &&&Queue| counted.is_empty() || counted.contains(&queue.vhost.as_str());
    let queue = named.iter().find(is_counted).unwrap_or(first);
    declaration(facts, writer, queue);
    consumers(facts, writer, queue);
}

/// The queue does not exist. The guard of the adapter's rule returns 0 for any name, so only the broker shows a wrong name.
fn missing(facts: &Facts, writer: &mut ReportWriter<'_>, chain: &Chain<'_>, queues: &[Queue], wanted: &str) {
    let names = || queues.iter().map(|queue| queue.name.as_str());
    let others =
        if queues.is_empty() { messages::no_queues() } else { messages::other_queues(fmt::list(names())) };
    let consequence = if scaled_object::queue(facts, &chain.metric).is_some() {
        messages::queue_missing_for_keda()
    } else {
        messages::queue_missing_for_adapter()
    };
    let label = chain.queue_label.as_deref().unwrap_or(chain::QUEUE);
    let set = |queue: &str| {
        let candidates = queues.iter().filter(|other| other.name != queue).map(described);
        let others = candidates.take(5).collect::<Vec<_>>().join(", ");
        let others = if others.is_empty() { String::new() } else { messages::or_choose(others) };
        fixes::selector::set_queue(facts, &chain.metric, label, queue, &others)
    };
    let target = facts.autoscaler.get().map(fixes::target);
    let fix = match (fmt::nearest(wanted, names()), target) {
        (Some(meant), _) => set(meant),
        // A consumer declares its queue when it connects.
        (None, Some(target)) if queues.is_empty() => {
            let kind = target.kind.to_lowercase();
            let restart = fixes::restart(&kind, &target.name, &facts.subject.namespace);
            Fix::command(messages::fix_restart_consumers(), restart)
        }
        _ => {
            // A queue with consumers, rather than a dead-letter queue.
            let likely =
                |queue: &&Queue| (queue.consumers.unwrap_or(0) > 0, queue.messages_ready, queue.name.clone());
            match queues.iter().max_by_key(likely) {
                Some(queue) => set(&queue.name),
                None => fixes::look_again(facts),
            }
        }
    };
    let detail = messages::queue_missing(wanted, others, consequence);
    writer.fail("queue", detail, facts.broker.queues.command.as_ref(), fix);
}

/// A queue with its messages, as a candidate of a choice.
fn described(queue: &Queue) -> String {
    let messages = queue.messages_ready.unwrap_or(0) + queue.messages_unacknowledged.unwrap_or(0);
    messages::candidate(&queue.name, messages)
}

/// Checks the declaration. A queue of the demo's own broker must have the arguments of its producer and worker.
fn declaration(facts: &Facts, writer: &mut ReportWriter<'_>, queue: &Queue) {
    let command = facts.broker.queues.command.as_ref();
    if is_demo(facts) && !queue.name.ends_with(".dead") {
        let given = |key: &str| queue.arguments.get(key).and_then(serde_json::Value::as_str);
        let kind = given("x-queue-type").unwrap_or_default().parse().unwrap_or(QueueType::Classic);
        let expected = arguments(&queue.name, kind);
        let is_same = queue.durable
            && queue.arguments.len() == expected.len()
            && expected.iter().all(|(key, value)| given(key) == Some(value.as_str()));
        if is_same {
            return writer.ok("queue-arguments", messages::queue_arguments(kind.as_str()), command);
        }
        // A queue without consumers of the demo may have any arguments.
        if given_to_workers(facts, queue) {
            let arguments = serde_json::to_string(&queue.arguments).unwrap_or_default();
            let detail = messages::queue_arguments_differ(&queue.name, arguments, queue.durable);
            return writer.fail("queue-arguments", detail, command, delete(facts, queue));
        }
    }
    if queue.durable {
        return writer.ok("queue-arguments", messages::queue_durable(), command);
    }
    let fix = Fix::yaml(messages::fix_durable(), fixes::yaml(&json!({"durable": true})));
    writer.warn("queue-arguments", messages::queue_not_durable(&queue.name), command, fix);
}

/// Returns whether the HPA's target reads the queue: by a variable `QUEUE`, or by the default of the demo's worker. Of another
/// program without the variable, the HPA's metric says which queue it reads.
fn given_to_workers(facts: &Facts, queue: &Queue) -> bool {
    let target = facts.autoscaler.get().map(fixes::target).unwrap_or_default().name;
    let mut deployments = facts.deployments.all().iter();
    let target = deployments.find(|deployment| deployment.metadata.name.as_deref() == Some(&target));
    let containers = target
        .and_then(|deployment| deployment.spec.as_ref()?.template.spec.as_ref())
        .map(|pods| pods.containers.as_slice())
        .unwrap_or_default();
    let variables = containers.iter().flat_map(|container| container.env.iter().flatten());
    let named =
        variables.filter(|variable| variable.name == "QUEUE").find_map(|variable| variable.value.as_ref());
    named.map_or(!is_demo(facts) || queue.name == contract::queue::ORDERS, |named| *named == queue.name)
}

/// Deleting a queue on one of the broker's pods.
fn delete(facts: &Facts, queue: &Queue) -> Fix {
    let at = facts.broker.management.as_ref();
    let service = facts
        .services
        .all()
        .iter()
        .find(|service| at.is_some_and(|at| service.metadata.name.as_ref() == Some(&at.service)));
    let mut pods = facts.pods.all().iter();
    let pod = service.and_then(|service| pods.find(|pod| scrape::is_behind(service, pod)));
    let Some(pod) = pod.and_then(|pod| pod.metadata.name.as_deref()) else {
        return Fix::command(messages::fix_delete_queue(), fixes::get("pods", &facts.subject.namespace));
    };
    let delete = Command::kubectl(["exec", pod]).namespace(&facts.subject.namespace).args([
        "--",
        "rabbitmqctl",
        "delete_queue",
        "-p",
        &queue.vhost,
        &queue.name,
    ]);
    Fix::command(messages::fix_delete_queue(), delete)
}

/// Returns whether this is the demo's own broker, by the label that all its objects share.
fn is_demo(facts: &Facts) -> bool {
    let Some(at) = &facts.broker.management else { return false };
    facts.services.all().iter().any(|service| {
        let labels = service.metadata.labels.as_ref();
        let part_of = labels.and_then(|labels| labels.get(contract::names::LABEL_PART_OF));
        service.metadata.name.as_ref() == Some(&at.service)
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
    } else if ready > 0 && (given_to_workers(facts, queue) || !is_any_consumed(facts)) {
        let log = fixes::logs(&target, &facts.subject.namespace, 50);
        let fix = Fix::command(messages::fix_consumer_log(), log);
        writer.warn("consumers", messages::no_consumers(&queue.name, ready, &target), command, fix);
    } else if ready > 0 {
        writer.not_applicable("consumers", messages::no_consumers_here(&queue.name));
    } else {
        writer.not_applicable("consumers", messages::no_consumers_yet(&queue.name));
    }
}

/// Returns whether a queue of the broker has consumers.
fn is_any_consumed(facts: &Facts) -> bool {
    facts.broker.queues.all().iter().any(|queue| queue.consumers.unwrap_or(0) > 0)
}
