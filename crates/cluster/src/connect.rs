//! From command-line flags and kubeconfig to a client, and the first request to a cluster.

mod error;
mod kubeconfig;
mod plugin;
mod probe;
mod proxy;
mod token;

use std::path::PathBuf;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kube::client::ClientBuilder;
use kube::config::AuthInfo;
use kube::{Client, Config};
use text::command::ClusterFlags;
use tower::util::MapRequestLayer;

pub use self::error::ConnectError;
use self::kubeconfig::Selected;
pub use self::kubeconfig::{ContextInfo, contexts};
use self::plugin::Credentials;
pub use self::probe::{Found, find, probe, reach};
use self::token::TokenSource;
use crate::errors;

/// Timeout for connecting to an API server.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Timeout for writing a request.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);

/// The flags that select a cluster.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ConnectFlags {
    /// `--kubeconfig`; without it `$KUBECONFIG`, else `~/.kube/config`.
    pub kubeconfig: Option<PathBuf>,
    /// `--context`; without it the kubeconfig's current one.
    pub context: Option<String>,
}

/// For suggested commands.
impl From<&ConnectFlags> for ClusterFlags {
    fn from(flags: &ConnectFlags) -> Self {
        let kubeconfig = flags.kubeconfig.as_ref().map(|path| path.to_string_lossy().into_owned());
        Self { kubeconfig, context: flags.context.clone() }
    }
}

/// A cluster of a kubeconfig, reachable or not.
#[derive(Clone)]
pub struct Cluster {
    /// The client.
    pub client: Client,
    /// Name of the context.
    pub context: String,
    /// URL of the API server, without credentials.
    pub server: String,
    /// URL of the proxy, without credentials.
    pub proxy: Option<String>,
}

impl std::fmt::Debug for Cluster {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cluster").field("context", &self.context).field("server", &self.server).finish()
    }
}

/// Reads the kubeconfig, runs its credential plugin, and makes a client. It sends no request.
///
/// # Errors
/// [`ConnectError`] names the field of the kubeconfig and the fix.
pub async fn load(flags: &ConnectFlags) -> Result<Cluster, ConnectError> {
    let Selected { context, mut config, plugin, token_file } = kubeconfig::select(flags)?;
    // Callers report a refusal at once and have their own timeouts.
    config.default_retry = false;
    config.connect_timeout = Some(CONNECT_TIMEOUT);
    config.write_timeout = Some(WRITE_TIMEOUT);
    let invalid = |cause: &str, fix: &str| ConnectError::invalid_field(&context, cause, fix);
    let token = match (token_file, plugin) {
        (Some(path), _) => {
            let source = TokenSource::file(path);
            Some(source.map_err(|cause| invalid(&cause, "log in again, or fix the user's tokenFile"))?)
        }
        (None, Some(plugin)) => {
            let credentials = plugin.run().await.map_err(|error| invalid(&error.cause, &error.fix))?;
            use_certificate(&mut config, &credentials);
            match &credentials.token {
                Some(token) => {
                    let source = TokenSource::plugin(plugin, token, credentials.expiration_timestamp);
                    let fix = "check the credential plugin";
                    Some(source.map_err(|cause| invalid(&format!("the plugin's token {cause}"), fix))?)
                }
                None => None,
            }
        }
        (None, None) => None,
    };
    let server = proxy::redacted(&config.cluster_url);
    let proxy = config.proxy_url.as_ref().map(proxy::redacted);
    let builder = ClientBuilder::try_from(config)
        .map_err(|error| ConnectError::unusable_context(&context, &errors::kube(&error)))?;
    let client = match token {
        Some(token) => {
            builder.with_layer(&MapRequestLayer::new(move |request| token.authorize(request))).build()
        }
        None => builder.build(),
    };
    Ok(Cluster { client, context, server, proxy })
}

/// Uses the client certificate of a credential plugin, if it printed one.
fn use_certificate(config: &mut Config, credentials: &Credentials) {
    let (Some(certificate), Some(key)) = (&credentials.client_certificate_data, &credentials.client_key_data)
    else {
        return;
    };
    // The field of the key can only be set by deserialization.
    let fields = serde_json::json!({
        "client-certificate-data": STANDARD.encode(certificate),
        "client-key-data": STANDARD.encode(key),
    });
    if let Ok(user) = serde_json::from_value::<AuthInfo>(fields) {
        config.auth_info.client_certificate_data = user.client_certificate_data;
        config.auth_info.client_key_data = user.client_key_data;
    }
}
