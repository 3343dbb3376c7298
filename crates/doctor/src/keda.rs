//! KEDA's operator and objects, and the keys of the Secrets that these read, never their values.

use std::collections::BTreeSet;

use futures::future::join_all;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::kube_aggregator::pkg::apis::apiregistration::v1::APIService;
use observed::keda::serves;
use text::command::Command;

use crate::request::{self, Cluster, get, get_one};
use diagnosis::facts::{AuthenticationSpec, CustomObject, Fact, Keda, SecretKeys};

/// Namespace of KEDA's chart and manifests.
const NAMESPACE: &str = "keda";

/// Number of Secrets that are read at most.
const MAX_SECRETS: usize = 8;

/// Reads KEDA's objects.
pub(crate) async fn read(cluster: &Cluster, namespace: &str, registration: &Fact<APIService>) -> Keda {
    const GROUP: &str = "/apis/keda.sh/v1alpha1";
    // Where an adapter serves the API, KEDA may still have objects.
    let registration = registration.get().filter(|registration| serves(registration));
    let service = registration.and_then(|registration| registration.spec.as_ref()?.service.as_ref());
    let at = service.and_then(|service| service.namespace.clone()).unwrap_or_else(|| NAMESPACE.to_owned());
    let all = |kind: &str| get(kind, namespace).flag("-o", "yaml");
    let path = |kind: &str| format!("{GROUP}/namespaces/{namespace}/{kind}");
    let (objects_path, authentications_path) = (path("scaledobjects"), path("triggerauthentications"));
    let cluster_path = format!("{GROUP}/clustertriggerauthentications");
    let operator_path = format!("/apis/apps/v1/namespaces/{at}/deployments/keda-operator");
    let cluster_wide = Command::kubectl(["get", "clustertriggerauthentication", "-o", "yaml"]);
    let (operator, scaled_objects, authentications, cluster_authentications) = tokio::join!(
        request::object::<Deployment>(cluster, get_one("deployment", "keda-operator", &at), &operator_path),
        request::list(cluster, all("scaledobject"), &objects_path),
        request::list(cluster, all("triggerauthentication"), &authentications_path),
        request::list(cluster, cluster_wide, &cluster_path),
    );
    let mut keda = Keda {
        namespace: at,
        operator,
        scaled_objects,
        authentications,
        cluster_authentications,
        secrets: Vec::new(),
    };
    let secrets = secrets(&keda, namespace);
    keda.secrets =
        join_all(secrets.into_iter().map(|(namespace, name)| secret_keys(cluster, namespace, name))).await;
    keda
}

/// Namespace and name of each Secret that an authentication of a ScaledObject reads.
fn secrets(keda: &Keda, namespace: &str) -> Vec<(String, String)> {
    let objects = keda.scaled_objects.all().iter();
    let references = objects
        .flat_map(|object| &object.spec.triggers)
        .filter_map(|trigger| trigger.authentication_ref.as_ref());
    let mut secrets = BTreeSet::new();
    for reference in references {
        let (all, at): (&[CustomObject<AuthenticationSpec>], &str) = match reference.kind.as_deref() {
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

async fn secret_keys(cluster: &Cluster, namespace: String, name: String) -> SecretKeys {
    let path = format!("/api/v1/namespaces/{namespace}/secrets/{name}");
    let command = Command::kubectl(["describe"]).object("secret", &name).namespace(&namespace);
    let secret: Fact<Secret> = request::object(cluster, command, &path).await;
    let keys = secret.map(|secret| secret.data.unwrap_or_default().into_keys().collect());
    SecretKeys { namespace, name, keys }
}
