//! The worker compared with lapin alone, with the same messages and the same broker in the same run.
//!
//! `cargo bench -p worker` uses Debian's RabbitMQ, or the broker of `AMQP_URL`. Each figure is the median of five rounds;
//! the rounds alternate. `OTHER_WORKER` may be a shell command to compare with: it consumes `JOBS` messages of `QUEUE` at
//! `AMQP_URL` with a prefetch of one and prints the jobs per second. The queue `surge-bench` is deleted at the end.

use std::{
    io::{BufRead, BufReader},
    time::Instant,
};

use contract::{Job, JobEvent, JobEventKind, queue};
use futures::StreamExt;
use jiff::Timestamp;
use lapin::{
    BasicProperties, Connection, ConnectionProperties,
    options::{
        BasicAckOptions, BasicConsumeOptions, BasicPublishOptions, BasicQosOptions, ConfirmSelectOptions,
        QueueDeclareOptions, QueueDeleteOptions,
    },
    types::{AMQPValue, FieldTable},
};
use testkit::programs::bench::{BenchProgram, LoadedBroker, ROUNDS, Result, median, start_to_ready};

const QUEUE: &str = "surge-bench";
const JOBS: usize = 20_000;
const BINARY: &str = env!("CARGO_BIN_EXE_worker");

fn main() -> Result<()> {
    let Some(broker) = LoadedBroker::find()? else { return Ok(()) };
    let url = broker.url.as_str();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let connection = runtime.block_on(Connection::connect(url, ConnectionProperties::default()))?;
    runtime.block_on(declare(&connection))?;

    let other = std::env::var("OTHER_WORKER").ok();
    let mut rows: Vec<[f64; 7]> = Vec::new();
    let mut memory = (0.0, 0.0);
    for round in 0..=ROUNDS {
        let mut row = [0.0; 7];
        for (at, prefetch) in [(0, 1), (3, 100)] {
            runtime.block_on(fill(&connection))?;
            row[at] = runtime.block_on(bare(&connection, prefetch))?;
            runtime.block_on(fill(&connection))?;
            (row[at + 1], row[at + 2], memory) = worker(url, prefetch)?;
        }
        if let Some(command) = &other {
            runtime.block_on(fill(&connection))?;
            row[6] = other_worker(command, url)?;
        }
        // Round 0 is a warm-up.
        if round > 0 {
            println!("round {round}: {row:.1?}");
            rows.push(row);
        }
    }
    let column = |index: usize| median(rows.iter().map(|row| row[index]).collect());
    for (at, prefetch) in [(0, 1), (3, 100)] {
        println!("prefetch {prefetch:3}, bare lapin   {:9.0}/s", column(at));
        println!(
            "prefetch {prefetch:3}, worker       {:9.0}/s = {:.2} of bare",
            column(at + 1),
            column(at + 1) / column(at)
        );
        println!("worker's CPU a job         {:9.1} us", column(at + 2));
    }
    if other.is_some() {
        println!(
            "prefetch   1, another one  {:9.0}/s: the worker is {:.2} of it",
            column(6),
            column(1) / column(6)
        );
    }
    println!("resident memory            {:9.1} MB after the load, {:.1} MB at its peak", memory.0, memory.1);
    let environment = environment(url, "1");
    println!(
        "idle                       {:9.3} % of a core",
        BenchProgram::start(BINARY, &environment)?.idle()? * 100.0
    );
    println!("start to ready             {:9.1} ms", start_to_ready(BINARY, &environment)?);
    runtime.block_on(delete(&connection))
}

fn environment<'a>(url: &'a str, prefetch: &'a str) -> [(&'static str, &'a str); 4] {
    [("AMQP_URL", url), ("QUEUE", QUEUE), ("WORK_DURATION", "0s"), ("PREFETCH", prefetch)]
}

