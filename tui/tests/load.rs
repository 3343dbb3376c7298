//! Bursts against small servers on loopback: the counts, and connections that die.

#![expect(clippy::unwrap_used, reason = "a test may end at the first surprise")]

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::RawQuery;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use cluster::http::Connection;
use dashboard::clock::Clock;
use dashboard::message::Event;
use dashboard::reported::BurstProgress;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tui::source::event_sender::EventSender;
use tui::source::load::burst::Bursts;
use tui::source::load::connector::{Connector, Tcp};
use tui::source::load::plan;
use tui::source::load::plan::{LoadPlan, UserRequest};

const OK: &str = r#"{"confirmed":1,"ids":["01890a5d-ac96-774b-bcce-b302099a8057"],"broker_ms":0.5}"#;

async fn serve(app: Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await });
    address
}

/// Fires jobs and returns every progress event.
async fn fire<D: Connector>(dial: D, size: u32, connections: usize) -> Vec<BurstProgress> {
    fire_plan(dial, LoadPlan::Jobs, size, connections).await
}

async fn fire_plan<D: Connector>(
    dial: D,
    plan: LoadPlan,
    size: u32,
    connections: usize,
) -> Vec<BurstProgress> {
    let (events, mut received) = mpsc::channel(1024);
    let clock = Clock::start();
    let bursts = Bursts::new(dial, plan, clock);
    let outbox = EventSender::new(events, clock);
    let firing = bursts.fire_over(connections, "b-1".parse().unwrap(), size, &outbox);
    tokio::time::timeout(testkit::wait::DEADLINE, firing).await.expect("the burst ends");
    drop(outbox);
    let mut reported = Vec::new();
    while let Some(stamped) = received.recv().await {
        match stamped.event {
            Event::Burst(progress) => reported.push(progress),
            other => panic!("nothing but progress is reported: {other:?}"),
        }
    }
    reported
}

#[tokio::test]
async fn every_request_has_the_burst_id_and_counts_once() {
    let requests = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&requests);
    let app = Router::new().fallback(async move |RawQuery(query): RawQuery| {
        assert_eq!(query.as_deref(), Some("burst=b-1"));
        counted.fetch_add(1, Ordering::Relaxed);
        (StatusCode::ACCEPTED, OK)
    });
    let reported = fire(Tcp(serve(app).await), 200, 7).await;

    assert_eq!(requests.load(Ordering::Relaxed), 200);
    let last = reported.last().unwrap();
    assert!(last.finished);
    assert_eq!((last.size, last.sent, last.accepted), (200, 200, 200));
    assert!(last.failed.is_empty());
    assert_eq!(reported.iter().map(|progress| progress.new_ids.len()).sum::<usize>(), 200);
    assert!(last.first_sent < last.first_accepted && last.first_accepted <= last.last_accepted);
    assert_eq!(reported.iter().filter(|progress| progress.finished).count(), 1);
    for pair in reported.windows(2) {
        assert!(pair[0].sent <= pair[1].sent && pair[0].accepted <= pair[1].accepted, "counts never fall");
    }
}

#[tokio::test]
async fn failures_are_counted_by_cause() {
    let turn = Arc::new(AtomicU32::new(0));
    let app = Router::new().fallback(async move || match turn.fetch_add(1, Ordering::Relaxed) % 3 {
        0 => (StatusCode::ACCEPTED, OK),
        1 => (
            StatusCode::SERVICE_UNAVAILABLE,
            r#"{"title":"t","status":503,"detail":"d","confirmed":0,"failed":1,"cause":"blocked"}"#,
        ),
        _ => (StatusCode::BAD_GATEWAY, "<html>"),
    });
    let reported = fire(Tcp(serve(app).await), 30, 3).await;
    let last = reported.last().unwrap();
    assert_eq!((last.sent, last.accepted), (30, 10));
    let failed: Vec<(&str, u32)> =
        last.failed.iter().map(|(cause, count)| (cause.as_str(), *count)).collect();
    assert_eq!(failed, [("answered 502 Bad Gateway", 10), ("broker blocks publishers", 10)]);
}

#[tokio::test]
async fn requests_to_any_service_are_accepted_by_their_status() {
    let turn = Arc::new(AtomicU32::new(0));
    let app =
        Router::new().fallback(async move |method: Method, uri: Uri, headers: HeaderMap, body: String| {
            assert_eq!(
                (method.as_str(), uri.to_string(), body),
                ("PUT", "/work?ms=1".to_owned(), "{}".to_owned())
            );
            assert_eq!(headers["x-key"], "abc");
            match turn.fetch_add(1, Ordering::Relaxed) % 3 {
                0 => StatusCode::OK,
                1 => StatusCode::NO_CONTENT,
                _ => StatusCode::FOUND,
            }
        });
    let plan = LoadPlan::Requests(Box::new(UserRequest {
        to: "svc/web:80/work?ms=1".parse().unwrap(),
        method: Method::PUT,
        headers: [plan::header("x-key: abc").unwrap()].into_iter().collect(),
        body: "{}".into(),
    }));
    let reported = fire_plan(Tcp(serve(app).await), plan, 30, 3).await;
    let last = reported.last().unwrap();
    assert_eq!((last.sent, last.accepted), (30, 20));
    assert_eq!(last.failed, [("answered 302 Found".to_owned(), 10)].into());
    assert!(last.new_ids.is_empty());
}

