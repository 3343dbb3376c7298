//! Takes connections, passes requests on and answers back, unless a fault says otherwise.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, DATE, HOST, TRANSFER_ENCODING, UPGRADE};
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
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

use super::faults::{Asked, Fault, Shared};
use super::front::{self, Gate};
use super::stream;

pub(super) type Out = UnsyncBoxBody<Bytes, io::Error>;

/// How often a request that hangs looks whether it still has to.
const LOOK: Duration = Duration::from_millis(20);

/// How clients are met.
pub(super) struct Front {
    pub(super) tls: TlsAcceptor,
    /// Which connections let bytes pass.
    pub(super) gate: watch::Receiver<Gate>,
    /// While it is false, the port is closed.
    pub(super) listening: watch::Receiver<bool>,
}

/// Serves until the runtime ends.
pub(super) async fn run(listener: TcpListener, client: kube::Client, shared: Arc<Shared>, front: Front) {
    let Front { tls, gate, mut listening } = front;
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
                // Connections that just ended may hold the port for a moment.
                match TcpListener::bind(address).await {
                    Ok(bound) => listener = Some(bound),
                    Err(_) => tokio::time::sleep(LOOK).await,
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
                let stream = front::gated(stream, shared.connections.fetch_add(1, Ordering::Relaxed), &gate);
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
    let service = service_fn(|request| answer(request, client.clone(), Arc::clone(&shared), end.clone()));
    let serving = async {
        // A client that does not trust the certificate, or speaks no TLS, is answered with the end.
        let Ok(stream) = tls.accept(stream).await else { return };
        let serving =
            hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service);
        // Clients close connections as they like; that is no failure of the proxy.
        let _ended = serving.with_upgrades().await;
    };
    tokio::select! {
        () = serving => {}
        () = end.cancelled() => {}
    }
}

/// An error closes the connection without an answer.
async fn answer(
    mut request: Request<Incoming>,
    client: kube::Client,
    shared: Arc<Shared>,
    end: CancellationToken,
) -> io::Result<Response<Out>> {
    let asked = Asked {
        method: request.method().to_string(),
        path: request.uri().path().to_owned(),
        query: request.uri().query().unwrap_or_default().to_owned(),
        at: Instant::now(),
    };
    shared.note(asked.clone());
    match shared.fault(&asked) {
        Some((_, Fault::Refuse(code, reason, message))) => return Ok(refusal(code, reason, &message)),
        Some((_, Fault::Say(json))) => return Ok(said(StatusCode::OK, json)),
        Some((_, Fault::Close)) => return Err(closed()),
        Some((_, Fault::Late(wait))) => tokio::time::sleep(wait).await,
        Some((id, Fault::Hang)) => {
            while shared.lasts(id) {
                tokio::time::sleep(LOOK).await;
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
            tokio::spawn(stream::tunnel(asked, upgraded, upstream, shared, end));
        }
        return Ok(response.map(|_none| nothing()));
    }
    let (mut parts, body) = response.into_parts();
    parts.headers.remove(TRANSFER_ENCODING);
    parts.headers.remove(CONNECTION);
    Ok(Response::from_parts(parts, stream::body(asked, body, shared)))
}

fn nothing() -> Out {
    Empty::new().map_err(|never: Infallible| match never {}).boxed_unsync()
}

fn said(code: StatusCode, json: String) -> Response<Out> {
    let body = Full::new(Bytes::from(json)).map_err(|never: Infallible| match never {}).boxed_unsync();
    let mut response = Response::new(body);
    *response.status_mut() = code;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

fn refusal(code: u16, reason: &str, message: &str) -> Response<Out> {
    let status = json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": message, "reason": reason, "code": code,
    });
    said(StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR), status.to_string())
}

fn closed() -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionAborted, "the proxy was told to close the connection")
}

/// RFC 9110, section 5.6.7: `Sun, 06 Nov 1994 08:49:37 GMT`.
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
    fn dates_are_shifted_in_their_own_form() {
        let mut headers = HeaderMap::new();
        headers.insert(DATE, HeaderValue::from_static("Sun, 06 Nov 1994 23:59:37 GMT"));
        shift_date(&mut headers, 120);
        assert_eq!(headers[DATE], "Mon, 07 Nov 1994 00:01:37 GMT");
        shift_date(&mut headers, 0);
        assert_eq!(headers[DATE], "Mon, 07 Nov 1994 00:01:37 GMT");
    }
}
