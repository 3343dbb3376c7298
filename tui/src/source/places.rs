//! The places that the dashboard can go to: contexts of the kubeconfig, and namespaces of the cluster.

use std::time::Duration;

use k8s_openapi::api::core::v1::Namespace;
use kube::api::ListParams;
use kube::core::PartialObjectMeta;
use kube::{Api, Client};

use cluster::connect::{self, Cluster, ConnectFlags};
use cluster::errors;
use dashboard::reported::Place;
use text::clean;

/// Limit of one request.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// Limit of the namespaces in the dialog.
const MAX_NAMESPACES: u32 = 500;

/// A cluster that answers, and the flags that lead to it.
pub(super) struct Connected {
    pub(super) cluster: Cluster,
    pub(super) flags: ConnectFlags,
}

/// Connects to a cluster.
///
/// # Errors
/// A sentence with the cause and the fix.
pub(super) async fn connect(flags: ConnectFlags) -> Result<Connected, String> {
    let attempt = async {
        let cluster = connect::load_unattended(&flags).await?;
        connect::reach(&cluster, REQUEST_TIMEOUT).await?;
        Ok(cluster)
    };
    match tokio::time::timeout(2 * REQUEST_TIMEOUT, attempt).await {
        Ok(Ok(cluster)) => Ok(Connected { cluster, flags }),
        Ok(Err(connect::ConnectError { what, advice, .. })) => Err(format!("{what}; {advice}")),
        Err(_late) => Err("the context gave no answer".to_owned()),
    }
}

/// The contexts of the kubeconfig; `current` is the used one.
///
/// # Errors
/// A sentence if the kubeconfig cannot be read.
pub(super) fn contexts(flags: &ConnectFlags, current: Option<&str>) -> Result<Vec<Place>, String> {
    let contexts = connect::contexts(flags).map_err(|error| error.what)?;
    let place = |context: connect::ContextInfo| {
        let name = clean::text(&context.name);
        Place {
            is_current: current == Some(name.as_str()),
            server: clean::text(&context.server),
            name: Some(context.name),
        }
    };
    Ok(contexts.into_iter().map(place).collect())
}

/// The namespaces of the cluster, with all of them as the first place.
///
/// # Errors
/// A sentence if they cannot be listed.
pub(super) async fn namespaces(client: &Client) -> Result<Vec<Place>, String> {
    let api: Api<PartialObjectMeta<Namespace>> = Api::all(client.clone());
    let params = ListParams::default().limit(MAX_NAMESPACES);
    let list = match tokio::time::timeout(REQUEST_TIMEOUT, api.list(&params)).await {
        Err(_late) => return Err(format!("listing the namespaces: no answer within {REQUEST_TIMEOUT:?}")),
        Ok(Err(error)) if errors::is_forbidden(&error) => {
            return Err(format!("{}; start with: surge -n NAME", errors::kube(&error)));
        }
        Ok(Err(error)) => return Err(format!("listing the namespaces: {}", errors::kube(&error))),
        Ok(Ok(list)) => list,
    };
    let place = |name: Option<String>| Place { name, server: String::new(), is_current: false };
    let names = list.items.into_iter().filter_map(|namespace| namespace.metadata.name);
    Ok(std::iter::once(place(None)).chain(names.map(|name| place(Some(clean::text(&name))))).collect())
}
