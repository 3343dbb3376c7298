//! Reads the cluster's state from the API and, for the stack, from helm.

use k8s_openapi::api::authorization::v1::SelfSubjectAccessReview;
use kube::Api;
use kube::api::PostParams;
use serde_json::{Value, json};

use super::apply::{Objects, unknown_kind, with_timeout};
use super::cluster_state::{ClusterState, ExistingObject, ExistingRelease, MetricsServer, Ownership};
use super::failure::Failure;
use super::helm::Helm;
use super::object::Key;
use super::owner;
use super::plan::API_SERVICE;
use super::request::{Profile, Request, Stack};
use super::rules;
use super::upstream::{self, Release};

/// Kinds of objects that `surge up` may have installed.
const KINDS: [(&str, &str); 20] = [
    ("v1", "ConfigMap"),
    ("v1", "Secret"),
    ("v1", "Service"),
    ("v1", "ServiceAccount"),
    ("apps/v1", "Deployment"),
    ("apps/v1", "StatefulSet"),
    ("apps/v1", "DaemonSet"),
    ("batch/v1", "Job"),
    ("autoscaling/v2", "HorizontalPodAutoscaler"),
    ("policy/v1", "PodDisruptionBudget"),
    ("networking.k8s.io/v1", "NetworkPolicy"),
    ("rbac.authorization.k8s.io/v1", "Role"),
    ("rbac.authorization.k8s.io/v1", "RoleBinding"),
    ("rbac.authorization.k8s.io/v1", "ClusterRole"),
    ("rbac.authorization.k8s.io/v1", "ClusterRoleBinding"),
    ("monitoring.coreos.com/v1", "ServiceMonitor"),
    ("monitoring.coreos.com/v1", "PodMonitor"),
    ("monitoring.coreos.com/v1", "PrometheusRule"),
    ("keda.sh/v1alpha1", "ScaledObject"),
    ("keda.sh/v1alpha1", "TriggerAuthentication"),
];

/// The kinds among them that the chart may create outside of the demo's namespace.
const OUTSIDE: [&str; 7] = [
    "ConfigMap",
    "Role",
    "RoleBinding",
    "ClusterRole",
    "ClusterRoleBinding",
    "ServiceMonitor",
    "PrometheusRule",
];

/// Reads the state on which a plan depends.
///
/// # Errors
/// If the API or helm does not answer, or an object may not be read.
pub async fn cluster_state(
    objects: &mut Objects,
    helm: &Helm,
    request: &Request,
    rendered: &[Value],
    releases: &[Release],
) -> Result<ClusterState, Failure> {
    let mut state = ClusterState { metrics: metrics(objects).await?, ..ClusterState::default() };
    let namespaces =
        releases.iter().map(|release| release.namespace.as_str()).chain([request.namespace.as_str()]);
    for name in namespaces {
        if !state.namespaces.contains_key(name) {
            state.namespaces.insert(name.to_owned(), ownership(objects, name, &request.namespace).await?);
        }
    }
    for object in rendered {
        let key = Key::of(object);
        // The stack, which may be installed later, defines custom kinds.
        if request.stack == Stack::Skip && !objects.knows(&key).await? {
            return Err(unknown_kind(&key));
        }
        if let Some(found) = objects.get(&key).await? {
            let owner =
                found.pointer("/metadata/ownerReferences/0/kind").and_then(Value::as_str).map(str::to_owned);
            let ours = owner::is_ours(&found, &request.namespace);
            let existing = ExistingObject { ours, owner, object: found };
            state.existing.insert(key, existing);
        }
    }
    state.marked = marked(objects, &request.namespace).await?;
    if request.profile != Profile::Keda {
        let key = config_map(upstream::ADAPTER);
        // Without the right to read them, the wait for the metric shows whether they work.
        let found = objects.get(&key).await.ok().flatten();
        state.rules = rules::state(found.as_ref(), request.profile);
    }
    if request.stack == Stack::Install {
        state.releases = existing_releases(helm, releases).await?;
    }
    Ok(state)
}

