//! Twenty thousand jobs while workers are killed, workers are asked to leave, and the broker is restarted twice.
//!
//! The promise: every id that the producer confirmed is acknowledged at least once. A worker that is killed between its
//! acknowledgement and its line about it leaves the job begun and gone from the queue; such a job must have been the last
//! that a killed worker spoke of. And what is done twice is explained:
//! with a prefetch of one, a worker's death or lost session sends back at most the one message that it had. After a crash
//! the broker marks everything that it recovered as redelivered, so the mark alone is proof only of what came before.

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
use testkit::wait;
use uuid::Uuid;

use crate::{
    scenarios,
    support::{
        ask, client,
        control::{Control, Real},
        program::Program,
        queues::Queues,
    },
};

const JOBS: usize = 20_000;
const WORKERS: usize = 4;
const QUEUE: &str = "soak";
/// Bound of the whole, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(300);

/// What dead workers leave behind.
#[derive(Default)]
struct Remains {
    events: Vec<JobEvent>,
    killed: usize,
    left: usize,
    sessions_lost: usize,
    crash: Option<Timestamp>,
    /// The jobs that killed workers had in hand.
    in_hand: HashSet<Uuid>,
}

impl Remains {
    fn bury(&mut self, worker: &Program) {
        self.events.extend(worker.events());
        self.sessions_lost += sessions_lost(&worker.log());
    }
}

/// Sessions that ended by themselves. A worker that is asked to leave in that moment looks for no other session, so a
/// job that goes back says it too.
fn sessions_lost(log: &str) -> usize {
    let sessions = log.split("connected to the broker").skip(1);
    sessions.filter(|said| said.contains("retry_in_ms") || said.contains("goes back to the queue")).count()
}

