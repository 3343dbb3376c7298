//! A client for an HTTP server that is no API server, such as a Prometheus at a URL.

use std::path::{Path, PathBuf};

use http::{Request, Uri};
use kube::client::Body;
use kube::{Client, Config};
use tower::ServiceBuilder;

use super::token::TokenSource;
use super::{CONNECT_TIMEOUT, WRITE_TIMEOUT, client, kubeconfig, proxy, tls};

/// The files with which a server is reached.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Access {
    /// PEM file of the CAs that are trusted; without it those of the system.
    pub certificate_authority: Option<PathBuf>,
    /// File with the bearer token. It is read again when it changes.
    pub token_file: Option<PathBuf>,
}

/// A client for the server at a URL, through the proxy of the environment. User and password may be in the URL.
///
/// # Errors
/// Fails with a sentence if the URL or a file cannot be used.
pub fn at_url(url: &str, access: &Access) -> Result<Client, String> {
    // The URL may contain a password.
    let uri: Uri = url.parse().map_err(|error| format!("the URL is invalid: {error}"))?;
    if !matches!(uri.scheme_str(), Some("http" | "https")) || uri.host().is_none() {
        return Err(format!("{} is no URL such as https://prometheus.example:9090", shown(url)));
    }
    let (uri, login) = proxy::without_login(uri);
    let mut config = Config::new(uri.clone());
    config.proxy_url = proxy::from_environment(&uri);
    config.connect_timeout = Some(CONNECT_TIMEOUT);
    config.write_timeout = Some(WRITE_TIMEOUT);
    if let Some(path) = &access.certificate_authority {
        let pem = read(path)?;
        let roots = kubeconfig::certificates(&pem).map_err(|(cause, _fix)| failed(path, &cause))?;
        config.root_cert = Some(roots);
    }
    if let Some(login) = login {
        kubeconfig::add_login(&mut config.auth_info, &login);
    }
    let token = access.token_file.clone().map(TokenSource::file).transpose()?;
    let tls = tls::settings(&config, None)?;
    let service = ServiceBuilder::new()
        .map_request(move |request: Request<Body>| match &token {
            Some(token) => token.authorize(request),
            None => request,
        })
        .service(client::build(&config, &tls)?);
    Ok(Client::new(service, config.default_namespace))
}

/// A URL for messages: without user and password.
#[must_use]
pub fn shown(url: &str) -> String {
    let shown = url.parse().map_or_else(|_invalid| String::new(), |uri| proxy::redacted(&uri));
    text::clean::text(&shown)
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    std::fs::read(path).map_err(|error| failed(path, &error.to_string()))
}

fn failed(path: &Path, cause: &str) -> String {
    text::clean::text(&format!("reading {} failed: {cause}", path.display()))
}
