//! The scale subresource of an HPA's target, of any kind.

use std::time::Duration;

use hpa::Scale;
use hpa::spec::TargetRef;
use k8s_openapi::api::autoscaling::v1::Scale as ApiScale;
use kube::core::GroupVersionKind;
use kube::discovery::{self, ApiResource};
use kube::{Client, Error};
use promfmt::percent;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::errors::{self, Failure};

/// Limit of one request.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);

/// The target of an HPA: its kind is looked up once.
pub struct Target {
    client: Client,
    path: String,
    what: String,
}

impl Target {
    /// Finds the resource of the target's kind.
    ///
    /// # Errors
    /// If the cluster does not serve the kind, or does not answer.
    pub async fn find(client: &Client, namespace: &str, target: &TargetRef) -> Result<Self, Failure> {
        let TargetRef { api_version, kind, name } = target;
        let version = api_version.as_deref().unwrap_or("v1");
        let what = format!("reading {kind} {name} of {version}");
        let (group, version) = version.split_once('/').unwrap_or(("", version));
        let kind = GroupVersionKind::gvk(group, version, kind);
        let found = within(&what, discovery::pinned_kind(client, &kind)).await?;
        let (ApiResource { plural, .. }, _) = found;
        let root =
            if group.is_empty() { format!("/api/{version}") } else { format!("/apis/{group}/{version}") };
        let (namespace, name) = (percent::encode(namespace), percent::encode(name));
        let path = format!("{root}/namespaces/{namespace}/{plural}/{name}");
        Ok(Self { client: client.clone(), path, what })
    }

    /// Reads the scale; `None` if the target does not exist.
    ///
    /// # Errors
    /// If the API server does not answer, or the kind has no scale subresource.
    pub async fn scale(&self) -> Result<Option<Scale>, Failure> {
        let scale = self.get::<ApiScale>(&format!("{}/scale", self.path)).await?;
        Ok(scale.as_ref().map(Into::into))
    }

    /// Reads the object itself; `None` if it does not exist.
    ///
    /// # Errors
    /// If the API server does not answer or refuses the request.
    pub async fn object(&self) -> Result<Option<Value>, Failure> {
        self.get(&self.path).await
    }

    async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<Option<T>, Failure> {
        let request = http::Request::get(path)
            .body(Vec::new())
            .map_err(|error| Failure::Unavailable(format!("{}: {error}", self.what)))?;
        match tokio::time::timeout(REQUEST_TIMEOUT, self.client.request::<T>(request)).await {
            Err(_late) => Err(late(&self.what)),
            Ok(Err(error)) if errors::is_missing(&error) => Ok(None),
            Ok(Err(error)) => Err(errors::failure(&self.what, &error)),
            Ok(Ok(found)) => Ok(Some(found)),
        }
    }
}

fn late(what: &str) -> Failure {
    Failure::Lost(format!("{what}: no answer within {REQUEST_TIMEOUT:?}"))
}

async fn within<T>(what: &str, asked: impl Future<Output = Result<T, Error>>) -> Result<T, Failure> {
    match tokio::time::timeout(REQUEST_TIMEOUT, asked).await {
        Err(_late) => Err(late(what)),
        Ok(found) => found.map_err(|error| errors::failure(what, &error)),
    }
}
