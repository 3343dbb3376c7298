//! The external metrics API: registered, by whom, and alive.

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::kube_aggregator::pkg::apis::apiregistration::v1::APIService;
use observed::keda::made_from;

use super::facts::Facts;
use super::line::{Fix, Pen};
use super::metric::{self, Metric};
use super::reach::METRICS_API;
use super::{adapter, autoscaler, keda, upstream, value};

/// Who answers for the external metrics API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Owner {
    /// prometheus-adapter, or something else that goes by rules.
    Adapter,
    /// KEDA.
    Keda,
}

/// Whose the registration is, by the Service that it names.
pub(super) fn owner(service: &APIService) -> Option<Owner> {
    let at = service.spec.as_ref()?.service.as_ref()?;
    let names = |text: &Option<String>| text.as_deref().is_some_and(|text| text.contains("keda"));
    Some(if names(&at.name) || names(&at.namespace) { Owner::Keda } else { Owner::Adapter })
}

/// Whether KEDA answers for the API.
pub(super) fn is_keda(facts: &Facts) -> bool {
    facts.api.service.get().and_then(owner) == Some(Owner::Keda)
}

pub(super) fn examine(facts: &Facts, pen: &mut Pen<'_>) {
    let metric = facts.autoscaler.get().and_then(metric::external);
    let Some(metric) = metric else {
        if facts.autoscaler.get().is_some() {
            pen.not_applicable("metric", "the HPA reads no External metric");
            return;
        }
        registered(facts, pen, None);
        // KEDA makes the HPA: where there is none, its own objects say why.
        keda::examine(facts, pen);
        return;
    };
    let owner = registered(facts, pen, Some(&metric));
    keda::examine(facts, pen);
    if owner != Some(Owner::Keda) {
        upstream::examine(facts, pen);
        adapter::rules(facts, pen, &metric);
    }
    autoscaler::refused_selector(facts, pen, &metric);
    value::answered(facts, pen, &metric, owner);
}

/// `NAMESPACE/SERVICE` behind the registration.
pub(super) fn behind(service: &APIService) -> (String, String) {
    let at = service.spec.as_ref().and_then(|spec| spec.service.clone()).unwrap_or_default();
    (at.namespace.unwrap_or_default(), at.name.unwrap_or_default())
}

fn registered(facts: &Facts, pen: &mut Pen<'_>, metric: Option<&Metric>) -> Option<Owner> {
    let fact = &facts.api.service;
    let service = match pen.seen("apiservice", fact) {
        Ok(Some(service)) => service,
        Ok(None) => {
            let saw = format!("there is no APIService {METRICS_API}: nothing serves external metrics");
            pen.fail("apiservice", saw, &fact.how, register(facts));
            return None;
        }
        Err(()) => return None,
    };
    let owner = owner(service);
    let (namespace, name) = behind(service);
    let available = service
        .status
        .iter()
        .flat_map(|status| status.conditions.iter().flatten())
        .find(|c| c.type_ == "Available");
    if let Some(condition) = available.filter(|condition| condition.status != "True") {
        let reason = condition.reason.as_deref().unwrap_or_default();
        let message = condition.message.as_deref().unwrap_or_default();
        let saw = format!(
            "APIService {METRICS_API} ({namespace}/{name}) is not available: {reason}, {message}. Until it is, no namespace can be deleted either"
        );
        pen.fail("apiservice", saw, &fact.how, revive(facts, &namespace, &name));
        return owner;
    }
    let for_keda = metric.is_some_and(is_kedas)
        || facts.autoscaler.get().is_some_and(|hpa| made_from(&hpa.metadata).is_some());
    match owner {
        Some(Owner::Keda) if metric.is_some() && !for_keda => {
            let saw = format!(
                "KEDA ({namespace}/{name}) owns the external metrics API, and a plain HPA asks it: it answers for ScaledObjects only"
            );
            pen.fail("apiservice-owner", saw, &fact.how, keda::scaled_object(facts));
        }
        Some(Owner::Adapter) if for_keda => {
            let saw = format!(
                "{namespace}/{name} owns the external metrics API, and the HPA is KEDA's: KEDA and an adapter cannot share one cluster"
            );
            let fix = Fix::command(
                "remove the adapter; KEDA's operator takes the API back",
                format!(
                    "helm uninstall {name} -n {namespace} && kubectl delete apiservice {METRICS_API} && kubectl rollout restart deployment/keda-operator -n keda"
                ),
            );
            pen.fail("apiservice-owner", saw, &fact.how, fix);
        }
        _ => pen.ok(
            "apiservice",
            format!("APIService {METRICS_API} is available, served by {namespace}/{name}"),
            &fact.how,
        ),
    }
    owner
}

/// Whether the metric is one that KEDA serves: it tells them apart by this label.
fn is_kedas(metric: &Metric) -> bool {
    metric.query.contains("scaledobject.keda.sh/name")
}

