//! What the producer says when its broker misbehaves. Each scenario works against any broker: `rabbitmq.rs` runs them
//! against the real one, `broker.rs` against ours.

#![allow(dead_code, reason = "the brokers differ in what can be done to them")]

use std::time::Duration;

use contract::{Job, queue};
use reqwest::Method;
use rustix::process::Signal;
use serde_json::{Value, json};
use testkit::wait;

use crate::support::{
    TRACEPARENT, ask, client,
    control::{Control, Ours, Real},
    program::Program,
    queues::{Queues, header},
};

const BINARY: &str = env!("CARGO_BIN_EXE_producer");

/// A producer at a queue of its own, ready unless the scenario wants something else.
struct Stage {
    producer: Program,
    queues: Queues,
    queue: String,
    http: reqwest::Client,
}

impl Stage {
    async fn set(broker: &dyn Control, queue: &str, extra: &[(&str, &str)]) -> Self {
        let stage = Self::unready(broker, queue, extra).await;
        stage.producer.ready(&stage.http, 200).await;
        stage
    }

    async fn unready(broker: &dyn Control, queue: &str, extra: &[(&str, &str)]) -> Self {
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
        let (status, headers, body) = ask(&self.http, Method::POST, &url).await;
        if status == 503 {
            assert_eq!(headers["retry-after"], "1", "{body}");
            assert_eq!(headers["content-type"], "application/problem+json");
        }
        (status, body)
    }

