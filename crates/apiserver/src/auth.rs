//! Authentication: a bearer token maps to a user, and a request without a known token gets 401.
//!
//! There is no authorization: every user may do everything.

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use http::header;

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
    request.extensions_mut().insert(User::admin());
    next.run(request).await
}
