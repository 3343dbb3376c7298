//! Scenarios of the worker with faulty brokers and jobs: `it.rs` runs them with the in-memory broker, `rabbitmq.rs` with
//! RabbitMQ.

#![allow(dead_code, reason = "some scenarios work with one of the brokers only")]

use contract::{Job, JobEvent, JobEventKind, queue};
use jiff::Timestamp;
use lapin::{
    BasicProperties,
    options::{BasicGetOptions, BasicNackOptions},
    types::{AMQPValue, FieldTable},
};
use reqwest::Method;
use rustix::process::Signal;
use serde_json::json;
use testkit::{
    programs::{
        InMemoryBroker, Program, Queues, RabbitMqBroker, TRACEPARENT, TestBroker, client, header, send,
    },
    wait,
};
use uuid::Uuid;

const BINARY: &str = env!("CARGO_BIN_EXE_worker");

/// A worker with its own queue.
pub(crate) struct Fixture {
    pub(crate) worker: Program,
    pub(crate) queues: Queues,
    queue: String,
    pub(crate) http: reqwest::Client,
}

impl Fixture {
    async fn start(broker: &dyn TestBroker, queue: &str, extra: &[(&str, &str)]) -> Self {
        let fixture = Self::start_unready(broker, queue, extra).await;
        fixture.worker.wait_for_readyz(&fixture.http, 200).await;
        fixture
    }

    async fn start_unready(broker: &dyn TestBroker, queue: &str, extra: &[(&str, &str)]) -> Self {
        let queues = Queues::open(&broker.url()).await;
        let worker = start(broker, queue, extra);
        Self { worker, queues, queue: queue.to_owned(), http: client() }
    }

    /// Publishes a job and returns it.
    async fn job(&self) -> Job {
        let job =
            Job { id: Uuid::now_v7(), enqueued_at: Timestamp::now(), burst: Some("b-1".parse().unwrap()) };
        self.queues.publish(&self.queue, &job.to_body(), properties(&job)).await;
        job
    }

    /// Waits for an event and returns it.
    async fn event(&self, id: Uuid, kind: JobEventKind) -> JobEvent {
        let what = || format!("{kind:?} of {id}; output:\n{}\n{}", self.worker.out(), self.worker.log());
        wait::until(&what(), async || {
            self.worker.events().into_iter().find(|event| event.id == Some(id) && event.kind == kind)
        })
        .await
    }

    async fn empty(&self) {
        wait::until("the queue to be empty", async || {
            (self.queues.ready(&self.queue).await == Some(0)).then_some(())
        })
        .await;
    }

    async fn metric(&self, series: &str) -> f64 {
        self.worker.metric(&self.http, series).await
    }
}

pub(crate) fn start(broker: &dyn TestBroker, queue: &str, extra: &[(&str, &str)]) -> Program {
    let url = broker.url();
    let mut environment = vec![("AMQP_URL", url.as_str()), ("QUEUE", queue), ("WORK_DURATION", "10ms")];
    environment.retain(|(name, _)| extra.iter().all(|(other, _)| other != name));
    environment.extend(extra);
    Program::start(BINARY, &environment)
}

fn properties(job: &Job) -> BasicProperties {
    let mut headers = FieldTable::default();
    headers.insert("traceparent".into(), AMQPValue::LongString(TRACEPARENT.into()));
    BasicProperties::default()
        .with_message_id(job.id.to_string().into())
        .with_delivery_mode(2)
        .with_headers(headers)
}

