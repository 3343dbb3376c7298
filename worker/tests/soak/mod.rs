//! Twenty thousand jobs while workers are killed or terminated and the broker restarts twice.
//!
//! Asserts that every confirmed job is acknowledged at least once. A worker that is killed between the acknowledgement and
//! its log line leaves an unreported job; such a job must be the last one that a killed worker started.
//!
//! Asserts that every repetition has a cause. With a prefetch of one, a killed worker or a lost session requeues at most
//! one message. After a crash the broker flags every recovered message as redelivered, so the flag proves a redelivery only
//! before the crash.

use std::{
    collections::{HashMap, HashSet},
    os::unix::process::ExitStatusExt,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use contract::{JobEvent, JobEventKind};
use jiff::Timestamp;
use reqwest::Method;
use rustix::process::Signal;
use testkit::{
    programs::{Program, Queues, RabbitMqBroker, TestBroker, client, send},
    wait,
};
use uuid::Uuid;

use crate::scenarios;

const JOBS: usize = 20_000;
const WORKERS: usize = 4;
const QUEUE: &str = "soak";
/// Time limit for each phase on a busy machine.
const PHASE_TIMEOUT: Duration = Duration::from_secs(300);

/// Records of the workers that have exited.
#[derive(Default)]
struct WorkerRecords {
    events: Vec<JobEvent>,
    killed: usize,
    terminated: usize,
    sessions_lost: usize,
    crash: Option<Timestamp>,
    /// The last started job of each killed worker.
    unfinished: HashSet<Uuid>,
}

impl WorkerRecords {
    fn add(&mut self, worker: &Program) {
        self.events.extend(worker.events());
        self.sessions_lost += sessions_lost(&worker.log());
    }
}

/// Counts lost sessions. A worker that is terminated at that moment does not reconnect, so a requeued job counts too.
fn sessions_lost(log: &str) -> usize {
    let sessions = log.split("connected to the broker").skip(1);
    sessions.filter(|log| log.contains("retry_in_ms") || log.contains("will requeue the job")).count()
}

pub(crate) async fn soak(broker: &RabbitMqBroker) {
    let seed = std::env::var("SURGE_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1);
    println!("SURGE_SEED={seed}");
    let url = broker.url();
    let producer = Program::start(&producer_binary(), &[("AMQP_URL", &url), ("QUEUE", QUEUE)]);
    let http = client();
    producer.wait_for_readyz(&http, 200).await;

    let confirmed = Arc::new(Mutex::new(HashSet::new()));
    let clients: Vec<_> =
        (0..4).map(|_| tokio::spawn(load(producer.url("/generate?count=100"), confirmed.clone()))).collect();
    let done = AtomicBool::new(false);
    let mut workers: Vec<Program> = (0..WORKERS).map(|_| worker(broker)).collect();
    let mut records = WorkerRecords::default();
    let interruptions =
        interrupt_workers(broker, &mut workers, &mut records, fastrand::Rng::with_seed(seed), &done);
    let work = async {
        let mut crash = None;
        for (after, graceful) in [(JOBS / 4, true), (JOBS / 2, false)] {
            let enough = || async { (confirmed.lock().unwrap().len() >= after).then_some(()) };
            wait::until_within(PHASE_TIMEOUT, "jobs to be confirmed", enough).await;
            tokio::task::block_in_place(|| {
                let mut node = broker.node();
                if graceful {
                    node.stop().unwrap();
                } else {
                    crash = Some(Timestamp::now());
                    node.kill();
                }
                node.launch().unwrap();
            });
            println!("restarted, graceful: {graceful}");
        }
        for client in clients {
            client.await.unwrap();
        }
        let queues = Queues::open(&url).await;
        let drained = || async { (queues.ready(QUEUE).await == Some(0)).then_some(()) };
        wait::until_within(PHASE_TIMEOUT, "the queue to be drained", drained).await;
        done.store(true, Ordering::Release);
        crash
    };
    let (crash, ()) = tokio::join!(work, interruptions);
    records.crash = crash;

    // The remaining workers may have a job.
    for worker in &mut workers {
        worker.signal(Signal::TERM);
        assert_eq!(worker.wait_for_exit().await.code(), Some(0), "{}", worker.log());
        records.terminated += 1;
        records.add(worker);
    }
    let queues = Queues::open(&url).await;
    assert_eq!(queues.ready(QUEUE).await, Some(0), "the queue is empty");
    check(&records, &confirmed.lock().unwrap());
}

/// Counts the jobs that were processed once and repeatedly, and asserts the limits.
fn check(records: &WorkerRecords, confirmed: &HashSet<Uuid>) {
    let mut acked: HashMap<Uuid, usize> = HashMap::new();
    let mut started = HashSet::new();
    let (mut again, mut marked, mut flagged_after_crash, mut requeued) = (0, 0, 0, 0);
    let mut events: Vec<&JobEvent> = records.events.iter().collect();
    events.sort_by_key(|event| event.at);
    for event in events {
        match event.kind {
            JobEventKind::Acked => *acked.entry(event.id.unwrap()).or_default() += 1,
            JobEventKind::Started if !started.insert(event.id.unwrap()) => again += 1,
            JobEventKind::Started if !event.redelivered => {}
            JobEventKind::Started if Some(event.at) > records.crash => flagged_after_crash += 1,
            JobEventKind::Started => marked += 1,
            JobEventKind::Requeued => requeued += 1,
            JobEventKind::Failed => panic!("no job is invalid: {event:?}"),
        }
    }
    let unreported = |id: &Uuid| !acked.contains_key(id) && records.unfinished.contains(id);
    let unreported = confirmed.iter().filter(|id| unreported(id)).count();
    let lost = confirmed.iter().filter(|id| !acked.contains_key(id)).count() - unreported;
    let twice: usize = acked.values().map(|times| times - 1).sum();
    let interruptions = records.killed + records.terminated + records.sessions_lost;
    println!(
        "{} confirmed, {} acknowledged, {unreported} unreported, {lost} lost; {} killed, {} terminated, {} sessions lost: {again} started again, {twice} of them acknowledged twice, {requeued} requeued, {marked} only flagged, {flagged_after_crash} only flagged after the crash",
        confirmed.len(),
        acked.len(),
        records.killed,
        records.terminated,
        records.sessions_lost,
    );
    assert_eq!(lost, 0, "of {} confirmed jobs", confirmed.len());
    assert!(confirmed.len() >= JOBS);
    assert!(records.killed > 0 && records.terminated > WORKERS && records.sessions_lost > 0);
    assert!(again > 0);
    assert!(requeued <= records.sessions_lost, "a lost session requeues at most one job");
    assert!(twice <= again && again + marked <= interruptions, "{interruptions} interruptions");
}

/// Requests a hundred jobs repeatedly until enough are confirmed, and records the ids.
async fn load(url: String, confirmed: Arc<Mutex<HashSet<Uuid>>>) {
    let http = client();
    while confirmed.lock().unwrap().len() < JOBS {
        let (status, _, body) = send(&http, Method::POST, &url).await;
        assert!(status == 202 || status == 503, "{status}: {body}");
        let ids: Vec<Uuid> = body["ids"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|id| id.as_str().unwrap().parse().unwrap())
            .collect();
        assert_eq!(body["confirmed"].as_u64().unwrap(), ids.len() as u64, "{body}");
        confirmed.lock().unwrap().extend(ids);
        if status == 503 {
            // Retry-After is one second; a tenth keeps the test short.
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

/// Kills or terminates one worker after another and starts a replacement.
async fn interrupt_workers(
    broker: &RabbitMqBroker,
    workers: &mut [Program],
    records: &mut WorkerRecords,
    mut random: fastrand::Rng,
    done: &AtomicBool,
) {
    while !done.load(Ordering::Acquire) {
        tokio::time::sleep(Duration::from_millis(random.u64(100..500))).await;
        let worker = &mut workers[random.usize(..WORKERS)];
        if random.bool() {
            worker.signal(Signal::KILL);
            assert_eq!(worker.wait_for_exit().await.signal(), Some(9));
            records.killed += 1;
            let last = worker.events().pop().filter(|event| event.kind == JobEventKind::Started);
            records.unfinished.extend(last.and_then(|event| event.id));
        } else {
            worker.signal(Signal::TERM);
            assert_eq!(worker.wait_for_exit().await.code(), Some(0), "{}", worker.log());
            records.terminated += 1;
        }
        records.add(worker);
        *worker = self::worker(broker);
    }
}

fn worker(broker: &RabbitMqBroker) -> Program {
    scenarios::start(broker, QUEUE, &[("WORK_DURATION", "1ms")])
}

/// Builds the producer and returns its executable, in the same folder as the worker's.
fn producer_binary() -> String {
    let path = std::path::Path::new(env!("CARGO_BIN_EXE_worker")).with_file_name("producer");
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let built = std::process::Command::new(cargo).args(["build", "--locked", "-p", "producer"]).status();
    assert!(built.unwrap().success() && path.exists(), "cannot build {}", path.display());
    path.to_str().unwrap().to_owned()
}
