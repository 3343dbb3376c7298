//! The HTTP client of a context: through the proxy, over TLS as client-go does it.

use std::sync::Arc;

use http::{HeaderValue, Request, Response, Uri};
use hyper::body::Incoming;
use hyper::rt::{Read, Write};
use hyper_timeout::TimeoutConnector;
use hyper_util::client::legacy::Builder;
use hyper_util::client::legacy::connect::proxy::{SocksV5, Tunnel};
use hyper_util::client::legacy::connect::{Connection, HttpConnector};
use hyper_util::rt::TokioExecutor;
use kube::Config;
use kube::client::{Body, ConfigExt as _};
use tower::util::BoxService;
use tower::{BoxError, Layer as _, Service, ServiceBuilder, ServiceExt as _};

use super::proxy::Login;
use super::tls;

/// A service that sends requests to the API server.
pub(super) type Sender = BoxService<Request<Body>, Response<Incoming>, BoxError>;

/// The service for a configuration with its TLS settings.
///
/// # Errors
/// A sentence, if a part of the configuration cannot be used.
pub(super) fn build(config: &Config, tls: &Arc<rustls::ClientConfig>) -> Result<Sender, String> {
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    let Some(proxy) = config.proxy_url.clone() else { return over(tcp, config, tls) };
    let login = Login::of(&proxy);
    match proxy.scheme_str() {
        Some("socks5") => {
            let socks = SocksV5::new(proxy, tcp);
            let socks = match login {
                Some(Login { user, password }) => socks.with_auth(user, password),
                None => socks,
            };
            over(socks, config, tls)
        }
        Some("https") => over(tunnel(proxy, login, tls::connector(tcp, config, tls)?), config, tls),
        _ => over(tunnel(proxy, login, tcp), config, tls),
    }
}

fn tunnel<C>(proxy: Uri, login: Option<Login>, connector: C) -> Tunnel<C> {
    let tunnel = Tunnel::new(proxy, connector);
    let header = login.and_then(|login| {
        let mut value = HeaderValue::from_str(&login.basic()).ok()?;
        value.set_sensitive(true);
        Some(value)
    });
    match header {
        Some(header) => tunnel.with_auth(header),
        None => tunnel,
    }
}

/// Plain or TLS connections over `connector`, with the time limits and headers of the configuration.
fn over<C>(connector: C, config: &Config, tls: &Arc<rustls::ClientConfig>) -> Result<Sender, String>
where
    C: Service<Uri> + Clone + Send + Sync + 'static,
    C::Response: Connection + Read + Write + Send + Unpin + 'static,
    C::Future: Send + 'static,
    C::Error: std::error::Error + Send + Sync + 'static,
{
    let mut connector = TimeoutConnector::new(tls::connector(connector, config, tls)?);
    connector.set_connect_timeout(config.connect_timeout);
    connector.set_write_timeout(config.write_timeout);
    let client = Builder::new(TokioExecutor::new()).build(connector);
    let sentence = |error: kube::Error| crate::errors::kube(&error);
    let service = ServiceBuilder::new()
        .option_layer(config.auth_layer().map_err(sentence)?)
        .layer(config.extra_headers_layer().map_err(sentence)?)
        .map_err(BoxError::from)
        .service(client);
    Ok(config.base_uri_layer().layer(service).boxed())
}
