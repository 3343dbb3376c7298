//! Accepts connections and forwards requests and responses, unless a fault applies.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, DATE, HOST, TRANSFER_ENCODING, UPGRADE};
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Empty, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use kube::client::Body;
use serde_json::json;
use tokio::io::DuplexStream;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use super::client_side::{self, Gate};
use super::faults::{Fault, RecordedRequest, Shared};
use super::stream::{self, ResponseBody};

/// Interval at which a hanging request checks its fault.
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// The settings of the listener.
pub(super) struct Listener {
    pub(super) tls: TlsAcceptor,
    /// The connections that forward bytes.
    pub(super) gate: watch::Receiver<Gate>,
    /// `false` closes the port.
    pub(super) listening: watch::Receiver<bool>,
}

/// Serves until the runtime ends.
pub(super) async fn run(
    listener: TcpListener,
    client: kube::Client,
    shared: Arc<Shared>,
    listener_settings: Listener,
) {
    let Listener { tls, gate, mut listening } = listener_settings;
    let Ok(address) = listener.local_addr() else { return };
    let mut listener = Some(listener);
    let mut connections = CancellationToken::new();
    loop {
        let wanted = *listening.borrow_and_update();
        match (&listener, wanted) {
            (Some(_), false) => {
                listener = None;
                connections.cancel();
            }
            (None, true) => {
                connections = CancellationToken::new();
                // Ended connections can hold the port for a short time.
                match TcpListener::bind(address).await {
                    Ok(bound) => listener = Some(bound),
                    Err(_) => tokio::time::sleep(POLL_INTERVAL).await,
                }
                continue;
            }
            _ => {}
        }
        let accepted = async {
            match &listener {
                Some(listener) => listener.accept().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            Ok((stream, _)) = accepted => {
                let stream = client_side::gated(stream, shared.connections.fetch_add(1, Ordering::Relaxed), &gate);
                let service = (client.clone(), Arc::clone(&shared), connections.clone());
                tokio::spawn(connection(stream, tls.clone(), service));
            }
            changed = listening.changed() => if changed.is_err() { return },
        }
    }
}

async fn connection(
    stream: DuplexStream,
    tls: TlsAcceptor,
    (client, shared, end): (kube::Client, Arc<Shared>, CancellationToken),
) {
    let service = service_fn(|request| handle(request, client.clone(), Arc::clone(&shared), end.clone()));
    let serving = async {
        // Close the connection of a client that does not trust the certificate or speaks no TLS.
        let Ok(stream) = tls.accept(stream).await else { return };
        let serving =
            hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service);
        // Clients close connections at any time; that is no failure of the proxy.
        let _ended = serving.with_upgrades().await;
    };
    tokio::select! {
        () = serving => {}
        () = end.cancelled() => {}
    }
}

/// Handles one request. An error closes the connection without a response.
async fn handle(
    mut request: Request<Incoming>,
    client: kube::Client,
    shared: Arc<Shared>,
    end: CancellationToken,
) -> io::Result<Response<ResponseBody>> {
    let recorded = RecordedRequest {
        method: request.method().to_string(),
        path: request.uri().path().to_owned(),
        query: request.uri().query().unwrap_or_default().to_owned(),
        at: Instant::now(),
    };
    shared.record(recorded.clone());
    match shared.fault(&recorded) {
        Some((_, Fault::Status(code, reason, message))) => return Ok(failure(code, reason, &message)),
        Some((_, Fault::Reply(json))) => return Ok(reply(StatusCode::OK, json)),
        Some((_, Fault::Close)) => return Err(closed_by_test()),
        Some((_, Fault::Delay(wait))) => tokio::time::sleep(wait).await,
        Some((id, Fault::Hang)) => {
            while shared.lasts(id) {
                tokio::time::sleep(POLL_INTERVAL).await;
            }
        }
        None => {}
    }
    let upgraded = request.headers().contains_key(UPGRADE).then(|| hyper::upgrade::on(&mut request));
    let (mut parts, body) = request.into_parts();
    for name in [HOST, CONTENT_LENGTH, TRANSFER_ENCODING] {
        parts.headers.remove(name);
    }
    let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
    let sent = client.send(Request::from_parts(parts, Body::from(body))).await;
    let mut response = sent.map_err(io::Error::other)?;
    shift_date(response.headers_mut(), shared.date_shift.load(Ordering::Relaxed));
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        let upstream = hyper::upgrade::on(&mut response);
        if let Some(upgraded) = upgraded {
            tokio::spawn(stream::tunnel(recorded, upgraded, upstream, shared, end));
        }
        return Ok(response.map(|_none| empty_body()));
    }
    let (mut parts, body) = response.into_parts();
    parts.headers.remove(TRANSFER_ENCODING);
    parts.headers.remove(CONNECTION);
    Ok(Response::from_parts(parts, stream::body(recorded, body, shared)))
}

fn empty_body() -> ResponseBody {
    Empty::new().map_err(|never: Infallible| match never {}).boxed_unsync()
}

fn reply(code: StatusCode, json: String) -> Response<ResponseBody> {
    let body = Full::new(Bytes::from(json)).map_err(|never: Infallible| match never {}).boxed_unsync();
    let mut response = Response::new(body);
    *response.status_mut() = code;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

fn failure(code: u16, reason: &str, message: &str) -> Response<ResponseBody> {
    let status = json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": message, "reason": reason, "code": code,
    });
    reply(StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR), status.to_string())
}

fn closed_by_test() -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionAborted, "a test closed the connection")
}

/// Shifts the `Date` header (RFC 9110, section 5.6.7: `Sun, 06 Nov 1994 08:49:37 GMT`).
fn shift_date(headers: &mut HeaderMap, seconds: i64) {
    let now = headers.get(DATE).and_then(|date| date.to_str().ok());
    let now = now.and_then(|date| jiff::fmt::rfc2822::parse(date).ok()).map(|zoned| zoned.timestamp());
    let Some(now) = now.filter(|_| seconds != 0) else { return };
    let shifted = now.checked_add(jiff::SignedDuration::from_secs(seconds)).unwrap_or(now);
    let printed = jiff::fmt::rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&shifted);
    if let Some(value) = printed.ok().and_then(|text| HeaderValue::try_from(text).ok()) {
        headers.insert(DATE, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_keep_their_format() {
        let mut headers = HeaderMap::new();
        headers.insert(DATE, HeaderValue::from_static("Sun, 06 Nov 1994 23:59:37 GMT"));
        shift_date(&mut headers, 120);
        assert_eq!(headers[DATE], "Mon, 07 Nov 1994 00:01:37 GMT");
        shift_date(&mut headers, 0);
        assert_eq!(headers[DATE], "Mon, 07 Nov 1994 00:01:37 GMT");
    }
}