fn config_map((namespace, name): (&str, &str)) -> Key {
    Key {
        api_version: "v1".to_owned(),
        kind: "ConfigMap".to_owned(),
        namespace: Some(namespace.to_owned()),
        name: name.to_owned(),
    }
}

/// Key of a namespace.
#[must_use]
pub fn namespace_key(name: &str) -> Key {
    Key { api_version: "v1".to_owned(), kind: "Namespace".to_owned(), namespace: None, name: name.to_owned() }
}

async fn ownership(objects: &mut Objects, name: &str, demo: &str) -> Result<Ownership, Failure> {
    Ok(match objects.get(&namespace_key(name)).await? {
        None => Ownership::Absent,
        Some(found) if owner::is_ours(&found, demo) => Ownership::Ours,
        Some(_) => Ownership::Foreign,
    })
}

/// Key of the APIService for external metrics.
#[must_use]
pub fn api_service_key() -> Key {
    Key {
        api_version: "apiregistration.k8s.io/v1".to_owned(),
        kind: "APIService".to_owned(),
        namespace: None,
        name: API_SERVICE.to_owned(),
    }
}

/// The server of external metrics.
///
/// # Errors
/// If there is no answer.
pub async fn metrics(objects: &mut Objects) -> Result<MetricsServer, Failure> {
    let Some(found) = objects.get_if_allowed(&api_service_key()).await? else {
        return Ok(MetricsServer::Unreadable);
    };
    Ok(found.map_or(MetricsServer::Absent, |object| {
        let text = |name: &str| object["spec"]["service"][name].as_str().unwrap_or_default().to_owned();
        MetricsServer::Service { namespace: text("namespace"), name: text("name") }
    }))
}

/// All objects that `surge up` installed for the demo in `namespace`, except namespaces.
///
/// # Errors
/// If the API does not answer.
pub async fn marked(objects: &mut Objects, namespace: &str) -> Result<Vec<Key>, Failure> {
    let mut keys = Vec::new();
    let (inside, everywhere) = (owner::selector(), owner::selector_of(namespace));
    for (api_version, kind) in KINDS {
        let kind_of = |namespace: Option<&str>| Key {
            api_version: api_version.to_owned(),
            kind: kind.to_owned(),
            namespace: namespace.map(str::to_owned),
            name: String::new(),
        };
        let mut found = Vec::new();
        if !kind.starts_with("Cluster") {
            found = objects.list(&kind_of(Some(namespace)), &inside).await?;
            found.retain(|object| owner::is_ours(object, namespace));
        }
        if OUTSIDE.contains(&kind) {
            found.extend(objects.list(&kind_of(None), &everywhere).await?);
        }
        // An owned object is deleted with its owner.
        found.retain(|object| object["metadata"]["ownerReferences"].as_array().is_none_or(Vec::is_empty));
        keys.extend(found.iter().map(Key::of));
    }
    keys.sort();
    keys.dedup();
    Ok(keys)
}

/// The kinds that `surge up` may have installed, as names for kubectl; with the group if the name alone is ambiguous.
#[must_use]
pub fn plurals() -> Vec<String> {
    let plural = |kind: &str| match kind.strip_suffix('y') {
        Some(stem) => format!("{stem}ies").to_lowercase(),
        None => format!("{kind}s").to_lowercase(),
    };
    let named = |(api_version, kind): &(&str, &str)| match api_version.split_once('/') {
        Some((group, _)) if group.contains('.') => format!("{}.{group}", plural(kind)),
        _ => plural(kind),
    };
    KINDS.iter().map(named).collect()
}

/// The label selector of our releases.
#[must_use]
pub fn release_selector() -> String {
    format!("{}={}", owner::MANAGED_BY, owner::SURGE)
}

