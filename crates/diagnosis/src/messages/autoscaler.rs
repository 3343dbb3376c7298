//! The HPA and its status.

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
    fix_selector_into_rule(label, value) = "select {label}={value} in the rule, then remove it from the HPA's selector";
    fix_selector_invalid() = "remove it here, and filter in the adapter's rule";
    selector_empty(metric) = "the HPA reads {metric} without a selector, so it adds all series";
    selector_of_rule(metric, queue) = "it reads {metric} without a selector. Its rule picks {queue}";
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