/// How the API comes to be registered.
pub(super) fn register(facts: &Facts) -> Fix {
    let place = &facts.place;
    let Some(backend) = facts.api.backend.get() else {
        return Fix::command(
            "install the standard stack, whose adapter serves it",
            format!("surge up --namespace {}", place.namespace),
        );
    };
    let (name, namespace) = (
        backend.metadata.name.as_deref().unwrap_or_default(),
        backend.metadata.namespace.as_deref().unwrap_or_default(),
    );
    Fix::yaml(
        format!("register the API again; {namespace}/{name} is there to serve it"),
        format!(
            "apiVersion: apiregistration.k8s.io/v1\nkind: APIService\nmetadata:\n  name: {METRICS_API}\nspec:\n  group: external.metrics.k8s.io\n  version: v1beta1\n  groupPriorityMinimum: 100\n  versionPriority: 100\n  insecureSkipTLSVerify: true\n  service:\n    name: {name}\n    namespace: {namespace}"
        ),
    )
}

/// What brings the backend back.
pub(super) fn revive(facts: &Facts, namespace: &str, service: &str) -> Fix {
    match facts.api.backend.get() {
        Some(backend) if backend.spec.as_ref().and_then(|spec| spec.replicas) == Some(0) => Fix::command(
            "give it a replica again",
            format!(
                "kubectl scale deployment/{} --replicas=1 -n {namespace}",
                backend.metadata.name.as_deref().unwrap_or(service)
            ),
        ),
        Some(backend) => Fix::command(
            "read why it is not ready",
            format!(
                "kubectl logs deployment/{} -n {namespace} --tail=30",
                backend.metadata.name.as_deref().unwrap_or(service)
            ),
        ),
        None if facts.api.backend.is_absent() => Fix::command(
            "nothing is behind it: delete the registration, or install the adapter again",
            format!("kubectl delete apiservice {METRICS_API}"),
        ),
        None => Fix::command("see whether its pods are ready", format!("kubectl get pods -n {namespace}")),
    }
}

/// What gives the backend another argument: by helm where helm made it, else as the Deployment has it. `value` is what
/// helm's chart calls it.
pub(super) fn set_argument(facts: &Facts, what: &str, name: &str, argument: &str, value: &str) -> Fix {
    let Some(backend) = facts.api.backend.get() else { return Fix::command("look again", "surge doctor") };
    let metadata = &backend.metadata;
    let label = |key: &str| metadata.labels.as_ref().and_then(|labels| labels.get(key)).map(String::as_str);
    let (deployment, namespace) =
        (metadata.name.as_deref().unwrap_or_default(), metadata.namespace.as_deref().unwrap_or_default());
    if label("app.kubernetes.io/managed-by") == Some("Helm") {
        let release = metadata.annotations.as_ref().and_then(|all| all.get("meta.helm.sh/release-name"));
        let release =
            release.map(String::as_str).or(label("app.kubernetes.io/instance")).unwrap_or(deployment);
        return Fix::command(
            what,
            format!(
                "helm upgrade {release} prometheus-community/prometheus-adapter -n {namespace} --reuse-values {value}"
            ),
        );
    }
    let containers =
        backend.spec.iter().filter_map(|spec| spec.template.spec.as_ref()).flat_map(|spec| &spec.containers);
    let mut places = containers.enumerate().flat_map(|(container, of)| {
        let lists = [("args", &of.args), ("command", &of.command)];
        lists.into_iter().flat_map(move |(list, all)| {
            all.iter().flatten().enumerate().map(move |(index, argument)| (container, list, index, argument))
        })
    });
    let prefix = format!("{name}=");
    let change = match places.find(|(.., argument)| argument.starts_with(&prefix)) {
        Some((container, list, index, _)) => format!(
            "{{\"op\":\"replace\",\"path\":\"/spec/template/spec/containers/{container}/{list}/{index}\",\"value\":\"{prefix}{argument}\"}}"
        ),
        None => format!(
            "{{\"op\":\"add\",\"path\":\"/spec/template/spec/containers/0/args/-\",\"value\":\"{prefix}{argument}\"}}"
        ),
    };
    Fix::command(
        what,
        format!("kubectl patch deployment {deployment} -n {namespace} --type json -p '[{change}]'"),
    )
}

/// An argument of the backend, as `--name=value`.
pub(super) fn argument(facts: &Facts, name: &str) -> Option<String> {
    argument_of(facts.api.backend.get()?, name)
}

/// An argument of a Deployment, as `--name=value`.
pub(super) fn argument_of(deployment: &Deployment, name: &str) -> Option<String> {
    let containers = deployment.spec.as_ref()?.template.spec.as_ref()?.containers.as_slice();
    let mut arguments = containers
        .iter()
        .flat_map(|container| container.args.iter().flatten().chain(container.command.iter().flatten()));
    arguments.find_map(|argument| argument.strip_prefix(name)?.strip_prefix('=').map(str::to_owned))
}
