//! What the server offers: `/api`, `/apis` and below, in the old form (a document a version) and the aggregated one.

use axum::response::Response;
use http::{HeaderMap, HeaderValue, header};
use serde_json::{Value, json};

use crate::handle::call::json_response;
use crate::handle::reviews::REVIEWS;
use crate::kind::StatusPart;
use crate::registry::Row;
use crate::{Aggregated, ApiServer, Status};

const VERBS: [&str; 8] = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];
const PART: [&str; 3] = ["get", "patch", "update"];
const AGGREGATED_V2: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
const AGGREGATED_V2BETA1: &str = "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList";

/// Groups in the order in which clients shall try them for a short name, as in a real cluster.
const ORDER: [&str; 14] = [
    "apiregistration.k8s.io",
    "apps",
    "events.k8s.io",
    "authentication.k8s.io",
    "authorization.k8s.io",
    "autoscaling",
    "networking.k8s.io",
    "policy",
    "rbac.authorization.k8s.io",
    "scheduling.k8s.io",
    "coordination.k8s.io",
    "discovery.k8s.io",
    "monitoring.coreos.com",
    "external.metrics.k8s.io",
];

/// A resource or a part of one.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Resource {
    name: String,
    singular: String,
    namespaced: bool,
    /// Group, version and kind of what is returned, where it is not that of the group.
    of: Option<(&'static str, &'static str)>,
    kind: String,
    verbs: Vec<String>,
    short_names: &'static [&'static str],
    categories: &'static [&'static str],
}

fn verbs(names: &[&str]) -> Vec<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}

fn resources_of(row: &Row) -> Vec<Resource> {
    let kind = &row.kind;
    let plain = Resource {
        name: kind.plural.to_owned(),
        singular: kind.singular.to_owned(),
        namespaced: kind.is_namespaced(),
        of: None,
        kind: kind.kind.to_owned(),
        verbs: verbs(&VERBS),
        short_names: kind.short_names,
        categories: kind.categories,
    };
    let part = |name: &str, of: Option<(&'static str, &'static str)>, kind: &str, names: &[&str]| Resource {
        name: format!("{}/{name}", plain.name),
        singular: String::new(),
        of,
        kind: kind.to_owned(),
        verbs: verbs(names),
        short_names: &[],
        categories: &[],
        ..plain.clone()
    };
    let mut all = vec![plain.clone()];
    if kind.group.is_empty() {
        match kind.plural {
            "pods" => {
                all.push(part("binding", None, "Binding", &["create"]));
                all.push(part("eviction", Some(("policy", "v1")), "Eviction", &["create"]));
                all.push(part("log", None, "Pod", &["get"]));
                all.push(part("portforward", None, "PodPortForwardOptions", &["create", "get"]));
                all.push(part(
                    "proxy",
                    None,
                    "PodProxyOptions",
                    &["create", "delete", "get", "patch", "update"],
                ));
            }
            "services" => {
                all.push(part(
                    "proxy",
                    None,
                    "ServiceProxyOptions",
                    &["create", "delete", "get", "patch", "update"],
                ));
            }
            "namespaces" => {
                all.push(part("finalize", None, "Namespace", &["update"]));
                // A collection of namespaces cannot be deleted.
                all[0].verbs.retain(|verb| verb != "deletecollection");
            }
            _ => {}
        }
    }
    if kind.scale.is_some() {
        all.push(part("scale", Some(("autoscaling", "v1")), "Scale", &PART));
    }
    if kind.status != StatusPart::None {
        all.push(part("status", None, kind.kind, &PART));
    }
    all
}

impl Resource {
    fn of_aggregated(api: &Aggregated) -> Vec<Self> {
        let resource = |r: &crate::AggregatedResource| Self {
            name: r.plural.clone(),
            singular: r.singular.clone(),
            namespaced: r.namespaced,
            of: None,
            kind: r.kind.clone(),
            verbs: r.verbs.clone(),
            short_names: &[],
            categories: &[],
        };
        api.resources.iter().map(resource).collect()
    }

    fn plain(&self) -> Value {
        let mut out = json!({"name": self.name, "singularName": self.singular, "namespaced": self.namespaced,
                             "kind": self.kind, "verbs": self.verbs});
        if let Some((group, version)) = self.of {
            out["group"] = group.into();
            out["version"] = version.into();
        }
        if !self.short_names.is_empty() {
            out["shortNames"] = json!(self.short_names);
        }
        if !self.categories.is_empty() {
            out["categories"] = json!(self.categories);
        }
        out
    }

    /// The kind that is returned; without group and version where they are those of the resource.
    fn response_kind(&self) -> Value {
        let (group, version) = self.of.unwrap_or_default();
        json!({"group": group, "version": version, "kind": self.kind})
    }
}

/// A group and version with its resources.
struct Served {
    group: String,
    version: String,
    resources: Vec<Resource>,
}

impl ApiServer {
    fn served(&self) -> Vec<Served> {
        let mut all: Vec<Served> = Vec::new();
        let mut add = |group: &str, version: &str, resources: Vec<Resource>| match all
            .iter_mut()
            .find(|served| served.group == group && served.version == version)
        {
            Some(served) => served.resources.extend(resources),
            None => all.push(Served { group: group.to_owned(), version: version.to_owned(), resources }),
        };
        for row in self.inner.registry.rows() {
            add(row.kind.group, row.kind.version, resources_of(row));
        }
        for review in &REVIEWS {
            let resource = Resource {
                name: review.plural.to_owned(),
                singular: review.singular.to_owned(),
                namespaced: false,
                of: None,
                kind: review.kind.to_owned(),
                verbs: verbs(&["create"]),
                short_names: &[],
                categories: &[],
            };
            add(review.group, review.version, vec![resource]);
        }
        for api in self.aggregated() {
            add(&api.group, &api.version, Resource::of_aggregated(&api));
        }
        for served in &mut all {
            served.resources.sort_by(|a, b| a.name.cmp(&b.name));
        }
        let place = |group: &str| ORDER.iter().position(|known| *known == group).unwrap_or(ORDER.len());
        all.sort_by(|a, b| {
            (place(&a.group), &a.group)
                .cmp(&(place(&b.group), &b.group))
                .then_with(|| b.version.cmp(&a.version))
        });
        all
    }

