//! The environment and command line of a container: from its spec, Secrets, ConfigMaps, its pod and Services.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{ConfigMap, Container, EnvVarSource, Pod, Secret};
use kube::api::Api;
use kube::{Client, ResourceExt as _};

use super::expand::expand;

/// Inputs that come from the node and not from the pod's fields.
pub(super) struct NodeContext<'a> {
    /// Environment variables of the Services.
    pub(super) services: &'a [(String, String)],
    /// Address of the pod.
    pub(super) pod_ip: &'a str,
    /// Path of the kubeconfig that replaces a mounted token.
    pub(super) kubeconfig: &'a str,
}

/// Environment and command line of a process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ProcessSpec {
    /// In order; a later value replaces an earlier one.
    pub(super) env: Vec<(String, String)>,
    /// `command`, expanded; empty for the image's own command.
    pub(super) command: Vec<String>,
    /// `args`, expanded.
    pub(super) args: Vec<String>,
}

/// Resolves the environment and the command line of a container.
///
/// # Errors
/// Returns the message for `CreateContainerConfigError`.
pub(super) async fn resolve(
    client: &Client,
    pod: &Pod,
    container: &Container,
    node: &NodeContext<'_>,
) -> Result<ProcessSpec, String> {
    let mut cache =
        DataCache { client, namespace: pod.namespace().unwrap_or_default(), entries: BTreeMap::new() };
    let mut own: Vec<(String, String)> = Vec::new();
    for from in container.env_from.iter().flatten() {
        let prefix = from.prefix.as_deref().unwrap_or_default();
        let (kind, name, optional) = match (&from.config_map_ref, &from.secret_ref) {
            (Some(map), _) => (DataKind::ConfigMap, &map.name, map.optional),
            (None, Some(secret)) => (DataKind::Secret, &secret.name, secret.optional),
            (None, None) => continue,
        };
        match cache.get(kind, name).await? {
            Some(data) => {
                for (key, value) in data.clone() {
                    set(&mut own, format!("{prefix}{key}"), value);
                }
            }
            None if optional == Some(true) => {}
            None => return Err(kind.not_found(name)),
        }
    }
    for variable in container.env.iter().flatten() {
        let value = match (&variable.value, &variable.value_from) {
            (Some(text), _) if !text.is_empty() => {
                Some(expand(text, |name| lookup(&own, name).or_else(|| lookup(node.services, name))))
            }
            (_, Some(source)) => cache.resolve(source, pod, node.pod_ip).await?,
            _ => Some(String::new()),
        };
        if let Some(value) = value {
            set(&mut own, variable.name.clone(), value);
        }
    }
    let mut env = vec![("HOSTNAME".to_owned(), pod.name_any())];
    if has_token(pod) {
        env.push(("KUBECONFIG".to_owned(), node.kubeconfig.to_owned()));
    }
    env.extend(node.services.iter().cloned());
    for (name, value) in own {
        set(&mut env, name, value);
    }
    let value_of = |name: &str| lookup(&env, name);
    let expand_all =
        |texts: &Option<Vec<String>>| texts.iter().flatten().map(|text| expand(text, value_of)).collect();
    let (command, args) = (expand_all(&container.command), expand_all(&container.args));
    Ok(ProcessSpec { env, command, args })
}

/// Returns true when Kubernetes would mount a service account token into the pod.
fn has_token(pod: &Pod) -> bool {
    let Some(spec) = &pod.spec else { return false };
    let account = spec.service_account_name.as_ref().or(spec.service_account.as_ref());
    account.is_some_and(|name| !name.is_empty()) && spec.automount_service_account_token != Some(false)
}

fn set(variables: &mut Vec<(String, String)>, name: String, value: String) {
    match variables.iter_mut().find(|(other, _)| *other == name) {
        Some(variable) => variable.1 = value,
        None => variables.push((name, value)),
    }
}

fn lookup(variables: &[(String, String)], name: &str) -> Option<String> {
    variables.iter().find(|(other, _)| other == name).map(|(_, value)| value.clone())
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum DataKind {
    ConfigMap,
    Secret,
}

impl DataKind {
    fn not_found(self, name: &str) -> String {
        match self {
            Self::ConfigMap => format!("configmap \"{name}\" not found"),
            Self::Secret => format!("secret \"{name}\" not found"),
        }
    }
}

/// Secrets and ConfigMaps, each read once for each start of a container.
struct DataCache<'a> {
    client: &'a Client,
    namespace: String,
    entries: BTreeMap<(DataKind, String), Option<BTreeMap<String, String>>>,
}

impl DataCache<'_> {
    async fn get(&mut self, kind: DataKind, name: &str) -> Result<Option<&BTreeMap<String, String>>, String> {
        let key = (kind, name.to_owned());
        if !self.entries.contains_key(&key) {
            let data = self.read(kind, name).await.map_err(|error| error.to_string())?;
            self.entries.insert(key.clone(), data);
        }
        Ok(self.entries.get(&key).and_then(Option::as_ref))
    }

    async fn read(
        &self,
        kind: DataKind,
        name: &str,
    ) -> Result<Option<BTreeMap<String, String>>, kube::Error> {
        match kind {
            DataKind::ConfigMap => {
                let api: Api<ConfigMap> = Api::namespaced(self.client.clone(), &self.namespace);
                Ok(api.get_opt(name).await?.map(|map| map.data.unwrap_or_default()))
            }
            DataKind::Secret => {
                let api: Api<Secret> = Api::namespaced(self.client.clone(), &self.namespace);
                let text = |bytes: k8s_openapi::ByteString| String::from_utf8_lossy(&bytes.0).into_owned();
                let data = api.get_opt(name).await?.map(|secret| secret.data.unwrap_or_default());
                Ok(data.map(|data| data.into_iter().map(|(key, bytes)| (key, text(bytes))).collect()))
            }
        }
    }

    /// The value of a variable; `None` when an optional source is absent.
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
            (Some(map), _) => (DataKind::ConfigMap, &map.name, &map.key, map.optional),
            (None, Some(secret)) => (DataKind::Secret, &secret.name, &secret.key, secret.optional),
            (None, None) => {
                return Err("the sandbox supports only fieldRef, secretKeyRef and configMapKeyRef".to_owned());
            }
        };
        let optional = optional == Some(true);
        match self.get(kind, name).await? {
            None if optional => Ok(None),
            None => Err(kind.not_found(name)),
            Some(data) => match data.get(key) {
                Some(value) => Ok(Some(value.clone())),
                None if optional => Ok(None),
                None => Err(match kind {
                    DataKind::ConfigMap => format!("couldn't find key {key} in ConfigMap {namespace}/{name}"),
                    DataKind::Secret => format!("couldn't find key {key} in Secret {namespace}/{name}"),
                }),
            },
        }
    }
}

/// The value of a `fieldPath` of the downward API.
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
    fn field_paths_are_resolved() {
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
    fn a_token_needs_an_account_and_automount() {
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
