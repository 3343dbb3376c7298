//! The requests of bursts and of the continuous load: jobs for the demo's producer, or a request of the user for any Service.

use std::str::FromStr;

use bytes::Bytes;
use contract::{BurstId, names};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri, header};

use super::outcome::Outcome;
use cluster::endpoint::{Endpoint, Port};
use cluster::http::{HttpError, HttpRequest, HttpResponse};

/// A port and a path of a Service: `svc/NAME:PORT/PATH`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServicePath {
    /// Name of the Service.
    pub service: String,
    /// Number of the Service's port.
    pub port: u16,
    /// Path and query, with the first `/`.
    pub path: Uri,
}

impl FromStr for ServicePath {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is not of the form svc/NAME:PORT/PATH");
        let rest = text.strip_prefix("svc/").or_else(|| text.strip_prefix("service/")).ok_or_else(wrong)?;
        let (place, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let (service, port) = place.split_once(':').ok_or_else(wrong)?;
        let is_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if service.is_empty() || !service.chars().all(is_name) {
            return Err(wrong());
        }
        let port = port.parse().ok().filter(|port| *port > 0).ok_or_else(wrong)?;
        let path = if path.is_empty() { "/" } else { path };
        Ok(Self { service: service.to_owned(), port, path: path.parse().map_err(|_invalid| wrong())? })
    }
}

impl std::fmt::Display for ServicePath {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "svc/{}:{}{}", self.service, self.port, self.path)
    }
}

/// A header of the user: `NAME: VALUE`.
///
/// # Errors
/// A sentence without the value, which may be secret.
pub fn header(text: &str) -> Result<(HeaderName, HeaderValue), String> {
    let wrong = || "a header has the form NAME: VALUE".to_owned();
    let (name, value) = text.split_once(':').ok_or_else(wrong)?;
    let name = name.trim().parse().map_err(|_invalid| wrong())?;
    let mut value = HeaderValue::from_str(value.trim()).map_err(|_invalid| wrong())?;
    value.set_sensitive(true);
    Ok((name, value))
}

/// The requests, and the meaning of their answers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum LoadPlan {
    /// One job each for the demo's producer.
    #[default]
    Jobs,
    /// The same request again and again; any answer 2xx accepts it.
    Requests(Box<UserRequest>),
}

/// A request of the user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserRequest {
    /// The Service.
    pub to: ServicePath,
    /// Method.
    pub method: Method,
    /// Header fields.
    pub headers: HeaderMap,
    /// Body.
    pub body: Bytes,
}

impl LoadPlan {
    /// The receiver of the requests.
    #[must_use]
    pub fn endpoint(&self, namespace: &str) -> Endpoint {
        let (service, port) = match self {
            Self::Jobs => (names::PRODUCER, names::PRODUCER_HTTP.into()),
            Self::Requests(own) => (own.to.service.as_str(), Port::Number(own.to.port)),
        };
        Endpoint { namespace: namespace.to_owned(), service: service.to_owned(), port }
    }

    /// The request of a burst, or of the continuous load.
    pub(super) fn request(&self, host: &HeaderValue, burst: Option<&BurstId>) -> HttpRequest {
        let mut request = Request::new(http_body_util::Full::default());
        request.headers_mut().insert(header::HOST, host.clone());
        match self {
            Self::Jobs => {
                let path = match burst {
                    Some(id) => format!("{}?burst={id}", contract::routes::GENERATE),
                    None => contract::routes::GENERATE.to_owned(),
                };
                *request.method_mut() = Method::POST;
                // A burst's ID has no character that a query must encode.
                *request.uri_mut() = path.parse().unwrap_or_default();
            }
            Self::Requests(own) => {
                let UserRequest { to, method, headers, body } = &**own;
                request.headers_mut().extend(headers.clone());
                *request.method_mut() = method.clone();
                *request.uri_mut() = to.path.clone();
                *request.body_mut() = http_body_util::Full::new(body.clone());
            }
        }
        request
    }

    /// The outcome of a request.
    pub(super) fn outcome(&self, answer: Result<HttpResponse, HttpError>) -> Outcome {
        match self {
            Self::Jobs => Outcome::of(answer),
            Self::Requests(_) => Outcome::by_status(answer),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_have_a_name_a_port_and_a_path() {
        for (text, expected) in [
            ("svc/web:80/work?ms=100", Some("svc/web:80/work?ms=100")),
            ("service/web:8080", Some("svc/web:8080/")),
            ("svc/web:80/", Some("svc/web:80/")),
            ("web:80/", None),
            ("svc/web/", None),
            ("svc/web:0/", None),
            ("svc/web:http/", None),
            ("svc/Web:80/", None),
            ("svc/:80/", None),
            ("svc/web:80/a b", None),
        ] {
            let parsed = text.parse::<ServicePath>();
            assert_eq!(parsed.map(|path| path.to_string()).ok().as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn an_invalid_header_is_not_repeated() {
        assert_eq!(header("x-key: abc").unwrap().1, "abc");
        for text in ["s3cret", "a b: s3cret", "a: s3cret\u{7}"] {
            assert!(!header(text).unwrap_err().contains("s3cret"), "{text}");
        }
    }

    #[test]
    fn a_request_is_sent_as_the_user_wrote_it() {
        let plan = LoadPlan::Requests(Box::new(UserRequest {
            to: "svc/web:80/work?ms=100".parse().unwrap(),
            method: Method::PUT,
            headers: [header("x-key: abc").unwrap()].into_iter().collect(),
            body: Bytes::from_static(b"{}"),
        }));
        let request = plan.request(&HeaderValue::from_static("web"), None);
        assert_eq!((request.method(), request.uri().to_string()), (&Method::PUT, "/work?ms=100".to_owned()));
        assert_eq!(request.headers()["x-key"], "abc");
        assert_eq!(request.headers()[header::HOST], "web");
        let status = |code| {
            let status = http::StatusCode::from_u16(code).unwrap();
            plan.outcome(Ok(HttpResponse { status, headers: HeaderMap::new(), body: Bytes::new() }))
        };
        assert_eq!((status(204).confirmed, status(204).failure), (1, None));
        assert_eq!((status(302).confirmed, status(302).failure), (0, Some("answered 302 Found".to_owned())));
    }
}
