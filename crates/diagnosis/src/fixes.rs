//! Commands and remedies that several hops offer. Values from the cluster go into arguments and JSON, never into text.

pub(crate) mod hpa;
pub(crate) mod keda;
pub(crate) mod monitors;
pub(crate) mod rules;
pub(crate) mod selector;

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::autoscaling::v2::{CrossVersionObjectReference, HorizontalPodAutoscaler};
use serde_json::{Value, json};
use text::command::Command;

use crate::chain::{self, METRICS_API};
use crate::facts::{Facts, Run};
use crate::finding::Fix;
use crate::{messages, scaled_object};

/// The repository of the adapter's chart, and its name there. A user's own name for the repository is unknown.
const ADAPTER_REPOSITORY: &str = "https://prometheus-community.github.io/helm-charts";
const ADAPTER_CHART: &str = "prometheus-adapter";

/// `kubectl get KINDS -n NAMESPACE`.
pub(crate) fn get(kinds: &str, namespace: &str) -> Command {
    Command::kubectl(["get", kinds]).namespace(namespace)
}

/// `kubectl describe KIND NAME -n NAMESPACE`.
pub(crate) fn describe(kind: &str, name: &str, namespace: &str) -> Command {
    Command::kubectl(["describe"]).object(kind, name).namespace(namespace)
}

/// `kubectl edit KIND NAME -n NAMESPACE`.
pub(crate) fn edit(kind: &str, name: &str, namespace: &str) -> Command {
    Command::kubectl(["edit"]).object(kind, name).namespace(namespace)
}

/// `kubectl delete KIND NAME -n NAMESPACE`.
pub(crate) fn delete(kind: &str, name: &str, namespace: &str) -> Command {
    Command::kubectl(["delete"]).object(kind, name).namespace(namespace)
}

/// `kubectl delete apiservice` for the external metrics API.
pub(crate) fn delete_registration() -> Command {
    Command::kubectl(["delete"]).object("apiservice", METRICS_API)
}

/// `kubectl scale KIND/NAME --replicas=1 -n NAMESPACE`.
pub(crate) fn scale_to_one(kind: &str, name: &str, namespace: &str) -> Command {
    Command::kubectl(["scale".to_owned(), format!("{kind}/{name}"), "--replicas=1".to_owned()])
        .namespace(namespace)
}

/// `kubectl logs deployment/NAME -n NAMESPACE --tail=LINES`.
pub(crate) fn logs(deployment: &str, namespace: &str, lines: u16) -> Command {
    Command::kubectl(["logs".to_owned(), format!("deployment/{deployment}")])
        .namespace(namespace)
        .arg(format!("--tail={lines}"))
}

/// `kubectl logs POD -c CONTAINER -n NAMESPACE --tail=20`, with `--previous` for the run before the newest restart.
pub(crate) fn container_log(pod: &str, container: &str, namespace: &str, run: Run) -> Command {
    // A name that could pass for a flag.
    let pod = if pod.starts_with('-') { format!("pod/{pod}") } else { pod.to_owned() };
    let previous = (run == Run::Previous).then_some("--previous");
    let logs = Command::kubectl(["logs".to_owned(), pod]).flag("-c", container).namespace(namespace);
    logs.args(previous).arg("--tail=20")
}

/// `kubectl get KINDS -n NAMESPACE`, to choose one of the objects.
pub(crate) fn list_kind(facts: &Facts, plural: &str) -> Fix {
    Fix::command(messages::fix_choose_target(), get(plural, &facts.subject.namespace))
}

/// Raising `maxReplicas`, of the ScaledObject where KEDA owns the HPA.
pub(crate) fn raise_max(facts: &Facts, max: i32) -> Command {
    match scaled_object::owner(facts) {
        Some(object) => {
            let change = json!({"spec": {"maxReplicaCount": max}});
            merge_patch("scaledobject", scaled_object::name(object), &facts.subject.namespace, &change)
        }
        None => merge_patch_hpa(facts, &json!({"spec": {"maxReplicas": max}})),
    }
}

/// `kubectl rollout restart KIND/NAME -n NAMESPACE`.
pub(crate) fn restart(kind: &str, name: &str, namespace: &str) -> Command {
    Command::kubectl(["rollout".to_owned(), "restart".to_owned(), format!("{kind}/{name}")])
        .namespace(namespace)
}

/// `kubectl patch` with a JSON patch: a list of operations.
pub(crate) fn json_patch(kind: &str, name: &str, namespace: Option<&str>, operations: &Value) -> Command {
    patch("json", kind, name, namespace, operations)
}

/// `kubectl patch` with a JSON merge patch.
pub(crate) fn merge_patch(kind: &str, name: &str, namespace: &str, change: &Value) -> Command {
    patch("merge", kind, name, Some(namespace), change)
}

fn patch(form: &str, kind: &str, name: &str, namespace: Option<&str>, change: &Value) -> Command {
    let command = Command::kubectl(["patch"]).object(kind, name);
    let command = namespace.into_iter().fold(command, Command::namespace);
    command.flag("--type", form).flag("-p", change.to_string())
}

