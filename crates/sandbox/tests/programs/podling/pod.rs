//! A pod: serves HTTP on its inherited listeners.
//!
//! `--crash CODE` ends at once; `--unready` fails `/readyz`; `--ignore-sigterm` ignores SIGTERM; `--burn` uses about half
//! a core. It also answers as a Prometheus, with the value that `/set?value=N` sets and without a sample before. A query
//! that groups by a label has that value for each name that it selects.

use std::os::fd::FromRawFd as _;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::routing::get;
use serde_json::{Value, json};

/// Marks a value that was not set.
const UNSET: i64 = i64::MIN;

struct Shared {
    ready: bool,
    value: AtomicI64,
}

/// Runs the pod.
pub(crate) fn main(args: &[String]) -> ExitCode {
    let has = |flag: &str| args.iter().any(|arg| arg == flag);
    let crash = args.iter().position(|arg| arg == "--crash").and_then(|at| args.get(at + 1));
    println!("hello from {}", std::env::var("HOSTNAME").unwrap_or_default());
    eprintln!("args {args:?}");
    if let Some(code) = crash {
        return ExitCode::from(code.parse::<u8>().unwrap_or(1));
    }
    if has("--burn") {
        std::thread::spawn(burn);
    }
    let shared = Arc::new(Shared { ready: !has("--unready"), value: AtomicI64::new(UNSET) });
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::FAILURE;
        }
    };
    runtime.block_on(serve(shared, has("--ignore-sigterm")));
    ExitCode::SUCCESS
}

/// Uses about half of a core.
fn burn() {
    const TURN: Duration = Duration::from_millis(5);
    loop {
        let start = Instant::now();
        while start.elapsed() < TURN {
            std::hint::spin_loop();
        }
        std::thread::sleep(TURN);
    }
}

async fn serve(shared: Arc<Shared>, ignore_sigterm: bool) {
    let mut terminate = match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
        Ok(terminate) => terminate,
        Err(error) => return eprintln!("{error}"),
    };
    let router = Router::new()
        .route("/healthz", get(|| async { "ok" }))
        .route("/readyz", get(ready))
        .route(
            "/env/{name}",
            get(|Path(name): Path<String>| async move { std::env::var(name).unwrap_or_default() }),
        )
        .route("/pid", get(|| async { std::process::id().to_string() }))
        .route("/set", get(set))
        .route("/-/ready", get(|| async { "ok" }))
        .route("/-/healthy", get(|| async { "ok" }))
        .route("/api/v1/series", get(series))
        .route("/api/v1/query", get(query))
        .with_state(shared);
    let count: i32 = std::env::var("LISTEN_FDS").ok().and_then(|text| text.parse().ok()).unwrap_or(0);
    for fd in 3..3 + count {
        #[expect(unsafe_code, reason = "the kubelet passes listeners from descriptor 3 on")]
        // SAFETY: the kubelet passes this descriptor for this listener, and no other code in this process owns it.
        let listener = unsafe { std::net::TcpListener::from_raw_fd(fd) };
        let listener =
            listener.set_nonblocking(true).and_then(|()| tokio::net::TcpListener::from_std(listener));
        match listener {
            Ok(listener) => {
                let router = router.clone();
                tokio::spawn(async move { axum::serve(listener, router).await });
            }
            Err(error) => eprintln!("descriptor {fd}: {error}"),
        }
    }
    loop {
        terminate.recv().await;
        println!("received SIGTERM");
        if !ignore_sigterm {
            return;
        }
    }
}

async fn ready(State(shared): State<Arc<Shared>>) -> StatusCode {
    if shared.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }
}

#[derive(serde::Deserialize)]
struct Set {
    value: i64,
}

async fn set(State(shared): State<Arc<Shared>>, Query(set): Query<Set>) -> &'static str {
    shared.value.store(set.value, Ordering::Relaxed);
    "set"
}

async fn series() -> axum::Json<Value> {
    let series = json!({
        "__name__": "queue_messages", "namespace": "demo", "queue": "Orders", "pod": "p", "deployment": "d",
    });
    axum::Json(json!({"status": "success", "data": [series]}))
}

#[derive(serde::Deserialize)]
struct PromQuery {
    query: String,
}

async fn query(
    State(shared): State<Arc<Shared>>,
    Query(PromQuery { query }): Query<PromQuery>,
) -> axum::Json<Value> {
    let value = shared.value.load(Ordering::Relaxed);
    let result = if value == UNSET {
        Vec::new()
    } else {
        let label =
            query.split_once(" by (").and_then(|(_, rest)| rest.split_once(')')).map(|(label, _)| label);
        let sample = json!([1.0, value.to_string()]);
        match label.and_then(|label| Some((label, names(&query, label)?))) {
            Some((label, names)) => {
                names.iter().map(|name| json!({"metric": {label: name}, "value": sample})).collect()
            }
            None => vec![json!({"metric": {}, "value": sample})],
        }
    };
    axum::Json(json!({"status": "success", "data": {"resultType": "vector", "result": result}}))
}

/// The values that a query selects for a label.
fn names<'a>(query: &'a str, label: &str) -> Option<Vec<&'a str>> {
    let (_, rest) = query.split_once(&format!("{label}="))?;
    let (names, _) = rest.trim_start_matches('~').strip_prefix('"')?.split_once('"')?;
    Some(names.split('|').collect())
}
