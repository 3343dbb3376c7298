//! The broker: whether it answers, and whether the queue that the autoscaler asks for is there, as it must be, and consumed.

use contract::queue::{ORDERS, QueueType, arguments};

use super::facts::{Facts, Queue, Seen};
use super::line::{Fix, Pen};
use super::{keda, metric, words};

pub(super) fn examine(facts: &Facts, pen: &mut Pen<'_>) {
    let metric = facts.autoscaler.get().and_then(metric::external);
    // KEDA's HPA names a ScaledObject, and that one the queue.
    let wanted = metric.as_ref().and_then(|metric| metric.queue.as_deref()).or_else(|| keda::queue(facts));
    let Some(at) = &facts.broker.management else {
        let saw = match facts.services.get() {
            Some(_) => format!(
                "no Service of namespace {} leads to RabbitMQ's management port",
                facts.place.namespace
            ),
            None => "the Services of the namespace are not known".to_owned(),
        };
        pen.not_applicable("broker", saw);
        return;
    };
    let how = facts.broker.queues.how.clone();
    if let Seen::Failed(sentence) = &facts.broker.queues.seen {
        let service =
            facts.services.all().iter().find(|service| service.metadata.name.as_deref() == Some(&at.service));
        let selector = service.and_then(|service| service.spec.as_ref()?.selector.as_ref());
        let labels: Vec<String> =
            selector.into_iter().flatten().map(|(key, value)| format!("{key}={value}")).collect();
        let fix = Fix::command(
            "see whether the broker's pods are ready",
            format!("kubectl get pods -n {} -l {}", at.namespace, labels.join(",")),
        );
        pen.fail("broker", sentence, &how, fix);
        return;
    }
    let queues = match pen.seen("broker", &facts.broker.queues) {
        Ok(Some(queues)) => queues,
        Ok(None) => {
            pen.not_permitted("broker", "the broker's management API does not tell its queues", &how);
            return;
        }
        Err(()) => return,
    };
    pen.ok(
        "broker",
        format!("the broker at {at} answers and has {}", words::count(queues.len(), "queue", "queues")),
        &how,
    );
    let (Some(metric), Some(wanted)) = (metric.as_ref(), wanted) else {
        pen.not_applicable("queue", "the HPA's selector names no queue");
        return;
    };
    let named: Vec<&Queue> = queues.iter().filter(|queue| queue.name == wanted).collect();
    let Some(queue) = named.iter().find(|queue| queue.vhost == contract::queue::VHOST).or(named.first())
    else {
        absent(facts, pen, queues, metric.index, wanted, &how);
        return;
    };
    let depth = match (queue.messages_ready, queue.messages_unacknowledged) {
        (Some(ready), Some(unacked)) => format!("{ready} ready, {unacked} unacknowledged"),
        _ => "no figures yet".to_owned(),
    };
    pen.ok("queue", format!("queue {wanted} is there: {depth}"), &how);
    if let [other, ..] =
        named.iter().filter(|other| other.vhost != queue.vhost).collect::<Vec<_>>().as_slice()
    {
        let fix = Fix::yaml(
            "pin the virtual host in the adapter's rule",
            format!("metricsQuery: 'sum(<<.Series>>{{<<.LabelMatchers>>,vhost=\"{}\"}})'", queue.vhost),
        );
        let saw = format!(
            "there is a queue {wanted} in virtual host {} too; a rule without vhost adds both up",
            other.vhost
        );
        pen.warn("queue-vhost", saw, &how, fix);
    }
    declared(facts, pen, queue, &how);
    consumed(facts, pen, queue, &how);
}

/// The guard of the adapter's rule answers 0 for any name, so only the broker can tell a misspelt queue.
fn absent(facts: &Facts, pen: &mut Pen<'_>, queues: &[Queue], index: usize, wanted: &str, how: &str) {
    let namespace = &facts.place.namespace;
    let all = words::list(queues.iter().map(|queue| queue.name.as_str()));
    let others = if all.is_empty() { "it has none at all".to_owned() } else { format!("it has {all}") };
    let silent = if keda::queue(facts).is_some() {
        "KEDA is refused when it asks for it, and nothing scales"
    } else {
        "the metric may well say 0 for it all the same, and nothing would ever scale"
    };
    if let Some(meant) = words::nearest(wanted, queues.iter().map(|queue| queue.name.as_str())) {
        let saw = format!("the broker has no queue {wanted}, and {others}: {silent}");
        pen.fail("queue", saw, how, rename(facts, index, meant));
        return;
    }
    let saw = format!("the broker has no queue {wanted}; {others}: {silent}");
    let target = facts.autoscaler.get().and_then(|hpa| Some(hpa.spec.as_ref()?.scale_target_ref.clone()));
    let fix = match target {
        // A queue that nobody meant by another name: whoever consumes it declares it when it connects.
        Some(target) if queues.is_empty() || wanted == ORDERS => Fix::command(
            "let the consumers connect anew, so that they declare the queue; a broker without a volume forgets it",
            format!("kubectl rollout restart {}/{} -n {namespace}", target.kind.to_lowercase(), target.name),
        ),
        _ => {
            // The one that is worked on, and not where what failed ends up.
            let likely = |queue: &&Queue| {
                (queue.consumers.unwrap_or(0) > 0, queue.name == ORDERS, queue.messages_ready)
            };
            let meant = queues.iter().max_by_key(likely).map_or(ORDERS, |queue| queue.name.as_str());
            rename(facts, index, meant)
        }
    };
    pen.fail("queue", saw, how, fix);
}

