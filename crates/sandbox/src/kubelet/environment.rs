//! The environment and command line of a container: from its spec, Secrets, ConfigMaps, its pod and Services.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{ConfigMap, Container, EnvVarSource, Pod, Secret};
use kube::api::Api;
use kube::{Client, ResourceExt as _};

use super::expand::expand;

/// What the node knows that a pod's own fields do not say.
pub(super) struct Given<'a> {
    /// Variables of the Services.
    pub(super) services: &'a [(String, String)],
    /// Address of the pod.
    pub(super) pod_ip: &'a str,
    /// Kubeconfig that stands for a mounted token.
    pub(super) kubeconfig: &'a str,
}

/// What a container is started with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Prepared {
    /// In order; later ones win.
    pub(super) env: Vec<(String, String)>,
    /// `command`, expanded; empty when the image's own is meant.
    pub(super) command: Vec<String>,
    /// `args`, expanded.
    pub(super) args: Vec<String>,
}

/// Resolves everything; an error is a sentence for `CreateContainerConfigError`.
pub(super) async fn prepare(
    client: &Client,
    pod: &Pod,
    container: &Container,
    given: &Given<'_>,
) -> Result<Prepared, String> {
    let mut sources =
        Sources { client, namespace: pod.namespace().unwrap_or_default(), known: BTreeMap::new() };
    let mut own: Vec<(String, String)> = Vec::new();
    for from in container.env_from.iter().flatten() {
        let prefix = from.prefix.as_deref().unwrap_or_default();
        let (kind, name, optional) = match (&from.config_map_ref, &from.secret_ref) {
            (Some(map), _) => (Kind::ConfigMap, &map.name, map.optional),
            (None, Some(secret)) => (Kind::Secret, &secret.name, secret.optional),
            (None, None) => continue,
        };
        match sources.get(kind, name).await? {
            Some(data) => {
                for (key, value) in data.clone() {
                    set(&mut own, format!("{prefix}{key}"), value);
                }
            }
            None if optional == Some(true) => {}
            None => return Err(kind.missing(name)),
        }
    }
    for variable in container.env.iter().flatten() {
        let value = match (&variable.value, &variable.value_from) {
            (Some(text), _) if !text.is_empty() => {
                Some(expand(text, |name| lookup(&own, name).or_else(|| lookup(given.services, name))))
            }
            (_, Some(source)) => sources.resolve(source, pod, given.pod_ip).await?,
            _ => Some(String::new()),
        };
        if let Some(value) = value {
            set(&mut own, variable.name.clone(), value);
        }
    }
    let mut env = vec![("HOSTNAME".to_owned(), pod.name_any())];
    if has_token(pod) {
        env.push(("KUBECONFIG".to_owned(), given.kubeconfig.to_owned()));
    }
    env.extend(given.services.iter().cloned());
    for (name, value) in own {
        set(&mut env, name, value);
    }
    let value_of = |name: &str| lookup(&env, name);
    let all =
        |texts: &Option<Vec<String>>| texts.iter().flatten().map(|text| expand(text, value_of)).collect();
    let (command, args) = (all(&container.command), all(&container.args));
    Ok(Prepared { env, command, args })
}

/// Whether the pod would find a token of its service account mounted.
fn has_token(pod: &Pod) -> bool {
    let Some(spec) = &pod.spec else { return false };
    let account = spec.service_account_name.as_ref().or(spec.service_account.as_ref());
    account.is_some_and(|name| !name.is_empty()) && spec.automount_service_account_token != Some(false)
}

fn set(variables: &mut Vec<(String, String)>, name: String, value: String) {
    match variables.iter_mut().find(|(known, _)| *known == name) {
        Some(known) => known.1 = value,
        None => variables.push((name, value)),
    }
}

fn lookup(variables: &[(String, String)], name: &str) -> Option<String> {
    variables.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone())
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    ConfigMap,
    Secret,
}

impl Kind {
    fn missing(self, name: &str) -> String {
        match self {
            Self::ConfigMap => format!("configmap \"{name}\" not found"),
            Self::Secret => format!("secret \"{name}\" not found"),
        }
    }
}

/// Secrets and ConfigMaps, each read once for a start.
struct Sources<'a> {
    client: &'a Client,
    namespace: String,
    known: BTreeMap<(Kind, String), Option<BTreeMap<String, String>>>,
}

