//! The first requests to a cluster: is the demo there, or another HPA?

use std::time::Duration;

use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::core::v1::Namespace;
use kube::Api;
use kube::api::ListParams;

use super::{Cluster, ConnectError};
use crate::errors::{self, Connection};

/// Asks the API server for its version.
///
/// # Errors
/// If it does not answer. A refusal is an answer.
pub async fn answers(cluster: &Cluster, timeout: Duration) -> Result<(), ConnectError> {
    match tokio::time::timeout(timeout, cluster.client.apiserver_version()).await {
        Ok(Err(error)) if errors::is_unreachable(&error) => Err(failed(cluster, &error).await),
        Ok(_) => Ok(()),
        Err(_elapsed) => Err(ConnectError::late(cluster, timeout)),
    }
}

/// Reads the demo's HPA, on which everything else depends.
///
/// # Errors
/// [`ConnectError`] names the missing part: the server, a right, the namespace or the HPA.
pub async fn probe(
    cluster: &Cluster,
    namespace: &str,
    hpa: &str,
    timeout: Duration,
) -> Result<(), ConnectError> {
    let api: Api<HorizontalPodAutoscaler> = Api::namespaced(cluster.client.clone(), namespace);
    let context = &cluster.context;
    let error = match tokio::time::timeout(timeout, api.get(hpa)).await {
        Ok(Ok(_)) => return Ok(()),
        Ok(Err(error)) => error,
        Err(_elapsed) => return Err(ConnectError::late(cluster, timeout)),
    };
    Err(if errors::is_missing(&error) {
        absent(cluster, namespace, hpa, timeout).await
    } else if errors::is_forbidden(&error) && !errors::is_unauthenticated(&error) {
        ConnectError::forbidden(context, namespace, hpa, &errors::kube(&error))
    } else if errors::is_unauthenticated(&error) || errors::is_unreachable(&error) {
        failed(cluster, &error).await
    } else {
        ConnectError::failed(context, hpa, &errors::kube(&error))
    })
}

/// The HPAs of a cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// The demo's HPA.
    Demo,
    /// Other HPAs.
    Others {
        /// Their namespace, if the user may not list all.
        namespace: Option<String>,
    },
}

/// Reads the demo's HPA, or else looks for any other one: in `namespace`, or in all namespaces and then in the context's own.
///
/// # Errors
/// [`ConnectError`] of [`probe`], if there is no HPA.
pub async fn find(
    cluster: &Cluster,
    namespace: Option<&str>,
    hpa: &str,
    timeout: Duration,
) -> Result<Found, ConnectError> {
    let demo = namespace.unwrap_or(contract::names::NAMESPACE);
    let Err(obstacle) = probe(cluster, demo, hpa, timeout).await else { return Ok(Found::Demo) };
    let own = cluster.client.default_namespace();
    let places = if namespace.is_some() { [namespace, None] } else { [None, Some(own)] };
    for place in places {
        match any(cluster, place, timeout).await {
            Ok(true) => return Ok(Found::Others { namespace: place.map(str::to_owned) }),
            Err(error) if errors::is_forbidden(&error) && namespace.is_none() => {}
            _ => break,
        }
    }
    Err(obstacle)
}

/// Sends a request to a cluster that the user chose.
///
/// # Errors
/// [`ConnectError`] names the obstacle. A missing right to list HPAs is none: a namespace may have the right.
pub async fn reach(cluster: &Cluster, timeout: Duration) -> Result<(), ConnectError> {
    match any(cluster, None, timeout).await {
        Ok(_) => Ok(()),
        Err(error) if errors::is_forbidden(&error) && !errors::is_unauthenticated(&error) => Ok(()),
        Err(error) => Err(ConnectError::of_list(cluster, None, &error)),
    }
}

/// Returns true if a namespace, or the cluster, has an HPA. Without an answer in time it returns false.
async fn any(cluster: &Cluster, namespace: Option<&str>, timeout: Duration) -> Result<bool, kube::Error> {
    let api: Api<HorizontalPodAutoscaler> = match namespace {
        Some(namespace) => Api::namespaced(cluster.client.clone(), namespace),
        None => Api::all(cluster.client.clone()),
    };
    let one = ListParams::default().limit(1);
    match tokio::time::timeout(timeout, api.list(&one)).await {
        Ok(answer) => Ok(!answer?.items.is_empty()),
        Err(_late) => Ok(false),
    }
}

