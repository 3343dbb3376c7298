//! The kubeconfig file for clients of this server.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Returns a kubeconfig (YAML) with one cluster, user and context, all called `name`.
///
/// Every value is a JSON string, which is valid YAML for all characters.
#[must_use]
pub fn kubeconfig(name: &str, server_url: &str, ca_pem: &str, token: &str, namespace: &str) -> String {
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    let (name, server, token, namespace) =
        (quoted(name), quoted(server_url), quoted(token), quoted(namespace));
    let ca = STANDARD.encode(ca_pem);
    format!(
        "apiVersion: v1
kind: Config
current-context: {name}
clusters:
- name: {name}
  cluster:
    server: {server}
    certificate-authority-data: {ca}
contexts:
- name: {name}
  context:
    cluster: {name}
    user: {name}
    namespace: {namespace}
users:
- name: {name}
  user:
    token: {token}
preferences: {{}}
"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kube_reads_the_kubeconfig() {
        let text = kubeconfig("a \"b\"", "https://127.0.0.1:1", "PEM", "t:1", "demo");
        let config = kube::config::Kubeconfig::from_yaml(&text).unwrap();
        assert_eq!(config.current_context.as_deref(), Some("a \"b\""));
        assert_eq!(config.contexts[0].context.as_ref().unwrap().namespace.as_deref(), Some("demo"));
    }
}