impl Sources<'_> {
    async fn get(&mut self, kind: Kind, name: &str) -> Result<Option<&BTreeMap<String, String>>, String> {
        let key = (kind, name.to_owned());
        if !self.known.contains_key(&key) {
            let data = self.read(kind, name).await.map_err(|error| error.to_string())?;
            self.known.insert(key.clone(), data);
        }
        Ok(self.known.get(&key).and_then(Option::as_ref))
    }

    async fn read(&self, kind: Kind, name: &str) -> Result<Option<BTreeMap<String, String>>, kube::Error> {
        match kind {
            Kind::ConfigMap => {
                let api: Api<ConfigMap> = Api::namespaced(self.client.clone(), &self.namespace);
                Ok(api.get_opt(name).await?.map(|map| map.data.unwrap_or_default()))
            }
            Kind::Secret => {
                let api: Api<Secret> = Api::namespaced(self.client.clone(), &self.namespace);
                let text = |bytes: k8s_openapi::ByteString| String::from_utf8_lossy(&bytes.0).into_owned();
                let data = api.get_opt(name).await?.map(|secret| secret.data.unwrap_or_default());
                Ok(data.map(|data| data.into_iter().map(|(key, bytes)| (key, text(bytes))).collect()))
            }
        }
    }

    /// The value, or nothing when an optional source is absent.
    async fn resolve(
        &mut self,
        source: &EnvVarSource,
        pod: &Pod,
        pod_ip: &str,
    ) -> Result<Option<String>, String> {
        let namespace = self.namespace.clone();
        if let Some(field) = &source.field_ref {
            return field_value(&field.field_path, pod, pod_ip).map(Some);
        }
        let (kind, name, key, optional) = match (&source.config_map_key_ref, &source.secret_key_ref) {
            (Some(map), _) => (Kind::ConfigMap, &map.name, &map.key, map.optional),
            (None, Some(secret)) => (Kind::Secret, &secret.name, &secret.key, secret.optional),
            (None, None) => {
                return Err("only fieldRef, secretKeyRef and configMapKeyRef are offered here".to_owned());
            }
        };
        let optional = optional == Some(true);
        match self.get(kind, name).await? {
            None if optional => Ok(None),
            None => Err(kind.missing(name)),
            Some(data) => match data.get(key) {
                Some(value) => Ok(Some(value.clone())),
                None if optional => Ok(None),
                None => Err(match kind {
                    Kind::ConfigMap => format!("couldn't find key {key} in ConfigMap {namespace}/{name}"),
                    Kind::Secret => format!("couldn't find key {key} in Secret {namespace}/{name}"),
                }),
            },
        }
    }
}

/// A field of the pod, by Kubernetes' path.
fn field_value(path: &str, pod: &Pod, pod_ip: &str) -> Result<String, String> {
    let spec = pod.spec.as_ref();
    let keyed = |prefix: &str| {
        let key = path.strip_prefix(prefix)?.strip_prefix("['")?.strip_suffix("']")?;
        Some(key.to_owned())
    };
    if let Some(key) = keyed("metadata.labels") {
        return Ok(pod.labels().get(&key).cloned().unwrap_or_default());
    }
    if let Some(key) = keyed("metadata.annotations") {
        return Ok(pod.annotations().get(&key).cloned().unwrap_or_default());
    }
    Ok(match path {
        "metadata.name" => pod.name_any(),
        "metadata.namespace" => pod.namespace().unwrap_or_default(),
        "metadata.uid" => pod.uid().unwrap_or_default(),
        "spec.nodeName" => spec.and_then(|spec| spec.node_name.clone()).unwrap_or_default(),
        "spec.serviceAccountName" => {
            spec.and_then(|spec| spec.service_account_name.clone()).unwrap_or_default()
        }
        "status.hostIP" | "status.hostIPs" => "127.0.0.1".to_owned(),
        "status.podIP" | "status.podIPs" => pod_ip.to_owned(),
        _ => return Err(format!("unsupported fieldPath: {path}")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn fields_of_the_pod_are_found() {
        let pod: Pod = serde_json::from_value(json!({
            "metadata": {"name": "p", "namespace": "n", "uid": "u", "labels": {"a/b": "c"}},
            "spec": {"nodeName": "node", "containers": []},
        }))
        .unwrap();
        for (path, expected) in [
            ("metadata.name", Ok("p")),
            ("metadata.namespace", Ok("n")),
            ("metadata.uid", Ok("u")),
            ("metadata.labels['a/b']", Ok("c")),
            ("metadata.labels['x']", Ok("")),
            ("spec.nodeName", Ok("node")),
            ("status.podIP", Ok("10.244.0.9")),
            ("spec.nonsense", Err("unsupported fieldPath: spec.nonsense")),
        ] {
            let value = field_value(path, &pod, "10.244.0.9");
            assert_eq!(value.as_deref().map_err(String::as_str), expected, "{path}");
        }
    }

    #[test]
    fn a_token_is_there_unless_it_is_refused() {
        for (expected, spec) in [
            (false, json!({"containers": []})),
            (true, json!({"containers": [], "serviceAccountName": "x"})),
            (
                false,
                json!({"containers": [], "serviceAccountName": "x", "automountServiceAccountToken": false}),
            ),
        ] {
            let pod: Pod = serde_json::from_value(json!({"metadata": {"name": "p"}, "spec": spec})).unwrap();
            assert_eq!(has_token(&pod), expected);
        }
    }
}
