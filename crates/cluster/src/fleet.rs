//! The HPAs of a cluster or of a namespace, read in pages.

use std::borrow::Cow;
use std::time::Duration;

use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::autoscaling::v2::{
    HorizontalPodAutoscaler, HorizontalPodAutoscalerSpec, HorizontalPodAutoscalerStatus,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference, Time};
use kube::api::ListParams;
use kube::{Api, Client, Resource};
use serde::Deserialize;

use crate::connect::{Cluster, ConnectError};

/// Objects in one page: the answer for a page is in memory as a whole.
pub const PAGE: u32 = 250;

/// Limit of the request for one page.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// An HPA that becomes a `T` as soon as it is decoded. It never holds managed fields, annotations or the object's parts.
#[derive(Debug, Clone, Deserialize)]
#[serde(from = "Wire", bound(deserialize = "T: From<HorizontalPodAutoscaler>"))]
pub struct Slim<T> {
    metadata: ObjectMeta,
    /// The value that was made of it.
    pub value: T,
}

/// The parts of an HPA that it is made of.
#[derive(Deserialize)]
struct Wire {
    metadata: Metadata,
    #[serde(default)]
    spec: HorizontalPodAutoscalerSpec,
    status: Option<HorizontalPodAutoscalerStatus>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Metadata {
    name: Option<String>,
    namespace: Option<String>,
    uid: Option<String>,
    resource_version: Option<String>,
    generation: Option<i64>,
    creation_timestamp: Option<Time>,
    labels: Option<std::collections::BTreeMap<String, String>>,
    owner_references: Option<Vec<OwnerReference>>,
}

impl<T: From<HorizontalPodAutoscaler>> From<Wire> for Slim<T> {
    fn from(wire: Wire) -> Self {
        let Wire { metadata, spec, status } = wire;
        let kept = ObjectMeta {
            name: metadata.name.clone(),
            namespace: metadata.namespace.clone(),
            uid: metadata.uid,
            resource_version: metadata.resource_version,
            ..ObjectMeta::default()
        };
        let metadata = ObjectMeta {
            name: metadata.name,
            namespace: metadata.namespace,
            generation: metadata.generation,
            creation_timestamp: metadata.creation_timestamp,
            labels: metadata.labels,
            owner_references: metadata.owner_references,
            ..ObjectMeta::default()
        };
        Self { metadata: kept, value: HorizontalPodAutoscaler { metadata, spec: Some(spec), status }.into() }
    }
}

impl<T> Resource for Slim<T> {
    type DynamicType = ();
    type Scope = NamespaceResourceScope;

    fn kind((): &()) -> Cow<'_, str> {
        HorizontalPodAutoscaler::kind(&())
    }

    fn group((): &()) -> Cow<'_, str> {
        HorizontalPodAutoscaler::group(&())
    }

    fn version((): &()) -> Cow<'_, str> {
        HorizontalPodAutoscaler::version(&())
    }

    fn plural((): &()) -> Cow<'_, str> {
        HorizontalPodAutoscaler::plural(&())
    }

    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }
}

/// The API for the HPAs of a namespace; of all namespaces without one.
#[must_use]
pub fn api<T>(client: &Client, namespace: Option<&str>) -> Api<Slim<T>> {
    match namespace {
        Some(namespace) => Api::namespaced(client.clone(), namespace),
        None => Api::all(client.clone()),
    }
}

