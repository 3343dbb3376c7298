//! OpenAPI documents from the schema, for `kubectl apply`, `explain` and `--validate`.

mod proto;
mod v2;

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::body::Body;
use axum::response::Response;
use http::{HeaderValue, header};
use serde_json::{Map, Value, json};

use crate::registry::Resource;
use crate::schema::{self, Items, Merge, Shape, Type, descriptions};
use crate::{ApiServer, Kind, Status};

impl ApiServer {
    /// Returns `/openapi/v3`.
    pub(crate) fn openapi_index(&self) -> Value {
        let mut paths = Map::new();
        for resource in self.registry().resources() {
            let path = group_path(&resource.kind.group, &resource.kind.version);
            // kubectl caches a document by its hash, and a definition can change the document of a custom kind.
            let hash = match resource.kind.is_custom() {
                true => format!("{}-{}", self.inner.config.version.git_version, self.inner.storage.version()),
                false => self.inner.config.version.git_version.clone(),
            };
            let url = format!("/openapi/v3/{path}?hash={hash}");
            paths.insert(path, json!({"serverRelativeURL": url}));
        }
        json!({"paths": paths})
    }

    /// Returns `/openapi/v3/api/v1` and `/openapi/v3/apis/GROUP/VERSION`.
    pub(crate) fn openapi_document(&self, group: &str, version: &str) -> Result<Value, Status> {
        let registry = self.registry();
        if !registry.has_group_version(group, version) {
            return Err(Status::unknown_resource());
        }
        let is_wanted =
            |resource: &&Arc<Resource>| resource.kind.group == group && resource.kind.version == version;
        let document = Document::new(registry.resources().iter().filter(is_wanted));
        Ok(json!({"openapi": "3.0.0", "info": self.openapi_info(), "paths": document.paths,
                  "components": {"schemas": document.schemas}}))
    }

    fn openapi_info(&self) -> Value {
        json!({"title": "Kubernetes", "version": self.inner.config.version.git_version})
    }

    /// Responds to `/openapi/v2` in JSON or protobuf. `None` when the client accepts neither.
    pub(crate) fn openapi_v2(&self, accept: &str) -> Option<Response> {
        const JSON: &str = "application/json";
        const PROTOBUF: &str = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";
        // The name that kubectl sends.
        const OLD_PROTOBUF: &str = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf";
        let ranges = accept.split(',').map(|range| range.split(';').next().unwrap_or_default().trim());
        let media = ranges.into_iter().find_map(|range| match range {
            JSON | "*/*" | "application/*" | "" => Some(JSON),
            PROTOBUF | OLD_PROTOBUF => Some(PROTOBUF),
            _ => None,
        })?;
        let Document { paths, schemas, .. } = Document::new(self.registry().resources());
        let document = v2::document(&self.openapi_info(), paths, schemas);
        let body = if media == JSON { document.to_string().into_bytes() } else { proto::encode(&document) };
        let mut response = Response::new(Body::from(body));
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(media));
        Some(response)
    }
}

fn group_path(group: &str, version: &str) -> String {
    if group.is_empty() { format!("api/{version}") } else { format!("apis/{group}/{version}") }
}

/// Returns the name of a type in the documents of Kubernetes.
fn type_name(name: &str) -> String {
    match name.split_once('.') {
        Some(("meta", rest)) => format!("io.k8s.apimachinery.pkg.apis.meta.{rest}"),
        Some(("apiregistration", rest)) => format!("io.k8s.kube-aggregator.pkg.apis.apiregistration.{rest}"),
        _ => format!("io.k8s.api.{name}"),
    }
}

fn custom_name(kind: &Kind) -> String {
    let reversed: Vec<&str> = kind.group.split('.').rev().collect();
    format!("{}.{}.{}", reversed.join("."), kind.version, kind.kind)
}

#[derive(Default)]
struct Document {
    paths: Map<String, Value>,
    schemas: Map<String, Value>,
    done: BTreeSet<&'static str>,
}