pub(crate) async fn soak(broker: &Real) {
    let seed = std::env::var("SURGE_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1);
    println!("SURGE_SEED={seed}");
    let url = broker.url();
    let producer = Program::start(&producer_binary(), &[("AMQP_URL", &url), ("QUEUE", QUEUE)]);
    let http = client();
    producer.ready(&http, 200).await;

    let confirmed = Arc::new(Mutex::new(HashSet::new()));
    let clients: Vec<_> =
        (0..4).map(|_| tokio::spawn(load(producer.url("/generate?count=100"), confirmed.clone()))).collect();
    let over = AtomicBool::new(false);
    let mut workers: Vec<Program> = (0..WORKERS).map(|_| worker(broker)).collect();
    let mut remains = Remains::default();
    let misery = misery(broker, &mut workers, &mut remains, fastrand::Rng::with_seed(seed), &over);
    let work = async {
        let mut crash = None;
        for (after, orderly) in [(JOBS / 4, true), (JOBS / 2, false)] {
            let enough = || async { (confirmed.lock().unwrap().len() >= after).then_some(()) };
            wait::until_within(PATIENCE, "jobs to be confirmed", enough).await;
            tokio::task::block_in_place(|| {
                let mut node = broker.node();
                if orderly {
                    node.stop().unwrap();
                } else {
                    crash = Some(Timestamp::now());
                    node.kill();
                }
                node.launch().unwrap();
            });
            println!("restarted, orderly: {orderly}");
        }
        for client in clients {
            client.await.unwrap();
        }
        let queues = Queues::open(&url).await;
        let drained = || async { (queues.ready(QUEUE).await == Some(0)).then_some(()) };
        wait::until_within(PATIENCE, "the queue to be drained", drained).await;
        over.store(true, Ordering::Release);
        crash
    };
    let (crash, ()) = tokio::join!(work, misery);
    remains.crash = crash;

    // Those that still live may have a job in hand.
    for worker in &mut workers {
        worker.signal(Signal::TERM);
        assert_eq!(worker.ended().await.code(), Some(0), "{}", worker.log());
        remains.left += 1;
        remains.bury(worker);
    }
    let queues = Queues::open(&url).await;
    assert_eq!(queues.ready(QUEUE).await, Some(0), "nothing is left");
    judge(&remains, &confirmed.lock().unwrap());
}

/// Counts what was done, and what was done twice.
fn judge(remains: &Remains, confirmed: &HashSet<Uuid>) {
    let mut acked: HashMap<Uuid, usize> = HashMap::new();
    let mut started = HashSet::new();
    let (mut again, mut marked, mut marked_after_the_crash, mut requeued) = (0, 0, 0, 0);
    let mut events: Vec<&JobEvent> = remains.events.iter().collect();
    events.sort_by_key(|event| event.at);
    for event in events {
        match event.kind {
            JobEventKind::Acked => *acked.entry(event.id.unwrap()).or_default() += 1,
            JobEventKind::Started if !started.insert(event.id.unwrap()) => again += 1,
            JobEventKind::Started if !event.redelivered => {}
            JobEventKind::Started if Some(event.at) > remains.crash => marked_after_the_crash += 1,
            JobEventKind::Started => marked += 1,
            JobEventKind::Requeued => requeued += 1,
            JobEventKind::Failed => panic!("no job was poison: {event:?}"),
        }
    }
    let untold = |id: &Uuid| !acked.contains_key(id) && remains.in_hand.contains(id);
    let untold = confirmed.iter().filter(|id| untold(id)).count();
    let lost = confirmed.iter().filter(|id| !acked.contains_key(id)).count() - untold;
    let twice: usize = acked.values().map(|times| times - 1).sum();
    let interruptions = remains.killed + remains.left + remains.sessions_lost;
    println!(
        "{} confirmed, {} acknowledged, {untold} untold, {lost} lost; {} killed, {} left, {} sessions lost: {again} begun again, {twice} of them done twice, {requeued} requeued, {marked} only marked, {marked_after_the_crash} only marked after the crash",
        confirmed.len(),
        acked.len(),
        remains.killed,
        remains.left,
        remains.sessions_lost,
    );
    assert_eq!(lost, 0, "of {} confirmed jobs", confirmed.len());
    assert!(confirmed.len() >= JOBS);
    assert!(remains.killed > 0 && remains.left > WORKERS && remains.sessions_lost > 0);
    assert!(again > 0);
    assert!(requeued <= remains.sessions_lost, "a session gives back at most the one job that it had");
    assert!(twice <= again && again + marked <= interruptions, "{interruptions} interruptions");
}

/// Asks for a hundred jobs again and again until enough are confirmed, and keeps the ids.
async fn load(url: String, confirmed: Arc<Mutex<HashSet<Uuid>>>) {
    let http = client();
    while confirmed.lock().unwrap().len() < JOBS {
        let (status, _, body) = ask(&http, Method::POST, &url).await;
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
            // A client that is told to come again in a second does not come at once.
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

/// Ends one worker after another, by force or by asking, and starts another in its place.
async fn misery(
    broker: &Real,
    workers: &mut [Program],
    remains: &mut Remains,
    mut random: fastrand::Rng,
    over: &AtomicBool,
) {
    while !over.load(Ordering::Acquire) {
        tokio::time::sleep(Duration::from_millis(random.u64(100..500))).await;
        let worker = &mut workers[random.usize(..WORKERS)];
        if random.bool() {
            worker.signal(Signal::KILL);
            assert_eq!(worker.ended().await.signal(), Some(9));
            remains.killed += 1;
            let last = worker.events().pop().filter(|event| event.kind == JobEventKind::Started);
            remains.in_hand.extend(last.and_then(|event| event.id));
        } else {
            worker.signal(Signal::TERM);
            assert_eq!(worker.ended().await.code(), Some(0), "{}", worker.log());
            remains.left += 1;
        }
        remains.bury(worker);
        *worker = self::worker(broker);
    }
}

fn worker(broker: &Real) -> Program {
    scenarios::start(broker, QUEUE, &[("WORK_DURATION", "1ms")])
}

/// The producer's executable, which cargo puts beside the worker's; built here, since no test of the worker's would.
fn producer_binary() -> String {
    let beside = std::path::Path::new(env!("CARGO_BIN_EXE_worker")).with_file_name("producer");
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let built = std::process::Command::new(cargo).args(["build", "--locked", "-p", "producer"]).status();
    assert!(built.unwrap().success() && beside.exists(), "cannot build {}", beside.display());
    beside.to_str().unwrap().to_owned()
}