/// The command that makes the HPA ask for another queue.
pub(super) fn rename(facts: &Facts, index: usize, queue: &str) -> Fix {
    let place = &facts.place;
    if let Some((object, trigger, _)) = keda::trigger(facts) {
        return Fix::command(
            format!("let KEDA ask for queue {queue}"),
            format!(
                "kubectl patch scaledobject {} -n {} --type json -p '[{{\"op\":\"replace\",\"path\":\"/spec/triggers/{trigger}/metadata/queueName\",\"value\":\"{queue}\"}}]'",
                object.metadata.name.as_deref().unwrap_or_default(),
                place.namespace
            ),
        );
    }
    Fix::command(
        format!("ask for queue {queue}"),
        format!(
            "kubectl patch hpa {} -n {} --type json -p '[{{\"op\":\"replace\",\"path\":\"/spec/metrics/{index}/external/metric/selector\",\"value\":{{\"matchLabels\":{{\"queue\":\"{queue}\"}}}}}}]'",
            place.hpa, place.namespace
        ),
    )
}

/// How the queue is declared. The demo's own queue must have exactly the contract's arguments, or its programs are refused.
fn declared(facts: &Facts, pen: &mut Pen<'_>, queue: &Queue, how: &str) {
    if queue.name == ORDERS && is_ours(facts) {
        let given = |key: &str| queue.arguments.get(key).and_then(serde_json::Value::as_str);
        let kind = given("x-queue-type").unwrap_or_default().parse().unwrap_or(QueueType::Classic);
        let expected = arguments(ORDERS, kind);
        let same = queue.durable
            && queue.arguments.len() == expected.len()
            && expected.iter().all(|(key, value)| given(key) == Some(value.as_str()));
        if same {
            pen.ok(
                "queue-arguments",
                format!(
                    "it is durable, {}, with the arguments that producer and worker declare",
                    kind.as_str()
                ),
                how,
            );
            return;
        }
        let saw = format!(
            "queue {ORDERS} is declared with {} and durable {}; producer and worker declare other arguments and are refused (406)",
            serde_json::to_string(&queue.arguments).unwrap_or_default(),
            queue.durable
        );
        let fix = Fix::command(
            "delete it, with the messages in it; the programs declare it anew",
            format!(
                "kubectl exec rabbitmq-0 -n {} -- rabbitmqctl delete_queue {ORDERS}",
                facts.place.namespace
            ),
        );
        pen.fail("queue-arguments", saw, how, fix);
    } else if queue.durable {
        pen.ok("queue-arguments", "it is durable", how);
    } else {
        let fix = Fix::yaml("declare it durable; RabbitMQ 4.3 refuses others", "durable: true");
        pen.warn(
            "queue-arguments",
            format!("queue {} is not durable: a restart of the broker forgets it", queue.name),
            how,
            fix,
        );
    }
}

/// Whether this is the demo's own broker, by its label.
fn is_ours(facts: &Facts) -> bool {
    let (label, value) = (contract::names::LABEL_PART_OF, contract::names::PART_OF);
    let labelled =
        |labels: &std::collections::BTreeMap<String, String>| labels.get(label).is_some_and(|v| v == value);
    facts
        .services
        .all()
        .iter()
        .filter(|service| service.metadata.name.as_deref() == Some(contract::names::RABBITMQ))
        .any(|service| service.metadata.labels.as_ref().is_some_and(labelled))
}

fn consumed(facts: &Facts, pen: &mut Pen<'_>, queue: &Queue, how: &str) {
    let Some(consumers) = queue.consumers else { return };
    let target = facts.autoscaler.get().and_then(|hpa| hpa.spec.as_ref()).map(|spec| &spec.scale_target_ref);
    let ready = facts
        .deployments
        .all()
        .iter()
        .find(|d| d.metadata.name.as_deref() == target.map(|target| target.name.as_str()))
        .and_then(|deployment| deployment.status.as_ref()?.ready_replicas)
        .unwrap_or(0);
    if consumers > 0 {
        let saw = format!(
            "{} by the broker's statistics",
            words::count(usize::try_from(consumers).unwrap_or(0), "consumer", "consumers")
        );
        pen.ok("consumers", saw, how);
    } else if ready > 0 {
        let name = target.map_or("", |target| target.name.as_str());
        let saw = format!(
            "nobody consumes queue {}, though {ready} of {name} are ready: it will not drain",
            queue.name
        );
        let fix = Fix::command(
            "read what the consumers say",
            format!("kubectl logs deployment/{name} -n {} --tail=50", facts.place.namespace),
        );
        pen.warn("consumers", saw, how, fix);
    } else {
        pen.not_applicable(
            "consumers",
            format!("nobody consumes queue {}, and no consumer is ready", queue.name),
        );
    }
}