/// Answers `good` requests on each connection, reads one more and closes it.
async fn hang_up_after(good: usize) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(answer(stream, good));
        }
    });
    address
}

async fn answer(mut stream: TcpStream, good: usize) {
    let mut read = Vec::new();
    for turn in 0..=good {
        while !read.ends_with(b"\r\n\r\n") {
            let mut buffer = [0; 1024];
            match stream.read(&mut buffer).await {
                Ok(0) | Err(_) => return,
                Ok(count) => read.extend_from_slice(&buffer[..count]),
            }
        }
        read.clear();
        if turn < good {
            let head = format!("HTTP/1.1 202 Accepted\r\nContent-Length: {}\r\n\r\n{OK}", OK.len());
            stream.write_all(head.as_bytes()).await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_dead_connection_loses_one_request() {
    let reported = fire(Tcp(hang_up_after(4).await), 50, 1).await;
    let last = reported.last().unwrap();
    assert_eq!((last.sent, last.accepted), (50, 40));
    assert_eq!(last.failed.get("connection lost before the answer"), Some(&10));
}

/// Refuses to connect a number of times.
struct Reluctant {
    refusals: AtomicU32,
    then: Tcp,
}

impl Connector for Reluctant {
    async fn dial(&self) -> Result<Connection, String> {
        let refuse = |left: u32| left.checked_sub(1);
        if self.refusals.fetch_update(Ordering::Relaxed, Ordering::Relaxed, refuse).is_ok() {
            return Err("no ready pod".to_owned());
        }
        self.then.dial().await
    }

    fn host(&self) -> axum::http::HeaderValue {
        self.then.host()
    }
}

/// Its first connection has reached its end when it is handed out, though the server would still answer.
struct Left {
    dialled: Arc<AtomicU32>,
    then: Tcp,
}

impl Connector for Left {
    async fn dial(&self) -> Result<Connection, String> {
        let connection = self.then.dial().await?;
        if self.dialled.fetch_add(1, Ordering::Relaxed) > 0 {
            return Ok(connection.until(std::future::pending()));
        }
        let connection = connection.until(std::future::ready(()));
        while connection.is_open() {
            tokio::task::yield_now().await;
        }
        Ok(connection)
    }

    fn host(&self) -> axum::http::HeaderValue {
        self.then.host()
    }
}

#[tokio::test]
async fn no_request_goes_to_a_leaving_server() {
    let left = Left { dialled: Arc::default(), then: Tcp(hang_up_after(10).await) };
    let dialled = Arc::clone(&left.dialled);
    let reported = fire(left, 10, 1).await;
    let last = reported.last().unwrap();
    assert_eq!((last.sent, last.accepted), (10, 10));
    assert_eq!(dialled.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn the_load_waits_for_a_tunnel_and_shows_why() {
    let app = Router::new().fallback(async || (StatusCode::ACCEPTED, OK));
    let dial = Reluctant { refusals: AtomicU32::new(3), then: Tcp(serve(app).await) };
    let reported = fire(dial, 10, 1).await;
    assert!(
        reported
            .iter()
            .any(|progress| progress.waiting.as_deref() == Some("no ready pod") && progress.sent == 0)
    );
    let last = reported.last().unwrap();
    assert_eq!((last.accepted, last.waiting.as_deref()), (10, None));
}

#[tokio::test(start_paused = true)]
async fn a_burst_without_a_producer_ends_at_its_deadline() {
    let nowhere = Reluctant { refusals: AtomicU32::new(u32::MAX), then: Tcp(([127, 0, 0, 1], 1).into()) };
    let began = tokio::time::Instant::now();
    let reported = fire_paused(nowhere, 5).await;
    let last = reported.last().unwrap();
    assert!(last.finished);
    assert_eq!(last.failed.get("not sent in time"), Some(&5));
    assert_eq!(began.elapsed().as_secs(), 60);
}

/// As [`fire`], without a deadline of its own: with paused time that deadline would come first.
async fn fire_paused<D: Connector>(dial: D, size: u32) -> Vec<BurstProgress> {
    let (events, mut received) = mpsc::channel(8);
    let clock = Clock::start();
    let outbox = EventSender::new(events, clock);
    let bursts = Bursts::new(dial, LoadPlan::Jobs, clock);
    let collecting = tokio::spawn(async move {
        let mut reported = Vec::new();
        while let Some(stamped) = received.recv().await {
            if let Event::Burst(progress) = stamped.event {
                reported.push(progress);
            }
        }
        reported
    });
    bursts.fire("b-1".parse().unwrap(), size, &outbox).await;
    drop(outbox);
    tokio::time::timeout(Duration::from_secs(3600), collecting).await.unwrap().unwrap()
}
