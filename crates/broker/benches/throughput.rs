//! Messages per second, CPU time per message, and memory with a million messages: this crate's broker and, if installed,
//! RabbitMQ, with the same client in the same run.
//!
//! `cargo bench -p broker` prints a table. Each broker is a separate process; the benchmark reads its CPU time and memory
//! from `/proc`. The rounds alternate between the brokers, and the table has the median.

use std::fmt::Write;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use broker::{Config, Listeners};
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use lapin::options::*;
use lapin::types::FieldTable;
use lapin::{BasicProperties, Channel, Connection, ConnectionProperties};
use testkit::rabbitmq::RabbitMq;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// Environment variable of the child process that runs the broker.
const CHILD: &str = "BROKER_BENCH_CHILD";
const ROUNDS: usize = 3;
const MESSAGES: usize = 60_000;
const MILLION: usize = 1_000_000;
const BODY: [u8; 200] = [b'x'; 200];
const QUEUE: &str = "bench";

fn main() {
    if std::env::var_os(CHILD).is_some() {
        return run_broker();
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let in_memory = InMemoryBroker::start();
    let rabbitmq = testkit::rabbitmq::installed().then(|| RabbitMq::start().expect("RabbitMQ starts"));
    let mut brokers = vec![Subject { name: "this broker", amqp: in_memory.amqp, pid: in_memory.child.id() }];
    if let Some(rabbitmq) = &rabbitmq {
        let pid = rabbitmq.pid().expect("RabbitMQ's pid");
        brokers.push(Subject { name: "RabbitMQ", amqp: rabbitmq.amqp(), pid });
    }
    let mut table = String::from(
        "| what | broker | messages/s | broker CPU per message |\n| --- | --- | ---: | ---: |\n",
    );
    for what in [Work::Tasks(64), Work::Pipelined(100), Work::Pipelined(1000), Work::Consume(100)] {
        let mut rounds: Vec<Vec<Round>> = brokers.iter().map(|_| Vec::new()).collect();
        for _ in 0..ROUNDS {
            for (broker, rounds) in brokers.iter().zip(&mut rounds) {
                rounds.push(runtime.block_on(broker.round(what)));
            }
        }
        for (broker, mut rounds) in brokers.iter().zip(rounds) {
            rounds.sort_by(|one, other| one.rate.total_cmp(&other.rate));
            let Round { rate, cpu } = rounds[ROUNDS / 2];
            let _ = writeln!(
                table,
                "| {} | {} | {rate:.0} | {:.1} µs |",
                what.title(),
                broker.name,
                cpu.as_secs_f64() * 1e6
            );
        }
    }
    let before = resident(in_memory.child.id());
    runtime.block_on(brokers[0].fill(MILLION));
    let full = resident(in_memory.child.id());
    runtime.block_on(brokers[0].purge());
    let after = resident(in_memory.child.id());
    println!("{table}");
    println!(
        "Resident memory of this broker: {before} MB before, {full} MB with {MILLION} queued messages of {} bytes, \
         {after} MB after a purge.",
        BODY.len()
    );
}

/// A workload.
#[derive(Clone, Copy)]
enum Work {
    /// Concurrent tasks, each with one unconfirmed message.
    Tasks(usize),
    /// One task with this number of unconfirmed messages.
    Pipelined(usize),
    /// One consumer with this prefetch, which acknowledges each message separately.
    Consume(u16),
}

impl Work {
    fn title(self) -> String {
        match self {
            Self::Tasks(count) => format!("confirmed publishes, {count} tasks"),
            Self::Pipelined(count) => format!("confirmed publishes, {count} in flight"),
            Self::Consume(prefetch) => format!("consume and ack, prefetch {prefetch}"),
        }
    }
}

#[derive(Clone, Copy)]
struct Round {
    rate: f64,
    /// CPU time per message.
    cpu: Duration,
}

/// A broker under measurement.
struct Subject {
    name: &'static str,
    amqp: SocketAddr,
    pid: u32,
}

impl Subject {
    async fn channel(&self) -> (Connection, Channel) {
        let uri = format!("amqp://guest:guest@{}/%2f", self.amqp);
        let connection = Connection::connect(&uri, ConnectionProperties::default()).await.expect("connects");
        let channel = connection.create_channel().await.expect("a channel");
        channel.confirm_select(ConfirmSelectOptions::default()).await.expect("confirms");
        channel
            .queue_declare(QUEUE.into(), QueueDeclareOptions::durable(), FieldTable::default())
            .await
            .expect("a queue");
        channel.queue_purge(QUEUE.into(), QueuePurgeOptions::default()).await.expect("a purge");
        (connection, channel)
    }

    async fn round(&self, work: Work) -> Round {
        let (connection, channel) = self.channel().await;
        if let Work::Consume(prefetch) = work {
            pipelined(&channel, MESSAGES, 1000).await;
            channel.basic_qos(prefetch, BasicQosOptions::default()).await.expect("a prefetch");
        }
        let (cpu, start) = (cpu(self.pid), Instant::now());
        match work {
            Work::Tasks(tasks) => {
                let tasks = (0..tasks).map(|_| {
                    let channel = channel.clone();
                    tokio::spawn(async move { pipelined(&channel, MESSAGES / tasks, 1).await })
                });
                for task in futures::future::join_all(tasks).await {
                    task.expect("every message is confirmed");
                }
            }
            Work::Pipelined(count) => pipelined(&channel, MESSAGES, count).await,
            Work::Consume(_) => consume(&channel, MESSAGES).await,
        }
        let (elapsed, cpu) = (start.elapsed(), self::cpu(self.pid) - cpu);
        connection.close(200, "".into()).await.expect("a close");
        let count = u32::try_from(MESSAGES).expect("a small number");
        Round { rate: f64::from(count) / elapsed.as_secs_f64(), cpu: cpu / count }
    }

    async fn fill(&self, count: usize) {
        let (_connection, channel) = self.channel().await;
        pipelined(&channel, count, 1000).await;
    }

    async fn purge(&self) {
        self.channel().await;
    }
}

/// Publishes with at most `window` unconfirmed messages. Messages are transient, so RabbitMQ does not write them to disk.
async fn pipelined(channel: &Channel, count: usize, window: usize) {
    let mut unconfirmed = FuturesUnordered::new();
    for _ in 0..count {
        if unconfirmed.len() == window {
            let confirm: lapin::Result<lapin::Confirmation> =
                unconfirmed.next().await.expect("an unconfirmed message");
            assert!(confirm.expect("a confirm").is_ack());
        }
        let options = BasicPublishOptions::default();
        let properties = BasicProperties::default().with_content_type("application/json".into());
        let confirm = channel.basic_publish("".into(), QUEUE.into(), options, &BODY, properties).await;
        unconfirmed.push(confirm.expect("a publish"));
    }
    while let Some(confirm) = unconfirmed.next().await {
        assert!(confirm.expect("a confirm").is_ack());
    }
}

async fn consume(channel: &Channel, count: usize) {
    let options = BasicConsumeOptions::default();
    let mut consumer = channel
        .basic_consume(QUEUE.into(), "".into(), options, FieldTable::default())
        .await
        .expect("a consumer");
    for _ in 0..count {
        let delivery = consumer.next().await.expect("a delivery").expect("a delivery");
        delivery.ack(BasicAckOptions::default()).await.expect("an ack");
    }
}

/// This crate's broker in a child process.
struct InMemoryBroker {
    child: Child,
    amqp: SocketAddr,
}

impl InMemoryBroker {
    fn start() -> Self {
        let mut child = Command::new(std::env::current_exe().expect("the path of this program"))
            .env(CHILD, "1")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the broker starts");
        let mut line = String::new();
        let stdout = child.stdout.take().expect("a pipe");
        BufReader::new(stdout).read_line(&mut line).expect("the broker's address");
        Self { child, amqp: line.trim().parse().expect("an address") }
    }
}

impl Drop for InMemoryBroker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn run_broker() {
    // One thread, as the crate's documentation recommends.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let amqp = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        println!("{}", amqp.local_addr().expect("an address"));
        let listeners = Listeners { amqp, management: None, metrics: None };
        broker::run(Config::default(), listeners, CancellationToken::new()).await;
    });
}

/// Returns the CPU time of a process in user and system mode.
fn cpu(pid: u32) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("/proc/PID/stat");
    // Fields 14 and 15 of the line, counted from the name in parentheses; unit: 10 ms.
    let fields: Vec<&str> = stat[stat.rfind(')').expect("a name") + 2..].split(' ').collect();
    let ticks: u64 = fields[11..13].iter().map(|field| field.parse::<u64>().expect("a number")).sum();
    Duration::from_millis(ticks * 10)
}

/// Returns the resident memory of a process in megabytes.
fn resident(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("/proc/PID/status");
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("VmRSS");
    line.split_whitespace().nth(1).and_then(|kb| kb.parse::<u64>().ok()).expect("a number") / 1024
}
