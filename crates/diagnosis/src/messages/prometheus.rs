//! Prometheus, its monitors and targets, and the series of the queue.

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

// Monitors and targets.
messages! {
    no_monitor_needed_here() = "no Service of the metric needs a monitor";
    monitored_otherwise() = "no monitor selects the Service, but Prometheus has its series";
    no_monitor_for_keda() = "no monitor selects the broker. KEDA needs none";
    no_monitor(service) = "no monitor selects Service {service}, so Prometheus does not scrape it";
    fix_apply_monitor() = "apply this ServiceMonitor";
    monitor_other_namespace(kind, monitor, service, namespace, looked) = "{kind} {monitor} fits Service {service}, but its namespaceSelector selects {looked}, not {namespace}";
    fix_monitor_namespace(namespace) = "let it select namespace {namespace} too";
    no_prometheus_object() = "no Prometheus object exists to compare the monitor's labels with";
    monitor_selected(kind, monitor, prometheus) = "Prometheus {prometheus} selects {kind} {monitor}";
    monitor_namespace_ignored(kind, monitor, prometheus, selector, namespace) = "Prometheus {prometheus} ignores {kind} {monitor}: it selects namespaces with {selector}, unlike {namespace}";
    its_own_name() = "its own name";
    fix_all_namespaces() = "let it select all namespaces";
    fix_label_namespace() = "add the label to the namespace";
    monitor_label_ignored(kind, monitor, prometheus, selector) = "Prometheus {prometheus} ignores {kind} {monitor}: it lacks {selector}";
    monitors_ignored(kind, monitor, prometheus, field) = "Prometheus {prometheus} ignores {kind} {monitor}: it has no {field}";
    fix_all_monitors() = "let it select all monitors";
    fix_label_monitor() = "add the label to the monitor";
    monitor_rejected(kind, monitor, message) = "the operator rejects {kind} {monitor}: {message}";
    fix_scrape_timeout() = "set the scrape timeout to the scrape interval, which it may not exceed";
    monitor_selector_misses(kind, monitor, selector) = "{kind} {monitor} has no target: no Service has its labels {selector}. Labels of pods do not count";
    pod_monitor_selector_misses(monitor, selector) = "PodMonitor {monitor} has no target: no pod has its labels {selector}. Labels of Services do not count";
    fix_monitor_selector() = "select by a label that the object has";
    monitor_port_misses(kind, monitor, object, port, ports) = "{kind} {monitor} has no target: {object} has no port named {port}. It has {ports}";
    fix_monitor_port() = "use the name of the port";
    target_reloading(kind, monitor) = "{kind} {monitor} has no target now, but its last sample is fresh";
    target_relabeled(kind, monitor, endpoint, entry, action) = "{kind} {monitor} has no target: relabelings[{entry}] of endpoint {endpoint} ({action}) drops all";
    monitor_without_target(kind, monitor, pool, dropped) = "{kind} {monitor} has scrape pool {pool} but no target{dropped}: no pod is behind the port";
    dropped_targets(count) = " ({count} dropped)";
    fix_endpoint_slices() = "check which pods the Service has";
    monitor_without_pool(kind, monitor, pool) = "{kind} {monitor} is selected, but Prometheus has no scrape pool {pool}";
    monitor_new(without_pool, age) = "{without_pool}. It is {age} old; a new one takes about a minute";
    fix_wait() = "wait, then run the doctor again";
    fix_start_operator() = "start the Prometheus Operator, which configures Prometheus";
    fix_operator_log() = "read the log of the Prometheus Operator, which configures Prometheus";
    fix_operator_pods() = "check whether the Prometheus Operator runs; it configures Prometheus";
    target_up(target, kind, monitor, interval) = "target {target} of {kind} {monitor} is up, scraped every {interval}";
    target_down(target, kind, monitor, error) = "target {target} of {kind} {monitor} is down: {error}";
    fix_target_pod() = "check the pod that Prometheus scrapes";
    fix_target_status() = "read what the target answers";
    fix_scheme_http() = "scrape it without TLS: remove the scheme";
    fix_scheme_https() = "scrape it with TLS";
    fix_sample_limit() = "remove the limit";
    fix_slow_scrape() = "give the scrape the whole interval";
    target_unknown(target, kind, monitor, health) = "target {target} of {kind} {monitor} has no scrape yet ({health})";
    fix_wait_for_scrape() = "wait for the first scrape, then run the doctor again";
    relabeling(kind, monitor, field, entry, series) = "{field} ({entry}) of {kind} {monitor} takes {series} away. The endpoint has it, Prometheus does not";
    fix_relabeling() = "remove the entry";
}

// The series of a metric in Prometheus.
messages! {
    exporter_series_down(service) = "rabbitmq_up of {service} is 0: the exporter cannot read the broker";
    series_unknown(metric) = "no rule is known that makes {metric}, so its series are unknown";
    all_series() = "the metric";
    series_value(series, subject, value, labels, age) = "{series} of {subject} is {value} ({labels}){age}";
    series_age(age) = ", {age} old";
    series_stale(series, interval) = "{series}. It is older than three scrapes of {interval}";
    fix_series_stale() = "check why Prometheus does not scrape the target";
    series_differ(stored, exposed) = "Prometheus has {stored}, but the endpoint has {exposed}";
    fix_series_differ() = "compare the stored series with the endpoint's";
    selector_label_named(label, value, to) = "no series has the label {label} of the HPA's selector. {value} is a value of {to} here";
    fix_rename_label(label, to) = "name the label {to} in place of {label}";
    selector_matches_no_series(label, value) = "no series of the queue has {label}={value} from the HPA's selector. The metric may still be 0";
    fix_label_value(label, value, others) = "set {label} to {value}{others}";
    fix_remove_label() = "remove the label from the selector";
    no_series_for_keda() = "KEDA asks the broker itself, not Prometheus";
    no_series() = "Prometheus has no series of any queue";
    no_series_named(series) = "Prometheus has no series {series}";
    fix_monitor_paths() = "check the path that the monitor scrapes";
    fix_monitor_targets() = "check which Services the monitors select";
    no_series_of_queue(queue, names) = "Prometheus has no series of queue {queue}. It has those of {names}";
    series_of_namespaces(namespaces) = "the rule adds the queue of several namespaces ({namespaces})";
    fix_namespaced() = "limit the rule to the namespace of the HPA";
    series_of_vhosts(series, vhosts) = "{series} has the queue in several virtual hosts: {vhosts}. The rule adds them";
    fix_pin_vhost(vhost, candidates) = "choose one virtual host in the adapter's rule, of {candidates}; this chooses {vhost}";
    series_of_jobs(series, count, jobs) = "{count} targets (jobs {jobs}) have {series} of the queue";
    series_of_jobs_selected(series_of_jobs) = "{series_of_jobs}. The rule selects one";
    series_of_jobs_added(series_of_jobs, count) = "{series_of_jobs}. The rule adds them: the HPA reads {count} times the queue";
    fix_count_once() = "count each queue once in the adapter's rule";
    series_of_one_job(series) = "one target has {series} of the queue";
}
