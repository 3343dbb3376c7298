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
    fix_move_rules() = "move the rules to externalRules, where the adapter reads them";
    fix_query(what, query) = "{what}: {query}";
    fix_series_query(query) = "list all series of the metric: {query}";
    fix_in_values_too(what, release) = "{what}. Repeat it in the values of Helm release {release}";
    rule_missing(config_map, rules, metric) = "ConfigMap {config_map} has {rules}, but none for {metric}";
    others_only_up(detail) = "{detail}. Until then the HPA scales up by its other metrics, but never down";
    fix_add_rule() = "add a rule made from the series that exist here";
    fix_write_rule(metric) = "write a rule that makes {metric}, or let the HPA read another metric";
    fix_remove_metric(metric) = "remove {metric} from the HPA, or write a rule that makes it";
    fix_rename_metric(metric) = "read {metric}, which a rule makes";
    rule_filters(config_map, series, metric) = "the seriesFilters of ConfigMap {config_map} exclude {series}, which would make {metric}";
    fix_series_filters() = "remove the filters of the rule";
    rule_unread(error) = "the query of the rule cannot be checked here: {error}";
    rule_measures_nothing() = "the query of the rule reads no series";
    fix_measure() = "read the series in the query";
    rule_ignores_selector(asked) = "the HPA asks for {asked}, but the query of the rule lacks <<.LabelMatchers>>. It reads more than that";
    rule_ignores_selector_with(asked, stored, result) = "the HPA asks for {asked}, which is {stored} in Prometheus. The query of the rule returns {result}, since it lacks <<.LabelMatchers>>";
    fix_label_matchers() = "put the HPA's matchers into the query of the rule";
    rule_contradicts(own, asked) = "the rule has {own}, but the HPA asks for {asked}. No series has both, so the metric is empty or the guard's 0";
    fix_selector_of_rule(own, matcher, asked) = "remove the label from the HPA's selector to read {own}; or remove {matcher} from the rule to read {asked}";
    fix_rule_of_selector(matcher, asked, own) = "remove {matcher} from the rule to read {asked}, or let the HPA ask for {own}";
    rule_excludes(own, values) = "the rule has {own}, but the series that the HPA asks for have {values}. The metric is empty or the guard's 0";
    fix_rule_value(label, value, candidates) = "set {label} to {value} in the rule; the series have {candidates}";
    fix_drop_matcher(matcher) = "remove {matcher} from the rule";
    rule_lists_nothing(matcher) = "the series query of the rule has {matcher}, which no series has. The adapter does not list the metric";
    rule_result_differs(result, stored) = "the query of the rule returns {result}, but the series that it reads add up to {stored}";
    fix_plain_query() = "use a query that counts each queue once";
    fix_other_namespace(namespace, namespaces) = "read namespace {namespace} in the rule; the series have {namespaces}";
    rule_twice(metric, one, other) = "two rules make {metric}, from {one} and from {other}. Each relist picks one";
    fix_keep_one_rule() = "remove the rule that is not used";
    rule_good(config_map, metric, series) = "a rule of {config_map} makes {metric} from {series}";
    rule_without_namespace_label() = "the rule is namespaced (the default) but names no namespace label. Each query is an error";
    fix_namespace_label() = "name the label";
    rule_namespace_mismatch(label, namespace, namespaces) = "the rule asks for {label}={namespace}, but the series have {label} {namespaces}. The result is empty";
    no_label() = "none";
    fix_not_namespaced() = "do not filter by the HPA's namespace";
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
    value_differs(value, expected) = "{value}, but the same query returns {expected} in Prometheus. The adapter uses other rules or another Prometheus";
    value_differs_from_broker(value, expected) = "{value}, but the broker has {expected} messages for it";
    value_unlike_series(value, expected) = "{value}, but Prometheus has {expected} for it";
    fix_reload_rules() = "restart the adapter, which reads its rules only at start";
    value_unrendered(error) = "{error}. The server cannot render the query of the rule, or Prometheus refuses it";
    value_may_lag(value, before) = "{value}. The hop before has {before}, so the queue has just changed";
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
