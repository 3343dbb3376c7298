//! Who asks: a bearer token maps to a user, and a request without a known token is answered 401.
//!
//! There is no authorization: every user may do everything.

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use http::header;

use crate::Status;

/// A user as `SelfSubjectReview` shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Such as `kubernetes-admin`.
    pub name: String,
    /// Such as `system:masters`.
    pub groups: Vec<String>,
}

impl User {
    /// The administrator: the in-process client and the bearer of the run's token.
    #[must_use]
    pub fn admin() -> Self {
        Self {
            name: "kubernetes-admin".into(),
            groups: vec!["system:masters".into(), "system:authenticated".into()],
        }
    }
}

/// Known tokens.
#[derive(Debug, Clone)]
pub(crate) struct Tokens(Arc<[(String, User)]>);

impl Tokens {
    pub(crate) fn admin(token: &str) -> Self {
        Self(Arc::new([(token.to_owned(), User::admin())]))
    }

    /// Whose token that is.
    pub(crate) fn user(&self, token: &str) -> Option<&User> {
        self.0.iter().find(|(known, _)| same(known.as_bytes(), token.as_bytes())).map(|(_, user)| user)
    }
}

/// Compares without telling by the time taken how much of a token was right.
fn same(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |different, (x, y)| different | (x ^ y)) == 0
}

/// Puts the check in front of `router`.
pub(crate) fn require(router: Router, tokens: Tokens) -> Router {
    router.layer(middleware::from_fn_with_state(tokens, check))
}

async fn check(
    axum::extract::State(tokens): axum::extract::State<Tokens>,
    mut request: Request,
    next: Next,
) -> Response {
    let token = request
        .headers()
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, token)| token.trim());
    match token.and_then(|token| tokens.user(token)).cloned() {
        Some(user) => {
            request.extensions_mut().insert(user);
            request.extensions_mut().insert(tokens);
            next.run(request).await
        }
        None => Status::unauthorized().into_response(),
    }
}
