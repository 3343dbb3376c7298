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
const TIMED_OUT: &str = "no answer in time";

fn raw(error: &kube::Error) -> String {
    match error {
        kube::Error::Api(status) if !status.message.is_empty() => {
            format!("{} ({})", status.message, status.code)
        }
        kube::Error::Api(status) => format!("the API server answered {} {}", status.code, status.reason),
        kube::Error::Auth(error) => format!("invalid credentials in the kubeconfig: {error}"),
        kube::Error::SerdeError(error) => format!("invalid answer of the API server: {error}"),
        kube::Error::UpgradeConnection(error) => upgrade(error),
        kube::Error::ProxyProtocolDisabled { proxy_url, .. }
        | kube::Error::ProxyProtocolUnsupported { proxy_url } => {
            format!("the proxy {proxy_url} cannot be used; unset HTTPS_PROXY or add the cluster to NO_PROXY")
        }
        other => root(other),
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
