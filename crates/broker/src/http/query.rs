//! The query of a request as pairs. Keys may repeat (`family=a&family=b`), so a map does not work.

use axum::extract::{FromRequestParts, Query};
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};

pub(super) struct QueryPairs(Vec<(String, String)>);

impl QueryPairs {
    pub(super) fn all<'a>(&'a self, key: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(name, _)| name == key).map(|(_, value)| value.as_str())
    }

    pub(super) fn first(&self, key: &str) -> Option<&str> {
        self.0.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
    }

    pub(super) fn is_true(&self, key: &str) -> bool {
        self.all(key).any(|value| value == "true")
    }

    #[cfg(test)]
    pub(super) fn parse(query: &str) -> Self {
        let uri = format!("http://broker/?{query}").parse().unwrap();
        Query::try_from_uri(&uri).map(|Query(pairs)| Self(pairs)).unwrap()
    }
}

impl<S: Sync> FromRequestParts<S> for QueryPairs {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        Query::try_from_uri(&parts.uri).map(|Query(pairs)| Self(pairs)).map_err(IntoResponse::into_response)
    }
}
