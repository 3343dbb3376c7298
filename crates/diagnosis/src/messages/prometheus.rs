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
