//! The first request to a cluster: is the demo there?

use std::time::Duration;

use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::core::v1::Namespace;
use kube::Api;

use super::{Cluster, ConnectError};
use crate::errors::{self, Connection};

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
        Err(_elapsed) => {
            let cause = format!("no answer within {timeout:?}");
            return Err(ConnectError::unreachable(cluster, &cause, Connection::TimedOut.fix(false)));
        }
    };
    if errors::is_missing(&error) {
        return Err(absent(cluster, namespace, hpa, timeout).await);
    }
    let cause = errors::kube(&error);
    Err(if errors::is_unauthenticated(&error) {
        ConnectError::unauthenticated(context, &cause)
    } else if errors::is_forbidden(&error) {
        ConnectError::forbidden(context, namespace, hpa, &cause)
    } else if errors::is_unreachable(&error) {
        ConnectError::unreachable(cluster, &cause, Connection::of(&error).fix(cluster.proxy.is_some()))
    } else {
        ConnectError::failed(context, hpa, &cause)
    })
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
