//! The broker.

messages! {
    no_management_port(namespace) = "no Service of namespace {namespace} has RabbitMQ's management port";
    services_unknown() = "the Services of the namespace are unknown";
    fix_broker_pods() = "check whether the broker's pods are ready";
    queues_hidden() = "the broker's management API does not list its queues";
    broker_answers(at, queues) = "the broker at {at} answers and has {queues}";
    no_queue_named() = "the HPA's selector names no queue";
    metric_of_no_queue(metric) = "{metric} is about no queue";
    queue_depth(ready, unacked) = "{ready} ready, {unacked} unacknowledged";
    queue_without_statistics() = "no counts yet";
    queue_exists(queue, depth) = "queue {queue} exists: {depth}";
    in_vhost(vhost, depth) = "{depth} in virtual host {vhost}";
    queue_in_vhosts(queue, depths) = "queue {queue} exists: {depths}";
    candidate(name, messages) = "{name} ({messages})";
    or_choose(candidates) = ", or choose one of these: {candidates}";
    queue_missing(queue, others, consequence) = "the broker has no queue {queue}. {others}. {consequence}";
    no_queues() = "It has no queues";
    other_queues(names) = "It has {names}";
    queue_missing_for_keda() = "The broker refuses KEDA's request, so nothing scales";
    queue_missing_for_adapter() = "The metric may still be 0, so nothing scales";
    fix_restart_consumers() = "restart the consumers, which declare the queue; a broker without a volume loses it";
    fix_trigger_queue(queue) = "set the trigger's queue to {queue}";
    fix_metric_queue(queue, others) = "set the metric's queue to {queue}{others}";
    queue_arguments(kind) = "it is durable and {kind}, with the arguments of producer and worker";
    queue_arguments_differ(queue, arguments, durable) = "queue {queue} has the arguments {arguments} and durable {durable}. The broker refuses producer and worker, which declare others (406)";
    fix_delete_queue() = "delete it with its messages; producer and worker declare it again";
    queue_durable() = "it is durable";
    queue_not_durable(queue) = "queue {queue} is not durable. A restart of the broker deletes it";
    fix_durable() = "declare it durable; RabbitMQ 4.3 refuses other queues";
    consumers(count) = "{count}, by the broker's statistics";
    no_consumers(queue, ready, workload) = "queue {queue} has no consumers, but {ready} pods of {workload} are ready. It will not drain";
    fix_consumer_log() = "read the log of the consumers";
    no_consumers_here(queue) = "queue {queue} has no consumers. The pods of the HPA's target read another queue";
    no_consumers_yet(queue) = "queue {queue} has no consumers, and no consumer pod is ready";
}
