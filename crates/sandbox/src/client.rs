//! Clients of the sandbox's API: one in this process for the controllers, one over HTTPS for everybody else.

use apiserver::ApiServer;
use kube::Client;
use kube::config::{KubeConfigOptions, Kubeconfig};

/// Calls the API's router directly: no socket, no TLS.
pub(crate) fn in_process(server: &ApiServer) -> Client {
    Client::new(server.router(), "default")
}

/// Goes through the listener as any client does, because tunnels need a connection.
pub(crate) async fn over_https(kubeconfig: &str) -> Result<Client, String> {
    let kubeconfig = Kubeconfig::from_yaml(kubeconfig).map_err(|error| error.to_string())?;
    let mut config = kube::Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default())
        .await
        .map_err(|error| error.to_string())?;
    // Loopback is never behind a proxy, and a refusal must be seen at once.
    config.proxy_url = None;
    config.default_retry = false;
    Client::try_from(config).map_err(|error| error.to_string())
}