impl Document {
    fn new<'a>(resources: impl IntoIterator<Item = &'a Arc<Resource>>) -> Self {
        let mut document = Self::default();
        resources.into_iter().for_each(|resource| document.add(resource));
        document
    }

    fn add(&mut self, resource: &Resource) {
        let kind = &resource.kind;
        let identity = json!({"group": kind.group, "kind": kind.kind, "version": kind.version});
        let name = if kind.is_custom() {
            let name = custom_name(kind);
            self.add_type("meta.v1.ObjectMeta");
            let metadata = json!({"allOf": [reference("meta.v1.ObjectMeta")]});
            let mut schema = match &kind.openapi {
                Some(schema) => Value::clone(schema),
                None => json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true}),
            };
            schema["properties"]["apiVersion"] = json!({"type": "string"});
            schema["properties"]["kind"] = json!({"type": "string"});
            schema["properties"]["metadata"] = metadata;
            self.schemas.insert(name.clone(), schema);
            name
        } else {
            self.add_type(kind.schema);
            type_name(kind.schema)
        };
        if let Some(schema) = self.schemas.get_mut(&name) {
            schema["x-kubernetes-group-version-kind"] = json!([identity.clone()]);
        }
        self.add_paths(resource, &identity, &json!({"$ref": format!("#/components/schemas/{name}")}));
    }

    fn add_paths(&mut self, resource: &Resource, identity: &Value, schema: &Value) {
        let kind = &resource.kind;
        let root = group_path(&kind.group, &kind.version);
        let namespaced = if kind.is_namespaced() { "/namespaces/{namespace}" } else { "" };
        let collection = format!("/{root}{namespaced}/{}", kind.plural);
        let text = |name: &str| json!({"name": name, "in": "query", "schema": {"type": "string", "uniqueItems": true}});
        let body = |media: &[&str]| {
            let content: Map<String, Value> =
                media.iter().map(|media| ((*media).to_owned(), json!({"schema": schema}))).collect();
            json!({"content": content})
        };
        let operation = |action: &str, parameters: &[&str], media: &[&str]| {
            let mut out = json!({
                "tags": [root.replace('/', "_")],
                "parameters": parameters.iter().map(|name| text(name)).collect::<Vec<_>>(),
                "responses": {"200": {"description": "OK", "content": {"application/json": {"schema": schema}}}},
                "x-kubernetes-action": action,
                "x-kubernetes-group-version-kind": identity,
            });
            if !media.is_empty() {
                out["requestBody"] = body(media);
            }
            out
        };
        let write = ["dryRun", "fieldManager", "fieldValidation"];
        let strategic: &[&str] =
            if kind.is_custom() { &[] } else { &["application/strategic-merge-patch+json"] };
        let patches = [
            &["application/apply-patch+yaml", "application/json-patch+json", "application/merge-patch+json"],
            strategic,
        ]
        .concat();
        if kind.is_namespaced() {
            // The list of all namespaces, where kubectl explain also looks for the kind.
            self.paths
                .insert(format!("/{root}/{}", kind.plural), json!({"get": operation("list", &[], &[])}));
        }
        self.paths.insert(collection.clone(), json!({
            "get": operation("list", &["labelSelector", "fieldSelector", "limit", "continue", "resourceVersion", "watch"], &[]),
            "post": operation("post", &write, &["application/json"]),
        }));
        self.paths.insert(format!("{collection}/{{name}}"), json!({
            "get": operation("get", &[], &[]),
            "put": operation("put", &write, &["application/json"]),
            "patch": operation("patch", &["dryRun", "fieldManager", "fieldValidation", "force"], &patches),
            "delete": operation("delete", &["dryRun", "gracePeriodSeconds", "propagationPolicy"], &[]),
        }));
    }

    /// Adds a type and all types that it refers to.
    fn add_type(&mut self, name: &'static str) {
        let Some(ty) = schema::lookup(name) else { return };
        if !self.done.insert(name) {
            return;
        }
        let mut properties = Map::new();
        let mut required = Vec::new();
        for (&field, shape) in &ty.fields {
            if shape.required {
                required.push(field);
            }
            let mut property = self.shape(shape);
            if let Some(text) = descriptions::of_field(name, field) {
                property["description"] = text.into();
            }
            properties.insert(field.to_owned(), property);
        }
        let mut out = json!({"type": "object", "properties": properties});
        if let Some(text) = descriptions::of_type(name) {
            out["description"] = text.into();
        }
        if !required.is_empty() {
            out["required"] = json!(required);
        }
        if ty.atomic {
            out["x-kubernetes-map-type"] = "atomic".into();
        }
        self.schemas.insert(type_name(name), out);
    }

    fn shape(&mut self, shape: &'static Shape) -> Value {
        let mut out = match &shape.ty {
            Type::String => json!({"type": "string"}),
            Type::Time | Type::MicroTime => json!({"type": "string", "format": "date-time"}),
            Type::Bytes => json!({"type": "string", "format": "byte"}),
            Type::Bool => json!({"type": "boolean"}),
            Type::Int32 => json!({"type": "integer", "format": "int32"}),
            Type::Int64 => json!({"type": "integer", "format": "int64"}),
            Type::Float => json!({"type": "number", "format": "double"}),
            Type::Quantity => json!({"oneOf": [{"type": "string"}, {"type": "number"}]}),
            Type::IntOrString => {
                json!({"format": "int-or-string", "oneOf": [{"type": "integer"}, {"type": "string"}]})
            }
            Type::Any => json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true}),
            Type::Struct(name) => {
                self.add_type(name);
                json!({"allOf": [reference(name)]})
            }
            Type::List(item) => json!({"type": "array", "items": self.shape(item)}),
            Type::Map(item) => json!({"type": "object", "additionalProperties": self.shape(item)}),
        };
        if let Type::List(_) = shape.ty {
            match &shape.items {
                Items::Atomic => out["x-kubernetes-list-type"] = "atomic".into(),
                Items::Set => out["x-kubernetes-list-type"] = "set".into(),
                Items::Keyed(keys) => {
                    out["x-kubernetes-list-type"] = "map".into();
                    out["x-kubernetes-list-map-keys"] = json!(keys);
                }
            }
        }
        match shape.merge {
            Merge::Replace => {}
            Merge::Scalars => out["x-kubernetes-patch-strategy"] = "merge".into(),
            Merge::By(key) => {
                out["x-kubernetes-patch-strategy"] = "merge".into();
                out["x-kubernetes-patch-merge-key"] = key.into();
            }
        }
        if shape.atomic && matches!(shape.ty, Type::Map(_)) {
            out["x-kubernetes-map-type"] = "atomic".into();
        }
        if let Some(default) = &shape.default {
            out["default"] = default.clone();
        }
        out
    }
}

fn reference(name: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{}", type_name(name))})
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Config;

    #[test]
    fn documents_refer_only_to_their_own_schemas() {
        let server = ApiServer::new(Config::default());
        for path in ["/api/v1", "apps/v1", "autoscaling/v2", "monitoring.coreos.com/v1"] {
            let (group, version) = path.rsplit_once('/').unwrap();
            let group = group.trim_start_matches("/api");
            let document = server.openapi_document(group, version).unwrap();
            let text = document.to_string();
            for part in text.split("#/components/schemas/").skip(1) {
                let name = part.split('"').next().unwrap();
                assert!(document["components"]["schemas"][name].is_object(), "{path}: {name}");
            }
        }
        let apps = server.openapi_document("apps", "v1").unwrap();
        let patch = &apps["paths"]["/apis/apps/v1/namespaces/{namespace}/deployments/{name}"]["patch"];
        assert_eq!(
            patch["x-kubernetes-group-version-kind"],
            json!({"group": "apps", "kind": "Deployment", "version": "v1"})
        );
        assert!(server.openapi_document("nothing", "v1").is_err());
    }
}
