//! What the worker does when its broker or its jobs misbehave. Each scenario works against any broker: `rabbitmq.rs` runs
//! them against the real one, `broker.rs` against ours.

#![allow(dead_code, reason = "the brokers differ in what can be done to them")]

use contract::{Job, JobEvent, JobEventKind, queue};
use jiff::Timestamp;
use lapin::{
    BasicProperties,
    types::{AMQPValue, FieldTable},
};
use reqwest::Method;
use rustix::process::Signal;
use serde_json::json;
use testkit::wait;
use uuid::Uuid;

use crate::support::{
    TRACEPARENT, ask, client,
    control::{Control, Ours, Real},
    program::Program,
    queues::{Queues, header},
};

const BINARY: &str = env!("CARGO_BIN_EXE_worker");

/// A worker at a queue of its own.
pub(crate) struct Stage {
    pub(crate) worker: Program,
    pub(crate) queues: Queues,
    queue: String,
    pub(crate) http: reqwest::Client,
}

impl Stage {
    async fn set(broker: &dyn Control, queue: &str, extra: &[(&str, &str)]) -> Self {
        let stage = Self::unready(broker, queue, extra).await;
        stage.worker.ready(&stage.http, 200).await;
        stage
    }

    async fn unready(broker: &dyn Control, queue: &str, extra: &[(&str, &str)]) -> Self {
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

    /// Waits for the event, and returns it.
    async fn event(&self, id: Uuid, kind: JobEventKind) -> JobEvent {
        let what = || format!("{kind:?} of {id}; so far\n{}\n{}", self.worker.out(), self.worker.log());
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

pub(crate) fn start(broker: &dyn Control, queue: &str, extra: &[(&str, &str)]) -> Program {
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

/// A job is worked on, told of, measured and gone; the worker says when it is busy.
pub(crate) async fn jobs_are_done_and_told(broker: &dyn Control) {
    let stage = Stage::set(broker, "jobs", &[("WORK_DURATION", "500ms")]).await;
    assert_eq!(stage.metric("worker_busy").await, 0.0);
    let job = stage.job().await;
    let started = stage.event(job.id, JobEventKind::Started).await;
    assert_eq!(stage.metric("worker_busy").await, 1.0);
    assert_eq!(started.burst, job.burst);
    assert_eq!(started.traceparent.as_deref(), Some(TRACEPARENT));
    assert!(!started.redelivered && started.wait_ms.is_some());
    let acked = stage.event(job.id, JobEventKind::Acked).await;
    assert!(acked.work_ms.unwrap() >= 500, "{acked:?}");
    wait::until("the worker to be idle", async || (stage.metric("worker_busy").await == 0.0).then_some(()))
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
        assert_eq!(stage.metric(series).await, value, "{series}");
    }
    stage.empty().await;
}

/// What is no job goes to the dead-letter queue with the reason, once, and the worker goes on.
pub(crate) async fn poison_goes_to_the_dead_letters(broker: &dyn Control) {
    let stage = Stage::set(broker, "poison", &[]).await;
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
        stage.queues.publish("poison", body, named).await;
    }
    let job = stage.job().await;
    stage.event(job.id, JobEventKind::Acked).await;
    for (body, reason) in cases {
        let (dead, properties) = stage.queues.take("poison.dead").await.unwrap();
        assert_eq!(dead, body);
        assert_eq!(properties.message_id().as_ref().unwrap().as_str(), id.to_string());
        let said = header(&properties, queue::REASON_HEADER).unwrap();
        assert!(said.contains(reason), "{said:?} should contain {reason:?}");
    }
    assert_eq!(stage.queues.take("poison.dead").await, None);
    let failed: Vec<_> =
        stage.worker.events().into_iter().filter(|event| event.kind == JobEventKind::Failed).collect();
    assert_eq!(failed.len(), 5);
    assert!(failed.iter().all(|event| event.id == Some(id) && event.reason.is_some()), "{failed:?}");
    assert_eq!(
        (stage.metric("jobs_failed_total").await, stage.metric("jobs_processed_total").await),
        (5.0, 1.0)
    );
    stage.empty().await;
}

/// A queue that is deleted: named, declared again, consumed again, in the same process.
pub(crate) async fn a_queue_deleted_under_the_consumer_comes_back(broker: &dyn Control) {
    let stage = Stage::set(broker, "deleted", &[]).await;
    stage.queues.delete("deleted").await;
    stage.worker.logged("the broker cancelled the consumer: the queue deleted was deleted").await;
    wait::until("the queue to be declared again", async || stage.queues.ready("deleted").await).await;
    let job = stage.job().await;
    stage.event(job.id, JobEventKind::Acked).await;
}

/// A lost connection with a job in hand: counted as a redelivery to come, and the job is done afterwards.
pub(crate) async fn a_job_whose_connection_is_lost_comes_again(broker: &dyn Control) {
    let mut stage = Stage::set(broker, "lost", &[("WORK_DURATION", broker.interruptible())]).await;
    let job = stage.job().await;
    stage.event(job.id, JobEventKind::Started).await;
    broker.close_connections();
    let requeued = stage.event(job.id, JobEventKind::Requeued).await;
    assert!(requeued.reason.unwrap().contains("lost the broker"));
    stage.queues = Queues::open(&broker.url()).await;
    let acked = stage.event(job.id, JobEventKind::Acked).await;
    assert!(acked.redelivered);
    assert_eq!(stage.metric("jobs_requeued_total").await, 1.0);
    assert_eq!(stage.metric("jobs_redelivered_total").await, 1.0);
    assert_eq!(stage.metric("jobs_processed_total").await, 1.0);
    stage.empty().await;
}

/// A restart of the broker: the worker consumes on, and not ready in between says why.
pub(crate) async fn a_restart_is_survived(broker: &dyn Control) {
    let mut stage = Stage::set(broker, "restarted", &[]).await;
    let job = stage.job().await;
    stage.event(job.id, JobEventKind::Acked).await;
    tokio::task::block_in_place(|| broker.restart());
    stage.queues = Queues::open(&broker.url()).await;
    stage.worker.ready(&stage.http, 200).await;
    let job = stage.job().await;
    stage.event(job.id, JobEventKind::Acked).await;
    let log = stage.worker.log();
    assert!(log.contains("lost the broker") && log.contains("retry_in_ms"), "{log}");
}

/// A broker that stops without a word is noticed by its heartbeat.
pub(crate) async fn a_silent_broker_is_noticed(broker: &dyn Control) {
    let stage = Stage::set(broker, "silent", &[]).await;
    broker.freeze();
    let patience = std::time::Duration::from_secs(60);
    wait::until_within(patience, "the heartbeat to be missed", async || {
        stage.worker.log().contains("heartbeat").then_some(())
    })
    .await;
    stage.worker.ready(&stage.http, 503).await;
    broker.thaw();
    stage.worker.ready(&stage.http, 200).await;
}

/// A queue with other arguments: not ready, with the broker's own words and what to do; ready once it is gone.
pub(crate) async fn other_arguments_are_an_error_that_says_so(broker: &dyn Control) {
    let queues = Queues::open(&broker.url()).await;
    queues.declare("arguments", &[("x-queue-type", "classic")]).await;
    let stage = Stage::unready(broker, "arguments", &[]).await;
    stage.worker.logged("inequivalent arg").await;
    let said = stage.worker.ready(&stage.http, 503).await;
    for part in ["declare the queue arguments", "406", "QUEUE_TYPE"] {
        assert!(said.contains(part), "{said} should contain {part}");
    }
    queues.delete("arguments").await;
    stage.worker.ready(&stage.http, 200).await;
}

/// A wrong password: named, never repeated.
pub(crate) async fn a_wrong_password_is_named_and_never_shown(broker: &dyn Control) {
    let url = broker.url_as("guest", "Wr0ng-s3cret");
    let stage = Stage::unready(broker, "password", &[("AMQP_URL", &url), ("RUST_LOG", "trace")]).await;
    stage.worker.logged("AMQP_PASSWORD").await;
    let said = stage.worker.ready(&stage.http, 503).await;
    assert!(said.contains("403") && said.contains("ACCESS"), "{said}");
    assert!(!format!("{said}{}{}", stage.worker.log(), stage.worker.out()).contains("s3cret"));
}

/// SIGTERM: the job in hand is done and acknowledged, no other is taken, exit code 0.
pub(crate) async fn the_first_signal_lets_the_job_end(broker: &dyn Control) {
    let mut stage = Stage::set(broker, "leaving", &[("WORK_DURATION", "1s"), ("PREFETCH", "3")]).await;
    let job = stage.job().await;
    stage.event(job.id, JobEventKind::Started).await;
    for _ in 0..4 {
        stage.job().await;
    }
    stage.worker.signal(Signal::TERM);
    stage.worker.ready(&stage.http, 503).await;
    assert_eq!(stage.worker.ended().await.code(), Some(0), "{}", stage.worker.log());
    let kinds: Vec<_> = stage.worker.events().iter().map(|event| (event.id, event.kind)).collect();
    assert_eq!(kinds, [(Some(job.id), JobEventKind::Started), (Some(job.id), JobEventKind::Acked)]);
    wait::until("the others to be back", async || {
        (stage.queues.ready("leaving").await == Some(4)).then_some(())
    })
    .await;
}

/// A second signal ends it at once, and the job comes back.
pub(crate) async fn the_second_signal_gives_the_job_back(broker: &dyn Control) {
    for (signal, code) in [(Signal::TERM, 143), (Signal::INT, 130)] {
        let mut stage = Stage::set(broker, "aborted", &[("WORK_DURATION", "1h")]).await;
        let job = stage.job().await;
        stage.event(job.id, JobEventKind::Started).await;
        stage.worker.signal(signal);
        stage.worker.logged("finishing what is in hand").await;
        stage.worker.signal(signal);
        assert_eq!(stage.worker.ended().await.code(), Some(code), "{}", stage.worker.log());
        let (body, _) = wait::until("the job to be back", async || stage.queues.take("aborted").await).await;
        assert_eq!(Job::parse(&body).unwrap().id, job.id);
    }
}

/// A broker that is away from the start: alive, not ready, and leaving is no trouble.
pub(crate) async fn without_a_broker_it_lives_and_says_so(_: &dyn Control) {
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url = format!("amqp://{nobody}");
    let mut worker = Program::start(BINARY, &[("AMQP_URL", &url)]);
    let http = client();
    worker.logged("refused").await;
    assert!(worker.ready(&http, 503).await.contains("refused"));
    assert_eq!(ask(&http, Method::GET, &worker.url("/healthz")).await.0, 200);
    for (method, path, status) in
        [(Method::GET, "/", 404), (Method::POST, "/metrics", 405), (Method::GET, "/generate", 404)]
    {
        let (is, headers, body) = ask(&http, method.clone(), &worker.url(path)).await;
        assert_eq!((is, &body["status"]), (status, &json!(status)), "{method} {path}");
        assert!(status != 405 || headers["allow"] == "GET,HEAD");
    }
    worker.signal(Signal::TERM);
    assert_eq!(worker.ended().await.code(), Some(0));
}

/// A channel that the broker closes under a job that takes too long.
pub(crate) async fn a_channel_closed_under_a_job_is_named(broker: &Real) {
    let set = |name: &str, value: &str| {
        broker.node().ctl(&["eval", &format!("application:set_env(rabbit, {name}, {value}).")]).unwrap();
    };
    set("channel_tick_interval", "200");
    set("consumer_timeout", "500");
    let stage = Stage::set(broker, "channel", &[("WORK_DURATION", "30s")]).await;
    let job = stage.job().await;
    let requeued = stage.event(job.id, JobEventKind::Requeued).await;
    let reason = requeued.reason.unwrap();
    assert!(reason.contains("406") && reason.contains("consumer_timeout"), "{reason}");
    set("consumer_timeout", "1800000");
    set("channel_tick_interval", "60000");
}

/// A poison job while the broker takes no messages: it is neither lost nor asked for again and again.
pub(crate) async fn poison_during_an_alarm_waits(broker: &dyn Control) {
    let stage = Stage::set(broker, "alarmed", &[]).await;
    stage.queues.publish("alarmed", b"poison", BasicProperties::default()).await;
    wait::until("the first poison job to be moved", async || stage.queues.take("alarmed.dead").await).await;
    stage.queues.publish("alarmed", b"poison", BasicProperties::default()).await;
    wait::until("the second", async || stage.queues.take("alarmed.dead").await).await;
    stage.worker.signal(Signal::STOP);
    stage.queues.publish("alarmed", b"poison", BasicProperties::default()).await;
    broker.alarm(true);
    stage.worker.signal(Signal::CONT);
    stage.worker.logged("cannot move a poison message").await;
    broker.alarm(false);
    wait::until("the third", async || stage.queues.take("alarmed.dead").await).await;
    let redelivered = stage.metric("jobs_redelivered_total").await;
    assert!((1.0..10.0).contains(&redelivered), "{redelivered}");
    wait::until("all to be counted", async || (stage.metric("jobs_failed_total").await == 3.0).then_some(()))
        .await;
}

/// A quorum queue gives up a job that kills its workers: after the limit it is in the dead-letter queue.
pub(crate) async fn the_delivery_limit_of_a_quorum_queue_holds(broker: &Real) {
    let definition = json!({ "delivery-limit": 2 });
    broker.node().set_policy("deliveries", "^quorum$", &definition).unwrap();
    let queues = Queues::open(&broker.url()).await;
    queues.declare_jobs("quorum", queue::QueueType::Quorum).await;
    let job = Job { id: Uuid::now_v7(), enqueued_at: Timestamp::now(), burst: None };
    queues.publish("quorum", &job.to_body(), properties(&job)).await;
    let extra = [("QUEUE_TYPE", "quorum"), ("WORK_DURATION", "1h")];
    for delivery in 0..3 {
        let stage = Stage::set(broker, "quorum", &extra).await;
        let started = stage.event(job.id, JobEventKind::Started).await;
        assert_eq!(started.redelivered, delivery > 0);
        stage.worker.signal(Signal::KILL);
    }
    let (dead, properties) = wait::until("the dead letter", async || queues.take("quorum.dead").await).await;
    assert_eq!(Job::parse(&dead).unwrap().id, job.id);
    assert_eq!(properties.message_id().as_ref().unwrap().as_str(), job.id.to_string());
    assert_eq!(queues.ready("quorum").await, Some(0));
    broker.node().clear_policy("deliveries").unwrap();
}

/// As PID 1 of a namespace, as in a container: the first signal drains, the second aborts.
pub(crate) async fn as_pid_one_signals_work(broker: &dyn Control) {
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
        wait::until("the job to be begun", async || worker.events().pop()).await;
        signal(Signal::TERM).unwrap();
        worker.logged("finishing what is in hand").await;
        if let Some(second) = second {
            signal(second).unwrap();
        }
        let code = worker.ended().await.code();
        assert_eq!(code, Some(if second.is_some() { 143 } else { 0 }), "{}", worker.log());
        wait::until("the queue to be as it should", async || {
            (queues.ready("pid-one").await == Some(u32::from(second.is_some()))).then_some(())
        })
        .await;
    }
}

/// A channel that the broker closes under a job, on a broker that does so when told to.
pub(crate) async fn a_job_whose_channel_is_closed_comes_again(broker: &Ours) {
    let mut stage = Stage::set(broker, "channel", &[("WORK_DURATION", "1s")]).await;
    let job = stage.job().await;
    stage.event(job.id, JobEventKind::Started).await;
    broker.control.close_channels("the test wants it");
    let requeued = stage.event(job.id, JobEventKind::Requeued).await;
    assert!(requeued.reason.unwrap().contains("406 PRECONDITION_FAILED - the test wants it"));
    let acked = stage.event(job.id, JobEventKind::Acked).await;
    assert!(acked.redelivered);
    stage.queues = Queues::open(&broker.url()).await;
    stage.empty().await;
}

/// With jobs that take no time and a full buffer, probes are still answered and a signal still ends it.
pub(crate) async fn instant_jobs_do_not_starve_the_probes(broker: &dyn Control) {
    let extra = [("WORK_DURATION", "0"), ("PREFETCH", "1000")];
    let mut stage = Stage::set(broker, "instant", &extra).await;
    let channel = stage.queues.channel().await;
    let job = Job { id: Uuid::now_v7(), enqueued_at: Timestamp::now(), burst: None };
    let more = tokio::spawn(async move {
        // More than the worker can take, until the channel closes with the test.
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
    wait::until("jobs to be under way", async || {
        (stage.metric("jobs_processed_total").await > 1000.0).then_some(())
    })
    .await;
    let before = stage.metric("jobs_processed_total").await;
    assert_eq!(ask(&stage.http, Method::GET, &stage.worker.url("/healthz")).await.0, 200);
    wait::until("more jobs to be done", async || {
        (stage.metric("jobs_processed_total").await > before).then_some(())
    })
    .await;
    stage.worker.signal(Signal::TERM);
    assert_eq!(stage.worker.ended().await.code(), Some(0), "{}", stage.worker.log());
    more.abort();
}
