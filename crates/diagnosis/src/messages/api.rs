//! The external metrics API, the adapter's rules, and the metric's value.

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
