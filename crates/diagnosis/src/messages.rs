//! All sentences of the report, in the order of the hops, so that they can be reviewed in one reading.
//!
//! Each entry is a function that fills a text. Names that start with `fix_` are remedies: imperatives without a full stop.
//! Findings have the subject first and under twelve words a sentence.

use std::fmt::Display;

macro_rules! messages {
    ($($name:ident($($argument:ident),*) = $text:literal;)*) => {
        $(pub(crate) fn $name($($argument: impl Display),*) -> String { format!($text) })*
    };
}

// Any hop.
messages! {
    fix_repeat_request() = "repeat the request to see the error";
    fix_look_again() = "run the doctor again";
    fix_wait_for_sync() = "wait for the next sync, then run the doctor again";
    fix_read_events() = "read the events of the object";
    fix_read_log() = "read its log";
    fix_start() = "scale it to 1 replica";
    fix_list_pods() = "check whether the pods are ready";
    fix_edit_rejected() = "correct the field that the message names";
    fix_rename_object() = "use the existing name";
    fix_controller_manager() = "check whether the controller manager runs";
    fix_put_back(fix) = "press D in the dashboard to end the drill, or {fix}";
    by_drill() = ", by a drill of the dashboard";
}

// The API server and the namespace.
messages! {
    credentials_refused(error) = "The API server refuses the credentials of the kubeconfig: {error}";
    fix_log_in() = "log in again, or choose another user or context";
    fix_start_cluster() = "start the cluster, or choose another context";
    no_version() = "the API server does not report its version";
    no_namespace(namespace) = "namespace {namespace} does not exist";
    fix_install_or_name() = "install the demo in it, or name your namespace with --namespace";
    namespace_exists(namespace) = "namespace {namespace} exists";
    namespace_stuck(namespace, message) = "namespace {namespace} cannot be deleted: {message}";
    namespace_stuck_by(namespace, message, objects) = "namespace {namespace} cannot be deleted: {message} ({objects})";
    fix_delete_registration() = "delete the APIService without a backend; it blocks the deletion of every namespace";
    fix_list_remaining() = "list the remaining objects, and start the controllers that must remove their finalizers";
    namespace_terminating(namespace) = "namespace {namespace} is being deleted";
    fix_wait_for_deletion() = "wait for its deletion, then install the demo again";
}

// Permissions.
messages! {
    in_namespace(namespace) = "in namespace {namespace}";
    in_all_namespaces() = "in all namespaces";
    permission_missing(verb, resource, place, purpose) = "you may not {verb} {resource} {place}. Unknown without it: {purpose}";
    permissions_unknown(error) = "some permissions could not be checked: {error}";
    permissions_complete(count) = "you have all permissions that the doctor needs ({count} checked)";
    permissions_partial(allowed, all) = "you have {allowed} of {all} permissions";
}

// Workloads and Services.
messages! {
    no_workloads(namespace) = "namespace {namespace} has no Deployment and no StatefulSet";
    workload_at_zero(kind, name) = "{kind} {name} is at 0 replicas";
    workload_scaled_to_zero(kind, name, by) = "{kind} {name} is scaled to 0 replicas{by}";
    fix_scale_up(name) = "scale {name} to 1 replica";
    workload_ready(kind, name, ready, wanted) = "{kind} {name}: {ready} of {wanted} ready";
    workload_pod(workload, pod, trouble) = "{workload}. Pod {pod}: {trouble}";
    workload_refused(workload, reason) = "{workload}: {reason}";
    workload_without_pods(workload) = "{workload}. It has no pods";
    workload_unready(workload) = "{workload}. Its pods give no reason";
    workload_progressing(workload) = "{workload}. The others are starting";
    fix_previous_log() = "read the log of the container that ended";
    fix_memory() = "raise the memory limit";
    fix_previous_image() = "return to the previous image, or set an image that the node can pull";
    fix_image() = "set an image that the node can pull";
    pod_unscheduled(reason) = "no node can run it: {reason}";
    pod_unready(reason) = "not ready: {reason}";
    no_reason() = "no reason given";
    readiness_probe() = "its readiness probe fails";
    container_ended(reason, code) = ", last exit {reason} ({code})";
    container_crash_loop(restarts, ended) = "CrashLoopBackOff after {restarts}{ended}";
    container_image(reason, image) = "{reason}: the node cannot pull image {image}";
    container_waiting(reason, message) = "{reason}: {message}";
    container_stopped(ended) = "its container does not run{ended}";
    container_restarts(restarts, ended) = "{restarts} restarts{ended}";
    service_without_pods(service, namespace, selector) = "Service {service} selects no pod: no pod of namespace {namespace} has {selector}";
    fix_service_selector(service) = "select the pods of {service} by one of their labels";
    fix_compare_labels() = "compare the labels of the pods with the selector of the Service";
}

