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
    fix_container_log() = "read more of the container's log";
    fix_previous_log() = "read more of the log before the restart";
    fix_memory() = "raise the memory limit";
    fix_previous_image() = "return to the previous image, or set an image that the node can pull";
    fix_image() = "set an image that the node can pull";
    pod_unscheduled(reason) = "no node can run it: {reason}";
    pod_unready(reason) = "not ready: {reason}";
    no_reason() = "no reason given";
    container_ended(reason, code) = ", last exit {reason} ({code})";
    container_crash_loop(container, restarts, ended) = "container {container}: CrashLoopBackOff after {restarts}{ended}";
    container_image(reason, image) = "{reason}: the node cannot pull image {image}";
    container_waiting(reason, message) = "{reason}: {message}";
    container_stopped(container, ended) = "container {container} does not run{ended}";
    container_restarts(container, restarts, ended) = "container {container}: {restarts} restarts{ended}";
    container_unready(container) = "container {container} runs but is not ready";
    init_container_runs(container) = "init container {container} has not finished";
    with_restarts(detail, restarts) = "{detail} after {restarts} restarts";
    with_probe(detail, answer) = "{detail}. {answer}";
    with_probe_port(detail, asked, declared) = "{detail}. The probe asks port {asked}; the container declares {declared}";
    with_log_line(detail, line) = "{detail}. Its log: {line}";
    log_hidden() = "You may not read its log";
    fault_login() = "The login is refused: check the user and the password";
    fault_host() = "No such host: check the host's name";
    fault_arguments() = "The queue exists with other arguments";
    fault_refused() = "The server refuses the connection: it is down, or the port is wrong";
    fault_certificate() = "The certificate is not accepted";
    fix_probe_port() = "let the probe ask the port of the container";
    fix_quota(quota) = "raise quota {quota} by the request of the missing pods";
    service_without_pods(service, namespace, selector) = "Service {service} selects no pod: no pod of namespace {namespace} has {selector}";
    fix_service_selector(service) = "select the pods of {service} by one of their labels";
    fix_compare_labels() = "compare the labels of the pods with the selector of the Service";
}