/// A job is processed, reported, measured and acknowledged; `worker_busy` is 1 during the work.
pub(crate) async fn jobs_are_processed_and_reported(broker: &dyn TestBroker) {
    let fixture = Fixture::start(broker, "jobs", &[("WORK_DURATION", "500ms")]).await;
    assert_eq!(fixture.metric("worker_busy").await, 0.0);
    let job = fixture.job().await;
    let started = fixture.event(job.id, JobEventKind::Started).await;
    assert_eq!(fixture.metric("worker_busy").await, 1.0);
    assert_eq!(started.burst, job.burst);
    assert_eq!(started.traceparent.as_deref(), Some(TRACEPARENT));
    assert!(!started.redelivered && started.wait_ms.is_some());
    let acked = fixture.event(job.id, JobEventKind::Acked).await;
    assert!(acked.work_ms.unwrap() >= 500, "{acked:?}");
    wait::until("the worker to be idle", async || (fixture.metric("worker_busy").await == 0.0).then_some(()))
        .await;
    for (series, value) in [
        ("jobs_processed_total", 1.0),
        ("jobs_redelivered_total", 0.0),
        ("jobs_failed_total", 0.0),
        ("job_wait_seconds_count", 1.0),
        ("job_duration_seconds_count", 1.0),
        (r#"job_duration_seconds_bucket{le="0.1"}"#, 0.0),
        ("broker_connected", 1.0),
    ] {
        assert_eq!(fixture.metric(series).await, value, "{series}");
    }
    fixture.empty().await;
}

/// Each invalid message goes to the dead-letter queue once, with the reason, and the worker continues.
pub(crate) async fn invalid_messages_are_dead_lettered(broker: &dyn TestBroker) {
    let fixture = Fixture::start(broker, "poison", &[]).await;
    let id = Uuid::now_v7();
    let old = format!(r#"{{"id":"{id}","created":"2020-01-01T00:00:00Z"}}"#);
    let large = vec![b' '; contract::MAX_JOB_BYTES + 1];
    let cases: [(&[u8], &str); 5] = [
        (b"\xff\xfe", "not JSON"),
        (b"", "not JSON"),
        (br#"{"id":7}"#, "not a job"),
        (old.as_bytes(), "missing field"),
        (&large, "4097 bytes"),
    ];
    for (body, _) in cases {
        let named = BasicProperties::default().with_message_id(id.to_string().into());
        fixture.queues.publish("poison", body, named).await;
    }
    let job = fixture.job().await;
    fixture.event(job.id, JobEventKind::Acked).await;
    for (body, reason) in cases {
        let (dead, properties) = fixture.queues.take("poison.dead").await.unwrap();
        assert_eq!(dead, body);
        assert_eq!(properties.message_id().as_ref().unwrap().as_str(), id.to_string());
        let answer = header(&properties, queue::REASON_HEADER).unwrap();
        assert!(answer.contains(reason), "{answer:?} should contain {reason:?}");
    }
    assert_eq!(fixture.queues.take("poison.dead").await, None);
    let failed: Vec<_> =
        fixture.worker.events().into_iter().filter(|event| event.kind == JobEventKind::Failed).collect();
    assert_eq!(failed.len(), 5);
    assert!(failed.iter().all(|event| event.id == Some(id) && event.reason.is_some()), "{failed:?}");
    assert_eq!(
        (fixture.metric("jobs_failed_total").await, fixture.metric("jobs_processed_total").await),
        (5.0, 1.0)
    );
    fixture.empty().await;
}

/// The worker declares a deleted queue again and consumes from it.
pub(crate) async fn a_deleted_queue_is_declared_again(broker: &dyn TestBroker) {
    let fixture = Fixture::start(broker, "deleted", &[]).await;
    fixture.queues.delete("deleted").await;
    fixture.worker.wait_for_log("the broker cancelled the consumer: the queue deleted was deleted").await;
    wait::until("the queue to be declared again", async || fixture.queues.ready("deleted").await).await;
    let job = fixture.job().await;
    fixture.event(job.id, JobEventKind::Acked).await;
}

/// After a lost connection the job is counted as requeued, redelivered and processed.
pub(crate) async fn a_lost_connection_requeues_the_job(broker: &dyn TestBroker) {
    let mut fixture = Fixture::start(broker, "lost", &[("WORK_DURATION", broker.interruptible())]).await;
    let job = fixture.job().await;
    fixture.event(job.id, JobEventKind::Started).await;
    broker.close_connections();
    let requeued = fixture.event(job.id, JobEventKind::Requeued).await;
    assert!(requeued.reason.unwrap().contains("lost the connection to the broker"));
    fixture.queues = Queues::open(&broker.url()).await;
    let acked = fixture.event(job.id, JobEventKind::Acked).await;
    assert!(acked.redelivered);
    assert_eq!(fixture.metric("jobs_requeued_total").await, 1.0);
    assert_eq!(fixture.metric("jobs_redelivered_total").await, 1.0);
    assert_eq!(fixture.metric("jobs_processed_total").await, 1.0);
    fixture.empty().await;
}

/// The worker continues to consume after a restart of the broker.
pub(crate) async fn consuming_continues_after_a_restart(broker: &dyn TestBroker) {
    let mut fixture = Fixture::start(broker, "restarted", &[]).await;
    let job = fixture.job().await;
    fixture.event(job.id, JobEventKind::Acked).await;
    tokio::task::block_in_place(|| broker.restart());
    fixture.queues = Queues::open(&broker.url()).await;
    fixture.worker.wait_for_readyz(&fixture.http, 200).await;
    let job = fixture.job().await;
    fixture.event(job.id, JobEventKind::Acked).await;
    let log = fixture.worker.log();
    assert!(log.contains("lost the connection to the broker") && log.contains("retry_in_ms"), "{log}");
}

/// The worker detects a frozen broker by missed heartbeats.
pub(crate) async fn missed_heartbeats_are_detected(broker: &dyn TestBroker) {
    let fixture = Fixture::start(broker, "silent", &[]).await;
    broker.freeze();
    let timeout = std::time::Duration::from_secs(60);
    wait::until_within(timeout, "a missed heartbeat", async || {
        fixture.worker.log().contains("heartbeat").then_some(())
    })
    .await;
    fixture.worker.wait_for_readyz(&fixture.http, 503).await;
    broker.thaw();
    fixture.worker.wait_for_readyz(&fixture.http, 200).await;
}

/// A queue with different arguments: not ready, with the broker's error and a hint, until the queue is deleted.
pub(crate) async fn different_queue_arguments_are_reported(broker: &dyn TestBroker) {
    let queues = Queues::open(&broker.url()).await;
    queues.declare("arguments", &[("x-queue-type", "classic")]).await;
    let fixture = Fixture::start_unready(broker, "arguments", &[]).await;
    fixture.worker.wait_for_log("inequivalent arg").await;
    let answer = fixture.worker.wait_for_readyz(&fixture.http, 503).await;
    for part in ["declare the queue arguments", "406", "QUEUE_TYPE"] {
        assert!(answer.contains(part), "{answer} should contain {part}");
    }
    queues.delete("arguments").await;
    fixture.worker.wait_for_readyz(&fixture.http, 200).await;
}

/// A wrong password is reported, but appears nowhere, even with the filter `trace`.
pub(crate) async fn a_wrong_password_is_reported_but_not_logged(broker: &dyn TestBroker) {
    let url = broker.url_as("guest", "Wr0ng-s3cret");
    let fixture =
        Fixture::start_unready(broker, "password", &[("AMQP_URL", &url), ("RUST_LOG", "trace")]).await;
    fixture.worker.wait_for_log("AMQP_PASSWORD").await;
    let answer = fixture.worker.wait_for_readyz(&fixture.http, 503).await;
    assert!(answer.contains("403") && answer.contains("ACCESS"), "{answer}");
    assert!(!format!("{answer}{}{}", fixture.worker.log(), fixture.worker.out()).contains("s3cret"));
}

/// SIGTERM: the current job is finished and acknowledged, no other job is started, exit code 0.
pub(crate) async fn the_first_signal_finishes_the_job(broker: &dyn TestBroker) {
    let mut fixture = Fixture::start(broker, "leaving", &[("WORK_DURATION", "1s"), ("PREFETCH", "3")]).await;
    let job = fixture.job().await;
    fixture.event(job.id, JobEventKind::Started).await;
    for _ in 0..4 {
        fixture.job().await;
    }
    fixture.worker.signal(Signal::TERM);
    fixture.worker.wait_for_readyz(&fixture.http, 503).await;
    assert_eq!(fixture.worker.wait_for_exit().await.code(), Some(0), "{}", fixture.worker.log());
    let kinds: Vec<_> = fixture.worker.events().iter().map(|event| (event.id, event.kind)).collect();
    assert_eq!(kinds, [(Some(job.id), JobEventKind::Started), (Some(job.id), JobEventKind::Acked)]);
    wait::until("the other jobs to be requeued", async || {
        (fixture.queues.ready("leaving").await == Some(4)).then_some(())
    })
    .await;
}

/// The second signal exits at once, and the broker requeues the job.
pub(crate) async fn the_second_signal_requeues_the_job(broker: &dyn TestBroker) {
    for (signal, code) in [(Signal::TERM, 143), (Signal::INT, 130)] {
        let mut fixture = Fixture::start(broker, "aborted", &[("WORK_DURATION", "1h")]).await;
        let job = fixture.job().await;
        fixture.event(job.id, JobEventKind::Started).await;
        fixture.worker.signal(signal);
        fixture.worker.wait_for_log("shutting down after the current work").await;
        fixture.worker.signal(signal);
        assert_eq!(fixture.worker.wait_for_exit().await.code(), Some(code), "{}", fixture.worker.log());
        let (body, _) =
            wait::until("the job to be requeued", async || fixture.queues.take("aborted").await).await;
        assert_eq!(Job::parse(&body).unwrap().id, job.id);
    }
}

/// An unreachable broker: alive, not ready, and SIGTERM exits with 0.
pub(crate) async fn an_unreachable_broker_is_reported(_: &dyn TestBroker) {
    let unused = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url = format!("amqp://{unused}");
    let mut worker = Program::start(BINARY, &[("AMQP_URL", &url)]);
    let http = client();
    worker.wait_for_log("refused").await;
    assert!(worker.wait_for_readyz(&http, 503).await.contains("refused"));
    assert_eq!(send(&http, Method::GET, &worker.url("/healthz")).await.0, 200);
    for (method, path, status) in
        [(Method::GET, "/", 404), (Method::POST, "/metrics", 405), (Method::GET, "/generate", 404)]
    {
        let (answer, headers, body) = send(&http, method.clone(), &worker.url(path)).await;
        assert_eq!((answer, &body["status"]), (status, &json!(status)), "{method} {path}");
        assert!(status != 405 || headers["allow"] == "GET,HEAD");
    }
    worker.signal(Signal::TERM);
    assert_eq!(worker.wait_for_exit().await.code(), Some(0));
}

/// The event and the log name the consumer timeout that closed the channel.
pub(crate) async fn a_consumer_timeout_is_reported(broker: &RabbitMqBroker) {
    let set = |name: &str, value: &str| {
        broker.node().ctl(&["eval", &format!("application:set_env(rabbit, {name}, {value}).")]).unwrap();
    };
    set("channel_tick_interval", "200");
    set("consumer_timeout", "500");
    let fixture = Fixture::start(broker, "channel", &[("WORK_DURATION", "30s")]).await;
    let job = fixture.job().await;
    let requeued = fixture.event(job.id, JobEventKind::Requeued).await;
    let reason = requeued.reason.unwrap();
    assert!(reason.contains("406") && reason.contains("consumer_timeout"), "{reason}");
    set("consumer_timeout", "1800000");
    set("channel_tick_interval", "60000");
}

/// An invalid message during an alarm is neither lost nor redelivered in a loop.
pub(crate) async fn invalid_messages_wait_during_an_alarm(broker: &dyn TestBroker) {
    let fixture = Fixture::start(broker, "alarmed", &[]).await;
    fixture.queues.publish("alarmed", b"poison", BasicProperties::default()).await;
    wait::until("the first invalid message to be moved", async || fixture.queues.take("alarmed.dead").await)
        .await;
    fixture.queues.publish("alarmed", b"poison", BasicProperties::default()).await;
    wait::until("the second", async || fixture.queues.take("alarmed.dead").await).await;
    fixture.worker.signal(Signal::STOP);
    fixture.queues.publish("alarmed", b"poison", BasicProperties::default()).await;
    broker.alarm(true);
    fixture.worker.signal(Signal::CONT);
    fixture.worker.wait_for_log("cannot move an invalid message").await;
    broker.alarm(false);
    wait::until("the third", async || fixture.queues.take("alarmed.dead").await).await;
    let redelivered = fixture.metric("jobs_redelivered_total").await;
    assert!((1.0..10.0).contains(&redelivered), "{redelivered}");
    wait::until("all to be counted", async || {
        (fixture.metric("jobs_failed_total").await == 3.0).then_some(())
    })
    .await;
}

/// RabbitMQ 4 limits the deliveries of a quorum queue without a policy to 20; RabbitMQ 3 has no limit.
pub(crate) async fn a_quorum_queue_has_the_releases_limit(broker: &RabbitMqBroker) {
    let version = broker.node().ctl(&["version"]).unwrap();
    let limit = if version.trim().starts_with("3.") { None } else { Some(20) };
    let queues = Queues::open(&broker.url()).await;
    queues.declare_jobs("limited", queue::QueueType::Quorum).await;
    let job = Job { id: Uuid::now_v7(), enqueued_at: Timestamp::now(), burst: None };
    queues.publish("limited", &job.to_body(), properties(&job)).await;
    let channel = queues.channel().await;
    let requeue = BasicNackOptions { multiple: false, requeue: true };
    for delivery in 0..=limit.unwrap_or(25) {
        let message = wait::until(&format!("delivery {delivery} of {version}"), async || {
            channel.basic_get("limited".into(), BasicGetOptions::default()).await.unwrap()
        })
        .await;
        channel.basic_nack(message.delivery_tag, requeue).await.unwrap();
    }
    if limit.is_some() {
        let (dead, _) = wait::until("the dead letter", async || queues.take("limited.dead").await).await;
        assert_eq!(Job::parse(&dead).unwrap().id, job.id);
    } else {
        wait::until("the job", async || queues.take("limited").await).await;
    }
}

/// A quorum queue dead-letters a job after the delivery limit.
pub(crate) async fn a_quorum_queue_limits_deliveries(broker: &RabbitMqBroker) {
    let definition = json!({ "delivery-limit": 2 });
    broker.node().set_policy("deliveries", "^quorum$", &definition).unwrap();
    let queues = Queues::open(&broker.url()).await;
    queues.declare_jobs("quorum", queue::QueueType::Quorum).await;
    let job = Job { id: Uuid::now_v7(), enqueued_at: Timestamp::now(), burst: None };
    queues.publish("quorum", &job.to_body(), properties(&job)).await;
    let extra = [("QUEUE_TYPE", "quorum"), ("WORK_DURATION", "1h")];
    for delivery in 0..3 {
        let fixture = Fixture::start(broker, "quorum", &extra).await;
        let started = fixture.event(job.id, JobEventKind::Started).await;
        assert_eq!(started.redelivered, delivery > 0);
        fixture.worker.signal(Signal::KILL);
    }
    let (dead, properties) = wait::until("the dead letter", async || queues.take("quorum.dead").await).await;
    assert_eq!(Job::parse(&dead).unwrap().id, job.id);
    assert_eq!(properties.message_id().as_ref().unwrap().as_str(), job.id.to_string());
    assert_eq!(queues.ready("quorum").await, Some(0));
    broker.node().clear_policy("deliveries").unwrap();
}

/// As PID 1 of a namespace, as in a container: the first signal drains, the second aborts.
pub(crate) async fn signals_work_as_pid_one(broker: &dyn TestBroker) {
    let queues = Queues::open(&broker.url()).await;
    queues.declare_jobs("pid-one", queue::QueueType::Classic).await;
    let url = broker.url();
    for (duration, second) in [("500ms", None), ("1h", Some(Signal::TERM))] {
        let environment = [("AMQP_URL", url.as_str()), ("QUEUE", "pid-one"), ("WORK_DURATION", duration)];
        let arguments = ["--pid", "--fork", "--kill-child", BINARY];
        let mut worker = Program::start_with("/usr/bin/unshare", &arguments, &environment);
        let children = format!("/proc/{0}/task/{0}/children", worker.pid());
        let inner: i32 = std::fs::read_to_string(&children).unwrap().trim().parse().unwrap();
        let status = std::fs::read_to_string(format!("/proc/{inner}/status")).unwrap();
        let inside = status.lines().find(|line| line.starts_with("NSpid:")).unwrap();
        assert!(inside.ends_with("\t1"), "{inside}");
        let signal =
            |signal| rustix::process::kill_process(rustix::process::Pid::from_raw(inner).unwrap(), signal);

        let job = Job { id: Uuid::now_v7(), enqueued_at: Timestamp::now(), burst: None };
        queues.publish("pid-one", &job.to_body(), properties(&job)).await;
        wait::until("the job to start", async || worker.events().pop()).await;
        signal(Signal::TERM).unwrap();
        worker.wait_for_log("shutting down after the current work").await;
        if let Some(second) = second {
            signal(second).unwrap();
        }
        let code = worker.wait_for_exit().await.code();
        assert_eq!(code, Some(if second.is_some() { 143 } else { 0 }), "{}", worker.log());
        wait::until("the expected queue depth", async || {
            (queues.ready("pid-one").await == Some(u32::from(second.is_some()))).then_some(())
        })
        .await;
    }
}

/// The broker redelivers a job after it closed the channel.
pub(crate) async fn a_closed_channel_requeues_the_job(broker: &InMemoryBroker) {
    let mut fixture = Fixture::start(broker, "channel", &[("WORK_DURATION", "1s")]).await;
    let job = fixture.job().await;
    fixture.event(job.id, JobEventKind::Started).await;
    broker.control.close_channels("requested by the test");
    let requeued = fixture.event(job.id, JobEventKind::Requeued).await;
    assert!(requeued.reason.unwrap().contains("406 PRECONDITION_FAILED - requested by the test"));
    let acked = fixture.event(job.id, JobEventKind::Acked).await;
    assert!(acked.redelivered);
    fixture.queues = Queues::open(&broker.url()).await;
    fixture.empty().await;
}

/// With jobs of zero duration and a full buffer, the worker answers probes and reacts to signals.
pub(crate) async fn instant_jobs_do_not_starve_the_probes(broker: &dyn TestBroker) {
    let extra = [("WORK_DURATION", "0"), ("PREFETCH", "1000")];
    let mut fixture = Fixture::start(broker, "instant", &extra).await;
    let channel = fixture.queues.channel().await;
    let job = Job { id: Uuid::now_v7(), enqueued_at: Timestamp::now(), burst: None };
    let more = tokio::spawn(async move {
        // More than the worker can consume; the channel closes with the test.
        let options = lapin::options::BasicPublishOptions::default();
        let (body, properties) = (job.to_body(), properties(&job));
        for _ in 0..200_000 {
            let publish =
                channel.basic_publish("".into(), "instant".into(), options, &body, properties.clone());
            if publish.await.is_err() {
                break;
            }
        }
    });
    wait::until("processed jobs", async || {
        (fixture.metric("jobs_processed_total").await > 1000.0).then_some(())
    })
    .await;
    let before = fixture.metric("jobs_processed_total").await;
    assert_eq!(send(&fixture.http, Method::GET, &fixture.worker.url("/healthz")).await.0, 200);
    wait::until("more processed jobs", async || {
        (fixture.metric("jobs_processed_total").await > before).then_some(())
    })
    .await;
    fixture.worker.signal(Signal::TERM);
    assert_eq!(fixture.worker.wait_for_exit().await.code(), Some(0), "{}", fixture.worker.log());
    more.abort();
}
