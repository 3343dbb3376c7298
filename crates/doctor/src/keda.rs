//! KEDA's operator and objects, and of the Secrets that these read the names of the keys, never what is in them.

use std::collections::BTreeSet;

use contract::names;
use futures::future::join_all;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::kube_aggregator::pkg::apis::apiregistration::v1::APIService;
use kube::Client;

use super::ask;
use diagnosis::facts::{AuthenticationSpec, Custom, Fact, Keda, SecretKeys};

/// Namespace of KEDA's chart and of its manifests.
const NAMESPACE: &str = "keda";

/// Secrets that are looked at, at most.
const MAX_SECRETS: usize = 8;

/// Reads everything of KEDA; `service` is who serves external metrics.
pub(super) async fn look(client: &Client, namespace: &str, service: &Fact<APIService>) -> Keda {
    const GROUP: &str = "/apis/keda.sh/v1alpha1";
    let at = service.get().and_then(|service| service.spec.as_ref()?.service.as_ref()?.namespace.clone());
    // Where an adapter serves them, KEDA may still have left its objects.
    let at = at.filter(|at| at != names::MONITORING).unwrap_or_else(|| NAMESPACE.to_owned());
    let how = |kind: &str| format!("kubectl get {kind} -n {namespace} -o yaml");
    let path = |kind: &str| format!("{GROUP}/namespaces/{namespace}/{kind}");
    let (objects_path, authentications_path) = (path("scaledobjects"), path("triggerauthentications"));
    let cluster_path = format!("{GROUP}/clustertriggerauthentications");
    let operator_path = format!("/apis/apps/v1/namespaces/{at}/deployments/keda-operator");
    let operator_how = format!("kubectl get deployment keda-operator -n {at}");
    let (operator, scaled_objects, authentications, cluster_authentications) = tokio::join!(
        ask::object::<Deployment>(client, operator_how, &operator_path),
        ask::list(client, how("scaledobject"), &objects_path),
        ask::list(client, how("triggerauthentication"), &authentications_path),
        ask::list(client, "kubectl get clustertriggerauthentication -o yaml".to_owned(), &cluster_path),
    );
    let mut keda = Keda {
        namespace: at,
        operator,
        scaled_objects,
        authentications,
        cluster_authentications,
        secrets: Vec::new(),
    };
    let wanted = wanted(&keda, namespace);
    keda.secrets =
        join_all(wanted.into_iter().map(|(namespace, name)| secret(client, namespace, name))).await;
    keda
}

/// Namespace and name of each Secret that is read by an authentication which a ScaledObject names.
fn wanted(keda: &Keda, namespace: &str) -> Vec<(String, String)> {
    let objects = keda.scaled_objects.all().iter();
    let references = objects
        .flat_map(|object| &object.spec.triggers)
        .filter_map(|trigger| trigger.authentication_ref.as_ref());
    let mut secrets = BTreeSet::new();
    for reference in references {
        let (all, at): (&[Custom<AuthenticationSpec>], &str) = match reference.kind.as_deref() {
            Some("ClusterTriggerAuthentication") => (keda.cluster_authentications.all(), &keda.namespace),
            _ => (keda.authentications.all(), namespace),
        };
        for found in all.iter().filter(|candidate| candidate.name() == reference.name) {
            let names =
                found.spec.secret_target_ref.iter().map(|secret| (at.to_owned(), secret.name.clone()));
            secrets.extend(names);
        }
    }
    secrets.into_iter().take(MAX_SECRETS).collect()
}

async fn secret(client: &Client, namespace: String, name: String) -> SecretKeys {
    let path = format!("/api/v1/namespaces/{namespace}/secrets/{name}");
    let how = format!("kubectl describe secret {name} -n {namespace}");
    let secret: Fact<Secret> = ask::object(client, how, &path).await;
    let keys = secret.map(|secret| secret.data.unwrap_or_default().into_keys().collect());
    SecretKeys { namespace, name, keys }
}
