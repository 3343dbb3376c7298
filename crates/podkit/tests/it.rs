//! The HTTP server with clients that send wrong, large or slow requests: every one gets a 4xx answer or loses its
//! connection.

#![expect(clippy::unwrap_used, reason = "a failed step fails the test")]

use std::{net::SocketAddr, time::Duration};

use axum::{Router, routing::get};
use contract::{PROBLEM_CONTENT_TYPE, Problem};
use podkit::{
    http::{ConnectionLimits, RequestLimits, limited, serve},
    probes::{method_not_allowed, not_found},
};
use testkit::wait::DEADLINE;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tokio_util::sync::{CancellationToken, DropGuard};

async fn start(limits: RequestLimits) -> (SocketAddr, DropGuard) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let shutdown = CancellationToken::new();
    let app = Router::new()
        .route("/", get(async || "fine"))
        .method_not_allowed_fallback(method_not_allowed)
        .fallback(not_found);
    tokio::spawn({
        let shutdown = shutdown.clone();
        async move { serve(listener, limited(app, limits), ConnectionLimits::default(), &shutdown).await }
    });
    (address, shutdown.drop_guard())
}

/// Sends `request` and returns all bytes until the server closes the connection.
async fn exchange(address: SocketAddr, request: &[u8]) -> String {
    let exchange = async {
        let mut stream = TcpStream::connect(address).await.unwrap();
        // The server may close the connection before it has read everything.
        let _ = stream.write_all(request).await;
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        String::from_utf8(answer).unwrap()
    };
    tokio::time::timeout(DEADLINE, exchange)
        .await
        .expect("the server neither answers nor closes the connection")
}

fn problem(answer: &str) -> (Problem, &str) {
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {answer:?}"));
    let problem: Problem =
        serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {body:?} of {answer:?}"));
    assert!(head.starts_with(&format!("HTTP/1.1 {} ", problem.status)), "{head}");
    assert!(head.to_lowercase().contains(&format!("content-type: {PROBLEM_CONTENT_TYPE}")), "{head}");
    (problem, head)
}

fn request(line: &str, headers: &str) -> String {
    format!("{line}\r\nhost: x\r\nconnection: close\r\n{headers}\r\n")
}

#[tokio::test]
async fn unreadable_requests_get_a_4xx() {
    let (address, _guard) = start(RequestLimits::default()).await;
    let many = (0..200).fold(String::new(), |all, n| format!("{all}x-{n}: 1\r\n"));
    let cases = [
        ("\u{1}\u{2}\u{3}\r\n\r\n".to_owned(), 400),
        ("GET\r\n\r\n".to_owned(), 400),
        ("GET / HTTP/9.9\r\n\r\n".to_owned(), 400),
        ("GET / HTTP/1.1\r\nbad header\r\n\r\n".to_owned(), 400),
        ("GET /\u{7f} HTTP/1.1\r\n\r\n".to_owned(), 400),
        ("POST / HTTP/1.1\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n".to_owned(), 400),
        ("POST / HTTP/1.1\r\ncontent-length: many\r\n\r\n".to_owned(), 400),
        (request("GET / HTTP/1.1", &many), 431),
    ];
    for (request, expected) in cases {
        let answer = exchange(address, request.as_bytes()).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {expected} ")), "{request:?}: {answer}");
    }
}

#[tokio::test]
async fn rejections_are_problem_documents() {
    let (address, _guard) = start(RequestLimits::default()).await;
    let body = "x".repeat(20_000);
    let cases = [
        (request("POST / HTTP/1.1", "transfer-encoding: chunked\r\n\r\nzz\r\n"), 400),
        (request("GET /nothing HTTP/1.1", ""), 404),
        (request("OPTIONS * HTTP/1.1", ""), 404),
        (request("DELETE / HTTP/1.1", ""), 405),
        (request("BREW / HTTP/1.1", ""), 405),
        (request("GET / HTTP/1.1", "content-length: 999999\r\n"), 413),
        (
            request("GET / HTTP/1.1", &format!("transfer-encoding: chunked\r\n\r\n4e20\r\n{body}\r\n0\r\n")),
            413,
        ),
        (request(&format!("GET /{} HTTP/1.1", "x".repeat(5_000)), ""), 414),
        (request("GET / HTTP/1.1", &format!("x: {}\r\n", "y".repeat(9_000))), 431),
    ];
    for (request, expected) in cases {
        let answer = exchange(address, request.as_bytes()).await;
        let shown: String = request.chars().take(60).collect();
        let (problem, head) = problem(&answer);
        assert_eq!(problem.status, expected, "{shown:?}: {answer}");
        assert!(expected != 405 || head.to_lowercase().contains("allow: get,head"), "{shown:?}: {head}");
    }
}

#[tokio::test]
async fn a_slow_body_is_rejected() {
    let limits = RequestLimits { body_timeout: Duration::from_millis(100), ..RequestLimits::default() };
    let (address, _guard) = start(limits).await;
    let answer =
        exchange(address, request("POST / HTTP/1.1", "content-length: 5\r\n\r\nab").as_bytes()).await;
    assert_eq!(problem(&answer).0.status, 408, "{answer}");
}

#[tokio::test]
async fn pipelined_and_continued_requests_are_answered() {
    let (address, _guard) = start(RequestLimits::default()).await;
    let one = "GET / HTTP/1.1\r\nhost: x\r\n\r\n";
    let last = request("GET / HTTP/1.1", "");
    let answer = exchange(address, format!("{one}{one}{last}").as_bytes()).await;
    assert_eq!(answer.matches("HTTP/1.1 200").count(), 3, "{answer}");
    let waiting = request("GET / HTTP/1.1", "expect: 100-continue\r\ncontent-length: 2\r\n\r\nab");
    let answer = exchange(address, waiting.as_bytes()).await;
    assert!(answer.contains("HTTP/1.1 200") && answer.ends_with("fine"), "{answer}");
}
