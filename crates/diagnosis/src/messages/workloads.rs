//! Workloads and Services.

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
