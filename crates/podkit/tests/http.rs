//! What the server says to clients that are wrong, slow or large: always a 4xx with a problem document, never a 5xx,
//! never silence.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say where and stop")]

use std::time::Duration;

use axum::{Router, routing::get};
use contract::{PROBLEM_CONTENT_TYPE, Problem};
use podkit::{
    http::{Limits, limited, serve},
    probes::{method_not_allowed, not_found},
};
use testkit::wait::DEADLINE;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tokio_util::sync::CancellationToken;

struct Server {
    address: std::net::SocketAddr,
    stop: CancellationToken,
    task: tokio::task::JoinHandle<()>,
}

async fn server(limits: Limits) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let stop = CancellationToken::new();
    let app = Router::new()
        .route("/", get(async || "fine"))
        .method_not_allowed_fallback(method_not_allowed)
        .fallback(not_found);
    let task = tokio::spawn({
        let stop = stop.clone();
        async move { serve(listener, limited(app, limits), limits, &stop).await }
    });
    Server { address, stop, task }
}

/// Everything that the server says to `request`, until it hangs up.
async fn say(server: &Server, request: &[u8]) -> String {
    let exchange = async {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        // The server may hang up while we still talk.
        let _ = stream.write_all(request).await;
        let mut said = Vec::new();
        let _ = stream.read_to_end(&mut said).await;
        String::from_utf8(said).unwrap()
    };
    tokio::time::timeout(DEADLINE, exchange).await.expect("the server neither answers nor hangs up")
}

fn problem(said: &str) -> (Problem, &str) {
    let (head, body) = said.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {said:?}"));
    let problem: Problem =
        serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {body:?} of {said:?}"));
    assert!(head.starts_with(&format!("HTTP/1.1 {} ", problem.status)), "{head}");
    assert!(head.to_lowercase().contains(&format!("content-type: {PROBLEM_CONTENT_TYPE}")), "{head}");
    (problem, head)
}

#[tokio::test]
async fn what_is_not_http_or_too_large_gets_a_problem_document() {
    let server = server(Limits::default()).await;
    let many = (0..200).fold(String::new(), |all, n| format!("{all}x-{n}: 1\r\n"));
    let request =
        |line: &str, headers: &str| format!("{line}\r\nhost: x\r\nconnection: close\r\n{headers}\r\n");
    let body = "x".repeat(20_000);
    let chunks = format!("transfer-encoding: chunked\r\n\r\n4e20\r\n{body}\r\n0\r\n");
    let cases: Vec<(String, u16)> = vec![
        ("\u{1}\u{2}\u{3}\r\n\r\n".to_owned(), 400),
        ("GET\r\n\r\n".to_owned(), 400),
        ("GET / HTTP/9.9\r\n\r\n".to_owned(), 400),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(), 400),
        ("GET / HTTP/1.1\r\nbad header\r\n\r\n".to_owned(), 400),
        ("GET /\u{7f} HTTP/1.1\r\n\r\n".to_owned(), 400),
        ("POST / HTTP/1.1\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n".to_owned(), 400),
        ("POST / HTTP/1.1\r\ncontent-length: many\r\n\r\n".to_owned(), 400),
        (request("POST / HTTP/1.1", "transfer-encoding: chunked\r\n\r\nzz\r\n"), 400),
        (request("GET /nothing HTTP/1.1", ""), 404),
        (request("OPTIONS * HTTP/1.1", ""), 404),
        (request("DELETE / HTTP/1.1", ""), 405),
        (request("BREW / HTTP/1.1", ""), 405),
        (request("GET / HTTP/1.1", "content-length: 999999\r\n"), 413),
        (request("GET / HTTP/1.1", &format!("content-length: 20000\r\n\r\n{body}")), 413),
        (request("GET / HTTP/1.1", &chunks), 413),
        (request(&format!("GET /{} HTTP/1.1", "x".repeat(5_000)), ""), 414),
        (request("GET / HTTP/1.1", &format!("x: {}\r\n", "y".repeat(9_000))), 431),
        (request("GET / HTTP/1.1", &format!("x: {}\r\n", "y".repeat(200_000))), 431),
        (request("GET / HTTP/1.1", &many), 431),
    ];
    for (request, expected) in cases {
        let said = say(&server, request.as_bytes()).await;
        let shown: String = request.chars().take(60).collect();
        assert!(!said.is_empty(), "no answer to {shown:?}");
        let (problem, head) = problem(&said);
        assert_eq!(problem.status, expected, "{shown:?}: {said}");
        assert!(expected != 405 || head.to_lowercase().contains("allow: get,head"), "{shown:?}: {head}");
    }
    // A line that never ends is refused as soon as it does not fit.
    let said = say(&server, format!("GET /{}", "x".repeat(100_000)).as_bytes()).await;
    assert!(matches!(problem(&said).0.status, 414 | 431), "{said}");
}

