//! Scenarios of the producer with a faulty broker: `it.rs` runs them with the in-memory broker, `rabbitmq.rs` with RabbitMQ.

#![allow(dead_code, reason = "some scenarios work with one of the brokers only")]

use std::time::Duration;

use contract::{Job, queue};
use reqwest::Method;
use rustix::process::Signal;
use serde_json::{Value, json};
use testkit::{
    programs::{
        InMemoryBroker, Program, Queues, RabbitMqBroker, TRACEPARENT, TestBroker, client, header, send,
    },
    wait,
};

const BINARY: &str = env!("CARGO_BIN_EXE_producer");

/// A producer with its own queue.
struct Fixture {
    producer: Program,
    queues: Queues,
    queue: String,
    http: reqwest::Client,
}

impl Fixture {
    async fn start(broker: &dyn TestBroker, queue: &str, extra: &[(&str, &str)]) -> Self {
        let fixture = Self::start_unready(broker, queue, extra).await;
        fixture.producer.wait_for_readyz(&fixture.http, 200).await;
        fixture
    }

    async fn start_unready(broker: &dyn TestBroker, queue: &str, extra: &[(&str, &str)]) -> Self {
        let url = broker.url();
        let mut environment = vec![("AMQP_URL", url.as_str()), ("QUEUE", queue)];
        environment.retain(|(name, _)| extra.iter().all(|(other, _)| other != name));
        environment.extend(extra);
        let queues = Queues::open(&url).await;
        let producer = Program::start(BINARY, &environment);
        Self { producer, queues, queue: queue.to_owned(), http: client() }
    }

    async fn generate(&self, query: &str) -> (u16, Value) {
        let url = self.producer.url(&format!("/generate{query}"));
        let (status, headers, body) = send(&self.http, Method::POST, &url).await;
        if status == 503 {
            assert_eq!(headers["retry-after"], "1", "{body}");
            assert_eq!(headers["content-type"], "application/problem+json");
        }
        (status, body)
    }

    /// Requests jobs that fail completely or in part, checks the sum, and returns the number of confirmed jobs.
    async fn fails(&self, count: u64, cause: &str) -> u64 {
        let (status, body) = self.generate(&format!("?count={count}")).await;
        assert_eq!((status, &body["cause"]), (503, &json!(cause)), "{body}\n{}", self.producer.log());
        let (confirmed, failed) = (body["confirmed"].as_u64().unwrap(), body["failed"].as_u64().unwrap());
        assert_eq!(confirmed + failed, count, "{body}");
        confirmed
    }

    async fn confirms(&self, count: u64) {
        let (status, body) = self.generate(&format!("?count={count}")).await;
        assert_eq!((status, &body["confirmed"]), (202, &json!(count)), "{body}\n{}", self.producer.log());
        assert_eq!(body["ids"].as_array().unwrap().len(), usize::try_from(count.min(100)).unwrap());
    }

    async fn depth(&self) -> u32 {
        self.queues.ready(&self.queue).await.unwrap()
    }
}

