//! The Kubernetes client's errors as sentences.

use std::error::Error as _;

use kube::client::UpgradeConnectionError;

/// The reason why a source delivers nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// Temporary: the connection was lost, or the server may come back at any moment.
    Lost(String),
    /// Lasting: a missing right, a missing API, nothing to query. A retry soon does not help.
    Unavailable(String),
}

/// A sentence for an error of the API, without the request. It is cleaned, because servers write into it.
#[must_use]
pub fn kube(error: &kube::Error) -> String {
    text::clean::text(&raw(error))
}

/// The sentence for a timeout.
pub(crate) const TIMED_OUT: &str = "no answer in time";

/// The cause of a failed connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Connection {
    /// Nothing listens at the address.
    Refused,
    /// The host name has no address.
    UnknownHost,
    /// There was no answer in time.
    TimedOut,
    /// The server's certificate has expired, or is not valid yet.
    Expired,
    /// No trusted CA has issued the server's certificate.
    Untrusted,
    /// The server's certificate is for another name.
    WrongName,
    /// The server rejects the client certificate.
    ClientCertificate,
    /// The server closed the connection: after a TLS 1.3 handshake this is how some reject a client certificate.
    Closed,
    /// The server does not speak TLS.
    NoTls,
    /// Any other cause.
    Other,
}

impl Connection {
    /// The cause in an error of the client.
    #[must_use]
    pub fn of(error: &kube::Error) -> Self {
        let mut next: Option<&(dyn std::error::Error + 'static)> = Some(error);
        let mut found = Self::Other;
        while let Some(error) = next {
            if let Some(error) = error.downcast_ref::<rustls::Error>() {
                return Self::of_tls(error);
            }
            if let Some(error) = error.downcast_ref::<hyper::Error>()
                && (error.is_canceled() || error.is_closed() || error.is_incomplete_message())
            {
                found = Self::Closed;
            }
            let io = error.downcast_ref::<std::io::Error>();
            match io.map(std::io::Error::kind) {
                Some(std::io::ErrorKind::ConnectionRefused) => found = Self::Refused,
                Some(std::io::ErrorKind::TimedOut) => found = Self::TimedOut,
                Some(
                    std::io::ErrorKind::ConnectionReset
                    | std::io::ErrorKind::BrokenPipe
                    | std::io::ErrorKind::UnexpectedEof,
                ) => found = Self::Closed,
                _ if error.to_string().starts_with("failed to lookup address") => found = Self::UnknownHost,
                _ if error.to_string().contains("deadline has elapsed") => found = Self::TimedOut,
                // A SOCKS connector hides the cause.
                _ if error.to_string().contains("failed to create underlying connection") => {
                    found = Self::Refused;
                }
                _ => {}
            }
            // `source` of an I/O error skips the error that it wraps.
            let inner = io.and_then(std::io::Error::get_ref);
            next = match inner {
                Some(inner) => Some(inner),
                None => error.source(),
            };
        }
        found
    }

    fn of_tls(error: &rustls::Error) -> Self {
        use rustls::CertificateError as Certificate;
        match error {
            rustls::Error::InvalidCertificate(certificate) => match certificate {
                Certificate::Expired
                | Certificate::ExpiredContext { .. }
                | Certificate::NotValidYet
                | Certificate::NotValidYetContext { .. } => Self::Expired,
                Certificate::NotValidForName | Certificate::NotValidForNameContext { .. } => Self::WrongName,
                _ => Self::Untrusted,
            },
            rustls::Error::AlertReceived(_) => Self::ClientCertificate,
            rustls::Error::InvalidMessage(_) => Self::NoTls,
            _ => Self::Other,
        }
    }

    /// A sentence, if it is clearer than that of the error.
    fn sentence(self) -> Option<&'static str> {
        Some(match self {
            Self::TimedOut => TIMED_OUT,
            Self::Expired => "the server's certificate has expired or is not valid yet",
            Self::Untrusted => "the server's certificate is not from a trusted CA",
            Self::WrongName => "the server's certificate is for another name",
            Self::ClientCertificate => "the server rejects the TLS connection or the client certificate",
            Self::Closed => "the server closed the connection",
            Self::NoTls => "the server does not speak TLS",
            Self::Refused | Self::UnknownHost | Self::Other => return None,
        })
    }

    /// The fix; `has_proxy` for a connection through a proxy.
    #[must_use]
    pub fn fix(self, has_proxy: bool) -> &'static str {
        match self {
            Self::Refused if has_proxy => "start the proxy, or fix proxy-url",
            Self::Refused => "start the cluster, or use --context NAME",
            Self::UnknownHost => "check the host in the cluster's server",
            Self::TimedOut => "check the network, the VPN and the cluster's server",
            Self::Expired => "renew the server's certificate, or set this machine's clock",
            Self::Untrusted => "set the cluster's certificate-authority",
            Self::WrongName => "set the cluster's tls-server-name",
            Self::ClientCertificate => "renew the user's client-certificate",
            Self::Closed if has_proxy => {
                "check the cluster's server, proxy-url and the user's client-certificate"
            }
            Self::Closed => "check the cluster's server and the user's client-certificate",
            Self::NoTls => "check scheme and port of the cluster's server",
            Self::Other if has_proxy => "check the cluster's server and proxy-url",
            Self::Other => "check the cluster's server",
        }
    }
}

