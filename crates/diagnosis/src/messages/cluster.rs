//! The API server, the namespace, and permissions.

// The API server and the namespace.
messages! {
    credentials_refused(error) = "The API server refuses the credentials of the kubeconfig: {error}";
    fix_log_in() = "log in again, or choose another user or context";
    fix_reach() = "check the cluster's server, or choose another context";
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

// The parts of an examination in progress.
messages! {
    part_server() = "the API server";
    part_permissions() = "your permissions";
    part_objects() = "the objects of the namespace";
    part_keda() = "KEDA's objects";
    part_logs() = "container logs";
    part_broker() = "the broker";
    part_prometheus() = "Prometheus";
    part_api() = "the external metrics API";
    part_target() = "the scale target and its metrics";
    part_controller() = "the controller manager's settings";
    part_sync() = "the HPA's next sync";
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
