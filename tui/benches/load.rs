//! The cost of the load: 1,000 requests over 50 connections, and the first request of a burst, against a trivial server.
//!
//! `cargo bench -p tui --bench load` prints one line a figure. The server runs on a thread of its own and answers every
//! request with the same bytes, so the figures are the client's. `oha -n 1000 -c 50 URL` sends the same load to the same server:
//! `cargo bench -p tui --bench load -- serve` only serves, and prints the URL.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use axum::Router;
use axum::http::StatusCode;
use dashboard::clock::Clock;
use dashboard::message::Event;
use dashboard::reported::BurstProgress;
use tokio::sync::mpsc;
use tui::source::event_sender::EventSender;
use tui::source::load::burst::Bursts;
use tui::source::load::connector::Tcp;
use tui::source::load::plan::LoadPlan;

const ANSWER: &str = r#"{"confirmed":1,"ids":["01890a5d-ac96-774b-bcce-b302099a8057"],"broker_ms":0.5}"#;
const REQUESTS: u32 = 1_000;
const CONNECTIONS: usize = 50;
const ROUNDS: usize = 31;

fn main() {
    let address = serve();
    if std::env::args().any(|argument| argument == "serve") {
        println!("http://{address}/generate");
        loop {
            std::thread::park();
        }
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    let (mut whole, mut first) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let (took, last) = runtime.block_on(burst(address));
        assert_eq!(last.accepted, REQUESTS, "{:?}", last.failed);
        whole.push(took);
        first.extend(last.first_sent.map(|at| at.0));
    }
    report(&format!("{REQUESTS} requests over {CONNECTIONS} connections"), &mut whole);
    report("first request sent", &mut first);
}

/// Fires a burst with connections of its own. Returns its duration and its last progress event.
async fn burst(address: SocketAddr) -> (Duration, BurstProgress) {
    let (events, mut received) = mpsc::channel(1024);
    let clock = Clock::start();
    let outbox = EventSender::new(events, clock);
    let bursts = Bursts::new(Tcp(address), LoadPlan::Jobs, clock);
    let id = "bench".parse().expect("a burst's ID");
    let began = Instant::now();
    bursts.fire_over(CONNECTIONS, id, REQUESTS, &outbox).await;
    let took = began.elapsed();
    drop(outbox);
    let mut last = None;
    while let Some(stamped) = received.recv().await {
        if let Event::Burst(progress) = stamped.event {
            last = Some(progress);
        }
    }
    (took, last.expect("a burst tells how it went"))
}

fn serve() -> SocketAddr {
    let (reported, address) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
            reported.send(listener.local_addr().expect("an address")).expect("a listener");
            let app = Router::new().fallback(async || (StatusCode::ACCEPTED, ANSWER));
            axum::serve(listener, app).await.expect("a server");
        });
    });
    address.recv().expect("the server starts")
}

fn report(what: &str, times: &mut [Duration]) {
    times.sort_unstable();
    let milliseconds = |index: usize| times[index].as_secs_f64() * 1000.0;
    println!(
        "{what}: median {:.2} ms, best {:.2} ms, worst {:.2} ms",
        milliseconds(times.len() / 2),
        milliseconds(0),
        milliseconds(times.len() - 1)
    );
}