fn raw(error: &kube::Error) -> String {
    match error {
        kube::Error::Api(status) if !status.message.is_empty() => {
            format!("{} ({})", status.message, status.code)
        }
        kube::Error::Api(status) => format!("the API server answered {} {}", status.code, status.reason),
        kube::Error::Auth(error) => auth(error),
        kube::Error::SerdeError(error) => format!("invalid answer of the API server: {error}"),
        kube::Error::UpgradeConnection(error) => upgrade(error),
        kube::Error::ProxyProtocolDisabled { proxy_url, .. }
        | kube::Error::ProxyProtocolUnsupported { proxy_url } => {
            format!("proxies with {} are not supported", proxy_url.scheme_str().unwrap_or("no scheme"))
        }
        other => Connection::of(other).sentence().map_or_else(|| root(other), str::to_owned),
    }
}

/// A sentence without the arguments and the environment of a command, which may be secret.
fn auth(error: &kube::client::AuthError) -> String {
    match error {
        kube::client::AuthError::AuthExecRun { out, .. } => {
            format!("the auth provider failed ({})", out.status)
        }
        other => format!("invalid credentials in the kubeconfig: {other}"),
    }
}

/// The innermost cause: "Connection refused" instead of five layers around it.
fn root(error: &dyn std::error::Error) -> String {
    let mut innermost: &dyn std::error::Error = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    let text = innermost.to_string();
    if text.contains("deadline has elapsed") { TIMED_OUT.to_owned() } else { text }
}

fn upgrade(error: &UpgradeConnectionError) -> String {
    match error {
        // The answer has no body that names the right. WebSockets need `get`, and from Kubernetes 1.35 `create`.
        UpgradeConnectionError::ProtocolSwitch(status) if status.as_u16() == 403 => {
            "the right to get and create pods/portforward is missing (403)".to_owned()
        }
        UpgradeConnectionError::ProtocolSwitch(status) if status.as_u16() == 401 => {
            "the API server rejects the credentials of the kubeconfig (401)".to_owned()
        }
        UpgradeConnectionError::ProtocolSwitch(status) => {
            format!("the API server answered {status} instead of opening a tunnel")
        }
        other => other.source().map_or_else(|| other.to_string(), root),
    }
}

/// Returns true if the API refused the request: 401 or 403.
#[must_use]
pub fn is_forbidden(error: &kube::Error) -> bool {
    let code = match error {
        kube::Error::Api(status) => status.code,
        kube::Error::UpgradeConnection(UpgradeConnectionError::ProtocolSwitch(status)) => status.as_u16(),
        _ => return false,
    };
    matches!(code, 401 | 403)
}

/// Returns true if the API rejected the credentials: 401.
#[must_use]
pub fn is_unauthenticated(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.code == 401)
}

/// Returns true if the object or its kind does not exist: 404.
#[must_use]
pub fn is_missing(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.code == 404)
}

/// Returns true if connecting timed out.
#[must_use]
pub fn is_late(error: &kube::Error) -> bool {
    is_unreachable(error) && root(error) == TIMED_OUT
}

/// Returns true if no server answered.
#[must_use]
pub fn is_unreachable(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Service(_) | kube::Error::HyperError(_))
}

/// The failure of a source whose request `what` met `error`.
pub fn failure(what: &str, error: &kube::Error) -> Failure {
    let sentence = format!("{what}: {}", kube(error));
    if is_forbidden(error) || is_missing(error) {
        Failure::Unavailable(sentence)
    } else {
        Failure::Lost(sentence)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn api(code: u16, message: &str) -> kube::Error {
        let status =
            serde_json::json!({"status": "Failure", "code": code, "message": message, "reason": "Why"});
        kube::Error::Api(serde_json::from_value(status).unwrap())
    }

    #[test]
    fn control_characters_of_servers_are_removed() {
        assert_eq!(kube(&api(500, "a\u{1b}[2Jb\nc")), "a[2Jb c (500)");
        assert_eq!(kube(&api(418, "")), "the API server answered 418 Why");
    }

    #[test]
    fn missing_rights_and_objects_are_lasting_failures() {
        for (code, unavailable) in
            [(401, true), (403, true), (404, true), (429, false), (500, false), (503, false)]
        {
            let failure = failure("asking", &api(code, "no"));
            assert_eq!(matches!(failure, Failure::Unavailable(_)), unavailable, "{code}");
        }
    }
}
