//! The HTTP/1.1 server of both programs: a router with limits on connections and on requests.

use std::time::Duration;

use axum::{
    Router,
    body::{Body, HttpBody as _},
    extract::Request,
    http::HeaderMap,
    middleware::{self, Next},
    response::Response,
};
use contract::Problem;
use http_body_util::{BodyExt, LengthLimitError, Limited};
pub use http_server::{Limits as ConnectionLimits, serve};

use crate::probes::problem;

/// Limits on a single request. A request over a limit is answered with a problem document.
#[derive(Debug, Clone, Copy)]
pub struct RequestLimits {
    /// Maximum size of the request target in bytes (414).
    pub target_bytes: usize,
    /// Maximum size of all header names and values in bytes (431).
    pub header_bytes: usize,
    /// Maximum size of the body in bytes (413). No route uses the body.
    pub body_bytes: usize,
    /// Time limit for the body (408).
    pub body_timeout: Duration,
}

impl Default for RequestLimits {
    fn default() -> Self {
        Self {
            target_bytes: 4 * 1024,
            header_bytes: 8 * 1024,
            body_bytes: 16 * 1024,
            body_timeout: Duration::from_secs(5),
        }
    }
}

/// Applies `limits` to all requests of `router`.
pub fn limited(router: Router, limits: RequestLimits) -> Router {
    router.layer(middleware::from_fn(move |request, next| check(limits, request, next)))
}

/// Rejects a request that is too large or too slow. Reads and discards the body, because no route reads one.
async fn check(limits: RequestLimits, request: Request, next: Next) -> Response {
    if let Err(rejection) = check_size(limits, &request) {
        return problem(&rejection);
    }
    let (parts, body) = request.into_parts();
    if !body.is_end_stream() {
        let read = Limited::new(body, limits.body_bytes).collect();
        let rejection = match tokio::time::timeout(limits.body_timeout, read).await {
            Ok(Ok(_)) => None,
            Ok(Err(error)) if error.is::<LengthLimitError>() => Some(body_too_large(limits)),
            Ok(Err(error)) => {
                Some(Problem::new(400, "Bad Request", format!("cannot read the body: {error}")))
            }
            Err(_) => {
                let detail = format!("the body did not arrive within {:?}", limits.body_timeout);
                Some(Problem::new(408, "Request Timeout", detail))
            }
        };
        if let Some(rejection) = rejection {
            return problem(&rejection);
        }
    }
    next.run(Request::from_parts(parts, Body::empty())).await
}

fn check_size(limits: RequestLimits, request: &Request) -> Result<(), Problem> {
    let target = request.uri().path_and_query().map_or(0, |target| target.as_str().len());
    if target > limits.target_bytes {
        let detail = format!("the request target has {target} bytes; the limit is {}", limits.target_bytes);
        return Err(Problem::new(414, "URI Too Long", detail));
    }
    let bytes = header_bytes(request.headers());
    if bytes > limits.header_bytes {
        let detail = format!("the header has {bytes} bytes; the limit is {}", limits.header_bytes);
        return Err(Problem::new(431, "Request Header Fields Too Large", detail));
    }
    if request.body().size_hint().lower() > limits.body_bytes as u64 {
        return Err(body_too_large(limits));
    }
    Ok(())
}

fn header_bytes(headers: &HeaderMap) -> usize {
    headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum()
}

fn body_too_large(limits: RequestLimits) -> Problem {
    let detail = format!("the body has more than {} bytes, and no route reads it", limits.body_bytes);
    Problem::new(413, "Content Too Large", detail)
}
