//! The Kubernetes client's errors as sentences: what was tried, what came back, and what to do about it.

use std::error::Error as _;

use crate::failure::Failure;

/// A sentence for an error of the API, without the request that it belongs to; cleaned, because servers write into it.
#[must_use]
pub fn kube(error: &kube::Error) -> String {
    text::clean::text(&raw(error))
}

/// What a deadline's error is called.
const LATE: &str = "no answer in time";

fn raw(error: &kube::Error) -> String {
    match error {
        kube::Error::Api(status) if !status.message.is_empty() => {
            format!("{} ({})", status.message, status.code)
        }
        kube::Error::Api(status) => format!("the API server answered {} {}", status.code, status.reason),
        kube::Error::Auth(error) => format!("the credentials of the kubeconfig are of no use: {error}"),
        kube::Error::SerdeError(error) => {
            format!("the API server's answer is not what it should be: {error}")
        }
        kube::Error::UpgradeConnection(error) => upgrade(error),
        kube::Error::ProxyProtocolDisabled { proxy_url, .. }
        | kube::Error::ProxyProtocolUnsupported { proxy_url } => {
            format!("the proxy {proxy_url} cannot be used; unset HTTPS_PROXY or add the cluster to NO_PROXY")
        }
        other => root(other),
    }
}

/// The innermost cause, which is what a person can act on: "Connection refused" rather than five layers around it.
fn root(error: &dyn std::error::Error) -> String {
    let mut innermost: &dyn std::error::Error = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    let text = innermost.to_string();
    if text.contains("deadline has elapsed") { LATE.to_owned() } else { text }
}

fn upgrade(error: &kube::client::UpgradeConnectionError) -> String {
    match error {
        // No body comes with it, so the right is named here: WebSockets ask for `get`, and for `create` from 1.35 on.
        kube::client::UpgradeConnectionError::ProtocolSwitch(status) if status.as_u16() == 403 => {
            "the right to get and create pods/portforward is missing (403)".to_owned()
        }
        kube::client::UpgradeConnectionError::ProtocolSwitch(status) if status.as_u16() == 401 => {
            "the API server does not accept the credentials of the kubeconfig (401)".to_owned()
        }
        kube::client::UpgradeConnectionError::ProtocolSwitch(status) => {
            format!("the API server answered {status} instead of opening a tunnel")
        }
        other => other.source().map_or_else(|| other.to_string(), root),
    }
}

/// Whether the API said that it is not allowed.
#[must_use]
pub fn is_forbidden(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.code == 403 || status.code == 401)
        || matches!(error, kube::Error::UpgradeConnection(kube::client::UpgradeConnectionError::ProtocolSwitch(status))
            if status.as_u16() == 403 || status.as_u16() == 401)
}

/// Whether the API does not know who asks: the credentials are wrong, or no longer good.
#[must_use]
pub fn is_unauthenticated(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.code == 401)
}

/// Whether the API said that there is no such thing.
#[must_use]
pub fn is_missing(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.code == 404)
}

/// Whether nothing came back in the time that connecting may take.
#[must_use]
pub fn is_late(error: &kube::Error) -> bool {
    is_unreachable(error) && root(error) == LATE
}

/// Whether no server answered at all.
#[must_use]
pub fn is_unreachable(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Service(_) | kube::Error::HyperError(_))
}

/// How a source should take `error`, which came when `what` was tried.
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
    fn servers_cannot_write_to_the_terminal() {
        assert_eq!(kube(&api(500, "a\u{1b}[2Jb\nc")), "a[2Jb c (500)");
        assert_eq!(kube(&api(418, "")), "the API server answered 418 Why");
    }

    #[test]
    fn what_cannot_be_had_is_told_from_what_is_lost() {
        for (code, unavailable) in
            [(401, true), (403, true), (404, true), (429, false), (500, false), (503, false)]
        {
            let failure = failure("asking", &api(code, "no"));
            assert_eq!(matches!(failure, Failure::Unavailable(_)), unavailable, "{code}");
        }
    }
}
