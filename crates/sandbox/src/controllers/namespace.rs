//! Creates the default service account of each namespace. The API server itself removes namespaces.

use std::sync::Arc;

use k8s_openapi::api::core::v1::ServiceAccount;
use kube::ResourceExt as _;
use kube::api::{Api, ObjectMeta, PostParams};

use crate::cluster::Cluster;
use crate::error::has_code;
use crate::meta;
use crate::queue::{self, Queue};

/// The service account of pods that do not name one.
const DEFAULT_ACCOUNT: &str = "default";

/// Starts the controller.
pub(super) fn start(cluster: &Cluster) {
    let queue = Queue::<String>::new();
    let namespaces = Arc::clone(&queue);
    cluster.namespaces.on_change(move |change| namespaces.add(change.object().name_any()));
    let cluster = cluster.clone();
    cluster.tasks.clone().spawn(queue::process("namespace", queue, move |name| {
        let cluster = cluster.clone();
        async move { create_account(&cluster, &name).await }
    }));
}

async fn create_account(cluster: &Cluster, namespace: &str) -> Result<(), kube::Error> {
    let found = cluster.namespaces.get("", namespace);
    if found.is_none_or(|namespace| meta::is_deleting(&*namespace)) {
        return Ok(());
    }
    let account = ServiceAccount {
        metadata: ObjectMeta {
            name: Some(DEFAULT_ACCOUNT.to_owned()),
            namespace: Some(namespace.to_owned()),
            ..ObjectMeta::default()
        },
        ..ServiceAccount::default()
    };
    let api: Api<ServiceAccount> = Api::namespaced(cluster.client.clone(), namespace);
    match api.create(&PostParams::default(), &account).await {
        // The account exists, or the namespace is being removed.
        Err(error) if [403, 404, 409].iter().any(|&code| has_code(&error, code)) => Ok(()),
        answer => answer.map(|_| ()),
    }
}
