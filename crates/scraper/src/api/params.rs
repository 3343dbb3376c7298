//! Parameters of a request, from its URL and, in a POST, from its form.

use std::time::Duration;

use axum::Form;
use axum::extract::{FromRequest, FromRequestParts, Query, Request};
use axum::http::Method;

use promfmt::{duration, number};

use crate::sample::Millis;

use super::response::RequestError;

/// Names and values in order, those of the form first.
pub(super) struct Params(Vec<(String, String)>);

impl<S: Send + Sync> FromRequest<S> for Params {
    type Rejection = RequestError;

    async fn from_request(request: Request, state: &S) -> Result<Self, RequestError> {
        let (mut parts, body) = request.into_parts();
        let Query(url) = Query::<Vec<(String, String)>>::from_request_parts(&mut parts, state)
            .await
            .map_err(|error| RequestError::BadData(error.body_text()))?;
        let mut params = Vec::new();
        if parts.method == Method::POST {
            let request = Request::from_parts(parts, body);
            let Form(form) = Form::<Vec<(String, String)>>::from_request(request, state)
                .await
                .map_err(|error| RequestError::BadData(error.body_text()))?;
            params.extend(form);
        }
        params.extend(url);
        Ok(Self(params))
    }
}

impl Params {
    /// The first value of a name, unless it is empty.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
            .filter(|value| !value.is_empty())
    }

    /// Every value of a name.
    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// A time, as seconds since the epoch or in RFC 3339.
    pub(super) fn time(&self, name: &str) -> Result<Option<Millis>, RequestError> {
        let Some(text) = self.get(name) else { return Ok(None) };
        let seconds = number::parse(text).filter(|seconds| seconds.is_finite() && seconds.abs() < 1e12);
        let millis = seconds
            .map(|seconds| (seconds * 1000.0).round() as Millis)
            .or_else(|| text.parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_millisecond));
        match millis {
            Some(millis) => Ok(Some(millis)),
            None => {
                Err(RequestError::parameter(name, format_args!("cannot parse {text:?} to a valid timestamp")))
            }
        }
    }

    /// A duration, as seconds or in the form `1m30s`.
    pub(super) fn duration(&self, name: &str) -> Result<Option<Duration>, RequestError> {
        let Some(text) = self.get(name) else { return Ok(None) };
        let seconds = number::parse(text).and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        match seconds.or_else(|| duration::parse(text)) {
            Some(duration) => Ok(Some(duration)),
            None => {
                Err(RequestError::parameter(name, format_args!("cannot parse {text:?} to a valid duration")))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn params(value: &str) -> Params {
        Params(vec![("p".to_owned(), value.to_owned())])
    }

    #[test]
    fn times_are_parsed() {
        for (text, millis) in [
            ("1700000000", Some(1_700_000_000_000)),
            ("1700000000.1234", Some(1_700_000_000_123)),
            ("2023-11-14T22:13:20Z", Some(1_700_000_000_000)),
            ("2023-11-14T23:13:20.5+01:00", Some(1_700_000_000_500)),
            ("", None),
        ] {
            assert_eq!(params(text).time("p"), Ok(millis), "{text}");
        }
        for text in ["now", "NaN", "+Inf", "2023-11-14", "1e300"] {
            let error = format!(r#"invalid parameter "p": cannot parse "{text}" to a valid timestamp"#);
            assert_eq!(params(text).time("p"), Err(RequestError::BadData(error)));
        }
    }

    #[test]
    fn durations_are_parsed() {
        for (text, millis) in [("1.5", 1_500), ("1m", 60_000)] {
            assert_eq!(params(text).duration("p"), Ok(Some(Duration::from_millis(millis))), "{text}");
        }
        for text in ["-1", "soon", "NaN", "1e300"] {
            let error = format!(r#"invalid parameter "p": cannot parse "{text}" to a valid duration"#);
            assert_eq!(params(text).duration("p"), Err(RequestError::BadData(error)));
        }
    }
}
