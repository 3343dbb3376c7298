//! KEDA.

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
