//! The ScaledObject behind an HPA of KEDA.

use std::time::Duration;

use kube::Client;
use observed::scaled_object::ScaledObject;
use promfmt::percent;
use serde_json::Value;

use crate::errors::{self, Failure};

/// Limit of one request.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);

/// Reads a ScaledObject once.
///
/// # Errors
/// If the API server does not answer, refuses the request, or has no such object.
pub async fn read(client: &Client, namespace: &str, name: &str) -> Result<ScaledObject, Failure> {
    let what = format!("reading ScaledObject {name}");
    let (namespace, name) = (percent::encode(namespace), percent::encode(name));
    let path = format!("/apis/keda.sh/v1alpha1/namespaces/{namespace}/scaledobjects/{name}");
    let request = http::Request::get(path)
        .body(Vec::new())
        .map_err(|error| Failure::Unavailable(format!("{what}: {error}")))?;
    match tokio::time::timeout(REQUEST_TIMEOUT, client.request::<Value>(request)).await {
        Err(_late) => Err(Failure::Lost(format!("{what}: no answer within {REQUEST_TIMEOUT:?}"))),
        Ok(Err(error)) => Err(errors::failure(&what, &error)),
        Ok(Ok(object)) => Ok(ScaledObject::read(&object)),
    }
}