#[tokio::test]
async fn slow_clients_are_told_so_and_idle_ones_are_left() {
    let short = Duration::from_millis(100);
    let limits = Limits { header_time: short, body_time: short, idle_time: short, ..Limits::default() };
    let server = server(limits).await;
    let body = "POST / HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 5\r\n\r\nab";
    for request in ["GET / HT", "GET / HTTP/1.1\r\nhost: x\r\n", body] {
        let said = say(&server, request.as_bytes()).await;
        assert_eq!(problem(&said).0.status, 408, "{request:?}: {said}");
    }
    assert_eq!(say(&server, b"").await, "", "nothing was asked, so nothing is answered");
    let said = say(&server, b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
    assert!(said.starts_with("HTTP/1.1 200") && said.ends_with("fine"), "{said}");
}

#[tokio::test]
async fn a_connection_serves_many_requests_also_in_one_go_and_after_continue() {
    let server = server(Limits::default()).await;
    let one = "GET / HTTP/1.1\r\nhost: x\r\n\r\n";
    let last = "GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    let said = say(&server, format!("{one}{one}{last}").as_bytes()).await;
    assert_eq!(said.matches("HTTP/1.1 200").count(), 3, "{said}");
    let broken = say(&server, format!("{one}nonsense\r\n\r\n").as_bytes()).await;
    assert!(broken.starts_with("HTTP/1.1 200") && broken.contains("HTTP/1.1 400 Bad Request"), "{broken}");
    let waiting = "GET / HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 2\r\nconnection: close\r\n\r\nab";
    let said = say(&server, waiting.as_bytes()).await;
    assert!(said.contains("HTTP/1.1 200") && said.ends_with("fine"), "{said}");
}

#[tokio::test]
async fn no_more_connections_than_allowed_are_served_and_the_next_gets_the_place() {
    let server = server(Limits { connections: 1, ..Limits::default() }).await;
    let mut first = TcpStream::connect(server.address).await.unwrap();
    first.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    let mut answer = [0; 12];
    first.read_exact(&mut answer).await.unwrap();
    let second = async { say(&server, b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await };
    let mut second = std::pin::pin!(second);
    tokio::select! {
        said = &mut second => panic!("served beyond the limit: {said}"),
        () = tokio::time::sleep(Duration::from_millis(100)) => {}
    }
    drop(first);
    assert!(second.await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn told_to_stop_it_hangs_up_on_idle_connections_and_takes_no_new_ones() {
    let server = server(Limits::default()).await;
    let mut idle = TcpStream::connect(server.address).await.unwrap();
    idle.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    let mut answer = [0; 12];
    idle.read_exact(&mut answer).await.unwrap();
    server.stop.cancel();
    let mut rest = Vec::new();
    tokio::time::timeout(DEADLINE, idle.read_to_end(&mut rest)).await.unwrap().unwrap();
    tokio::time::timeout(DEADLINE, server.task).await.unwrap().unwrap();
    assert!(TcpStream::connect(server.address).await.is_err());
}