/// Returns jobs per second, CPU time per job in microseconds, and memory.
fn worker(url: &str, prefetch: u16) -> Result<(f64, f64, (f64, f64))> {
    let prefetch = prefetch.to_string();
    let mut worker = BenchProgram::start(BINARY, &environment(url, &prefetch))?;
    let lines = BufReader::new(worker.child.stdout.take().ok_or("no standard output")?).lines();
    let (mut begun, mut ended, mut acked) = (None, None, 0);
    for line in lines {
        let Some(event) = JobEvent::parse(&line?) else { continue };
        begun.get_or_insert(event.at);
        if event.kind == JobEventKind::Acked {
            acked += 1;
            ended = Some(event.at);
        }
        if acked == JOBS {
            break;
        }
    }
    let (Some(begun), Some(ended)) = (begun, ended) else { return Err("no job was done".into()) };
    let took = ended.duration_since(begun).as_secs_f64();
    let cpu = worker.cpu()?.as_secs_f64() * 1e6 / JOBS as f64;
    Ok((JOBS as f64 / took, cpu, worker.memory()?))
}

/// Returns the jobs per second of another program.
fn other_worker(command: &str, url: &str) -> Result<f64> {
    let output = std::process::Command::new("sh")
        .args(["-c", command])
        .env("AMQP_URL", url)
        .env("QUEUE", QUEUE)
        .env("JOBS", JOBS.to_string())
        .output()?;
    Ok(String::from_utf8(output.stdout)?.trim().parse()?)
}

/// Returns the jobs per second of a loop that only consumes, parses and acknowledges.
async fn bare(connection: &Connection, prefetch: u16) -> Result<f64> {
    let channel = connection.create_channel().await?;
    channel.basic_qos(prefetch, BasicQosOptions::default()).await?;
    let options = BasicConsumeOptions::default();
    let mut consumer =
        channel.basic_consume(QUEUE.into(), "bare".into(), options, FieldTable::default()).await?;
    let mut begun = None;
    for _ in 0..JOBS {
        let delivery = consumer.next().await.ok_or("the consumer ended")??;
        begun.get_or_insert_with(Instant::now);
        Job::parse(&delivery.data)?;
        delivery.acker.ack(BasicAckOptions::default()).await?;
    }
    let took = begun.ok_or("no job came")?.elapsed().as_secs_f64();
    channel.close(200, "done".into()).await?;
    Ok(JOBS as f64 / took)
}

fn table(arguments: Vec<(&'static str, String)>) -> FieldTable {
    let mut table = FieldTable::default();
    for (name, value) in arguments {
        table.insert(name.into(), AMQPValue::LongString(value.into()));
    }
    table
}

async fn declare(connection: &Connection) -> Result<()> {
    let channel = connection.create_channel().await?;
    let dead = queue::dead_letter_queue(QUEUE);
    let options = QueueDeclareOptions::durable();
    channel.queue_declare(dead.as_str().into(), options, table(queue::dead_letter_arguments())).await?;
    let arguments = table(queue::arguments(QUEUE, queue::QueueType::Classic));
    channel.queue_declare(QUEUE.into(), options, arguments).await?;
    Ok(())
}

async fn delete(connection: &Connection) -> Result<()> {
    let channel = connection.create_channel().await?;
    for name in [QUEUE.to_owned(), queue::dead_letter_queue(QUEUE)] {
        channel.queue_delete(name.as_str().into(), QueueDeleteOptions::default()).await?;
    }
    Ok(())
}

/// Publishes the jobs of one round.
async fn fill(connection: &Connection) -> Result<()> {
    let channel = connection.create_channel().await?;
    channel.confirm_select(ConfirmSelectOptions::default()).await?;
    let mut confirms = Vec::new();
    for _ in 0..JOBS {
        let job = Job { id: uuid::Uuid::now_v7(), enqueued_at: Timestamp::now(), burst: None };
        let properties = BasicProperties::default()
            .with_content_type("application/json".into())
            .with_delivery_mode(2)
            .with_message_id(job.id.to_string().into());
        let options = BasicPublishOptions::default();
        confirms
            .push(channel.basic_publish("".into(), QUEUE.into(), options, &job.to_body(), properties).await?);
    }
    for confirm in confirms {
        confirm.await?;
    }
    channel.close(200, "done".into()).await?;
    Ok(())
}
