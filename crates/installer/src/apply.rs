//! Objects to the API by server-side apply, and from it: one at a time, in order, with a sentence for what goes wrong.

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

/// How long one request may take.
pub const WITHIN: Duration = Duration::from_secs(15);

/// What an apply did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Applied {
    /// It was not there.
    Created,
    /// It was changed.
    Changed,
    /// It was as it should be.
    Unchanged,
}

/// The cluster as a store of objects of any kind.
#[derive(Clone)]
pub struct Objects {
    client: Client,
    resources: BTreeMap<(String, String), ApiResource>,
}

impl Objects {
    /// The objects behind `client`.
    #[must_use]
    pub fn new(client: Client) -> Self {
        Self { client, resources: BTreeMap::new() }
    }

    /// The client.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Whether the cluster knows the kind.
    ///
    /// # Errors
    /// When it cannot be asked.
    pub async fn knows(&mut self, key: &Key) -> Result<bool, Failure> {
        Ok(self.resource(key).await?.is_some())
    }

    /// The resource name of a kind in paths, where the cluster knows the kind.
    ///
    /// # Errors
    /// When it cannot be asked.
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
        let what = format!("asking which kinds {} has", key.api_version);
        let asking = kube::discovery::pinned_kind(&self.client, &wanted);
        match tokio::time::timeout(WITHIN, asking).await {
            Err(_late) => Err(Failure::late(&what, WITHIN)),
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

    /// The object, if there is one.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn get(&mut self, key: &Key) -> Result<Option<Value>, Failure> {
        let what = format!("reading {key}");
        match self.ask(key, &what).await? {
            Ok(found) => Ok(found),
            Err(error) => Err(Failure::api(&what, &error)),
        }
    }

    /// As [`Self::get`], with `None` where it may not be read.
    ///
    /// # Errors
    /// When it cannot be read for another reason.
    pub async fn peek(&mut self, key: &Key) -> Result<Option<Option<Value>>, Failure> {
        let what = format!("reading {key}");
        match self.ask(key, &what).await? {
            Ok(found) => Ok(Some(found)),
            Err(error) if errors::is_forbidden(&error) => Ok(None),
            Err(error) => Err(Failure::api(&what, &error)),
        }
    }

    async fn ask(&mut self, key: &Key, what: &str) -> Result<Result<Option<Value>, kube::Error>, Failure> {
        let Some(api) = self.api(key).await? else { return Ok(Ok(None)) };
        match tokio::time::timeout(WITHIN, api.get_opt(&key.name)).await {
            Err(_late) => Err(Failure::late(what, WITHIN)),
            Ok(Err(error)) => Ok(Err(error)),
            Ok(Ok(found)) => Ok(Ok(found.map(|object| value(what, &object)).transpose()?)),
        }
    }

    /// Applies an object; `before` is what was there under its key, if anything was.
    ///
    /// # Errors
    /// When the cluster does not know its kind, or refuses.
    pub async fn apply(&mut self, object: &Value, before: Option<&Value>) -> Result<Applied, Failure> {
        let key = Key::of(object);
        let what = format!("applying {key}");
        let Some(api) = self.api(&key).await? else { return Err(unknown(&key)) };
        // Whoever else wrote to our fields did it by hand: what the chart says is what `up` promises.
        let parameters = PatchParams::apply(owner::SURGE).force();
        let applied = within(&what, api.patch(&key.name, &parameters, &Patch::Apply(object))).await?;
        let after = value(&what, &applied)?;
        Ok(match before {
            None => Applied::Created,
            Some(before) if content(before, object) == content(&after, object) => Applied::Unchanged,
            Some(_) => Applied::Changed,
        })
    }

    /// Lets the API server judge what applying the object would come to, without effect.
    ///
    /// # Errors
    /// When it would refuse.
    pub async fn try_apply(&mut self, object: &Value) -> Result<(), Failure> {
        let key = Key::of(object);
        let what = format!("{key} would be refused, and nothing of the demo was changed");
        let Some(api) = self.api(&key).await? else { return Err(unknown(&key)) };
        let parameters = PatchParams::apply(owner::SURGE).force().dry_run();
        within(&what, api.patch(&key.name, &parameters, &Patch::Apply(object))).await.map(|_| ())
    }

    /// Asks for the removal of an object and, where it has finalizers or pods, of what hangs on it. What is gone already is
    /// fine.
    ///
    /// # Errors
    /// When the cluster refuses.
    pub async fn delete(&mut self, key: &Key) -> Result<(), Failure> {
        let what = format!("removing {key}");
        let Some(api) = self.api(key).await? else { return Ok(()) };
        let parameters = DeleteParams {
            propagation_policy: Some(PropagationPolicy::Background),
            ..DeleteParams::default()
        };
        match tokio::time::timeout(WITHIN, api.delete(&key.name, &parameters)).await {
            Err(_late) => Err(Failure::late(&what, WITHIN)),
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) if errors::is_missing(&error) => Ok(()),
            Ok(Err(error)) => Err(Failure::api(&what, &error)),
        }
    }

    /// The objects of a kind in a namespace (`None`: in all of them) that match a label selector. None, where the cluster does
    /// not know the kind or does not let us list it.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn list(&mut self, kind: &Key, selector: &str) -> Result<Vec<Value>, Failure> {
        let what = format!("listing {}s", kind.kind);
        let Some(api) = self.api(kind).await? else { return Ok(Vec::new()) };
        let parameters = ListParams::default().labels(selector);
        let listed = match tokio::time::timeout(WITHIN, api.list(&parameters)).await {
            Err(_late) => return Err(Failure::late(&what, WITHIN)),
            Ok(Err(error)) if errors::is_missing(&error) || errors::is_forbidden(&error) => {
                return Ok(Vec::new());
            }
            Ok(Err(error)) => return Err(Failure::api(&what, &error)),
            Ok(Ok(listed)) => listed.items,
        };
        let mut objects = Vec::with_capacity(listed.len());
        for object in &listed {
            let mut object = value(&what, object)?;
            // Lists leave out what all their items have in common.
            object["apiVersion"] = kind.api_version.clone().into();
            object["kind"] = kind.kind.clone().into();
            objects.push(object);
        }
        Ok(objects)
    }
}

/// What of an object changes only when somebody changes it: without what controllers and the API server write at any moment.
/// `ours` says whether the number of replicas is ours to say, or an autoscaler's.
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

/// The refusal of an object whose kind the cluster does not know.
#[must_use]
pub fn unknown(key: &Key) -> Failure {
    let advice = match key.group() {
        "monitoring.coreos.com" => {
            "it comes with the Prometheus Operator: run up without --skip-stack, or install it first"
        }
        "keda.sh" => "it comes with KEDA: run up without --skip-stack, or install KEDA first",
        _ => "see: kubectl api-resources",
    };
    Failure::step(format!("the cluster knows no kind {} in {}", key.kind, key.api_version), advice)
}

async fn within<T>(what: &str, asking: impl Future<Output = Result<T, kube::Error>>) -> Result<T, Failure> {
    match tokio::time::timeout(WITHIN, asking).await {
        Err(_late) => Err(Failure::late(what, WITHIN)),
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
    fn what_others_write_at_any_moment_is_no_change() {
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
