//! Namespaces: the service account that pods in each find from the start. Their end is the API server's.

use std::sync::Arc;

use k8s_openapi::api::core::v1::ServiceAccount;
use kube::ResourceExt as _;
use kube::api::{Api, ObjectMeta, PostParams};

use super::pods;
use crate::cluster::Cluster;
use crate::meta;
use crate::queue::{self, Queue};

/// The service account of pods that name none.
const ACCOUNT: &str = "default";

/// Listens and works.
pub(super) fn start(cluster: &Cluster) {
    let queue = Queue::<String>::new();
    let namespaces = Arc::clone(&queue);
    cluster.namespaces.on_change(move |change| namespaces.add(change.object().name_any()));
    let cluster = cluster.clone();
    cluster.tasks.clone().spawn(queue::work("namespace", queue, move |name| {
        let cluster = cluster.clone();
        async move { furnish(&cluster, &name).await }
    }));
}

async fn furnish(cluster: &Cluster, namespace: &str) -> Result<(), kube::Error> {
    let there = cluster.namespaces.get("", namespace);
    if there.is_none_or(|namespace| meta::is_deleting(&*namespace)) {
        return Ok(());
    }
    let account = ServiceAccount {
        metadata: ObjectMeta {
            name: Some(ACCOUNT.to_owned()),
            namespace: Some(namespace.to_owned()),
            ..ObjectMeta::default()
        },
        ..ServiceAccount::default()
    };
    let api: Api<ServiceAccount> = Api::namespaced(cluster.client.clone(), namespace);
    match api.create(&PostParams::default(), &account).await {
        // There already, or the namespace went meanwhile.
        Err(error) if [403, 404, 409].iter().any(|&code| pods::is_code(&error, code)) => Ok(()),
        answer => answer.map(|_| ()),
    }
}
