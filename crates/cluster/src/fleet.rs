//! The HPAs of a cluster or of a namespace, read in pages.

use std::borrow::Cow;
use std::time::Duration;

use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::autoscaling::v2::{
    HorizontalPodAutoscaler, HorizontalPodAutoscalerSpec, HorizontalPodAutoscalerStatus,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference, Time};
use kube::api::{ApiResource, DynamicObject, GroupVersionKind, ListParams};
use kube::{Api, Client, Resource};
use serde::Deserialize;
use serde_json::Value;

use crate::connect::{Cluster, ConnectError};
use crate::errors;

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
    let mut values = Vec::new();
    let api = api::<T>(&cluster.client, namespace);
    let read = pages(&api, selector, |page| match page {
        Some(page) => values.extend(page.into_iter().map(|item| item.value)),
        None => values.clear(),
    });
    match read.await {
        Ok(()) => Ok(values),
        Err(PageError::Late) => Err(ConnectError::late(cluster, REQUEST_TIMEOUT)),
        Err(PageError::Refused(error)) => Err(ConnectError::of_list(cluster, namespace, &error)),
    }
}

/// Lists KEDA's ScaledObjects of a namespace, or of all, that match a label selector, each reduced by `reduce`. Without KEDA, or
/// without the right to list them, there are none.
///
/// # Errors
/// Fails if a page cannot be read in time.
pub async fn scaled_objects<T>(
    client: &Client,
    namespace: Option<&str>,
    selector: &str,
    reduce: impl Fn(&Value) -> Option<T>,
) -> Result<Vec<T>, String> {
    let kind = ApiResource::from_gvk(&GroupVersionKind::gvk("keda.sh", "v1alpha1", "ScaledObject"));
    let api: Api<DynamicObject> = match namespace {
        Some(namespace) => Api::namespaced_with(client.clone(), namespace, &kind),
        None => Api::all_with(client.clone(), &kind),
    };
    let mut values = Vec::new();
    let read = pages(&api, selector, |page| match page {
        Some(page) => {
            let objects = page.into_iter().filter_map(|object| serde_json::to_value(object).ok());
            values.extend(objects.filter_map(|object| reduce(&object)));
        }
        None => values.clear(),
    });
    match read.await {
        Ok(()) => Ok(values),
        Err(PageError::Refused(kube::Error::Api(status))) if matches!(status.code, 403 | 404) => {
            Ok(Vec::new())
        }
        Err(PageError::Refused(error)) => Err(errors::kube(&error)),
        Err(PageError::Late) => Err(format!("listing ScaledObjects: no answer within {REQUEST_TIMEOUT:?}")),
    }
}

/// The reason why a page could not be read.
enum PageError {
    Late,
    Refused(kube::Error),
}

/// Reads all pages of a list, one at a time; `None` asks `take` to forget the pages before, because the list begins again.
async fn pages<K>(api: &Api<K>, selector: &str, mut take: impl FnMut(Option<Vec<K>>)) -> Result<(), PageError>
where
    K: Clone + serde::de::DeserializeOwned + std::fmt::Debug,
{
    let mut params = ListParams::default().labels(selector).limit(PAGE);
    loop {
        let page = match tokio::time::timeout(REQUEST_TIMEOUT, api.list(&params)).await {
            Err(_late) => return Err(PageError::Late),
            // The server no longer has the version of the first page: the next list has a newer one.
            Ok(Err(kube::Error::Api(status))) if status.code == 410 && params.continue_token.is_some() => {
                params.continue_token = None;
                take(None);
                continue;
            }
            Ok(Err(error)) => return Err(PageError::Refused(error)),
            Ok(Ok(page)) => page,
        };
        take(Some(page.items));
        params.continue_token = page.metadata.continue_.filter(|token| !token.is_empty());
        if params.continue_token.is_none() {
            return Ok(());
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