    /// `/api` (`core`) and `/apis`.
    pub(crate) fn discover(&self, headers: &HeaderMap, core: bool) -> Response {
        let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let mut offers = accept.split(',').map(|range| range.split_whitespace().collect::<String>());
        let wanted = offers.find_map(|range| {
            let has = |word: &str| range.split(';').any(|part| part == word);
            match () {
                () if !has("as=APIGroupDiscoveryList") => has("application/json").then_some(None),
                () if has("v=v2") => Some(Some(("v2", AGGREGATED_V2))),
                () if has("v=v2beta1") => Some(Some(("v2beta1", AGGREGATED_V2BETA1))),
                () => None,
            }
        });
        match wanted.flatten() {
            Some((version, media)) => {
                let list = self.aggregated_discovery(core, version);
                let mut response = json_response(200, list.to_string());
                response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(media));
                response.headers_mut().insert(header::VARY, HeaderValue::from_static("Accept"));
                response
            }
            None if core => json_response(
                200,
                json!({"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []})
                    .to_string(),
            ),
            None => {
                let groups = self.groups();
                json_response(
                    200,
                    json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}).to_string(),
                )
            }
        }
    }

    fn groups(&self) -> Vec<Value> {
        let mut groups: Vec<Value> = Vec::new();
        for served in self.served().iter().filter(|served| !served.group.is_empty()) {
            let version = json!({"groupVersion": format!("{}/{}", served.group, served.version), "version": served.version});
            match groups.iter_mut().find(|group| group["name"] == served.group.as_str()) {
                Some(group) => {
                    if let Some(versions) = group["versions"].as_array_mut() {
                        versions.push(version);
                    }
                }
                None => groups.push(
                    json!({"name": served.group, "versions": [version.clone()], "preferredVersion": version}),
                ),
            }
        }
        groups
    }

    /// `/apis/GROUP`.
    pub(crate) fn discover_group(&self, group: &str) -> Option<Response> {
        let mut found = self.groups().into_iter().find(|g| g["name"] == group)?;
        found["kind"] = "APIGroup".into();
        found["apiVersion"] = "v1".into();
        Some(json_response(200, found.to_string()))
    }

    /// `/api/v1` and `/apis/GROUP/VERSION`.
    pub(crate) fn discover_version(&self, group: &str, version: &str) -> Result<Response, Status> {
        let served =
            self.served().into_iter().find(|served| served.group == group && served.version == version);
        let served = served.ok_or_else(Status::unknown_resource)?;
        let name = if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") };
        let resources: Vec<Value> = served.resources.iter().map(Resource::plain).collect();
        let mut list = json!({"kind": "APIResourceList", "groupVersion": name, "resources": resources});
        if !group.is_empty() {
            // The core group's list has never borne one.
            list["apiVersion"] = "v1".into();
        }
        Ok(json_response(200, list.to_string()))
    }

    fn aggregated_discovery(&self, core: bool, api_version: &str) -> Value {
        let mut groups: Vec<Value> = Vec::new();
        for served in self.served().iter().filter(|served| served.group.is_empty() == core) {
            let (plain, parts): (Vec<&Resource>, Vec<&Resource>) =
                served.resources.iter().partition(|resource| !resource.name.contains('/'));
            let shown = plain.iter().map(|resource| {
                let mut out = json!({
                    "resource": resource.name,
                    "responseKind": resource.response_kind(),
                    "scope": if resource.namespaced { "Namespaced" } else { "Cluster" },
                    "singularResource": resource.singular,
                    "verbs": resource.verbs,
                });
                if !resource.short_names.is_empty() {
                    out["shortNames"] = json!(resource.short_names);
                }
                if !resource.categories.is_empty() {
                    out["categories"] = json!(resource.categories);
                }
                let prefix = format!("{}/", resource.name);
                let own: Vec<Value> = parts
                    .iter()
                    .filter_map(|part| {
                        let name = part.name.strip_prefix(&prefix)?;
                        Some(json!({"subresource": name, "verbs": part.verbs,
                                    "responseKind": part.response_kind()}))
                    })
                    .collect();
                if !own.is_empty() {
                    out["subresources"] = own.into();
                }
                out
            });
            let version = json!({"version": served.version, "freshness": "Current", "resources": shown.collect::<Vec<_>>()});
            match groups
                .iter_mut()
                .find(|group| group["metadata"]["name"].as_str().unwrap_or_default() == served.group)
            {
                Some(group) => {
                    if let Some(versions) = group["versions"].as_array_mut() {
                        versions.push(version);
                    }
                }
                None if core => groups.push(json!({"metadata": {}, "versions": [version]})),
                None => groups.push(json!({"metadata": {"name": served.group}, "versions": [version]})),
            }
        }
        json!({"kind": "APIGroupDiscoveryList", "apiVersion": format!("apidiscovery.k8s.io/{api_version}"), "metadata": {}, "items": groups})
    }
}
