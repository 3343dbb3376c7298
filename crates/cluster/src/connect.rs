//! From command-line flags and kubeconfig to a client, and the first request to a cluster.

mod client;
mod error;
mod identity;
mod kubeconfig;
mod plugin;
mod probe;
mod proxy;
mod renewal;
pub mod server;
mod tls;
mod token;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use jiff::Timestamp;
use kube::Client;
use kube::client::Body;
use text::command::ClusterFlags;
use tokio::sync::Notify;
use tokio_util::task::AbortOnDropHandle;
use tower::ServiceBuilder;

pub use self::error::ConnectError;
use self::identity::Identity;
use self::kubeconfig::Selected;
pub use self::kubeconfig::{ContextInfo, contexts};
use self::plugin::{Asks, Plugin, PluginError, Terminal};
pub use self::probe::{Found, answers, find, probe, reach};
use self::renewal::Renewal;
use self::token::TokenSource;

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
    /// The user's credentials.
    pub(crate) user: User,
}

/// The user's credentials, as far as errors are about them.
#[derive(Clone, Default)]
pub(crate) struct User {
    plugin: Option<Plugin>,
    identity: Option<Identity>,
}

impl User {
    /// The time at which the client certificate expired.
    fn expired(&self) -> Option<Timestamp> {
        self.identity.as_ref()?.expires().filter(|expires| *expires < Timestamp::now())
    }
}

impl std::fmt::Debug for Cluster {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cluster").field("context", &self.context).field("server", &self.server).finish()
    }
}

/// Reads the kubeconfig, runs its credential plugin, and makes a client. It sends no request. The plugin may ask the user.
///
/// # Errors
/// [`ConnectError`] names the field of the kubeconfig and the fix.
pub async fn load(flags: &ConnectFlags) -> Result<Cluster, ConnectError> {
    load_with(flags, Terminal::Free).await
}

/// Loads a cluster while the dashboard draws on the terminal: a plugin cannot ask.
///
/// # Errors
/// As [`load`].
pub async fn load_unattended(flags: &ConnectFlags) -> Result<Cluster, ConnectError> {
    load_with(flags, Terminal::Taken).await
}

/// Runs the user's credential plugin if it may ask, while the terminal is free. [`load_unattended`] uses its answer.
///
/// # Errors
/// If a plugin that must ask fails. [`load_unattended`] reports every other obstacle, and may try again.
pub async fn ask_first(flags: &ConnectFlags) -> Result<(), ConnectError> {
    let Ok(Selected { context, plugin: Some(plugin), .. }) = kubeconfig::select(flags) else { return Ok(()) };
    match plugin.asks() {
        Asks::Never => Ok(()),
        Asks::IfAvailable => {
            let _tried_again = plugin.credentials(Terminal::Free).await;
            Ok(())
        }
        Asks::Always => plugin
            .credentials(Terminal::Free)
            .await
            .map(drop)
            .map_err(|PluginError { cause, fix }| ConnectError::invalid_field(&context, &cause, &fix)),
    }
}

async fn load_with(flags: &ConnectFlags, terminal: Terminal) -> Result<Cluster, ConnectError> {
    let Selected { context, mut config, plugin, token_file, mut identity } = kubeconfig::select(flags)?;
    // Callers report a refusal at once and have their own timeouts.
    config.connect_timeout = Some(CONNECT_TIMEOUT);
    config.write_timeout = Some(WRITE_TIMEOUT);
    let invalid = |cause: &str, fix: &str| ConnectError::invalid_field(&context, cause, fix);
    let mut token = token_file
        .map(TokenSource::file)
        .transpose()
        .map_err(|cause| invalid(&cause, "log in again, or fix the user's tokenFile"))?;
    let rejected = Arc::new(Notify::new());
    let mut renewal = None;
    if let Some(plugin) = &plugin {
        let fresh = plugin.credentials(terminal).await.map_err(|error| invalid(&error.cause, &error.fix))?;
        let wrong = |cause: String| invalid(&format!("the plugin's {cause}"), "check the credential plugin");
        token = fresh
            .token
            .as_deref()
            .map(TokenSource::fixed)
            .transpose()
            .map_err(|cause| wrong(format!("token {cause}")))?;
        if let Some((certificate, key)) = fresh.certificate() {
            identity = Some(Identity::from_pem(certificate, key).map_err(|(cause, _)| wrong(cause))?);
        }
        let renewed = Renewal {
            plugin: plugin.clone(),
            token: token.clone(),
            identity: identity.clone(),
            rejected: Arc::clone(&rejected),
        };
        let renewing = tokio::spawn(renewed.run(fresh.expiration_timestamp));
        renewal = Some(Arc::new(AbortOnDropHandle::new(renewing)));
    }
    let unusable = |cause: String| ConnectError::unusable_context(&context, &cause);
    let tls = tls::settings(&config, identity.clone()).map_err(unusable)?;
    let sender = client::build(&config, &tls).map_err(unusable)?;
    let service = ServiceBuilder::new()
        .map_request(move |request: Request<Body>| {
            // The renewal ends with the client.
            let _lives = &renewal;
            match &token {
                Some(token) => token.authorize(request),
                None => request,
            }
        })
        .map_response(move |response: Response<Incoming>| {
            if response.status() == StatusCode::UNAUTHORIZED {
                rejected.notify_one();
            }
            response
        })
        .service(sender);
    Ok(Cluster {
        client: Client::new(service, config.default_namespace.clone()),
        context,
        server: proxy::redacted(&config.cluster_url),
        proxy: config.proxy_url.as_ref().map(proxy::redacted),
        user: User { plugin, identity },
    })
}
