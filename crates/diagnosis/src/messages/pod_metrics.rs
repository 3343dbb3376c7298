//! The metrics of pods and objects.

// The names of metrics.
messages! {
    metric_of_container(name, container) = "{name} of container {container}";
    metric_of_object(name, kind, object) = "{name} of {kind} {object}";
    metric_of_pods(name) = "{name} of pods";
    metric_with_selector(name, selector) = "{name} with {selector}";
    reading_percent(current, target) = "{current} % of {target} %";
    reading_average(current, target) = "{current} of {target} per pod";
    reading_total(current, target) = "{current} of {target}";
}

// The APIs and their responses.
messages! {
    no_resource_api(metrics) = "no APIService serves metrics.k8s.io, so the HPA cannot read {metrics}. External metrics are another API";
    fix_install_metrics_server(metrics) = "install metrics-server, or remove the metric {metrics} from the HPA";
    no_custom_api(metrics) = "no APIService serves custom.metrics.k8s.io, so the HPA cannot read {metrics}";
    fix_install_adapter(metric) = "install an adapter that serves custom metrics, or remove {metric} from the HPA with this";
    fix_delete_dead_api() = "delete the APIService without a backend, or install its server again";
    fix_take_out() = "remove the metric from the HPA";
    metric_type_unknown(kind) = "the HPA has a metric of the unknown type {kind}";
    metrics_error(code, metric, message) = "the API answers {code} for {metric}: {message}";
    requests_complete(resource) = "every container has a request for {resource}";
    request_missing(resource, containers) = "containers without a request for {resource}: {containers}. The HPA cannot compute a utilisation";
    fix_request(resource, container) = "set the {resource} request of container {container} to the amount that it needs";
    fix_request_from_usage(resource, container) = "set the {resource} request of container {container}, here to its present usage";
    container_missing(container, pod, containers) = "the HPA reads container {container}, but pod {pod} has {containers}";
    no_running_pods() = "the HPA's selector picks no running pod";
    pods_sampled(count, metric) = "the API has {metric} of all {count} running pods";
    pods_unsampled(missing, all, metric, pods) = "the API has no {metric} of {missing} of {all} pods: {pods}. The HPA counts them conservatively";
    fix_wait_for_sample() = "wait for the next sample, a minute at most, then run the doctor again";
    no_custom_values(metric) = "the API has no value of {metric}";
    custom_values(metric, values) = "the API has {metric}: {values}";
    custom_listed(error) = "{error}. The API lists the metric, so its values are missing";
    custom_misspelt(error, kind, meant) = "{error}. For {kind} objects the API lists {meant}";
    custom_none_listed(error, kind) = "{error}. The API lists no metric of {kind} objects";
    custom_others_listed(error, kind, names) = "{error}. For {kind} objects the API lists {names}";
    custom_without_rule(error, config_map, metric) = "{error}. No rule of ConfigMap {config_map} makes {metric}";
}

// The HPA's readings.
messages! {
    metric_reading(metric, reading) = "the HPA reads {metric}: {reading}";
    metric_unread(metric) = "the HPA has no reading of {metric}";
    metric_unread_because(metric, message) = "the HPA has no reading of {metric}: {message}";
    metric_without_entry(metric) = "the HPA's status has no reading of {metric} yet";
    scales_up_only() = "Meanwhile the HPA scales up by its other metrics and refuses to scale down";
}