// The broker.
messages! {
    no_management_port(namespace) = "no Service of namespace {namespace} has RabbitMQ's management port";
    services_unknown() = "the Services of the namespace are unknown";
    fix_broker_pods() = "check whether the broker's pods are ready";
    queues_hidden() = "the broker's management API does not list its queues";
    broker_answers(at, queues) = "the broker at {at} answers and has {queues}";
    no_queue_named() = "the HPA's selector names no queue";
    queue_depth(ready, unacked) = "{ready} ready, {unacked} unacknowledged";
    queue_without_statistics() = "no counts yet";
    queue_exists(queue, depth) = "queue {queue} exists: {depth}";
    queue_in_other_vhost(queue, vhost) = "virtual host {vhost} has a queue {queue} too. A rule without vhost adds both";
    fix_pin_vhost() = "select one virtual host in the adapter's rule";
    queue_missing(queue, others, consequence) = "the broker has no queue {queue}. {others}. {consequence}";
    no_queues() = "It has no queues";
    other_queues(names) = "It has {names}";
    queue_missing_for_keda() = "The broker refuses KEDA's request, so nothing scales";
    queue_missing_for_adapter() = "The metric may still be 0, so nothing scales";
    fix_restart_consumers() = "restart the consumers, which declare the queue; a broker without a volume loses it";
    fix_trigger_queue(queue) = "set the trigger's queue to {queue}";
    fix_metric_queue(queue) = "set the metric's queue to {queue}";
    queue_arguments(kind) = "it is durable and {kind}, with the arguments of producer and worker";
    queue_arguments_differ(queue, arguments, durable) = "queue {queue} has the arguments {arguments} and durable {durable}. The broker refuses producer and worker, which declare others (406)";
    fix_delete_queue() = "delete it with its messages; producer and worker declare it again";
    queue_durable() = "it is durable";
    queue_not_durable(queue) = "queue {queue} is not durable. A restart of the broker deletes it";
    fix_durable() = "declare it durable; RabbitMQ 4.3 refuses other queues";
    consumers(count) = "{count}, by the broker's statistics";
    no_consumers(queue, ready, workload) = "queue {queue} has no consumers, but {ready} pods of {workload} are ready. It will not drain";
    fix_consumer_log() = "read the log of the consumers";
    no_consumers_yet(queue) = "queue {queue} has no consumers, and no consumer pod is ready";
}

