//! HTTP/1.1 straight over a stream, without a local port: one connection, kept and used again and again.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, header};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::task::AbortOnDropHandle;

/// A longer answer is an error: nothing that the dashboard asks for comes near it.
const BODY_LIMIT: usize = 16 << 20;

/// An answer, read to its end.
#[derive(Debug, Clone)]
pub struct HttpResponse {
    /// Status code.
    pub status: StatusCode,
    /// Header fields.
    pub headers: HeaderMap,
    /// Body.
    pub body: Bytes,
}

/// Why a request has no answer.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// The connection ended.
    #[error("the connection was lost")]
    Lost,
    /// Nothing came in time.
    #[error("no answer within {0:?}")]
    Slow(Duration),
    /// The answer breaks off, is too long or is not HTTP.
    #[error("the answer is broken: {0}")]
    Broken(String),
}

/// One connection. Dropping it closes the stream.
#[derive(Debug)]
pub struct Connection {
    sender: SendRequest<Empty<Bytes>>,
    /// Reads and writes.
    _driver: AbortOnDropHandle<()>,
    end: Option<End>,
}

/// The end of a connection's use that is known before the stream tells of it.
#[derive(Debug)]
struct End {
    came: Arc<AtomicBool>,
    _waiter: AbortOnDropHandle<()>,
}

impl Connection {
    /// Takes over a stream that a server of HTTP/1.1 has at its other end.
    ///
    /// # Errors
    /// When the stream has ended already.
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

    /// The connection, which takes no further request once `end` has come. One on its way then is still waited for.
    #[must_use]
    pub fn until(self, end: impl Future<Output = ()> + Send + 'static) -> Self {
        let came = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&came);
        let waiter = tokio::spawn(async move {
            end.await;
            told.store(true, Ordering::Relaxed);
        });
        Self { end: Some(End { came, _waiter: AbortOnDropHandle::new(waiter) }), ..self }
    }

    /// Whether a request can be sent, as far as is known here.
    #[must_use]
    pub fn is_open(&self) -> bool {
        !self.sender.is_closed() && !self.end.as_ref().is_some_and(|end| end.came.load(Ordering::Relaxed))
    }

    /// Sends a request without a body and reads the whole answer, within `within`.
    ///
    /// After an error the connection is of no more use.
    ///
    /// # Errors
    /// [`HttpError`] says how it ended.
    pub async fn send(
        &mut self,
        request: Request<Empty<Bytes>>,
        within: Duration,
    ) -> Result<HttpResponse, HttpError> {
        let asking = async {
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
        tokio::time::timeout(within, asking).await.map_err(|_late| HttpError::Slow(within))?
    }
}

fn broken(error: &hyper::Error) -> HttpError {
    if error.is_parse() { HttpError::Broken(error.to_string()) } else { HttpError::Lost }
}

/// A request without a body to `host`, which is said in its `Host` field.
///
/// # Errors
/// When the path is no path.
pub fn request(method: Method, host: &str, path: &str) -> Result<Request<Empty<Bytes>>, http::Error> {
    Request::builder()
        .method(method)
        .uri(path)
        .header(header::HOST, HeaderValue::from_str(host)?)
        .body(Empty::new())
}

/// As [`request`], with the method GET.
///
/// # Errors
/// When the path is no path.
pub fn get(host: &str, path: &str) -> Result<Request<Empty<Bytes>>, http::Error> {
    request(Method::GET, host, path)
}
