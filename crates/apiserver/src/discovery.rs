//! Discovery: `/api`, `/apis` and below, in the old format (one document for each version) and the aggregated one.

use axum::response::Response;
use http::{HeaderMap, HeaderValue, header};
use serde_json::{Value, json};

use crate::handlers::json_response;
use crate::handlers::reviews::REVIEWS;
use crate::kind::StatusSubresource;
use crate::registry::Resource;
use crate::{AggregatedResource, ApiServer, Status};

const VERBS: [&str; 8] = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];
const SUBRESOURCE_VERBS: [&str; 3] = ["get", "patch", "update"];
const AGGREGATED_V2: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
const AGGREGATED_V2BETA1: &str = "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList";

/// Groups in the order in which clients resolve short names, as in a real cluster.
const GROUP_ORDER: [&str; 18] = [
    "apiregistration.k8s.io",
    "apps",
    "events.k8s.io",
    "authentication.k8s.io",
    "authorization.k8s.io",
    "autoscaling",
    "batch",
    "networking.k8s.io",
    "policy",
    "rbac.authorization.k8s.io",
    "apiextensions.k8s.io",
    "scheduling.k8s.io",
    "coordination.k8s.io",
    "discovery.k8s.io",
    "monitoring.coreos.com",
    "custom.metrics.k8s.io",
    "external.metrics.k8s.io",
    "metrics.k8s.io",
];

/// A resource or subresource.
#[derive(Debug, Clone, PartialEq, Eq)]
struct DiscoveryResource {
    name: String,
    singular: String,
    namespaced: bool,
    /// Group and version of the returned kind, where they differ from those of the resource.
    returns: Option<(&'static str, &'static str)>,
    kind: String,
    verbs: Vec<String>,
    short_names: Vec<String>,
    categories: Vec<String>,
}

fn strings(names: &[&str]) -> Vec<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}

fn resources_of(resource: &Resource) -> Vec<DiscoveryResource> {
    let kind = &resource.kind;
    let plain = DiscoveryResource {
        name: kind.plural.clone(),
        singular: kind.singular.clone(),
        namespaced: kind.is_namespaced(),
        returns: None,
        kind: kind.kind.clone(),
        verbs: strings(&VERBS),
        short_names: kind.short_names.clone(),
        categories: kind.categories.clone(),
    };
    let subresource = |name: &str,
                       returns: Option<(&'static str, &'static str)>,
                       kind: &str,
                       names: &[&str]| DiscoveryResource {
        name: format!("{}/{name}", plain.name),
        singular: String::new(),
        returns,
        kind: kind.to_owned(),
        verbs: strings(names),
        short_names: Vec::new(),
        categories: Vec::new(),
        ..plain.clone()
    };
    let mut all = vec![plain.clone()];
    if kind.group.is_empty() {
        match kind.plural.as_str() {
            "pods" => {
                all.push(subresource("binding", None, "Binding", &["create"]));
                all.push(subresource("eviction", Some(("policy", "v1")), "Eviction", &["create"]));
                all.push(subresource("log", None, "Pod", &["get"]));
                all.push(subresource("portforward", None, "PodPortForwardOptions", &["create", "get"]));
                all.push(subresource(
                    "proxy",
                    None,
                    "PodProxyOptions",
                    &["create", "delete", "get", "patch", "update"],
                ));
            }
            "services" => {
                all.push(subresource(
                    "proxy",
                    None,
                    "ServiceProxyOptions",
                    &["create", "delete", "get", "patch", "update"],
                ));
            }
            "namespaces" => {
                all.push(subresource("finalize", None, "Namespace", &["update"]));
                // Clients cannot delete a collection of namespaces.
                all[0].verbs.retain(|verb| verb != "deletecollection");
            }
            _ => {}
        }
    }
    if kind.scale.is_some() {
        all.push(subresource("scale", Some(("autoscaling", "v1")), "Scale", &SUBRESOURCE_VERBS));
    }
    if kind.status != StatusSubresource::None {
        all.push(subresource("status", None, &kind.kind, &SUBRESOURCE_VERBS));
    }
    all
}

/// The sort key of a version: stable ones before beta and alpha, and then larger numbers first, as in `v2`, `v1`, `v2beta1`.
/// Other names come last.
///
/// Source: `k8s.io/apimachinery/pkg/version.CompareKubeAwareVersionStrings`.
fn version_priority(version: &str) -> (u8, u64, u64, std::cmp::Reverse<&str>) {
    let parse = || {
        let rest = version.strip_prefix('v')?;
        let (major, stage) = rest.split_at(rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len()));
        let (rank, minor) = match stage {
            "" => (3, "0"),
            _ => stage
                .strip_prefix("beta")
                .map(|minor| (2, minor))
                .or_else(|| stage.strip_prefix("alpha").map(|minor| (1, minor)))?,
        };
        Some((rank, major.parse().ok()?, minor.parse().ok()?))
    };
    let (rank, major, minor) = parse().unwrap_or_default();
    (rank, major, minor, std::cmp::Reverse(version))
}

