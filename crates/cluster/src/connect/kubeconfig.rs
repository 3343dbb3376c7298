//! The kubeconfig: found, parsed, and reduced to one context.

use std::path::Path;

use kube::Config;
use kube::config::{KubeConfigOptions, Kubeconfig, KubeconfigError};

use super::{ConnectError, ConnectFlags};

/// The configuration of the selected context, and the context's name.
///
/// # Errors
/// [`ConnectError`].
pub(super) async fn config(flags: &ConnectFlags) -> Result<(Config, String), ConnectError> {
    let kubeconfig = read(flags)?;
    let context = context(&kubeconfig, flags)?;
    let options = KubeConfigOptions { context: Some(context.clone()), ..KubeConfigOptions::default() };
    let mut config = Config::from_custom_kubeconfig(kubeconfig, &options)
        .await
        .map_err(|error| ConnectError::unusable_context(&context, &error.to_string()))?;
    if is_loopback(config.cluster_url.host().unwrap_or_default()) {
        config.proxy_url = None;
    }
    Ok((config, context))
}

/// Returns true for the names and addresses of this machine.
fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || address.parse().is_ok_and(|address: std::net::IpAddr| address.is_loopback())
}

fn read(flags: &ConnectFlags) -> Result<Kubeconfig, ConnectError> {
    let read = match &flags.kubeconfig {
        Some(path) => Kubeconfig::read_from(path),
        None => Kubeconfig::read(),
    };
    read.map_err(|error| match error {
        KubeconfigError::ReadConfig(error, path) if error.kind() == std::io::ErrorKind::NotFound => {
            ConnectError::no_kubeconfig(Some(&path))
        }
        KubeconfigError::ReadConfig(error, path) => ConnectError::unreadable_kubeconfig(&path, &error),
        KubeconfigError::FindPath => ConnectError::no_kubeconfig(None),
        error => invalid(flags.kubeconfig.as_deref(), &error),
    })
}

/// A YAML error shows the place over several lines; the first line names it.
fn invalid(path: Option<&Path>, error: &KubeconfigError) -> ConnectError {
    let cause = error.to_string();
    ConnectError::invalid_kubeconfig(path, cause.lines().next().unwrap_or_default())
}

fn context(kubeconfig: &Kubeconfig, flags: &ConnectFlags) -> Result<String, ConnectError> {
    let wanted = flags.context.as_ref().or(kubeconfig.current_context.as_ref()).map_or("", String::as_str);
    let known: Vec<&str> = kubeconfig.contexts.iter().map(|context| context.name.as_str()).collect();
    if known.contains(&wanted) && !wanted.is_empty() {
        return Ok(wanted.to_owned());
    }
    Err(ConnectError::no_context(wanted, &known))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connect::{Cluster, load, probe};

    const GOOD: &str = "
apiVersion: v1
kind: Config
current-context: here
clusters: [{name: c, cluster: {server: 'http://127.0.0.1:1'}}]
users: [{name: u, user: {}}]
contexts: [{name: here, context: {cluster: c, user: u}}, {name: there, context: {cluster: c, user: u}}]
";

    async fn load_text(text: &str, context: Option<&str>) -> Result<Cluster, ConnectError> {
        let folder = std::env::temp_dir().join(format!("surge-kubeconfig-{}", fastrand::u64(..)));
        std::fs::write(&folder, text).unwrap();
        let flags = ConnectFlags { kubeconfig: Some(folder.clone()), context: context.map(str::to_owned) };
        let loaded = load(&flags).await;
        std::fs::remove_file(folder).unwrap();
        loaded
    }

    #[tokio::test]
    async fn flag_or_file_selects_the_context() {
        assert_eq!(load_text(GOOD, None).await.unwrap().context, "here");
        assert_eq!(load_text(GOOD, Some("there")).await.unwrap().context, "there");
        let unknown = load_text(GOOD, Some("nowhere")).await.unwrap_err();
        assert_eq!(unknown.what, "the kubeconfig has no context nowhere");
        assert_eq!(unknown.advice, "it has: here, there");
        let none = load_text(&GOOD.replace("current-context: here", ""), None).await.unwrap_err();
        assert_eq!(none.what, "the kubeconfig has no current context");
    }

    #[tokio::test]
    async fn faults_of_a_kubeconfig_are_named() {
        let broken = load_text("clusters: [", None).await.unwrap_err();
        assert!(broken.what.contains("is invalid: "), "{broken:?}");
        let flags = ConnectFlags { kubeconfig: Some("/nowhere/config".into()), context: None };
        let missing = load(&flags).await.unwrap_err();
        assert_eq!(missing.what, "there is no kubeconfig at /nowhere/config");
        let no_cluster = load_text(&GOOD.replace("clusters: [{name: c", "clusters: [{name: d"), None).await;
        assert!(no_cluster.unwrap_err().what.contains("context here is not usable"));
    }

    #[tokio::test]
    async fn an_unreachable_server_is_named() {
        let cluster = load_text(GOOD, None).await.unwrap();
        let gone = probe(&cluster, "n", "h", std::time::Duration::from_secs(5)).await.unwrap_err();
        assert!(gone.what.contains("(http://127.0.0.1:1/) is not reachable"), "{gone:?}");
        assert_eq!(gone.short, "context here is not reachable");
    }

    #[test]
    fn all_spellings_of_loopback_are_recognized() {
        for (host, expected) in [
            ("localhost", true),
            ("127.0.0.1", true),
            ("127.9.9.9", true),
            ("[::1]", true),
            ("10.0.0.1", false),
            ("", false),
        ] {
            assert_eq!(is_loopback(host), expected, "{host}");
        }
    }
}
