//! Manifests: parsing YAML, and server-side apply.

use kube::Client;
use kube::api::{Api, ApiResource, DynamicObject, Patch, PatchParams};
use kube::core::GroupVersionKind;
use kube::discovery::Scope;
use serde_json::Value;

use crate::error::Error;

/// Field manager of the objects that the sandbox applies.
const FIELD_MANAGER: &str = "surge";

/// Parses YAML documents into objects. Items of a list become objects of their own; empty documents are skipped.
///
/// # Errors
/// Returns [`Error::Manifest`] when the text is not YAML or a document is not a Kubernetes object.
pub fn parse(text: &str) -> Result<Vec<Value>, Error> {
    let documents: Vec<Value> =
        serde_saphyr::from_multiple(text).map_err(|error| Error::Manifest(error.to_string()))?;
    let mut objects = Vec::new();
    for document in documents {
        if document.is_null() {
            continue;
        }
        match document.get("items").and_then(Value::as_array) {
            Some(items) => objects.extend(items.iter().cloned()),
            None => objects.push(document),
        }
    }
    for object in &objects {
        for field in ["/apiVersion", "/kind", "/metadata/name"] {
            if object.pointer(field).and_then(Value::as_str).is_none_or(str::is_empty) {
                return Err(Error::Manifest(format!("an object has no {}", &field[1..].replace('/', "."))));
            }
        }
    }
    Ok(objects)
}

/// Applies the objects in order. Namespaced objects without a namespace go to `namespace`.
pub(crate) async fn apply(client: &Client, namespace: &str, objects: &[Value]) -> Result<(), Error> {
    let mut kinds = KindCache::default();
    for object in objects {
        let object: DynamicObject = serde_json::from_value(object.clone())
            .map_err(|error| Error::Manifest(format!("not a Kubernetes object: {error}")))?;
        let types = object.types.clone().unwrap_or_default();
        let name = object.metadata.name.clone().unwrap_or_default();
        let operation = format!("applying {} {name}", types.kind);
        let (resource, scope) = kinds
            .find(client, &types.api_version, &types.kind)
            .await
            .map_err(Error::api(operation.clone()))?;
        let api: Api<DynamicObject> = match scope {
            Scope::Cluster => Api::all_with(client.clone(), &resource),
            Scope::Namespaced => {
                let namespace = object.metadata.namespace.as_deref().unwrap_or(namespace);
                Api::namespaced_with(client.clone(), namespace, &resource)
            }
        };
        let parameters = PatchParams::apply(FIELD_MANAGER).force();
        api.patch(&name, &parameters, &Patch::Apply(&object)).await.map_err(Error::api(operation))?;
    }
    Ok(())
}

/// Results of discovery, so that each kind is looked up once.
#[derive(Default)]
struct KindCache(Vec<(GroupVersionKind, ApiResource, Scope)>);

impl KindCache {
    async fn find(
        &mut self,
        client: &Client,
        api_version: &str,
        kind: &str,
    ) -> Result<(ApiResource, Scope), kube::Error> {
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        let wanted = GroupVersionKind::gvk(group, version, kind);
        if let Some((_, resource, scope)) = self.0.iter().find(|(known, ..)| *known == wanted) {
            return Ok((resource.clone(), scope.clone()));
        }
        let (resource, capabilities) = kube::discovery::pinned_kind(client, &wanted).await?;
        self.0.push((wanted, resource.clone(), capabilities.scope.clone()));
        Ok((resource, capabilities.scope))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_and_list_items_become_objects() {
        let text = "
apiVersion: v1
kind: Namespace
metadata: {name: a}
---
# nothing here
---
apiVersion: v1
kind: List
items:
- {apiVersion: v1, kind: Secret, metadata: {name: b}}
- {apiVersion: v1, kind: Secret, metadata: {name: c}}
";
        let names: Vec<String> =
            parse(text).unwrap().iter().map(|o| o["metadata"]["name"].as_str().unwrap().to_owned()).collect();
        assert_eq!(names, ["a", "b", "c"]);
    }

    #[test]
    fn errors_name_the_missing_field() {
        for (text, expected) in [
            ("apiVersion: v1\nkind: Pod\n", "metadata.name"),
            ("kind: Pod\nmetadata: {name: x}\n", "apiVersion"),
            (": :\n- [", "invalid manifest"),
        ] {
            let error = parse(text).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}
