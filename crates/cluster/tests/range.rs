//! Queries over a range at a URL: HTTPS, credentials, and ranges that are longer than one answer.

#![expect(clippy::unwrap_used, reason = "a test may end at the first surprise")]

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cluster::connect::server::Access;
use cluster::errors::Failure;
use cluster::prometheus::range::{Range, RangeServer};
use serde_json::json;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

const PASSWORD: &str = "correct-horse";

/// The answer of a Prometheus with one series, whose value is the time. It wants a login or a token, and refuses more than
/// 11,000 points, as Prometheus does.
fn answer(request: &str) -> (u16, String) {
    let basic = format!("Basic {}", STANDARD.encode(format!("ada:{PASSWORD}")));
    let is_allowed = request.lines().any(|line| {
        line.split_once(": ").is_some_and(|(name, value)| {
            name.eq_ignore_ascii_case("authorization") && (value == basic || value == "Bearer good-token")
        })
    });
    if !is_allowed {
        return (401, "<html>log in</html>".to_owned());
    }
    let path = request.split(' ').nth(1).unwrap();
    assert!(path.starts_with("/base/api/v1/query_range?query=up%7B%7D&"), "{path}");
    let number = |name: &str| -> f64 {
        let (_, rest) = path.split_once(&format!("&{name}=")).unwrap();
        rest.split('&').next().unwrap().parse().unwrap()
    };
    let (start, end, step) = (number("start"), number("end"), number("step"));
    let points = ((end - start) / step).floor() as usize + 1;
    if points > 11_000 {
        let error = json!({"status": "error", "errorType": "bad_data",
            "error": "exceeded maximum resolution of 11,000 points per timeseries"});
        return (400, error.to_string());
    }
    let values: Vec<_> = (0..points)
        .map(|index| start + step * index as f64)
        .map(|time| json!([time, time.to_string()]))
        .collect();
    let result = json!([{"metric": {"job": "x"}, "values": values}]);
    (200, json!({"status": "success", "data": {"resultType": "matrix", "result": result}}).to_string())
}

async fn serve(mut stream: impl AsyncRead + AsyncWrite + Unpin) {
    let (mut request, mut buffer) = (Vec::new(), [0; 4096]);
    while !request.windows(4).any(|end| end == b"\r\n\r\n") {
        match stream.read(&mut buffer).await {
            Ok(read @ 1..) => request.extend_from_slice(&buffer[..read]),
            _ => return,
        }
    }
    let (status, body) = answer(&String::from_utf8_lossy(&request));
    let length = body.len();
    let head = format!("HTTP/1.1 {status} X\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n");
    let _closed = stream.write_all(format!("{head}{body}").as_bytes()).await;
    let _closed = stream.shutdown().await;
}

/// Starts the server with TLS. Returns its address, and writes its certificate to `ca.pem`.
async fn prometheus(folder: &Path) -> String {
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    std::fs::write(folder.join("ca.pem"), made.cert.pem()).unwrap();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
    let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let tls = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let tls = tls.clone();
            tokio::spawn(async move {
                if let Ok(stream) = tls.accept(stream).await {
                    serve(stream).await;
                }
            });
        }
    });
    address
}

fn week() -> Range {
    let end: jiff::Timestamp = "2026-05-08T00:00:00Z".parse().unwrap();
    let length = Duration::from_secs(7 * 86_400);
    Range { start: end.checked_sub(length).unwrap(), end, step: Duration::from_secs(15) }
}

#[tokio::test]
async fn a_week_is_read_in_parts() {
    let folder = tempfile::tempdir().unwrap();
    let address = prometheus(folder.path()).await;
    std::fs::write(folder.path().join("token"), "good-token\n").unwrap();
    let ca = Some(folder.path().join("ca.pem"));
    let by_token =
        Access { certificate_authority: ca.clone(), token_file: Some(folder.path().join("token")) };
    let by_login = Access { certificate_authority: ca, token_file: None };
    for (url, access) in [
        (format!("https://{address}/base/"), by_token),
        (format!("https://ada:{PASSWORD}@{address}/base"), by_login),
    ] {
        let rows = RangeServer::url(&url, &access).unwrap().query("up{}", week()).await.unwrap();
        assert_eq!(rows.len(), 1, "the parts of a series are one series");
        let times: Vec<f64> = rows[0].values.iter().map(|point| point.time).collect();
        assert_eq!(times.len(), 7 * 86_400 / 15 + 1);
        assert!(times.windows(2).all(|pair| pair[1] - pair[0] == 15.0), "no step is missing or twice");
    }
}

#[tokio::test]
async fn an_obstacle_is_a_sentence_without_the_password() {
    let folder = tempfile::tempdir().unwrap();
    let address = prometheus(folder.path()).await;
    let ca = Access { certificate_authority: Some(folder.path().join("ca.pem")), token_file: None };
    for (url, access, expected) in [
        (format!("https://ada:{PASSWORD}@{address}/base"), &Access::default(), "not from a trusted CA"),
        (format!("https://bob:{PASSWORD}@{address}/base"), &ca, "answered 401"),
        (format!("https://ada:{PASSWORD}@127.0.0.1:9/base"), &ca, "no answer from https://127.0.0.1:9/base"),
    ] {
        let failure = RangeServer::url(&url, access).unwrap().query("up{}", week()).await.unwrap_err();
        let (Failure::Lost(sentence) | Failure::Unavailable(sentence)) = failure;
        assert!(sentence.contains(expected) && !sentence.contains(PASSWORD), "{sentence}");
    }
    let absent = Access { certificate_authority: Some("absent.pem".into()), token_file: None };
    let empty = Access { token_file: Some("absent-token".into()), ..Access::default() };
    for (url, access, expected) in [
        ("ftp://ada:correct-horse@x", &ca, "ftp://x/ is no URL such as https://prometheus.example:9090"),
        ("prometheus", &ca, "prometheus is no URL"),
        ("http:// x", &ca, "the URL is invalid"),
        ("https://x", &absent, "reading absent.pem failed"),
        ("https://x", &empty, "absent-token is not readable"),
    ] {
        let sentence = RangeServer::url(url, access).err().unwrap();
        assert!(sentence.contains(expected), "{url}: {sentence}");
    }
}