/// Messages have the fields of the contract, and the metrics count them.
pub(crate) async fn messages_follow_the_contract(broker: &dyn TestBroker) {
    let fixture = Fixture::start(broker, "contract", &[]).await;
    let url = fixture.producer.url("/generate?burst=b-1");
    let answer = fixture.http.get(&url).header("traceparent", TRACEPARENT).send().await.unwrap();
    assert_eq!(answer.status(), 202);
    assert_eq!(answer.headers()["content-type"], "application/json");
    let body: Value = answer.json().await.unwrap();
    let (message, properties) = fixture.queues.take("contract").await.unwrap();
    let job = Job::parse(&message).unwrap();
    assert_eq!(body["ids"], json!([job.id]));
    assert!(body["broker_ms"].as_f64().unwrap() > 0.0);
    assert_eq!(job.id.get_version_num(), 7);
    assert_eq!(job.burst.unwrap().as_str(), "b-1");
    assert_eq!(properties.message_id().as_ref().unwrap().as_str(), job.id.to_string());
    assert_eq!(properties.content_type().as_ref().unwrap().as_str(), "application/json");
    assert_eq!(*properties.delivery_mode(), Some(2));
    assert_eq!(*properties.timestamp(), u64::try_from(job.enqueued_at.as_second()).ok());
    assert_eq!(header(&properties, "traceparent").unwrap(), TRACEPARENT);

    fixture.confirms(10_000).await;
    assert_eq!(fixture.depth().await, 10_000);
    let (code, answer) = fixture.producer.probe();
    assert!(code == Some(0) && answer.contains("ready"), "{code:?}: {answer}");
    let metrics = [
        ("messages_published_total", 10_001.0),
        ("messages_late_total", 0.0),
        ("broker_connected", 1.0),
        (r#"http_request_total{method="POST",path="/generate",status="202"}"#, 1.0),
        (r#"request_status{path="/generate",status="202"}"#, 2.0),
    ];
    for (series, value) in metrics {
        assert_eq!(fixture.producer.metric(&fixture.http, series).await, value, "{series}");
    }
}

/// The broker returns jobs for a deleted queue; the producer declares the queue again.
pub(crate) async fn a_deleted_queue_is_declared_again(broker: &dyn TestBroker) {
    let fixture = Fixture::start(broker, "unroutable", &[]).await;
    fixture.confirms(3).await;
    fixture.queues.delete("unroutable").await;
    assert_eq!(fixture.fails(5, "returned").await, 0);
    wait::until("the queue to be declared again", async || fixture.queues.ready("unroutable").await).await;
    fixture.confirms(3).await;
    assert_eq!(fixture.depth().await, 3);
    assert!(fixture.producer.log().contains("declaring it again"));
}

/// A full queue rejects jobs; the producer reports the confirmed ones and does not retry the rest.
pub(crate) async fn a_full_queue_reports_nacks(broker: &dyn TestBroker) {
    let fixture = Fixture::start(broker, "full", &[]).await;
    broker.limit("full", 10);
    let confirmed = fixture.fails(200, "nacked").await;
    assert!((1..200).contains(&confirmed), "{confirmed}");
    assert_eq!(u64::from(fixture.depth().await), confirmed, "exactly the confirmed jobs are in the queue");
    assert_eq!(fixture.fails(1, "nacked").await, 0);
    broker.unlimit();
    fixture.confirms(1).await;
}

/// A memory alarm: 503 with the cause, still ready because the connection is open, and no failure after the alarm.
pub(crate) async fn a_blocked_broker_is_reported(broker: &dyn TestBroker) {
    let fixture = Fixture::start(broker, "blocked", &[]).await;
    broker.alarm(true);
    // A broker reports the alarm after a publish. RabbitMQ reads this message only after the alarm, the in-memory broker
    // accepts it.
    let (status, body) = fixture.generate("").await;
    let failed = status == 503;
    assert!(!failed || body["cause"] == "blocked", "{body}");
    wait::until("the alarm to be reported", async || {
        fixture.producer.wait_for_readyz(&fixture.http, 200).await.contains("blocks publishers").then_some(())
    })
    .await;
    let begun = std::time::Instant::now();
    assert_eq!(fixture.fails(1, "blocked").await, 0);
    assert!(begun.elapsed() < Duration::from_secs(2), "a known alarm fails requests at once");
    broker.alarm(false);
    wait::until("the producer to publish again", async || {
        (fixture.generate("").await.0 == 202).then_some(())
    })
    .await;
    let late = fixture.producer.metric(&fixture.http, "messages_late_total").await;
    assert_eq!(late, f64::from(u8::from(failed)), "only the job published before the alarm was known");
}

/// A frozen broker does not confirm within two seconds. Later the jobs are in the queue and counted as late.
pub(crate) async fn a_slow_confirm_is_reported(broker: &dyn TestBroker) {
    let fixture = Fixture::start(broker, "slow", &[("MAX_UNCONFIRMED", "5")]).await;
    fixture.confirms(1).await;
    broker.freeze();
    assert_eq!(fixture.fails(3, "slow").await, 0);
    assert_eq!(fixture.fails(3, "busy").await, 0, "unconfirmed messages count against the limit");
    broker.thaw();
    wait::until("the late confirms", async || {
        (fixture.producer.metric(&fixture.http, "messages_late_total").await == 3.0).then_some(())
    })
    .await;
    fixture.confirms(5).await;
    assert_eq!(fixture.depth().await, 9, "nothing was published twice");
}

/// After a client disconnects, its jobs count against the limit until the broker confirms them.
pub(crate) async fn jobs_of_a_disconnected_client_are_counted(broker: &dyn TestBroker) {
    use tokio::io::AsyncWriteExt;
    let fixture = Fixture::start(broker, "hang-up", &[("MAX_UNCONFIRMED", "5")]).await;
    broker.freeze();
    let mut client = tokio::net::TcpStream::connect(fixture.producer.address).await.unwrap();
    client.write_all(b"POST /generate?count=5 HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    let in_flight = |wanted: f64| {
        let fixture = &fixture;
        async move {
            wait::until(&format!("{wanted} requests in flight"), async || {
                let now = fixture.producer.metric(&fixture.http, "http_requests_in_flight").await;
                (now == wanted).then_some(())
            })
            .await;
        }
    };
    in_flight(1.0).await;
    // A request is in flight before its jobs are published. When another request is rejected, they are.
    assert_eq!(fixture.fails(1, "busy").await, 0);
    drop(client);
    in_flight(0.0).await;
    assert_eq!(fixture.fails(1, "busy").await, 0);
    broker.thaw();
    wait::until("free permits", async || (fixture.generate("?count=5").await.0 == 202).then_some(())).await;
    assert_eq!(fixture.producer.metric(&fixture.http, "messages_published_total").await, 10.0);
    assert_eq!(fixture.producer.metric(&fixture.http, "messages_late_total").await, 0.0);
    assert_eq!(fixture.depth().await, 10);
}

/// The producer replaces a connection that the broker closed.
pub(crate) async fn a_closed_connection_is_replaced(broker: &dyn TestBroker) {
    let mut fixture = Fixture::start(broker, "closed", &[]).await;
    fixture.confirms(2).await;
    broker.close_connections();
    fixture.producer.wait_for_log("lost the connection to the broker").await;
    fixture.queues = Queues::open(&broker.url()).await;
    wait::until("the producer to publish again", async || {
        (fixture.generate("").await.0 == 202).then_some(())
    })
    .await;
    assert_eq!(fixture.depth().await, 3);
}

/// The producer replaces a session after a channel error.
pub(crate) async fn a_channel_error_replaces_the_session(broker: &RabbitMqBroker) {
    let largest = |bytes: u32| {
        // RabbitMQ 4 reads the second place.
        let set = format!(
            "application:set_env(rabbit, max_message_size, {bytes}), persistent_term:put(max_message_size, {bytes})."
        );
        broker.node().ctl(&["eval", &set]).unwrap();
    };
    // RabbitMQ applies the limit to channels that are opened later.
    largest(10);
    let fixture = Fixture::start(broker, "channel", &[]).await;
    assert_eq!(fixture.fails(1, "connection_lost").await, 0);
    fixture.producer.wait_for_log("406 PRECONDITION_FAILED").await;
    largest(1 << 20);
    wait::until("the producer to publish again", async || {
        (fixture.generate("").await.0 == 202).then_some(())
    })
    .await;
    assert_eq!(fixture.depth().await, 1);
}

/// After a restart under load, every confirmed job is in the queue, and every failure has a documented cause.
pub(crate) async fn a_restart_loses_no_confirmed_job(broker: &dyn TestBroker) {
    let mut fixture = Fixture::start(broker, "restart", &[]).await;
    let url = fixture.producer.url("/generate?count=20");
    let stop = tokio_util::sync::CancellationToken::new();
    let clients: Vec<_> = (0..8)
        .map(|_| {
            let (url, stop, http) = (url.clone(), stop.clone(), fixture.http.clone());
            tokio::spawn(async move {
                let (mut ids, mut causes) = (Vec::new(), std::collections::BTreeSet::new());
                let mut after = 0;
                // Continue after the restart, so that the queue is used again.
                while after < 3 {
                    let (status, _, body) = send(&http, Method::POST, &url).await;
                    match status {
                        202 => after += i32::from(stop.is_cancelled()),
                        503 => drop(causes.insert(body["cause"].as_str().unwrap().to_owned())),
                        other => panic!("{other}: {body}"),
                    }
                    ids.extend(
                        body["ids"]
                            .as_array()
                            .into_iter()
                            .flatten()
                            .map(|id| id.as_str().unwrap().to_owned()),
                    );
                }
                (ids, causes)
            })
        })
        .collect();
    wait::until("some jobs", async || (fixture.depth().await > 500).then_some(())).await;
    tokio::task::block_in_place(|| broker.restart());
    stop.cancel();
    let (mut confirmed, mut causes) = (Vec::new(), std::collections::BTreeSet::new());
    for client in clients {
        let (ids, observed) = client.await.unwrap();
        confirmed.extend(ids);
        causes.extend(observed);
    }
    assert!(
        causes.iter().all(|cause| ["connection_lost", "disconnected", "slow"].contains(&cause.as_str())),
        "{causes:?}"
    );
    assert!(causes.contains("disconnected"), "{causes:?}");
    fixture.queues = Queues::open(&broker.url()).await;
    let mut stored = std::collections::HashSet::new();
    let depth = fixture.depth().await;
    for _ in 0..depth {
        let (message, _) = fixture.queues.take("restart").await.unwrap();
        assert!(stored.insert(Job::parse(&message).unwrap().id.to_string()), "published twice");
    }
    let lost: Vec<_> = confirmed.iter().filter(|id| !stored.contains(*id)).collect();
    assert!(lost.is_empty(), "{} of {} confirmed jobs are missing", lost.len(), confirmed.len());
}

/// A queue with different arguments: not ready, with the broker's error and a hint, until the queue is deleted.
pub(crate) async fn different_queue_arguments_are_reported(broker: &dyn TestBroker) {
    let queues = Queues::open(&broker.url()).await;
    queues.declare("arguments", &[("x-queue-type", "classic")]).await;
    let fixture = Fixture::start_unready(broker, "arguments", &[]).await;
    fixture.producer.wait_for_log("inequivalent arg").await;
    let answer = fixture.producer.wait_for_readyz(&fixture.http, 503).await;
    for part in ["declare the queue arguments", "406", "QUEUE_TYPE"] {
        assert!(answer.contains(part), "{answer} should contain {part}");
    }
    assert_eq!(fixture.fails(1, "disconnected").await, 0);
    queues.delete("arguments").await;
    fixture.producer.wait_for_readyz(&fixture.http, 200).await;
    fixture.confirms(1).await;
}

/// A wrong password is reported, but appears nowhere, even with the filter `trace`.
pub(crate) async fn a_wrong_password_is_reported_but_not_logged(broker: &dyn TestBroker) {
    let url = broker.url_as("guest", "Wr0ng-s3cret");
    let fixture =
        Fixture::start_unready(broker, "password", &[("AMQP_URL", &url), ("RUST_LOG", "trace")]).await;
    fixture.producer.wait_for_log("AMQP_PASSWORD").await;
    let answer = fixture.producer.wait_for_readyz(&fixture.http, 503).await;
    assert!(answer.contains("403") && answer.contains("ACCESS"), "{answer}");
    assert_eq!(fixture.fails(1, "disconnected").await, 0);
    let (log, out) = (fixture.producer.log(), fixture.producer.out());
    assert!(!format!("{answer}{log}{out}").contains("s3cret"), "{log}");
    assert!(log.contains("amqp_url: Some(***)"), "the filter is trace: {log}");
}

/// Secrets are read from files and appear nowhere, even with the filter `trace`.
pub(crate) async fn secrets_from_files_are_not_logged(broker: &dyn TestBroker) {
    let folder = tempfile::tempdir().unwrap();
    let (user, password) = (folder.path().join("user"), folder.path().join("password"));
    std::fs::write(&user, "guest\n").unwrap();
    std::fs::write(&password, "guest\n").unwrap();
    let port = broker.amqp().port().to_string();
    let producer = Program::start(
        BINARY,
        &[
            ("AMQP_HOST", "127.0.0.1"),
            ("AMQP_PORT", &port),
            ("AMQP_USER_FILE", user.to_str().unwrap()),
            ("AMQP_PASSWORD_FILE", password.to_str().unwrap()),
            ("QUEUE", "secrets"),
            ("RUST_LOG", "trace"),
        ],
    );
    let http = client();
    producer.wait_for_readyz(&http, 200).await;
    // The login is NUL, user, NUL, password; a log could print it as text or as numbers.
    let log = producer.log();
    assert!(
        !log.contains("guest\\u0000guest") && !log.contains("\\0guest\\0") && !log.contains("103, 117, 101"),
        "{log}"
    );
}

/// SIGTERM: not ready, open requests are answered, exit code 0.
pub(crate) async fn the_first_signal_finishes_open_requests(broker: &dyn TestBroker) {
    let mut fixture = Fixture::start(broker, "leaving", &[]).await;
    broker.freeze();
    let url = fixture.producer.url("/generate");
    let in_flight = tokio::spawn({
        let http = fixture.http.clone();
        async move { send(&http, Method::POST, &url).await }
    });
    wait::until("the request to be in flight", async || {
        let busy = fixture.producer.metric(&fixture.http, "http_requests_in_flight").await;
        (busy >= 1.0).then_some(())
    })
    .await;
    fixture.producer.signal(Signal::TERM);
    assert!(fixture.producer.wait_for_readyz(&fixture.http, 503).await.contains("shutting down"));
    let (status, body) = fixture.generate("").await;
    assert_eq!((status, &body["cause"]), (503, &json!("shutting_down")));
    broker.thaw();
    let (status, _, body) = in_flight.await.unwrap();
    assert!(status == 202 || body["cause"] == "slow", "{status} {body}");
    assert_eq!(fixture.producer.wait_for_exit().await.code(), Some(0), "{}", fixture.producer.log());
}

/// The second signal exits at once; the exit code names the signal.
pub(crate) async fn the_second_signal_exits_at_once(broker: &dyn TestBroker) {
    for (signal, code) in [(Signal::TERM, 143), (Signal::INT, 130)] {
        let mut fixture = Fixture::start(broker, "aborted", &[]).await;
        broker.freeze();
        let url = fixture.producer.url("/generate?count=10000");
        let in_flight = tokio::spawn({
            let http = fixture.http.clone();
            async move { http.post(url).send().await.is_ok() }
        });
        wait::until("the request to be in flight", async || {
            let busy = fixture.producer.metric(&fixture.http, "http_requests_in_flight").await;
            (busy >= 1.0).then_some(())
        })
        .await;
        fixture.producer.signal(signal);
        fixture.producer.wait_for_log("shutting down after the current work").await;
        fixture.producer.signal(signal);
        assert_eq!(fixture.producer.wait_for_exit().await.code(), Some(code), "{}", fixture.producer.log());
        broker.thaw();
        assert!(!in_flight.await.unwrap(), "the process exited before the answer");
    }
}

/// An unreachable broker: alive, not ready, and every request fails with the cause.
pub(crate) async fn an_unreachable_broker_is_reported(_: &dyn TestBroker) {
    let unused = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url = format!("amqp://{unused}");
    let mut producer = Program::start(BINARY, &[("AMQP_URL", &url), ("QUEUE", queue::ORDERS)]);
    let http = client();
    producer.wait_for_log("refused").await;
    let (code, answer) = producer.probe();
    assert!(code == Some(1) && answer.contains("refused"), "{code:?}: {answer}");
    assert!(producer.wait_for_readyz(&http, 503).await.contains("refused"));
    assert_eq!(send(&http, Method::GET, &producer.url("/healthz")).await.0, 200);
    let (status, _, body) = send(&http, Method::GET, &producer.url("/generate?count=7")).await;
    assert_eq!((status, &body["cause"], &body["failed"]), (503, &json!("disconnected"), &json!(7)));
    assert_eq!(producer.metric(&http, "broker_connected").await, 0.0);
    assert_eq!(producer.metric(&http, r#"messages_failed_total{cause="disconnected"}"#).await, 7.0);
    producer.signal(Signal::INT);
    assert_eq!(producer.wait_for_exit().await.code(), Some(0));
}

/// The producer replaces a channel that the in-memory broker closed.
pub(crate) async fn a_closed_channel_is_replaced(broker: &InMemoryBroker) {
    let mut fixture = Fixture::start(broker, "channel", &[]).await;
    fixture.confirms(2).await;
    broker.control.close_channels("requested by the test");
    fixture.producer.wait_for_log("406 PRECONDITION_FAILED - requested by the test").await;
    fixture.queues = Queues::open(&broker.url()).await;
    wait::until("the producer to publish again", async || {
        (fixture.generate("").await.0 == 202).then_some(())
    })
    .await;
    assert_eq!(fixture.depth().await, 3);
}

/// Malformed requests get a 4xx with a problem document; unknown paths and methods share one label value each.
pub(crate) async fn malformed_requests_get_4xx_and_few_labels(broker: &dyn TestBroker) {
    let fixture = Fixture::start(broker, "malformed", &[]).await;
    let counts = [
        "count=",
        "count",
        "count=0",
        "count=10001",
        "count=-1",
        "count=+1",
        "count=1.0",
        "count=1e3",
        "count=0x10",
        "count=99999999999999999999",
        "count=ten",
        "count=%31%",
        "count=%zz",
        "count=%ff",
        "count=1&count=1",
        "count=%D9%A3",
        "count=1%00",
        "count= 1",
        "burst=",
        "burst=a%20b",
        "burst=%F0%9F%A6%80",
        "burst=a&burst=b",
    ];
    let long = format!("burst={}", "x".repeat(65));
    for query in counts.into_iter().chain([long.as_str()]) {
        let target = format!("/generate?{}", query.replace(' ', "%20"));
        let (status, headers, body) = send(&fixture.http, Method::GET, &fixture.producer.url(&target)).await;
        assert_eq!((status, &body["status"]), (400, &json!(400)), "{query}: {body}");
        assert_eq!(headers["content-type"], "application/problem+json", "{query}");
    }
    assert_eq!(fixture.depth().await, 0, "nothing was published");

    for method in [Method::PUT, Method::DELETE, Method::HEAD, Method::OPTIONS] {
        let (status, headers, _) =
            send(&fixture.http, method.clone(), &fixture.producer.url("/generate")).await;
        assert_eq!((status, &headers["allow"]), (405, &"GET, POST".parse().unwrap()), "{method}");
    }
    for method in ["BREW", "MOVE", "X1"] {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        assert_eq!(send(&fixture.http, method, &fixture.producer.url("/metrics")).await.0, 405);
    }
    for path in ["/", "/generate/", "/generate/x", "/Generate", "/..%2fmetrics", "/%ff", "/favicon.ico"] {
        assert_eq!(send(&fixture.http, Method::GET, &fixture.producer.url(path)).await.0, 404, "{path}");
    }
    let text = fixture.http.get(fixture.producer.url("/metrics")).send().await.unwrap().text().await.unwrap();
    let series: Vec<_> = text.lines().filter(|line| line.starts_with("http_request_total{")).collect();
    for line in &series {
        let known = ["/generate", "/healthz", "/metrics", "/readyz", "other"];
        assert!(known.iter().any(|path| line.contains(&format!("path=\"{path}\""))), "{line}");
    }
    assert!(text.contains(r#"http_request_total{method="other",path="/metrics",status="405"} 3"#), "{text}");
    assert!(text.contains(r#"http_request_total{method="GET",path="other",status="404"} 7"#), "{text}");
    assert!(text.contains(r#"request_status{path="/generate",status="400"} 23"#), "{text}");
}
