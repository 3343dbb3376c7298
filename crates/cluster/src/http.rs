//! HTTP/1.1 over a stream, without a local port. The connection is reused between requests.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::task::AbortOnDropHandle;

/// Longest body; a longer one is an error.
pub(crate) const BODY_LIMIT: usize = 16 << 20;

/// A request with its whole body.
pub type HttpRequest = Request<Full<Bytes>>;

/// A response with its whole body.
#[derive(Debug, Clone)]
pub struct HttpResponse {
    /// Status code.
    pub status: StatusCode,
    /// Header fields.
    pub headers: HeaderMap,
    /// Body.
    pub body: Bytes,
}

/// The reason why a request has no response.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// The connection ended.
    #[error("the connection was lost")]
    Lost,
    /// The timeout elapsed.
    #[error("no answer within {0:?}")]
    Slow(Duration),
    /// The response is truncated, too long or not HTTP.
    #[error("invalid response: {0}")]
    Broken(String),
}

/// One connection. Dropping it closes the stream.
#[derive(Debug)]
pub struct Connection {
    sender: SendRequest<Full<Bytes>>,
    /// Reads and writes.
    _driver: AbortOnDropHandle<()>,
    end: Option<End>,
}

/// An end of use that is known before the stream closes.
#[derive(Debug)]
struct End {
    reached: Arc<AtomicBool>,
    _waiter: AbortOnDropHandle<()>,
}

impl Connection {
    /// A connection over a stream to an HTTP/1.1 server.
    ///
    /// # Errors
    /// If the stream is closed.
    pub async fn over<S>(stream: S) -> Result<Self, HttpError>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let (sender, connection) =
            http1::handshake(TokioIo::new(stream)).await.map_err(|_ended| HttpError::Lost)?;
        let driver = tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection ended");
            }
        });
        Ok(Self { sender, _driver: AbortOnDropHandle::new(driver), end: None })
    }

    /// Makes the connection refuse requests once `end` completes. A request in flight still gets its response.
    #[must_use]
    pub fn until(self, end: impl Future<Output = ()> + Send + 'static) -> Self {
        let reached = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&reached);
        let waiter = tokio::spawn(async move {
            end.await;
            flag.store(true, Ordering::Relaxed);
        });
        Self { end: Some(End { reached, _waiter: AbortOnDropHandle::new(waiter) }), ..self }
    }

    /// Returns false if the connection is known to be unusable.
    #[must_use]
    pub fn is_open(&self) -> bool {
        !self.sender.is_closed() && !self.end.as_ref().is_some_and(|end| end.reached.load(Ordering::Relaxed))
    }

    /// Sends a request and reads the whole response within `timeout`.
    ///
    /// After an error the connection is unusable.
    ///
    /// # Errors
    /// [`HttpError`].
    pub async fn send(&mut self, request: HttpRequest, timeout: Duration) -> Result<HttpResponse, HttpError> {
        let exchange = async {
            self.sender.ready().await.map_err(|_closed| HttpError::Lost)?;
            let answer = self.sender.send_request(request).await.map_err(|error| broken(&error))?;
            let (parts, body) = answer.into_parts();
            let body = Limited::new(body, BODY_LIMIT)
                .collect()
                .await
                .map_err(|error| HttpError::Broken(error.to_string()))?
                .to_bytes();
            Ok(HttpResponse { status: parts.status, headers: parts.headers, body })
        };
        tokio::time::timeout(timeout, exchange).await.map_err(|_elapsed| HttpError::Slow(timeout))?
    }
}

fn broken(error: &hyper::Error) -> HttpError {
    if error.is_parse() { HttpError::Broken(error.to_string()) } else { HttpError::Lost }
}

/// A request without a body; `host` is its `Host` field.
///
/// # Errors
/// If the host or the path is invalid.
pub fn request(method: Method, host: &str, path: &str) -> Result<HttpRequest, http::Error> {
    Request::builder()
        .method(method)
        .uri(path)
        .header(header::HOST, HeaderValue::from_str(host)?)
        .body(Full::default())
}

/// A GET request; see [`request`].
///
/// # Errors
/// If the host or the path is invalid.
pub fn get(host: &str, path: &str) -> Result<HttpRequest, http::Error> {
    request(Method::GET, host, path)
}
