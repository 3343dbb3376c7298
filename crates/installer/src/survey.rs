//! What is there before anything is done: asked of the API and, for the stack, of helm.

use k8s_openapi::api::authorization::v1::SelfSubjectAccessReview;
use kube::Api;
use kube::api::PostParams;
use serde_json::{Value, json};

use super::apply::{Objects, WITHIN, unknown};
use super::failure::Failure;
use super::helm::Helm;
use super::object::Key;
use super::owner;
use super::plan::API_SERVICE;
use super::request::{Profile, Request, Stack};
use super::rules;
use super::seen::{Existing, Found, Metrics, Seen, Whose};
use super::upstream::{self, Release};

/// Everything that `up` may have installed, as kinds: where marks are looked for.
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

/// Of those, the kinds that the chart can put outside of the demo's namespace.
const ELSEWHERE: [&str; 7] = [
    "ConfigMap",
    "Role",
    "RoleBinding",
    "ClusterRole",
    "ClusterRoleBinding",
    "ServiceMonitor",
    "PrometheusRule",
];

/// Looks at everything that a plan depends on.
///
/// # Errors
/// When the API or helm does not answer, or something may not be read.
pub async fn look(
    objects: &mut Objects,
    helm: &Helm,
    request: &Request,
    rendered: &[Value],
    releases: &[Release],
) -> Result<Seen, Failure> {
    let mut seen = Seen { metrics: metrics(objects).await?, ..Seen::default() };
    let namespaces =
        releases.iter().map(|release| release.namespace.as_str()).chain([request.namespace.as_str()]);
    for name in namespaces {
        if !seen.namespaces.contains_key(name) {
            seen.namespaces.insert(name.to_owned(), whose(objects, name, &request.namespace).await?);
        }
    }
    for object in rendered {
        let key = Key::of(object);
        // Custom kinds come with the stack, which may not be there yet.
        if request.stack == Stack::Skip && !objects.knows(&key).await? {
            return Err(unknown(&key));
        }
        if let Some(found) = objects.get(&key).await? {
            let owner =
                found.pointer("/metadata/ownerReferences/0/kind").and_then(Value::as_str).map(str::to_owned);
            let ours = owner::is_ours(&found, &request.namespace);
            let existing = Existing { ours, owner, object: found };
            seen.existing.insert(key, existing);
        }
    }
    seen.marked = marked(objects, &request.namespace).await?;
    if request.profile != Profile::Keda {
        let key = config_map(upstream::RULES);
        // Who may not read the rules cannot know; the metric itself will tell.
        let found = objects.get(&key).await.ok().flatten();
        seen.rules = rules::judge(found.as_ref(), request.profile);
    }
    if request.stack == Stack::Install {
        seen.releases = found(helm, releases).await?;
    }
    Ok(seen)
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

async fn whose(objects: &mut Objects, name: &str, demo: &str) -> Result<Whose, Failure> {
    Ok(match objects.get(&namespace_key(name)).await? {
        None => Whose::Nobody,
        Some(found) if owner::is_ours(&found, demo) => Whose::Ours,
        Some(_) => Whose::Others,
    })
}

/// Key of the APIService.
#[must_use]
pub fn api_service_key() -> Key {
    Key {
        api_version: "apiregistration.k8s.io/v1".to_owned(),
        kind: "APIService".to_owned(),
        namespace: None,
        name: API_SERVICE.to_owned(),
    }
}

/// Who serves external metrics.
///
/// # Errors
/// When there is no answer.
pub async fn metrics(objects: &mut Objects) -> Result<Metrics, Failure> {
    let Some(found) = objects.peek(&api_service_key()).await? else { return Ok(Metrics::Hidden) };
    Ok(found.map_or(Metrics::Nobody, |object| {
        let text = |name: &str| object["spec"]["service"][name].as_str().unwrap_or_default().to_owned();
        Metrics::Service { namespace: text("namespace"), name: text("name") }
    }))
}

/// Everything that an earlier `up` installed for the demo in `namespace`, but the namespaces themselves.
///
/// # Errors
/// When the API does not answer.
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
        if ELSEWHERE.contains(&kind) {
            found.extend(objects.list(&kind_of(None), &everywhere).await?);
        }
        // What a controller made of an object of ours goes with it.
        found.retain(|object| object["metadata"]["ownerReferences"].as_array().is_none_or(Vec::is_empty));
        keys.extend(found.iter().map(Key::of));
    }
    keys.sort();
    keys.dedup();
    Ok(keys)
}

/// The kinds among which marks are looked for, as kubectl is asked for them; with the group where a name alone might mean another.
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

/// Which of helm's releases are ours.
#[must_use]
pub fn release_selector() -> String {
    format!("{}={}", owner::MANAGED_BY, owner::SURGE)
}

async fn found(helm: &Helm, releases: &[Release]) -> Result<Vec<Found>, Failure> {
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
        found.push(Found {
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

/// Whether we may do what applying `keys` takes; a list of what we may not.
///
/// # Errors
/// A [`Failure`] that names every right that is missing: nothing was changed.
pub async fn rights(objects: &mut Objects, keys: &[Key]) -> Result<(), Failure> {
    let mut asked: Vec<(String, String, Option<String>)> = Vec::new();
    for key in keys {
        let Some(plural) = objects.plural(key).await? else { continue };
        let one = (key.group().to_owned(), plural, key.namespace.clone());
        if !asked.contains(&one) {
            asked.push(one);
        }
    }
    let reviews: Api<SelfSubjectAccessReview> = Api::all(objects.client().clone());
    let mut missing = Vec::new();
    for (group, plural, namespace) in asked {
        let place =
            namespace.as_ref().map_or_else(String::new, |namespace| format!(" in namespace {namespace}"));
        for verb in ["create", "patch"] {
            let attributes =
                json!({"verb": verb, "group": group, "resource": plural, "namespace": namespace});
            let review = json!({"metadata": {}, "spec": {"resourceAttributes": attributes}});
            let Ok(review) = serde_json::from_value(review) else { continue };
            let what = "asking for our rights";
            let answer = tokio::time::timeout(WITHIN, reviews.create(&PostParams::default(), &review)).await;
            let answer = answer
                .map_err(|_late| Failure::late(what, WITHIN))?
                .map_err(|error| Failure::api(what, &error))?;
            if !answer.status.is_some_and(|status| status.allowed) {
                missing.push(format!("- {verb} {plural}{place}"));
            }
        }
    }
    if missing.is_empty() {
        return Ok(());
    }
    Err(Failure::step(
        format!("this user may not do what has to be done; it lacks:\n{}", missing.join("\n")),
        "ask for those rights, or choose another user with --context NAME",
    ))
}

#[cfg(test)]
mod tests {
    use axum::extract::Json;
    use axum::routing::{get, post};

    use super::*;
    use crate::failure::Kind;

    /// A cluster that knows Deployments and allows its user `verbs`.
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
    async fn missing_rights_are_named_before_anything_is_tried() {
        let keys = [deployment("worker"), deployment("producer")];
        assert_eq!(rights(&mut cluster(&["create", "patch"]), &keys).await, Ok(()));
        let failure = rights(&mut cluster(&["create"]), &keys).await.unwrap_err();
        assert_eq!(failure.kind, Kind::Step);
        assert!(
            failure.what.ends_with("\n- patch deployments in namespace demo"),
            "once, not for each: {failure:?}"
        );
    }
}