impl DiscoveryResource {
    fn from_aggregated(resource: AggregatedResource) -> Self {
        Self {
            name: resource.plural,
            singular: resource.singular,
            namespaced: resource.namespaced,
            returns: None,
            kind: resource.kind,
            verbs: resource.verbs,
            short_names: Vec::new(),
            categories: Vec::new(),
        }
    }

    fn plain(&self) -> Value {
        let mut out = json!({"name": self.name, "singularName": self.singular, "namespaced": self.namespaced,
                             "kind": self.kind, "verbs": self.verbs});
        if let Some((group, version)) = self.returns {
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

    /// Returns the kind of the response, without group and version where they are those of the resource.
    fn response_kind(&self) -> Value {
        let (group, version) = self.returns.unwrap_or_default();
        json!({"group": group, "version": version, "kind": self.kind})
    }
}

/// A group and version with its resources.
struct ServedVersion {
    group: String,
    version: String,
    resources: Vec<DiscoveryResource>,
}

impl ApiServer {
    async fn served(&self) -> Vec<ServedVersion> {
        let mut aggregated = Vec::new();
        for api in self.aggregated() {
            let resources = (api.resources)().await;
            aggregated.push((api, resources));
        }
        let mut all: Vec<ServedVersion> = Vec::new();
        let mut add = |group: &str, version: &str, resources: Vec<DiscoveryResource>| match all
            .iter_mut()
            .find(|served| served.group == group && served.version == version)
        {
            Some(served) => served.resources.extend(resources),
            None => {
                all.push(ServedVersion { group: group.to_owned(), version: version.to_owned(), resources });
            }
        };
        for resource in self.registry().resources() {
            add(&resource.kind.group, &resource.kind.version, resources_of(resource));
        }
        for review in &REVIEWS {
            let resource = DiscoveryResource {
                name: review.plural.to_owned(),
                singular: review.singular.to_owned(),
                namespaced: false,
                returns: None,
                kind: review.kind.to_owned(),
                verbs: strings(&["create"]),
                short_names: Vec::new(),
                categories: Vec::new(),
            };
            add(review.group, review.version, vec![resource]);
        }
        for (api, resources) in aggregated {
            let resources = resources.into_iter().map(DiscoveryResource::from_aggregated);
            add(&api.group, &api.version, resources.collect());
        }
        for served in &mut all {
            served.resources.sort_by(|a, b| a.name.cmp(&b.name));
        }
        let place =
            |group: &str| GROUP_ORDER.iter().position(|known| *known == group).unwrap_or(GROUP_ORDER.len());
        all.sort_by(|a, b| {
            (place(&a.group), &a.group)
                .cmp(&(place(&b.group), &b.group))
                .then_with(|| version_priority(&b.version).cmp(&version_priority(&a.version)))
        });
        all
    }

    /// Responds to `/api` (`core`) and `/apis`.
    pub(crate) async fn discover(&self, headers: &HeaderMap, core: bool) -> Response {
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
                let list = self.aggregated_discovery(core, version).await;
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
                let groups = self.groups().await;
                json_response(
                    200,
                    json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}).to_string(),
                )
            }
        }
    }

    async fn groups(&self) -> Vec<Value> {
        let mut groups: Vec<Value> = Vec::new();
        for served in self.served().await.iter().filter(|served| !served.group.is_empty()) {
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

    /// Responds to `/apis/GROUP`.
    pub(crate) async fn discover_group(&self, group: &str) -> Option<Response> {
        let mut found = self.groups().await.into_iter().find(|g| g["name"] == group)?;
        found["kind"] = "APIGroup".into();
        found["apiVersion"] = "v1".into();
        Some(json_response(200, found.to_string()))
    }

    /// Responds to `/api/v1` and `/apis/GROUP/VERSION`.
    pub(crate) async fn discover_version(&self, group: &str, version: &str) -> Result<Response, Status> {
        let mut served = self.served().await.into_iter();
        let served = served.find(|served| served.group == group && served.version == version);
        let served = served.ok_or_else(Status::unknown_resource)?;
        let name = if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") };
        let resources: Vec<Value> = served.resources.iter().map(DiscoveryResource::plain).collect();
        let mut list = json!({"kind": "APIResourceList", "groupVersion": name, "resources": resources});
        if !group.is_empty() {
            // The list of the core group has no apiVersion.
            list["apiVersion"] = "v1".into();
        }
        Ok(json_response(200, list.to_string()))
    }

    async fn aggregated_discovery(&self, core: bool, api_version: &str) -> Value {
        let mut groups: Vec<Value> = Vec::new();
        for served in self.served().await.iter().filter(|served| served.group.is_empty() == core) {
            let (plain, parts): (Vec<&DiscoveryResource>, Vec<&DiscoveryResource>) =
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_sorted_by_stability() {
        let mut versions =
            ["v1alpha1", "foo1", "v2beta1", "v1", "v10", "foo10", "v2", "v11beta2", "v3beta1", "v12alpha1"];
        versions.sort_by(|a, b| version_priority(b).cmp(&version_priority(a)));
        assert_eq!(
            versions,
            ["v10", "v2", "v1", "v11beta2", "v3beta1", "v2beta1", "v12alpha1", "v1alpha1", "foo1", "foo10"]
        );
    }
}