/// A merge patch of the HPA under examination.
pub(crate) fn merge_patch_hpa(facts: &Facts, change: &Value) -> Command {
    merge_patch("hpa", &facts.subject.hpa, &facts.subject.namespace, change)
}

/// A JSON patch of the HPA under examination.
pub(crate) fn json_patch_hpa(facts: &Facts, operations: &Value) -> Command {
    json_patch("hpa", &facts.subject.hpa, Some(&facts.subject.namespace), operations)
}

/// A key as a token of a JSON pointer (RFC 6901).
pub(crate) fn pointer_token(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

/// A value as YAML. JSON is YAML too, for the values that the serializer refuses.
pub(crate) fn yaml(value: &Value) -> String {
    serde_saphyr::to_string(value).unwrap_or_else(|_refused| value.to_string())
}

/// `surge` with a subcommand for the namespace and HPA under examination; defaults are left out.
fn surge(facts: &Facts, subcommand: &str) -> Command {
    let command = Command::surge([subcommand]);
    match facts.subject.namespace.as_str() {
        "" | contract::names::NAMESPACE => command,
        namespace => command.flag("--namespace", namespace),
    }
}

/// `surge doctor` for the same HPA.
pub(crate) fn doctor(facts: &Facts) -> Command {
    let command = surge(facts, "doctor");
    match facts.subject.hpa.as_str() {
        "" | contract::names::HPA => command,
        hpa => command.flag("--hpa", hpa),
    }
}

/// `surge up` for the same namespace.
pub(crate) fn up(facts: &Facts) -> Command {
    surge(facts, "up")
}

/// Running the doctor again.
pub(crate) fn look_again(facts: &Facts) -> Fix {
    Fix::command(messages::fix_look_again(), doctor(facts))
}

/// Installing the demo without the stack.
pub(crate) fn install_demo(facts: &Facts) -> Fix {
    Fix::command(messages::fix_install_demo(), up(facts).arg("--skip-stack"))
}

/// A remedy that ends a drill, which the dashboard can end too.
pub(crate) fn after_drill(is_drill: bool, what: String) -> String {
    if is_drill { messages::fix_put_back(what) } else { what }
}

/// Checking the controller manager.
pub(crate) fn controller_manager() -> Fix {
    let pods = get("pods", "kube-system").flag("-l", "component=kube-controller-manager");
    Fix::command(messages::fix_controller_manager(), pods)
}

/// Kind and name of the HPA's target, for `kubectl`.
pub(crate) fn target(hpa: &HorizontalPodAutoscaler) -> CrossVersionObjectReference {
    hpa.spec.as_ref().map(|spec| spec.scale_target_ref.clone()).unwrap_or_default()
}

/// Deleting one of two HPAs with the same target. KEDA would recreate its own, so another HPA goes first. Of two that KEDA
/// owns, the ScaledObject of `other` goes.
pub(crate) fn delete_one_hpa(
    facts: &Facts,
    hpa: &HorizontalPodAutoscaler,
    other: &HorizontalPodAutoscaler,
) -> Fix {
    let namespace = &facts.subject.namespace;
    let name = |hpa: &HorizontalPodAutoscaler| hpa.metadata.name.clone().unwrap_or_default();
    let owner = observed::keda::made_from;
    match (owner(&hpa.metadata), owner(&other.metadata)) {
        (Some(_), Some(object)) => {
            Fix::command(messages::fix_delete_scaled_object(), delete("scaledobject", object, namespace))
        }
        (None, Some(object)) => {
            let what = messages::fix_delete_plain_hpa(name(other), object);
            Fix::command(what, delete("hpa", &name(hpa), namespace))
        }
        (_, None) => Fix::command(messages::fix_delete_hpa(), delete("hpa", &name(other), namespace)),
    }
}

/// Reading the log of an exporter. Every chart gives its Deployment the name of its Service.
pub(crate) fn exporter_log(facts: &Facts, service: &str) -> Fix {
    Fix::command(messages::fix_exporter_log(), logs(service, &facts.subject.namespace, 20))
}

fn name_and_namespace(deployment: &Deployment) -> (&str, &str) {
    let metadata = &deployment.metadata;
    (metadata.name.as_deref().unwrap_or_default(), metadata.namespace.as_deref().unwrap_or_default())
}

/// Restarting the adapter, if its Deployment is known.
pub(crate) fn restart_adapter(facts: &Facts, what: String) -> Option<Fix> {
    let (name, namespace) = name_and_namespace(facts.api.backend.get()?);
    Some(Fix::command(what, restart("deployment", name, namespace)))
}

/// Registering the external metrics API.
pub(crate) fn register_api(facts: &Facts) -> Fix {
    let Some(backend) = facts.api.backend.get() else {
        return Fix::command(messages::fix_install_stack(), up(facts));
    };
    let (name, namespace) = name_and_namespace(backend);
    let registration = json!({
        "apiVersion": "apiregistration.k8s.io/v1",
        "kind": "APIService",
        "metadata": {"name": METRICS_API},
        "spec": {
            "group": "external.metrics.k8s.io",
            "version": "v1beta1",
            "groupPriorityMinimum": 100,
            "versionPriority": 100,
            "insecureSkipTLSVerify": true,
            "service": {"name": name, "namespace": namespace},
        },
    });
    Fix::yaml(messages::fix_register(format_args!("{namespace}/{name}")), yaml(&registration))
}

/// Bringing back the server of the external metrics API.
pub(crate) fn revive_backend(facts: &Facts, namespace: &str, service: &str) -> Fix {
    match facts.api.backend.get() {
        Some(backend) => {
            let name = backend.metadata.name.as_deref().unwrap_or(service);
            if backend.spec.as_ref().and_then(|spec| spec.replicas) == Some(0) {
                Fix::command(messages::fix_start(), scale_to_one("deployment", name, namespace))
            } else {
                Fix::command(messages::fix_backend_log(), logs(name, namespace, 30))
            }
        }
        None if facts.api.backend.is_absent() => {
            Fix::command(messages::fix_delete_dead_registration(), delete_registration())
        }
        None => Fix::command(messages::fix_list_pods(), get("pods", namespace)),
    }
}

/// The Helm release that owns the adapter, if one does.
fn helm_release(facts: &Facts) -> Option<&str> {
    let metadata = &facts.api.backend.get()?.metadata;
    let label = |key: &str| metadata.labels.as_ref().and_then(|labels| labels.get(key)).map(String::as_str);
    if label("app.kubernetes.io/managed-by") != Some("Helm") {
        return None;
    }
    let release = metadata.annotations.as_ref().and_then(|all| all.get("meta.helm.sh/release-name"));
    release.map(String::as_str).or(label("app.kubernetes.io/instance")).or(metadata.name.as_deref())
}

/// The version in the label `helm.sh/chart` of an adapter that its own chart installed: the upgrade keeps it.
fn chart_version(backend: &Deployment) -> Option<&str> {
    let chart = backend.metadata.labels.as_ref()?.get("helm.sh/chart")?;
    // A label has `_` where a version has `+`; such a version is not published.
    chart.strip_prefix(ADAPTER_CHART)?.strip_prefix('-').filter(|version| !version.contains('_'))
}

/// Setting an argument of the adapter: with helm if a release owns it, or else in the Deployment. `values` are the values
/// of the adapter's chart that set the same.
pub(crate) fn set_adapter_argument(
    facts: &Facts,
    what: &str,
    name: &str,
    argument: &str,
    values: &[String],
) -> Fix {
    let Some(backend) = facts.api.backend.get() else { return look_again(facts) };
    let (deployment, namespace) = name_and_namespace(backend);
    if let Some(release) = helm_release(facts) {
        let upgrade = Command::helm(["upgrade"]).namespace(namespace).arg("--reuse-values");
        let upgrade = values.iter().fold(upgrade, |command, value| command.flag("--set", value));
        let upgrade = upgrade.flag("--repo", ADAPTER_REPOSITORY);
        let upgrade = chart_version(backend)
            .into_iter()
            .fold(upgrade, |upgrade, version| upgrade.flag("--version", version));
        let upgrade = upgrade.operands([release, ADAPTER_CHART]);
        return Fix::command(what, upgrade);
    }
    let containers =
        backend.spec.iter().filter_map(|spec| spec.template.spec.as_ref()).flat_map(|spec| &spec.containers);
    let mut arguments = containers.enumerate().flat_map(|(container, of)| {
        let lists = [("args", &of.args), ("command", &of.command)];
        lists.into_iter().flat_map(move |(list, all)| {
            all.iter().flatten().enumerate().map(move |(index, argument)| (container, list, index, argument))
        })
    });
    let prefix = format!("{name}=");
    let value = format!("{prefix}{argument}");
    let change = match arguments.find(|(.., argument)| argument.starts_with(&prefix)) {
        Some((container, list, index, _)) => {
            let path = format!("/spec/template/spec/containers/{container}/{list}/{index}");
            json!([{"op": "replace", "path": path, "value": value}])
        }
        None => {
            let has_arguments = backend.spec.as_ref().is_some_and(|spec| {
                let pods = spec.template.spec.as_ref();
                pods.and_then(|pods| pods.containers.first())
                    .is_some_and(|container| container.args.is_some())
            });
            let path = "/spec/template/spec/containers/0/args";
            if has_arguments {
                json!([{"op": "add", "path": format!("{path}/-"), "value": value}])
            } else {
                json!([{"op": "add", "path": path, "value": [value]}])
            }
        }
    };
    Fix::command(what, json_patch("deployment", deployment, Some(namespace), &change))
}

/// Pointing the adapter at the Prometheus that answers. `path` is the path of its present URL.
pub(crate) fn point_adapter_at_prometheus(facts: &Facts, path: &str) -> Fix {
    let Some(found) = facts.prometheus.services.all().first() else { return look_again(facts) };
    let (host, port) = (format!("http://{}.{}.svc", found.service, found.namespace), found.port);
    set_adapter_argument(
        facts,
        &messages::fix_point_adapter(),
        chain::PROMETHEUS_URL,
        &format!("{host}:{port}{path}"),
        &[format!("prometheus.url={host}"), format!("prometheus.port={port}")],
    )
}