// The metrics endpoint.
messages! {
    no_endpoint(namespace) = "no Service of namespace {namespace} has RabbitMQ's metrics or an exporter";
    fix_endpoint_pods() = "check the pods behind it";
    exporter_down(at) = "the exporter at {at} cannot read the broker: rabbitmq_up is 0. Its queue series end, but its `up` stays 1";
    endpoint_has(endpoint, subject, series, value) = "{endpoint} has the series of {subject}: {series} = {value}";
    all_queues() = "the queues";
    one_queue(queue) = "queue {queue}";
    endpoint_other_queues(endpoint, names, queue) = "{endpoint} has series of {names}, but not of queue {queue}";
    fix_metric_names_queue() = "compare the broker's queues with the queue of the HPA's metric";
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

// Prometheus.
messages! {
    no_prometheus_for_keda() = "the cluster has no Prometheus. KEDA asks the broker itself";
    no_prometheus() = "no Service is named prometheus-operated";
    fix_name_prometheus() = "name the Service of your Prometheus, or install one with `up`";
    prometheus_answers(at, pools) = "Prometheus at {at} answers, with {pools}";
    stopped_by_drill(error) = "{error}. A drill of the dashboard stopped it";
    fix_start_by_operator() = "scale it to 1 replica; the operator owns the StatefulSet";
    rule_rejected(name, message) = "the operator rejects PrometheusRule {name}. Its rules and alerts do not exist: {message}";
}

// ServiceMonitors and targets.
messages! {
    no_monitor_needed_here() = "no broker Service needs a ServiceMonitor";
    monitored_otherwise() = "no ServiceMonitor selects the broker, but Prometheus has its series";
    no_monitor_for_keda() = "no ServiceMonitor selects the broker. KEDA needs none";
    no_monitor(service) = "no ServiceMonitor selects Service {service}, so Prometheus does not scrape it";
    fix_apply_monitor() = "apply this ServiceMonitor";
    no_prometheus_object() = "no Prometheus object exists to compare the monitor's labels with";
    monitor_selected(monitor, prometheus) = "Prometheus {prometheus} selects ServiceMonitor {monitor}";
    monitor_namespace_ignored(monitor, prometheus, selector, namespace) = "Prometheus {prometheus} ignores ServiceMonitor {monitor}: it selects namespaces with {selector}, unlike {namespace}";
    its_own_name() = "its own name";
    fix_all_namespaces() = "let it select all namespaces";
    fix_label_namespace() = "add the label to the namespace";
    monitor_label_ignored(monitor, prometheus, selector) = "Prometheus {prometheus} ignores ServiceMonitor {monitor}: it lacks {selector}";
    monitors_ignored(monitor, prometheus) = "Prometheus {prometheus} ignores ServiceMonitor {monitor}: it has no serviceMonitorSelector";
    fix_all_monitors() = "let it select all monitors";
    fix_label_monitor() = "add the label to the monitor";
    monitor_rejected(monitor, message) = "the operator rejects ServiceMonitor {monitor}: {message}";
    fix_scrape_timeout() = "set the scrape timeout to the scrape interval, which it may not exceed";
    monitor_selector_misses(monitor, selector) = "ServiceMonitor {monitor} has no target: no Service has its labels {selector}. Labels of pods do not count";
    fix_monitor_selector() = "select the Service by one of its labels";
    monitor_port_misses(monitor, service, port, ports) = "ServiceMonitor {monitor} has no target: Service {service} has no port named {port}. It has {ports}";
    fix_monitor_port() = "use the Service's name of the port";
    target_reloading(monitor) = "ServiceMonitor {monitor} has no target now, but its last sample is fresh";
    monitor_without_target(monitor, pool, dropped) = "ServiceMonitor {monitor} has scrape pool {pool} but no target{dropped}: no pod is behind the Service's port";
    dropped_targets(count) = " ({count} dropped)";
    fix_endpoint_slices() = "check which pods the Service has";
    monitor_without_pool(monitor, pool) = "ServiceMonitor {monitor} is selected, but Prometheus has no scrape pool {pool}";
    monitor_new(without_pool, age) = "{without_pool}. It is {age} old; a new one takes about a minute";
    fix_wait() = "wait, then run the doctor again";
    fix_start_operator() = "start the Prometheus Operator, which configures Prometheus";
    fix_operator_log() = "read the log of the Prometheus Operator, which configures Prometheus";
    fix_operator_pods() = "check whether the Prometheus Operator runs; it configures Prometheus";
    target_up(target, monitor, interval) = "target {target} of ServiceMonitor {monitor} is up, scraped every {interval}";
    target_down(target, monitor, error) = "target {target} of ServiceMonitor {monitor} is down: {error}";
    fix_target_pod() = "check the pod that Prometheus scrapes";
    target_unknown(target, monitor, health) = "target {target} of ServiceMonitor {monitor} has no scrape yet ({health})";
    fix_wait_for_scrape() = "wait for the first scrape, then run the doctor again";
}

// The queue's series in Prometheus.
messages! {
    exporter_series_down(service) = "rabbitmq_up of {service} is 0: the exporter cannot read the broker";
    series_value(series, subject, value, labels, age) = "{series} of {subject} is {value} ({labels}){age}";
    series_age(age) = ", {age} old";
    series_stale(series, interval) = "{series}. It is older than three scrapes of {interval}";
    fix_series_stale() = "check why Prometheus does not scrape the target";
    selector_matches_no_series(label, value) = "no series of the queue has {label}={value} from the HPA's selector. The metric may still be 0";
    fix_remove_label() = "remove the label from the selector";
    no_series_for_keda() = "Prometheus has no queue series. KEDA needs none";
    no_series() = "Prometheus has no series of any queue";
    fix_monitor_paths() = "check the path that the monitor scrapes";
    fix_monitor_targets() = "check which Services the monitors select";
    no_series_of_queue(queue, names) = "Prometheus has no series of queue {queue}. It has those of {names}";
    series_of_vhosts(series, vhosts) = "{series} has the queue in several virtual hosts ({vhosts}). The rule adds them";
    series_of_jobs(series, count, jobs) = "{count} targets (jobs {jobs}) have {series} of the queue";
    series_of_jobs_selected(series_of_jobs) = "{series_of_jobs}. The rule selects one";
    series_of_jobs_added(series_of_jobs, count) = "{series_of_jobs}. The rule adds them: the HPA reads {count} times the queue";
    fix_pin_job() = "select one job in the adapter's rule and restart the adapter, or scrape one target only";
    series_of_one_job(series) = "one target has {series} of the queue";
}

// The external metrics API.
messages! {
    no_external_metric() = "the HPA has no External metric";
    no_registration(name) = "APIService {name} does not exist: no server serves external metrics";
    registration_unavailable(name, service, reason, message) = "APIService {name} ({service}) is not available: {reason}, {message}. It also blocks the deletion of namespaces";
    registration_available(name, service) = "APIService {name} is available, served by {service}";
    keda_serves_plain_hpa(service) = "KEDA ({service}) serves external metrics, but this HPA has no ScaledObject. KEDA serves only ScaledObjects";
    adapter_serves_keda(service) = "{service} serves external metrics, but KEDA owns the HPA. A cluster can have only one of them";
    fix_remove_adapter() = "remove the adapter; KEDA's operator then registers the API";
    fix_install_stack() = "install the standard stack, whose adapter serves external metrics";
    fix_register(backend) = "register the API again; {backend} can serve it";
    fix_backend_log() = "read why it is not ready";
    fix_delete_dead_registration() = "delete the APIService without a backend, or install the adapter again";
    adapter_url_outside(url) = "the adapter asks Prometheus at {url}, outside this cluster's Services";
    adapter_url_found(url) = "the adapter asks Prometheus at {url}. The Service exists";
    adapter_url_no_port(url, service, namespace, port) = "the adapter asks Prometheus at {url}, but Service {service} of namespace {namespace} has no port {port}";
    adapter_url_no_service(url, service, namespace) = "the adapter asks Prometheus at {url}, but namespace {namespace} has no Service {service}";
    fix_point_adapter() = "point the adapter at this Prometheus";
}

// The adapter's rules.
messages! {
    no_rules(config_map) = "ConfigMap {config_map} with the adapter's rules does not exist";
    rules_invalid(config_map, error) = "ConfigMap {config_map}: {error}";
    rules_misplaced() = "the rules are under `rules.external`, as in the chart's values. The adapter reads `externalRules`";
    fix_rules_file() = "use this rule";
    rule_missing(config_map, rules, metric) = "ConfigMap {config_map} has {rules}, but none for {metric}";
    fix_add_rule() = "add this rule to the others, then restart the adapter";
    rule_twice(metric, one, other) = "two rules make {metric}, from {one} and from {other}. Each relist picks one";
    fix_keep_one_rule() = "remove one of them";
    rule_good(config_map, metric, series) = "a rule of {config_map} makes {metric} from {series}";
    rule_without_namespace_label() = "the rule is namespaced (the default) but names no namespace label. Each query is an error";
    fix_namespace_label() = "name the label, then restart the adapter";
    rule_namespace_mismatch(label, namespace, namespaces) = "the rule asks for {label}={namespace}, but the series have {label} {namespaces}. The result is empty";
    no_label() = "none";
    fix_not_namespaced() = "do not filter by the HPA's namespace, then restart the adapter";
    rule_constant_fallback() = "the rule ends in `or vector(0)`. It returns 0 while scrapes fail, so the HPA scales in during an outage";
    fix_guard() = "return 0 only while the broker is up";
    rule_guard() = "the rule returns 0 while `up` is 1, as it is for an exporter without its broker. The HPA scales in during an outage";
    fix_exporter_guard() = "return 0 only while rabbitmq_up is 1";
    rule_ready_only() = "the rule counts ready messages only. It returns 0 while the last job runs, so minReplicas 0 stops its worker";
    fix_count_all() = "count all messages";
}

// The metric's value.
messages! {
    no_selector() = "no selector";
    value_empty(metric, selector) = "the API has no value for {metric} with {selector}: the query matches nothing. The HPA keeps its size";
    fix_run_query() = "run the query";
    value_unknown() = "the API does not know such a request";
    value(metric, selector, value) = "{metric} with {selector} is {value}";
    value_sum(value, count) = "{value}, the sum of {count} series";
    value_differs(value, expected) = "{value}, but the same query returns {expected} in Prometheus. The queue changed, or the adapter uses other rules or another Prometheus";
    fix_reload_rules() = "restart the adapter, which reads its rules only at start";
    value_matches(value) = "{value}, as in Prometheus";
    value_error(metric, code, message) = "the API answers {code} for {metric}: {message}";
    value_keda_only(error) = "{error}. KEDA serves only ScaledObjects";
    value_unserved(error) = "{error}. No server serves external metrics";
    value_backend_unready(error) = "{error}. Its backend has no ready pod";
    fix_list_scaled_objects() = "list KEDA's ScaledObjects";
    value_not_listed(error) = "{error}. Prometheus has the series: the adapter has not listed it yet, has other rules, or asks another Prometheus";
    fix_relist() = "restart the adapter, which lists the series at start";
    fix_wait_for_relist() = "wait for the next relist, a minute at most, then run the doctor again";
    value_no_series(error) = "{error}. The adapter found no series within its max-age";
    fix_check_scrape() = "check whether Prometheus scrapes the broker";
    its_prometheus_url() = "its --prometheus-url";
    value_recovering(error, url) = "{error}. Prometheus at {url} answers now. It may have been down until just now";
    fix_recovering() = "run the doctor again in 30 s; if nothing changed, check network policies";
    value_wrong_prometheus(error, url) = "{error}. This Prometheus answers, but not the one at {url}";
    value_no_prometheus(error, url) = "{error}. The adapter cannot reach Prometheus at {url}";
    fix_prometheus_pods() = "check whether Prometheus is ready";
    fix_api_log() = "read the log of the server";
}

// KEDA.
messages! {
    keda_operator_ready(namespace) = "KEDA's operator in namespace {namespace} is ready";
    keda_operator_stopped(namespace) = "KEDA's operator in namespace {namespace} is at 0 replicas. It asks the broker";
    keda_operator_unready(namespace) = "KEDA's operator in namespace {namespace} is not ready. It asks the broker";
    keda_operator_missing(namespace) = "namespace {namespace} has no Deployment keda-operator";
    fix_start_keda() = "start KEDA's operator, which asks the broker and removes its finalizers";
    fix_keda_log() = "read the log of KEDA's operator";
    fix_keda_removes_finalizer() = "wait for KEDA's operator to remove its finalizer";
    fix_keda_unready() = "read why KEDA's operator is not ready; only it removes its finalizer";
    fix_remove_finalizers() = "remove KEDA's finalizer yourself, or first install KEDA's operator again";
    not_the_hpas(detail) = "{detail}. It does not own the HPA";
    awaits_finalizer(kind, name) = "{kind} {name} is being deleted and waits for KEDA's operator. So does its namespace";
    scaled_object_paused(name) = "ScaledObject {name} is paused. KEDA does not scale";
    fix_resume() = "remove the annotations that pause it";
    scaled_object_unready(name, message) = "ScaledObject {name} is not ready: {message}";
    scaled_object_ready(name, note) = "ScaledObject {name} is ready{note}";
    ready_messages_only() = ". Its amqp trigger counts ready messages only";
    scaled_object_new(name) = "ScaledObject {name} has no status from KEDA's operator yet";
    scaled_object_fallback(name, message) = "ScaledObject {name} uses its fallback because its trigger fails: {message}";
    orphaned_hpa(hpa, object) = "HPA {hpa} belongs to ScaledObject {object}, which does not exist";
    fix_orphaned_hpa() = "delete the HPA, then apply the ScaledObject again";
    authentication_missing(object, kind, name, place) = "ScaledObject {object} uses {kind} {name}, which does not exist{place}. KEDA cannot ask the broker";
    of_namespace(namespace) = " in namespace {namespace}";
    fix_list_authentications() = "use one of the namespace, or one of these";
    secret_key_missing(kind, name, key, secret, keys) = "{kind} {name} reads key {key} of Secret {secret}, which has {keys}";
    fix_secret_key() = "use the right key";
    secret_missing(kind, name, secret, namespace) = "{kind} {name} reads Secret {secret}, which does not exist in namespace {namespace}. KEDA cannot log in to the broker";
    fix_create_secret() = "create it with the broker's values in place of the words in capitals";
    authentication_exists(kind, name) = "{kind} {name} exists";
    authentication_unchecked(kind, name) = "{kind} {name} exists. You may not read its Secrets";
    trigger_fails_without_value(object) = "the prometheus trigger of ScaledObject {object} fails without a value";
    trigger_zero(object, reason) = "the prometheus trigger of ScaledObject {object} returns 0 while scrapes fail: {reason}. The HPA scales in during an outage";
    reason_fallback() = "its query ends in `or vector(0)`";
    reason_null_values() = "ignoreNullValues is not \"false\"";
    fix_trigger() = "let it fail during an outage; the HPA then keeps its size";
    fix_delete_own_hpa(hpa) = "delete this HPA; KEDA created {hpa} for the same pods";
    fix_scaled_object() = "delete the HPA, since KEDA refuses a target with another HPA, then apply this";
    fix_create_authentication(secret) = "create it, with the broker's user from Secret {secret}";
    fix_create_authentication_and_secret(secret) = "create it, and Secret {secret}, which does not exist yet";
}

// The HPA.
messages! {
    no_hpa(namespace, hpa) = "namespace {namespace} has no HPA {hpa}";
    no_hpa_but(no_hpa, others) = "{no_hpa}. It has {others}";
    fix_other_hpa() = "examine that one";
    fix_install_demo() = "install the demo without the stack";
    hpa_without_external_metric(hpa) = "HPA {hpa} has no External metric, so there is no chain to examine";
    hpa_scales(hpa, kind, name, min, max) = "HPA {hpa} scales {kind} {name} from {min} to {max}";
    target_missing(kind, name, namespace) = "the HPA scales {kind} {name}, which does not exist in namespace {namespace}";
    selector_invalid(label, value) = "the selector has {label}={value}, which is no valid label value. The API and the controller refuse it";
    fix_selector_invalid() = "remove it here, and filter in the adapter's rule";
    selector_empty(metric) = "the HPA reads {metric} without a selector, so it adds all series";
    fix_name_queue() = "name the queue";
    selector(metric, selector) = "it reads {metric} with {selector}";
    target_average(target) = "AverageValue {target}: replicas = queue / {target}";
    target_value(target) = "type Value compares the whole queue with {target}. While the queue is longer, each sync multiplies the replicas, up to maxReplicas";
    fix_average_value() = "use AverageValue, which divides the queue by the replicas";
    bounds_equal(bound) = "minReplicas and maxReplicas are both {bound}. The HPA cannot scale";
    fix_raise_max() = "raise maxReplicas";
    policy_disabled(direction) = "behavior.{direction}.selectPolicy is Disabled";
    fix_policy() = "enable it";
    behavior(up, window) = "scale up by {up}. Scale down after a window of {window}";
    default_window() = "300 s (default)";
    default_policies() = "4 pods or 100 % every 15 s (default)";
    policy(value, kind, period) = "{value} {kind} every {period} s";
    competing_hpas(kind, name, one, other) = "{kind} {name} has two HPAs, {one} and {other}. The controller refuses both (AmbiguousSelector)";
    fix_delete_scaled_object() = "delete one of their ScaledObjects";
    fix_delete_plain_hpa(hpa, object) = "delete the HPA that KEDA does not own; KEDA recreates {hpa} from ScaledObject {object}";
    fix_delete_hpa() = "delete one of them";
    replicas_free(name) = "only the HPA sets the replicas of {name}";
    replicas_owned(manager, kind, name) = "{manager} applies {kind} {name} with spec.replicas. The next apply overrides the HPA";
    fix_replicas() = "remove `replicas` from the manifest, then apply it";
}

// The HPA's status.
messages! {
    never_synced(age) = "the HPA is {age} old, but no controller has synced it";
    not_synced_yet(age) = "the HPA is {age} old. Its first sync is due soon";
    unable_to_scale(reason, message) = "AbleToScale is False, {reason}: {message}";
    fix_scale_target() = "check the workload that it scales";
    scaling_active(status, message) = "ScalingActive is {status}: {message}";
    scaling_inactive(reason, message, cause) = "ScalingActive is False, {reason}: {message}. {cause}";
    scaling_limited(max, message) = "it needs more than maxReplicas {max}: {message}";
    cause_target_at_zero() = "The target is scaled to 0";
    fix_target_at_zero() = "scale it to 1 replica; at 0 the HPA does nothing";
    cause_status_stale(after) = "The API has a value, but the status is the same after {after}: no controller syncs the HPA";
    cause_status_old() = "The API has a value now. The status is from an earlier sync";
    cause_no_registration() = "No APIService serves external metrics";
    cause_backend_unready() = "The APIService's backend has no ready pod";
    cause_no_series() = "The adapter found no series for the metric";
    cause_no_prometheus() = "The adapter cannot reach Prometheus, or its query is an error";
    cause_empty() = "The query matches nothing";
    cause_keda() = "KEDA serves external metrics, but this HPA has no ScaledObject";
    cause_unknown() = "The HPA keeps its size";
    fix_repeat_metric_request() = "request the metric as the controller does";
    cause_same_pods() = "Two HPAs select the same pods";
    cause_same_pods_as(other) = "HPA {other} selects the same pods";
    cause_same_target(other, kind, name) = "HPA {other} scales {kind} {name} too";
    cause_overlapping_workloads(other, other_kind, other_name, kind, name) = "HPA {other} scales {other_kind} {other_name}, which selects the same pods as {kind} {name}";
    fix_list_hpas() = "list the HPAs";
    fix_labels(name) = "delete {name}, whose selector is immutable, then apply it with labels of its own";
    reading_current(reading) = "its last reading, {reading}, is the API's value";
    reading_old(reading, value) = "its last reading, {reading}, is from an earlier sync. The API has {value}";
    reading_followed(after) = "its reading followed the API within {after}";
    reading_stale(reading, value, after) = "its reading stays {reading}, but the API has had {value} for {after}. No controller syncs the HPA";
    reading_moving(reading) = "the queue changes. The HPA's reading was {reading}";
}

// Intervals.
messages! {
    no_scrape_no_decision() = "without scrapes there is no decision";
    burst_to_decision(least, mean, worst, sum) = "time from a burst to the decision: {least} to {worst}, {mean} on average ({sum}; computed, not measured)";
    sum_of_adapter(statistics, scrape, sync) = "{statistics} statistics + {scrape} scrape + {sync} sync";
    sum_of_keda(sync) = "{sync} sync, when KEDA asks the broker";
    polling_interval(seconds) = "pollingInterval is {seconds} s. It applies at 0 replicas only; above, the HPA's sync applies";
    statistics_interval(interval, through_exporter) = "the broker updates its statistics every {interval}{through_exporter}";
    statistics_assumed(interval, reason, through_exporter) = "the broker updates its statistics every {interval} (assumed: {reason}){through_exporter}";
    through_exporter() = ". The exporter reads the management API, which adds up to 5 s";
    settings_hidden() = "you may not read its settings";
    settings_missing() = "no collect_statistics_interval found";
    scrapes_missed(actual, wanted) = "Prometheus has samples every {actual} but should scrape every {wanted}. Scrapes are missing";
    fix_scrapes_missed() = "check how long a scrape takes, and the load of Prometheus";
    scrape_by_samples(interval) = "Prometheus scrapes the broker every {interval}, by its samples";
    scrape_by_target(interval) = "Prometheus scrapes the broker every {interval}, by its target";
    no_scrape() = "Prometheus has no scrape of the broker";
    relist_unknown() = "you cannot read the adapter's settings. A new metric waits for the next relist";
    max_age_short(max_age, scrape) = "the adapter drops series older than {max_age} (--metrics-max-age), but scrapes are {scrape} apart. The metric comes and goes";
    fix_max_age() = "raise the max-age";
    relist(relist, default, max_age) = "the adapter lists series every {relist}{default} with max-age {max_age}. Only a new metric waits for it";
    by_default() = " (default)";
    sync_by_flag(period) = "the HPA syncs every {period}, by the controller manager's flag";
    sync_by_default() = "the HPA syncs every 15 s, the default: the controller manager has no such flag";
    sync_by_config_map(period, config_map) = "the HPA syncs every {period}, by ConfigMap {config_map} of kube-system";
    sync_assumed(reason) = "the HPA syncs every 15 s (assumed: {reason})";
    flag_hidden() = "you may not read the flag";
    flag_unknown() = "the flag cannot be read here";
}