    /// Asks for jobs that fail, all or some, and checks the sum.
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

/// The messages are as the contract has them, and the metrics count them.
pub(crate) async fn jobs_arrive_as_the_contract_has_them(broker: &dyn Control) {
    let stage = Stage::set(broker, "contract", &[]).await;
    let url = stage.producer.url("/generate?burst=b-1");
    let answer = stage.http.get(&url).header("traceparent", TRACEPARENT).send().await.unwrap();
    assert_eq!(answer.status(), 202);
    assert_eq!(answer.headers()["content-type"], "application/json");
    let body: Value = answer.json().await.unwrap();
    let (message, properties) = stage.queues.take("contract").await.unwrap();
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

    stage.confirms(10_000).await;
    assert_eq!(stage.depth().await, 10_000);
    let (code, said) = stage.producer.probed();
    assert!(code == Some(0) && said.contains("ready"), "{code:?}: {said}");
    let metrics = [
        ("messages_published_total", 10_001.0),
        ("messages_late_total", 0.0),
        ("broker_connected", 1.0),
        (r#"http_request_total{method="POST",path="/generate",status="202"}"#, 1.0),
        (r#"request_status{path="/generate",status="202"}"#, 2.0),
    ];
    for (series, value) in metrics {
        assert_eq!(stage.producer.metric(&stage.http, series).await, value, "{series}");
    }
}

/// A queue that is deleted: the jobs come back, and the producer declares it again.
pub(crate) async fn unroutable_jobs_are_told_and_the_queue_comes_back(broker: &dyn Control) {
    let stage = Stage::set(broker, "unroutable", &[]).await;
    stage.confirms(3).await;
    stage.queues.delete("unroutable").await;
    assert_eq!(stage.fails(5, "returned").await, 0);
    wait::until("the queue to be declared again", async || stage.queues.ready("unroutable").await).await;
    stage.confirms(3).await;
    assert_eq!(stage.depth().await, 3);
    assert!(stage.producer.log().contains("declaring it again"));
}

/// A full queue that refuses: what fitted is told, and the rest is not retried.
pub(crate) async fn a_full_queue_refuses_by_name_and_number(broker: &dyn Control) {
    let stage = Stage::set(broker, "full", &[]).await;
    broker.limit("full", 10);
    let confirmed = stage.fails(200, "nacked").await;
    assert!((1..200).contains(&confirmed), "{confirmed}");
    assert_eq!(u64::from(stage.depth().await), confirmed, "what was confirmed is there, and nothing else");
    assert_eq!(stage.fails(1, "nacked").await, 0);
    broker.unlimit();
    stage.confirms(1).await;
}

/// A memory alarm: 503 with the cause, still ready (the connection stands), and well again afterwards.
pub(crate) async fn a_blocked_broker_is_told(broker: &dyn Control) {
    let stage = Stage::set(broker, "blocked", &[]).await;
    broker.alarm(true);
    // A broker says so when it is published to: RabbitMQ reads that message only after the alarm, ours takes it.
    let (status, body) = stage.generate("").await;
    let told = status == 503;
    assert!(!told || body["cause"] == "blocked", "{body}");
    wait::until("the alarm to be known", async || {
        stage.producer.ready(&stage.http, 200).await.contains("blocks publishers").then_some(())
    })
    .await;
    let begun = std::time::Instant::now();
    assert_eq!(stage.fails(1, "blocked").await, 0);
    assert!(begun.elapsed() < Duration::from_secs(2), "once it is known, nobody waits for it");
    broker.alarm(false);
    wait::until("the producer to publish again", async || (stage.generate("").await.0 == 202).then_some(()))
        .await;
    let late = stage.producer.metric(&stage.http, "messages_late_total").await;
    assert_eq!(late, f64::from(u8::from(told)), "only what was sent before the alarm was known");
}

/// A broker that is stopped: no confirm within two seconds. Afterwards the jobs are there, counted as late.
pub(crate) async fn a_slow_confirm_is_told(broker: &dyn Control) {
    let stage = Stage::set(broker, "slow", &[("MAX_UNCONFIRMED", "5")]).await;
    stage.confirms(1).await;
    broker.freeze();
    assert_eq!(stage.fails(3, "slow").await, 0);
    assert_eq!(stage.fails(3, "busy").await, 0, "what has no answer still counts");
    broker.thaw();
    wait::until("the late confirms", async || {
        (stage.producer.metric(&stage.http, "messages_late_total").await == 3.0).then_some(())
    })
    .await;
    stage.confirms(5).await;
    assert_eq!(stage.depth().await, 9, "nothing was published twice");
}

/// A client that hangs up: its jobs are counted when the broker confirms them, and only then is their share free.
pub(crate) async fn a_client_that_hangs_up_is_counted_to_the_end(broker: &dyn Control) {
    use tokio::io::AsyncWriteExt;
    let stage = Stage::set(broker, "hang-up", &[("MAX_UNCONFIRMED", "5")]).await;
    broker.freeze();
    let mut client = tokio::net::TcpStream::connect(stage.producer.address).await.unwrap();
    client.write_all(b"POST /generate?count=5 HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    let in_flight = |wanted: f64| {
        let stage = &stage;
        async move {
            wait::until(&format!("{wanted} requests in flight"), async || {
                let now = stage.producer.metric(&stage.http, "http_requests_in_flight").await;
                (now == wanted).then_some(())
            })
            .await;
        }
    };
    in_flight(1.0).await;
    // A request counts as in flight before its jobs are handed over; when another finds no room, they are.
    assert_eq!(stage.fails(1, "busy").await, 0);
    drop(client);
    in_flight(0.0).await;
    assert_eq!(stage.fails(1, "busy").await, 0);
    broker.thaw();
    wait::until("the share to be free", async || (stage.generate("?count=5").await.0 == 202).then_some(()))
        .await;
    assert_eq!(stage.producer.metric(&stage.http, "messages_published_total").await, 10.0);
    assert_eq!(stage.producer.metric(&stage.http, "messages_late_total").await, 0.0);
    assert_eq!(stage.depth().await, 10);
}

/// A broker that closes the connection: told, not ready, and back without a restart of the process.
pub(crate) async fn a_closed_connection_comes_back(broker: &dyn Control) {
    let mut stage = Stage::set(broker, "closed", &[]).await;
    stage.confirms(2).await;
    broker.close_connections();
    stage.producer.logged("lost the broker").await;
    stage.queues = Queues::open(&broker.url()).await;
    wait::until("the producer to publish again", async || (stage.generate("").await.0 == 202).then_some(()))
        .await;
    assert_eq!(stage.depth().await, 3);
}

/// A channel that the broker closes while the connection stands: told, and back without a restart of the process.
pub(crate) async fn a_closed_channel_comes_back(broker: &Real) {
    let largest = |bytes: u32| {
        let set = format!("application:set_env(rabbit, max_message_size, {bytes}).");
        broker.node().ctl(&["eval", &set]).unwrap();
    };
    // A channel reads it when it is opened.
    largest(10);
    let stage = Stage::set(broker, "channel", &[]).await;
    assert_eq!(stage.fails(1, "connection_lost").await, 0);
    stage.producer.logged("406 PRECONDITION_FAILED").await;
    largest(1 << 20);
    wait::until("the producer to publish again", async || (stage.generate("").await.0 == 202).then_some(()))
        .await;
    assert_eq!(stage.depth().await, 1);
}

/// A restart under load: each confirmed job is in the queue, and each answer is one of the promised ones.
pub(crate) async fn a_restart_under_load_loses_nothing_that_was_confirmed(broker: &dyn Control) {
    let mut stage = Stage::set(broker, "restart", &[]).await;
    let url = stage.producer.url("/generate?count=20");
    let stop = tokio_util::sync::CancellationToken::new();
    let clients: Vec<_> = (0..8)
        .map(|_| {
            let (url, stop, http) = (url.clone(), stop.clone(), stage.http.clone());
            tokio::spawn(async move {
                let (mut ids, mut causes) = (Vec::new(), std::collections::BTreeSet::new());
                let mut after = 0;
                // Some requests after the restart as well, so that the queue is used again.
                while after < 3 {
                    let (status, _, body) = ask(&http, Method::POST, &url).await;
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
    wait::until("some jobs", async || (stage.depth().await > 500).then_some(())).await;
    tokio::task::block_in_place(|| broker.restart());
    stop.cancel();
    let (mut confirmed, mut causes) = (Vec::new(), std::collections::BTreeSet::new());
    for client in clients {
        let (ids, saw) = client.await.unwrap();
        confirmed.extend(ids);
        causes.extend(saw);
    }
    assert!(
        causes.iter().all(|cause| ["connection_lost", "disconnected", "slow"].contains(&cause.as_str())),
        "{causes:?}"
    );
    assert!(causes.contains("disconnected"), "{causes:?}");
    stage.queues = Queues::open(&broker.url()).await;
    let mut there = std::collections::HashSet::new();
    let depth = stage.depth().await;
    for _ in 0..depth {
        let (message, _) = stage.queues.take("restart").await.unwrap();
        assert!(there.insert(Job::parse(&message).unwrap().id.to_string()), "published twice");
    }
    let lost: Vec<_> = confirmed.iter().filter(|id| !there.contains(*id)).collect();
    assert!(lost.is_empty(), "{} of {} confirmed jobs are gone", lost.len(), confirmed.len());
}

/// A queue with other arguments: not ready, with the broker's own words and what to do; ready once it is gone.
pub(crate) async fn other_arguments_are_an_error_that_says_so(broker: &dyn Control) {
    let queues = Queues::open(&broker.url()).await;
    queues.declare("arguments", &[("x-queue-type", "classic")]).await;
    let stage = Stage::unready(broker, "arguments", &[]).await;
    stage.producer.logged("inequivalent arg").await;
    let said = stage.producer.ready(&stage.http, 503).await;
    for part in ["declare the queue arguments", "406", "QUEUE_TYPE"] {
        assert!(said.contains(part), "{said} should contain {part}");
    }
    assert_eq!(stage.fails(1, "disconnected").await, 0);
    queues.delete("arguments").await;
    stage.producer.ready(&stage.http, 200).await;
    stage.confirms(1).await;
}

/// A wrong password: named, never repeated, also not when everything is logged.
pub(crate) async fn a_wrong_password_is_named_and_never_shown(broker: &dyn Control) {
    let url = broker.url_as("guest", "Wr0ng-s3cret");
    let stage = Stage::unready(broker, "password", &[("AMQP_URL", &url), ("RUST_LOG", "trace")]).await;
    stage.producer.logged("AMQP_PASSWORD").await;
    let said = stage.producer.ready(&stage.http, 503).await;
    assert!(said.contains("403") && said.contains("ACCESS"), "{said}");
    assert_eq!(stage.fails(1, "disconnected").await, 0);
    let (log, out) = (stage.producer.log(), stage.producer.out());
    assert!(!format!("{said}{log}{out}").contains("s3cret"), "{log}");
    assert!(log.contains("amqp_url: Some(***)"), "everything was logged: {log}");
}

/// Secrets from files, and a good password that appears nowhere either.
pub(crate) async fn secrets_come_from_files_and_are_never_shown(broker: &dyn Control) {
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
    producer.ready(&http, 200).await;
    // The login's bytes: a zero, the user, a zero, the password; printed as text or as numbers.
    let log = producer.log();
    assert!(
        !log.contains("guest\\u0000guest") && !log.contains("\\0guest\\0") && !log.contains("103, 117, 101"),
        "{log}"
    );
}

/// SIGTERM: not ready at once, requests in flight are answered, exit code 0.
pub(crate) async fn the_first_signal_lets_requests_end(broker: &dyn Control) {
    let mut stage = Stage::set(broker, "leaving", &[]).await;
    broker.freeze();
    let url = stage.producer.url("/generate");
    let in_flight = tokio::spawn({
        let http = stage.http.clone();
        async move { ask(&http, Method::POST, &url).await }
    });
    wait::until("the request to be in flight", async || {
        let busy = stage.producer.metric(&stage.http, "http_requests_in_flight").await;
        (busy >= 1.0).then_some(())
    })
    .await;
    stage.producer.signal(Signal::TERM);
    assert!(stage.producer.ready(&stage.http, 503).await.contains("shutting down"));
    let (status, body) = stage.generate("").await;
    assert_eq!((status, &body["cause"]), (503, &json!("shutting_down")));
    broker.thaw();
    let (status, _, body) = in_flight.await.unwrap();
    assert!(status == 202 || body["cause"] == "slow", "{status} {body}");
    assert_eq!(stage.producer.ended().await.code(), Some(0), "{}", stage.producer.log());
}

/// A second signal ends it at once, with the number that says which.
pub(crate) async fn the_second_signal_ends_it_at_once(broker: &dyn Control) {
    for (signal, code) in [(Signal::TERM, 143), (Signal::INT, 130)] {
        let mut stage = Stage::set(broker, "aborted", &[]).await;
        broker.freeze();
        let url = stage.producer.url("/generate?count=10000");
        let in_flight = tokio::spawn({
            let http = stage.http.clone();
            async move { http.post(url).send().await.is_ok() }
        });
        wait::until("the request to be in flight", async || {
            let busy = stage.producer.metric(&stage.http, "http_requests_in_flight").await;
            (busy >= 1.0).then_some(())
        })
        .await;
        stage.producer.signal(signal);
        stage.producer.logged("finishing what is in hand").await;
        stage.producer.signal(signal);
        assert_eq!(stage.producer.ended().await.code(), Some(code), "{}", stage.producer.log());
        broker.thaw();
        assert!(!in_flight.await.unwrap(), "the process ended under the request");
    }
}

/// A broker that is away from the start: alive, not ready, and there when the broker is.
pub(crate) async fn without_a_broker_it_lives_and_says_so(_: &dyn Control) {
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url = format!("amqp://{nobody}");
    let mut producer = Program::start(BINARY, &[("AMQP_URL", &url), ("QUEUE", queue::ORDERS)]);
    let http = client();
    producer.logged("refused").await;
    let (code, said) = producer.probed();
    assert!(code == Some(1) && said.contains("refused"), "{code:?}: {said}");
    assert!(producer.ready(&http, 503).await.contains("refused"));
    assert_eq!(ask(&http, Method::GET, &producer.url("/healthz")).await.0, 200);
    let (status, _, body) = ask(&http, Method::GET, &producer.url("/generate?count=7")).await;
    assert_eq!((status, &body["cause"], &body["failed"]), (503, &json!("disconnected"), &json!(7)));
    assert_eq!(producer.metric(&http, "broker_connected").await, 0.0);
    assert_eq!(producer.metric(&http, r#"messages_failed_total{cause="disconnected"}"#).await, 7.0);
    producer.signal(Signal::INT);
    assert_eq!(producer.ended().await.code(), Some(0));
}

/// A channel that the broker closes while the connection stands, on a broker that does so when told to.
pub(crate) async fn a_channel_that_is_closed_comes_back(broker: &Ours) {
    let mut stage = Stage::set(broker, "channel", &[]).await;
    stage.confirms(2).await;
    broker.control.close_channels("the test wants it");
    stage.producer.logged("406 PRECONDITION_FAILED - the test wants it").await;
    stage.queues = Queues::open(&broker.url()).await;
    wait::until("the producer to publish again", async || (stage.generate("").await.0 == 202).then_some(()))
        .await;
    assert_eq!(stage.depth().await, 3);
}

/// Wrong requests get a 4xx with a problem document; unknown paths and methods share one label value each.
pub(crate) async fn malformed_requests_are_refused_and_counted_under_few_labels(broker: &dyn Control) {
    let stage = Stage::set(broker, "malformed", &[]).await;
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
        let (status, headers, body) = ask(&stage.http, Method::GET, &stage.producer.url(&target)).await;
        assert_eq!((status, &body["status"]), (400, &json!(400)), "{query}: {body}");
        assert_eq!(headers["content-type"], "application/problem+json", "{query}");
    }
    assert_eq!(stage.depth().await, 0, "nothing was published");

    for method in [Method::PUT, Method::DELETE, Method::HEAD, Method::OPTIONS] {
        let (status, headers, _) = ask(&stage.http, method.clone(), &stage.producer.url("/generate")).await;
        assert_eq!((status, &headers["allow"]), (405, &"GET, POST".parse().unwrap()), "{method}");
    }
    for method in ["BREW", "MOVE", "X1"] {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        assert_eq!(ask(&stage.http, method, &stage.producer.url("/metrics")).await.0, 405);
    }
    for path in ["/", "/generate/", "/generate/x", "/Generate", "/..%2fmetrics", "/%ff", "/favicon.ico"] {
        assert_eq!(ask(&stage.http, Method::GET, &stage.producer.url(path)).await.0, 404, "{path}");
    }
    let text = stage.http.get(stage.producer.url("/metrics")).send().await.unwrap().text().await.unwrap();
    let series: Vec<_> = text.lines().filter(|line| line.starts_with("http_request_total{")).collect();
    for line in &series {
        let known = ["/generate", "/healthz", "/metrics", "/readyz", "other"];
        assert!(known.iter().any(|path| line.contains(&format!("path=\"{path}\""))), "{line}");
    }
    assert!(text.contains(r#"http_request_total{method="other",path="/metrics",status="405"} 3"#), "{text}");
    assert!(text.contains(r#"http_request_total{method="GET",path="other",status="404"} 7"#), "{text}");
    assert!(text.contains(r#"request_status{path="/generate",status="400"} 23"#), "{text}");
}
