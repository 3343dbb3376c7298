//! The metrics endpoint.

messages! {
    no_endpoint(namespace) = "no Service of namespace {namespace} has RabbitMQ's metrics or an exporter";
    fix_endpoint_pods() = "check the pods behind it";
    exporter_down(at) = "the exporter at {at} cannot read the broker: rabbitmq_up is 0. Its queue series end, but its `up` stays 1";
    endpoint_has(endpoint, subject, series, value) = "{endpoint} has the series of {subject}: {series} = {value}";
    all_queues() = "the queues";
    one_queue(queue) = "queue {queue}";
    endpoint_other_queues(endpoint, names, queue) = "{endpoint} has series of {names}, but not of queue {queue}";
    endpoint_has_series(endpoint, series) = "{endpoint} has {series}";
    endpoint_of_no_queue(metric) = "no endpoint of the broker has {metric}";
    endpoint_of_other_pod(endpoint, queue) = "{endpoint} lacks queue {queue}. Another pod behind the Service has it";
    endpoint_malformed(endpoint, line) = "{endpoint} writes an invalid line: {line}. Prometheus then refuses all lines of the scrape";
    fix_malformed() = "correct the exporter that writes the line; this shows it";
    endpoint_differs(endpoint, value, broker) = "{endpoint} has {value}, but the broker has {broker}";
    fix_endpoint_differs() = "compare the endpoint with the broker: another broker may be behind it";
    fix_exporter_url() = "let the exporter read this broker";
    fix_all_vhosts() = "scrape all virtual hosts";
    fix_declare_queue() = "declare the queue, then run the doctor again";
    endpoint_node_only(endpoint) = "{endpoint} has totals of the node, but no series per queue";
    endpoint_empty(endpoint) = "{endpoint} has no queue series: no queue is declared, or the path omits them";
    fix_detailed_path() = "scrape the path with the series per queue";
    not_needed(detail) = "{detail}. The HPA's metric does not use it";
    fix_exporter_log() = "read why the exporter cannot log in to the broker: address, user, password";
    exporter_omits(at, subject) = "the exporter at {at} reads the broker but has no series of {subject}";
    any_queue() = "any queue";
    exporter_parts(omits, variable, value) = "{omits}. {variable} is {value}, without queue";
    fix_exporter_parts() = "let it export queues";
    exporter_filters(omits, filters) = "{omits}. {filters} filters it out";
    fix_exporter_filters() = "remove the filters";
    exporter_no_statistics(omits) = "{omits}. The broker just started, or it collects no statistics, as in images without -management";
    fix_collector() = "run the doctor again in 30 s; if nothing changed, check disable_metrics_collector on the broker";
}