/// Lists the HPAs of a namespace, or of all, that match a label selector; an empty one matches all.
///
/// # Errors
/// If a page cannot be read in time.
pub async fn list<T>(
    cluster: &Cluster,
    namespace: Option<&str>,
    selector: &str,
) -> Result<Vec<T>, ConnectError>
where
    T: From<HorizontalPodAutoscaler> + Clone + std::fmt::Debug,
{
    let api: Api<Slim<T>> = api(&cluster.client, namespace);
    let refused = |error: &kube::Error| ConnectError::of_list(cluster, namespace, error);
    let mut params = ListParams::default().labels(selector).limit(PAGE);
    let mut values = Vec::new();
    loop {
        let page = match tokio::time::timeout(REQUEST_TIMEOUT, api.list(&params)).await {
            Err(_late) => return Err(ConnectError::late(cluster, REQUEST_TIMEOUT)),
            // The server no longer has the version of the first page: the next list has a newer one.
            Ok(Err(kube::Error::Api(status))) if status.code == 410 && params.continue_token.is_some() => {
                params.continue_token = None;
                values.clear();
                continue;
            }
            Ok(Err(error)) => return Err(refused(&error)),
            Ok(Ok(page)) => page,
        };
        values.extend(page.items.into_iter().map(|item| item.value));
        params.continue_token = page.metadata.continue_.filter(|token| !token.is_empty());
        if params.continue_token.is_none() {
            return Ok(values);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use axum::response::IntoResponse as _;
    use serde_json::{Value, json};

    use super::*;

    fn item(name: &str) -> Value {
        json!({"metadata": {"name": name, "namespace": "shop", "managedFields": [{"manager": "kubectl"}]},
            "spec": {"maxReplicas": 3, "scaleTargetRef": {"kind": "Deployment", "name": name}}, "status": {}})
    }

    /// A server with two pages. The first request for the second page fails with `code`, if that is not 200.
    fn server(code: u16) -> (Client, Arc<AtomicUsize>) {
        let requests = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&requests);
        let app = axum::Router::new().fallback(async move |uri: axum::http::Uri| {
            let number = counted.fetch_add(1, Ordering::Relaxed);
            let query = uri.query().unwrap_or_default();
            assert!(query.contains("limit=250") && query.contains("labelSelector=app%3Dweb"), "{uri}");
            let page = |names: &[&str], next: &str| {
                let items: Vec<Value> = names.iter().map(|name| item(name)).collect();
                axum::Json(json!({"metadata": {"continue": next, "resourceVersion": "7"}, "items": items}))
            };
            if !query.contains("continue=second") {
                return page(&["a", "b"], "second").into_response();
            }
            if number == 1 && code != 200 {
                let status = json!({"status": "Failure", "code": code, "message": "no", "reason": "No"});
                let code = axum::http::StatusCode::from_u16(code).unwrap();
                return (code, axum::Json(status)).into_response();
            }
            page(&["c"], "").into_response()
        });
        (Client::new(app, "default"), requests)
    }

    #[derive(Debug, Clone)]
    struct Name(String);

    impl From<HorizontalPodAutoscaler> for Name {
        fn from(object: HorizontalPodAutoscaler) -> Self {
            Self(object.metadata.name.unwrap_or_default())
        }
    }

    async fn names(code: u16) -> (Result<Vec<String>, ConnectError>, usize) {
        let (client, counted) = server(code);
        let cluster = Cluster {
            client,
            context: "here".into(),
            server: "https://far".into(),
            proxy: None,
            user: crate::connect::User::default(),
        };
        let names = list::<Name>(&cluster, None, "app=web").await;
        let names = names.map(|names| names.into_iter().map(|name| name.0).collect());
        (names, counted.load(Ordering::Relaxed))
    }

    #[tokio::test]
    async fn pages_are_joined_and_an_expired_list_restarts() {
        for (code, requests) in [(200, 2), (410, 4)] {
            let (found, asked) = names(code).await;
            assert_eq!((found.unwrap(), asked), (vec!["a".to_owned(), "b".into(), "c".into()], requests));
        }
    }

    #[tokio::test]
    async fn a_refusal_names_the_right_and_the_way_out() {
        let error = names(403).await.0.unwrap_err();
        assert_eq!(error.what, "context here may not list the HPAs of all namespaces: no (403)");
        assert!(error.advice.contains("-n NAME"), "{error:?}");
    }
}