async fn existing_releases(helm: &Helm, releases: &[Release]) -> Result<Vec<ExistingRelease>, Failure> {
    let all = helm.list("").await?;
    let ours = helm.list(&release_selector()).await?;
    let mut found = Vec::new();
    for listed in all {
        if !releases
            .iter()
            .any(|release| release.name == listed.name && release.namespace == listed.namespace)
        {
            continue;
        }
        let ours = ours.contains(&listed);
        let values = if ours { helm.values(&listed.name, &listed.namespace).await? } else { Value::Null };
        found.push(ExistingRelease {
            name: listed.name,
            namespace: listed.namespace,
            status: listed.status,
            chart: listed.chart,
            ours,
            values,
        });
    }
    Ok(found)
}

/// Checks the rights that applying `keys` needs.
///
/// # Errors
/// If rights are missing; the failure names all of them.
pub async fn check_rights(objects: &mut Objects, keys: &[Key]) -> Result<(), Failure> {
    let mut resources: Vec<(String, String, Option<String>)> = Vec::new();
    for key in keys {
        let Some(plural) = objects.plural(key).await? else { continue };
        let one = (key.group().to_owned(), plural, key.namespace.clone());
        if !resources.contains(&one) {
            resources.push(one);
        }
    }
    let reviews: Api<SelfSubjectAccessReview> = Api::all(objects.client().clone());
    let mut missing = Vec::new();
    for (group, plural, namespace) in resources {
        let place =
            namespace.as_ref().map_or_else(String::new, |namespace| format!(" in namespace {namespace}"));
        for verb in ["create", "patch"] {
            let attributes =
                json!({"verb": verb, "group": group, "resource": plural, "namespace": namespace});
            let review = json!({"metadata": {}, "spec": {"resourceAttributes": attributes}});
            let Ok(review) = serde_json::from_value(review) else { continue };
            let parameters = PostParams::default();
            let answer =
                with_timeout("reading the user's rights", reviews.create(&parameters, &review)).await?;
            if !answer.status.is_some_and(|status| status.allowed) {
                missing.push(format!("- {verb} {plural}{place}"));
            }
        }
    }
    if missing.is_empty() {
        return Ok(());
    }
    Err(Failure::step(
        format!("this user lacks rights:\n{}", missing.join("\n")),
        "ask for those rights, or choose another user with --context NAME",
    ))
}

#[cfg(test)]
mod tests {
    use axum::extract::Json;
    use axum::routing::{get, post};

    use super::*;
    use crate::failure::FailureKind;

    /// A cluster that has Deployments and allows its user `verbs`.
    fn cluster(verbs: &'static [&'static str]) -> Objects {
        let kinds = json!({"kind": "APIResourceList", "groupVersion": "apps/v1", "resources": [
            {"name": "deployments", "singularName": "deployment", "namespaced": true, "kind": "Deployment", "verbs": ["get"]},
        ]});
        let review = move |Json(mut review): Json<Value>| async move {
            let verb = review["spec"]["resourceAttributes"]["verb"].as_str().unwrap().to_owned();
            review["status"] = json!({"allowed": verbs.contains(&verb.as_str())});
            Json(review)
        };
        let app = axum::Router::new()
            .route("/apis/apps/v1", get(async move || Json(kinds)))
            .route("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", post(review));
        Objects::new(kube::Client::new(app, "default"))
    }

    fn deployment(name: &str) -> Key {
        Key {
            api_version: "apps/v1".into(),
            kind: "Deployment".into(),
            namespace: Some("demo".into()),
            name: name.into(),
        }
    }

    #[tokio::test]
    async fn missing_rights_are_named() {
        let keys = [deployment("worker"), deployment("producer")];
        assert_eq!(check_rights(&mut cluster(&["create", "patch"]), &keys).await, Ok(()));
        let failure = check_rights(&mut cluster(&["create"]), &keys).await.unwrap_err();
        assert_eq!(failure.kind, FailureKind::Step);
        assert!(failure.what.ends_with("\n- patch deployments in namespace demo"), "named once: {failure:?}");
    }
}
