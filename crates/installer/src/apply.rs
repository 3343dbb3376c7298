//! Objects of any kind: read, listed, applied (server-side) and deleted.

use std::collections::BTreeMap;
use std::time::Duration;

use kube::Client;
use kube::api::{
    Api, ApiResource, DeleteParams, DynamicObject, ListParams, Patch, PatchParams, PropagationPolicy,
};
use kube::core::GroupVersionKind;
use serde_json::Value;

use super::failure::Failure;
use super::object::Key;
use super::owner;
use cluster::errors;

/// Timeout of one request.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(15);

/// The effect of an apply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Applied {
    /// The object did not exist.
    Created,
    /// The object changed.
    Changed,
    /// The object did not change.
    Unchanged,
}

/// The objects of a cluster, with a cache of their kinds.
#[derive(Clone)]
pub struct Objects {
    client: Client,
    resources: BTreeMap<(String, String), ApiResource>,
}

impl Objects {
    /// The objects that `client` reaches.
    #[must_use]
    pub fn new(client: Client) -> Self {
        Self { client, resources: BTreeMap::new() }
    }

    /// The client.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Returns true if the cluster has the kind.
    ///
    /// # Errors
    /// If discovery fails.
    pub async fn knows(&mut self, key: &Key) -> Result<bool, Failure> {
        Ok(self.resource(key).await?.is_some())
    }

    /// The resource name of a kind; `None` if the cluster does not have the kind.
    ///
    /// # Errors
    /// If discovery fails.
    pub async fn plural(&mut self, key: &Key) -> Result<Option<String>, Failure> {
        Ok(self.resource(key).await?.map(|resource| resource.plural))
    }

    async fn resource(&mut self, key: &Key) -> Result<Option<ApiResource>, Failure> {
        let index = (key.api_version.clone(), key.kind.clone());
        if let Some(known) = self.resources.get(&index) {
            return Ok(Some(known.clone()));
        }
        let (group, version) = key.api_version.split_once('/').unwrap_or(("", &key.api_version));
        let wanted = GroupVersionKind::gvk(group, version, &key.kind);
        let what = format!("reading the kinds of {}", key.api_version);
        let request = kube::discovery::pinned_kind(&self.client, &wanted);
        match tokio::time::timeout(REQUEST_TIMEOUT, request).await {
            Err(_elapsed) => Err(Failure::late(&what, REQUEST_TIMEOUT)),
            Ok(Ok((resource, _))) => {
                self.resources.insert(index, resource.clone());
                Ok(Some(resource))
            }
            Ok(Err(error)) if errors::is_missing(&error) => Ok(None),
            Ok(Err(kube::Error::Discovery(_))) => Ok(None),
            Ok(Err(error)) => Err(Failure::api(&what, &error)),
        }
    }

    async fn api(&mut self, key: &Key) -> Result<Option<Api<DynamicObject>>, Failure> {
        Ok(self.resource(key).await?.map(|resource| match &key.namespace {
            Some(namespace) => Api::namespaced_with(self.client.clone(), namespace, &resource),
            None => Api::all_with(self.client.clone(), &resource),
        }))
    }

    /// The object; `None` if it does not exist.
    ///
    /// # Errors
    /// If it cannot be read.
    pub async fn get(&mut self, key: &Key) -> Result<Option<Value>, Failure> {
        let what = format!("reading {key}");
        match self.ask(key, &what).await? {
            Ok(found) => Ok(found),
            Err(error) => Err(Failure::api(&what, &error)),
        }
    }

    /// As [`Self::get`]; the outer `None` means that the user may not read the object.
    ///
    /// # Errors
    /// If it cannot be read for another reason.
    pub async fn get_if_allowed(&mut self, key: &Key) -> Result<Option<Option<Value>>, Failure> {
        let what = format!("reading {key}");
        match self.ask(key, &what).await? {
            Ok(found) => Ok(Some(found)),
            Err(error) if errors::is_forbidden(&error) => Ok(None),
            Err(error) => Err(Failure::api(&what, &error)),
        }
    }

    async fn ask(&mut self, key: &Key, what: &str) -> Result<Result<Option<Value>, kube::Error>, Failure> {
        let Some(api) = self.api(key).await? else { return Ok(Ok(None)) };
        match tokio::time::timeout(REQUEST_TIMEOUT, api.get_opt(&key.name)).await {
            Err(_elapsed) => Err(Failure::late(what, REQUEST_TIMEOUT)),
            Ok(Err(error)) => Ok(Err(error)),
            Ok(Ok(found)) => Ok(Ok(found.map(|object| value(what, &object)).transpose()?)),
        }
    }

    /// Applies an object; `before` is its previous state.
    ///
    /// # Errors
    /// If the cluster does not have its kind, or refuses it.
    pub async fn apply(&mut self, object: &Value, before: Option<&Value>) -> Result<Applied, Failure> {
        let key = Key::of(object);
        let what = format!("applying {key}");
        let Some(api) = self.api(&key).await? else { return Err(unknown_kind(&key)) };
        // Other writers of our fields lose them: `surge up` promises the chart's state.
        let parameters = PatchParams::apply(owner::SURGE).force();
        let applied = with_timeout(&what, api.patch(&key.name, &parameters, &Patch::Apply(object))).await?;
        let after = value(&what, &applied)?;
        Ok(match before {
            None => Applied::Created,
            Some(before) if content(before, object) == content(&after, object) => Applied::Unchanged,
            Some(_) => Applied::Changed,
        })
    }