/// The obstacle of a request that no server answered, or whose credentials it rejected. A plugin then runs again for the next
/// client.
async fn failed(cluster: &Cluster, error: &kube::Error) -> ConnectError {
    let context = &cluster.context;
    let cause = errors::kube(error);
    let connection = Connection::of(error);
    let is_closed = matches!(connection, Connection::ClientCertificate | Connection::Closed);
    let is_rejected = errors::is_unauthenticated(error) || is_closed;
    if is_rejected && let Some(plugin) = &cluster.user.plugin {
        plugin.forget().await;
    }
    match cluster.user.expired().filter(|_| is_rejected) {
        Some(expired) => ConnectError::expired_certificate(context, expired),
        None if errors::is_unauthenticated(error) => ConnectError::unauthenticated(context, &cause),
        None => ConnectError::unreachable(cluster, &cause, connection.fix(cluster.proxy.is_some())),
    }
}

/// The missing one of namespace and HPA; the HPA, if namespaces may not be read.
async fn absent(cluster: &Cluster, namespace: &str, hpa: &str, timeout: Duration) -> ConnectError {
    let namespaces: Api<Namespace> = Api::all(cluster.client.clone());
    let answer = tokio::time::timeout(timeout, namespaces.get(namespace)).await;
    if matches!(&answer, Ok(Err(error)) if errors::is_missing(error)) {
        return ConnectError::no_namespace(&cluster.context, namespace);
    }
    ConnectError::no_hpa(&cluster.context, namespace, hpa)
}

#[cfg(test)]
mod tests {
    use kube::Client;

    use super::*;
    use crate::connect::User;

    /// A cluster that answers one path with an object and all other paths with an error.
    fn stub(found: &'static str, otherwise: (u16, &'static str)) -> Cluster {
        let app = axum::Router::new().fallback(async move |uri: axum::http::Uri| {
            let (code, message) = if uri.path() == found { (200, "") } else { otherwise };
            let answer = serde_json::json!({
                "metadata": {"name": "it"},
                "spec": {"maxReplicas": 1, "scaleTargetRef": {"kind": "Deployment", "name": "w"}},
                "status": if code == 200 { serde_json::json!({}) } else { "Failure".into() },
                "code": code, "message": message, "reason": "Reason",
            });
            (axum::http::StatusCode::from_u16(code).unwrap(), axum::Json(answer))
        });
        Cluster {
            client: Client::new(app, "default"),
            context: "here".into(),
            server: "https://far".into(),
            proxy: None,
            user: User::default(),
        }
    }

    #[tokio::test]
    async fn the_missing_part_is_named() {
        const HPA: &str = "/apis/autoscaling/v2/namespaces/demo/horizontalpodautoscalers/scaler";
        const NAMESPACE: &str = "/api/v1/namespaces/demo";
        let probe = async |cluster| probe(&cluster, "demo", "scaler", Duration::from_secs(5)).await;

        assert_eq!(probe(stub(HPA, (500, "no"))).await, Ok(()));
        for (cluster, what, short) in [
            (
                stub(NAMESPACE, (404, "none")),
                "namespace demo in context here has no HPA scaler",
                "no demo found in context here",
            ),
            (stub("", (404, "none")), "context here has no namespace demo", "no demo found in context here"),
            (
                stub("", (403, "User \"u\" cannot\u{1b} get it")),
                "context here may not read HPA scaler in namespace demo: User \"u\" cannot get it (403)",
                "context here may not read the demo",
            ),
            (
                stub("", (401, "Unauthorized")),
                "the API server of context here rejects the kubeconfig's credentials: Unauthorized (401)",
                "context here rejects the credentials",
            ),
            (
                stub("", (500, "etcd is gone")),
                "reading HPA scaler in context here failed: etcd is gone (500)",
                "context here answers with an error",
            ),
        ] {
            let error = probe(cluster).await.unwrap_err();
            assert_eq!((error.what.as_str(), error.short.as_str()), (what, short));
            assert!(!error.advice.is_empty());
        }
    }
}
