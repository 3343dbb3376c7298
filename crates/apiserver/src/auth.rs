//! Authentication: a bearer token maps to a user, and a request without a known token gets 401.
//!
//! There is no authorization: every user may do everything, except act as another user.

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use http::{HeaderName, header};

use crate::Status;

/// A user, as in a `SelfSubjectReview`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// User name, such as `kubernetes-admin`.
    pub name: String,
    /// Groups, such as `system:masters`.
    pub groups: Vec<String>,
}

impl User {
    /// Returns the administrator: the in-process client and every client with the server's token.
    #[must_use]
    pub fn admin() -> Self {
        Self {
            name: "kubernetes-admin".into(),
            groups: vec!["system:masters".into(), "system:authenticated".into()],
        }
    }
}

/// Compares in constant time, so that the duration reveals nothing about the token.
fn is_same(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |different, (x, y)| different | (x ^ y)) == 0
}

/// Adds the check of the administrator's token to `router`.
pub(crate) fn require_token(router: Router, token: &str) -> Router {
    router.layer(middleware::from_fn_with_state(Arc::<str>::from(token), check))
}

async fn check(
    axum::extract::State(token): axum::extract::State<Arc<str>>,
    mut request: Request,
    next: Next,
) -> Response {
    let given = request
        .headers()
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, token)| token.trim());
    if given.is_none_or(|given| !is_same(given.as_bytes(), token.as_bytes())) {
        return Status::unauthorized().into_response();
    }
    if let Some(other) = request.headers().get(IMPERSONATE_USER) {
        return cannot_impersonate(&String::from_utf8_lossy(other.as_bytes())).into_response();
    }
    request.extensions_mut().insert(User::admin());
    next.run(request).await
}

/// The header of `kubectl --as`.
const IMPERSONATE_USER: HeaderName = HeaderName::from_static("impersonate-user");

/// Kubernetes' refusal of an impersonation that no rule allows.
fn cannot_impersonate(user: &str) -> Status {
    let account = user.strip_prefix("system:serviceaccount:").and_then(|account| account.split_once(':'));
    let (resource, name, place) = match account {
        Some((namespace, name)) => ("serviceaccounts", name, format!("in the namespace \"{namespace}\"")),
        None => ("users", user, "at the cluster scope".to_owned()),
    };
    let by = User::admin().name;
    let why = format!("User \"{by}\" cannot impersonate resource \"{resource}\" in API group \"\" {place}");
    Status::forbidden("", resource, name, &why)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn impersonation_is_refused_as_in_kubernetes() {
        for (user, expected) in [
            (
                "bob",
                "users \"bob\" is forbidden: User \"kubernetes-admin\" cannot impersonate resource \"users\" in API \
                 group \"\" at the cluster scope",
            ),
            (
                "system:serviceaccount:demo:worker",
                "serviceaccounts \"worker\" is forbidden: User \"kubernetes-admin\" cannot impersonate resource \
                 \"serviceaccounts\" in API group \"\" in the namespace \"demo\"",
            ),
        ] {
            assert_eq!(cannot_impersonate(user).to_string(), expected);
        }
    }
}