    /// Applies an object as a dry run.
    ///
    /// # Errors
    /// If the API server would refuse it.
    pub async fn check_apply(&mut self, object: &Value) -> Result<(), Failure> {
        let key = Key::of(object);
        let what = format!("the API server refuses {key}; the demo was not changed");
        let Some(api) = self.api(&key).await? else { return Err(unknown_kind(&key)) };
        let parameters = PatchParams::apply(owner::SURGE).force().dry_run();
        with_timeout(&what, api.patch(&key.name, &parameters, &Patch::Apply(object))).await.map(|_| ())
    }

    /// Deletes an object and, in the background, its dependents. A missing object is no error.
    ///
    /// # Errors
    /// If the cluster refuses.
    pub async fn delete(&mut self, key: &Key) -> Result<(), Failure> {
        let what = format!("deleting {key}");
        let Some(api) = self.api(key).await? else { return Ok(()) };
        let parameters = DeleteParams {
            propagation_policy: Some(PropagationPolicy::Background),
            ..DeleteParams::default()
        };
        match tokio::time::timeout(REQUEST_TIMEOUT, api.delete(&key.name, &parameters)).await {
            Err(_elapsed) => Err(Failure::late(&what, REQUEST_TIMEOUT)),
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) if errors::is_missing(&error) => Ok(()),
            Ok(Err(error)) => Err(Failure::api(&what, &error)),
        }
    }

    /// The objects of a kind in a namespace (`None`: all namespaces) that match a label selector. The list is empty if the
    /// cluster does not have the kind or the user may not list it.
    ///
    /// # Errors
    /// If there is no answer.
    pub async fn list(&mut self, kind: &Key, selector: &str) -> Result<Vec<Value>, Failure> {
        let what = format!("listing {}s", kind.kind);
        let Some(api) = self.api(kind).await? else { return Ok(Vec::new()) };
        let parameters = ListParams::default().labels(selector);
        let listed = match tokio::time::timeout(REQUEST_TIMEOUT, api.list(&parameters)).await {
            Err(_elapsed) => return Err(Failure::late(&what, REQUEST_TIMEOUT)),
            Ok(Err(error)) if errors::is_missing(&error) || errors::is_forbidden(&error) => {
                return Ok(Vec::new());
            }
            Ok(Err(error)) => return Err(Failure::api(&what, &error)),
            Ok(Ok(listed)) => listed.items,
        };
        let mut objects = Vec::with_capacity(listed.len());
        for object in &listed {
            let mut object = value(&what, object)?;
            // The items of a list lack these two fields.
            object["apiVersion"] = kind.api_version.clone().into();
            object["kind"] = kind.kind.clone().into();
            objects.push(object);
        }
        Ok(objects)
    }
}

/// The object without the fields that controllers and the API server write at any moment. `ours` is the applied object: if it
/// has no replicas, an autoscaler writes them.
fn content(object: &Value, ours: &Value) -> Value {
    let mut object = object.clone();
    let remove = |map: Option<&mut Value>, key: &str| {
        if let Some(map) = map.and_then(Value::as_object_mut) {
            map.remove(key);
        }
    };
    remove(Some(&mut object), "status");
    for key in ["resourceVersion", "managedFields", "generation"] {
        remove(object.pointer_mut("/metadata"), key);
    }
    remove(object.pointer_mut("/metadata/annotations"), "deployment.kubernetes.io/revision");
    if ours.pointer("/spec/replicas").is_none() {
        remove(object.pointer_mut("/spec"), "replicas");
    }
    object
}

/// The failure for an object of a kind that the cluster does not have.
#[must_use]
pub fn unknown_kind(key: &Key) -> Failure {
    let advice = match key.group() {
        "monitoring.coreos.com" => {
            "it is part of the Prometheus Operator: leave out --skip-stack, or install it first"
        }
        "keda.sh" => "it is part of KEDA: leave out --skip-stack, or install KEDA first",
        _ => "list the kinds with: kubectl api-resources",
    };
    Failure::step(format!("the cluster has no kind {} in {}", key.kind, key.api_version), advice)
}

/// A request with a timeout.
///
/// # Errors
/// If it fails or exceeds [`REQUEST_TIMEOUT`].
pub async fn with_timeout<T>(
    what: &str,
    request: impl Future<Output = Result<T, kube::Error>>,
) -> Result<T, Failure> {
    match tokio::time::timeout(REQUEST_TIMEOUT, request).await {
        Err(_elapsed) => Err(Failure::late(what, REQUEST_TIMEOUT)),
        Ok(answer) => answer.map_err(|error| Failure::api(what, &error)),
    }
}

fn value(what: &str, object: &DynamicObject) -> Result<Value, Failure> {
    serde_json::to_value(object).map_err(|error| Failure::step(format!("{what}: {error}"), ""))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn fields_of_controllers_are_no_change() {
        let before = json!({
            "metadata": {"name": "worker", "resourceVersion": "1", "generation": 1, "managedFields": [], "annotations": {}},
            "spec": {"replicas": 1, "paused": false},
        });
        let mut after = before.clone();
        after["status"] = json!({"replicas": 4});
        after["metadata"] = json!({"name": "worker", "resourceVersion": "9", "generation": 2,
                                   "annotations": {"deployment.kubernetes.io/revision": "1"}});
        after["spec"]["replicas"] = 4.into();
        let scaled = json!({"spec": {}});
        assert_eq!(content(&before, &scaled), content(&after, &scaled));
        let fixed = json!({"spec": {"replicas": 1}});
        assert_ne!(content(&before, &fixed), content(&after, &fixed));
        after["spec"]["paused"] = true.into();
        assert_ne!(content(&before, &scaled), content(&after, &scaled));
    }
}
