//! The producer compared with lapin alone, with the same broker in the same run.
//!
//! `cargo bench -p producer` uses Debian's RabbitMQ, or the broker of `AMQP_URL`. Each figure is the median of five rounds;
//! the rounds alternate. The queue `surge-bench` is purged between rounds and deleted at the end.

use std::{
    io::{Read, Write},
    net::TcpStream,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Instant,
};

use contract::{Job, queue};
use jiff::Timestamp;
use lapin::{
    BasicProperties, Channel, Connection, ConnectionProperties,
    options::{BasicPublishOptions, ConfirmSelectOptions, QueueDeleteOptions, QueuePurgeOptions},
};
use testkit::programs::bench::{BenchProgram, LoadedBroker, ROUNDS, Result, median, start_to_ready};

const QUEUE: &str = "surge-bench";
const TASKS: usize = 64;
const REQUESTS: i64 = 20_000;
const BATCH: usize = 1000;
const SINGLES: usize = 1000;

fn main() -> Result<()> {
    let Some(broker) = LoadedBroker::find()? else { return Ok(()) };
    let url = broker.url.as_str();
    let one = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let many = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let environment = [("AMQP_URL", url), ("QUEUE", QUEUE)];
    let producer = Producer(BenchProgram::start(BINARY, &environment)?);
    let bare_one = one.block_on(Bare::open(url))?;
    let bare_many = many.block_on(Bare::open(url))?;

    let mut rows: Vec<[f64; 8]> = Vec::new();
    for round in 0..=ROUNDS {
        let mut cpu = 0.0;
        let row = [
            one.block_on(bare_one.rate())?,
            many.block_on(bare_many.rate())?,
            one.block_on(producer.rate(&mut cpu))?,
            one.block_on(bare_one.batch())?,
            producer.batch()?,
            one.block_on(bare_one.single())?,
            producer.single()?,
            cpu,
        ];
        one.block_on(bare_one.purge())?;
        // Round 0 is a warm-up.
        if round > 0 {
            println!("round {round}: {row:.3?}");
            rows.push(row);
        }
    }
    let column = |index: usize| median(rows.iter().map(|row| row[index]).collect());
    let bare = column(0).max(column(1));
    println!("64 tasks, bare lapin        {bare:9.0}/s (one thread {:.0}, two {:.0})", column(0), column(1));
    println!("64 connections, /generate   {:9.0}/s = {:.2} of bare", column(2), column(2) / bare);
    println!("producer's CPU a request    {:9.1} us", column(7));
    println!("1000 at once, bare lapin    {:9.2} ms", column(3));
    println!("/generate?count=1000        {:9.2} ms = {:.2} of bare", column(4), column(4) / column(3));
    println!("one confirm, bare lapin     {:9.3} ms", column(5));
    println!("one /generate               {:9.3} ms, {:.3} ms more", column(6), column(6) - column(5));
    let (now, peak) = producer.0.memory()?;
    println!("resident memory             {now:9.1} MB after the load, {peak:.1} MB at its peak");
    println!("idle                        {:9.3} % of a core", producer.0.idle()? * 100.0);
    println!("start to ready              {:9.1} ms", start_to_ready(BINARY, &environment)?);
    one.block_on(bare_one.delete())
}

const BINARY: &str = env!("CARGO_BIN_EXE_producer");

/// lapin without the producer around it.
struct Bare {
    _connection: Connection,
    channel: Channel,
}

impl Bare {
    async fn open(url: &str) -> Result<Self> {
        let connection = Connection::connect(url, ConnectionProperties::default()).await?;
        let channel = connection.create_channel().await?;
        channel.confirm_select(ConfirmSelectOptions::default()).await?;
        Ok(Self { _connection: connection, channel })
    }

    async fn rate(&self) -> Result<f64> {
        let left = Arc::new(AtomicI64::new(REQUESTS));
        let begun = Instant::now();
        let tasks: Vec<_> = (0..TASKS)
            .map(|_| {
                let (channel, left) = (self.channel.clone(), left.clone());
                tokio::spawn(async move {
                    while left.fetch_sub(1, Ordering::Relaxed) > 0 {
                        publish(&channel).await?.await?;
                    }
                    lapin::Result::Ok(())
                })
            })
            .collect();
        for task in tasks {
            task.await??;
        }
        Ok(REQUESTS as f64 / begun.elapsed().as_secs_f64())
    }

    async fn batch(&self) -> Result<f64> {
        let mut times = Vec::new();
        for _ in 0..10 {
            let begun = Instant::now();
            let all: Vec<_> = (0..BATCH).map(|_| async { publish(&self.channel).await?.await }).collect();
            for confirm in futures::future::join_all(all).await {
                confirm?;
            }
            times.push(begun.elapsed().as_secs_f64() * 1e3);
        }
        Ok(median(times))
    }

    async fn single(&self) -> Result<f64> {
        let mut times = Vec::new();
        for _ in 0..SINGLES {
            let begun = Instant::now();
            publish(&self.channel).await?.await?;
            times.push(begun.elapsed().as_secs_f64() * 1e3);
        }
        Ok(median(times))
    }

    async fn purge(&self) -> Result<()> {
        self.channel.queue_purge(QUEUE.into(), QueuePurgeOptions::default()).await?;
        Ok(())
    }

    async fn delete(&self) -> Result<()> {
        for name in [QUEUE.to_owned(), queue::dead_letter_queue(QUEUE)] {
            self.channel.queue_delete(name.as_str().into(), QueueDeleteOptions::default()).await?;
        }
        Ok(())
    }
}

async fn publish(channel: &Channel) -> lapin::Result<lapin::PublisherConfirm> {
    let job = Job { id: uuid::Uuid::now_v7(), enqueued_at: Timestamp::now(), burst: None };
    let properties = BasicProperties::default()
        .with_content_type("application/json".into())
        .with_delivery_mode(2)
        .with_message_id(job.id.to_string().into());
    let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
    channel.basic_publish("".into(), QUEUE.into(), options, &job.to_body(), properties).await
}

/// The program.
struct Producer(BenchProgram);

impl Producer {
    async fn rate(&self, cpu: &mut f64) -> Result<f64> {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let left = Arc::new(AtomicI64::new(REQUESTS));
        let mut streams = Vec::new();
        for _ in 0..TASKS {
            let stream = tokio::net::TcpStream::connect(&self.0.address).await?;
            stream.set_nodelay(true)?;
            streams.push(stream);
        }
        let before = self.0.cpu()?;
        let begun = Instant::now();
        let tasks: Vec<_> = streams
            .into_iter()
            .map(|mut stream| {
                let left = left.clone();
                tokio::spawn(async move {
                    let mut answer = [0; 1024];
                    while left.fetch_sub(1, Ordering::Relaxed) > 0 {
                        stream.write_all(REQUEST).await?;
                        let mut read = 0;
                        while !complete(&answer[..read]) {
                            let more = stream.read(&mut answer[read..]).await?;
                            if more == 0 {
                                return Err(std::io::Error::other("the producer closed the connection"));
                            }
                            read += more;
                        }
                        if !answer.starts_with(b"HTTP/1.1 202") {
                            return Err(std::io::Error::other("not accepted"));
                        }
                    }
                    Ok(())
                })
            })
            .collect();
        for task in tasks {
            task.await??;
        }
        let took = begun.elapsed().as_secs_f64();
        *cpu = (self.0.cpu()? - before).as_secs_f64() * 1e6 / REQUESTS as f64;
        Ok(REQUESTS as f64 / took)
    }

    fn batch(&self) -> Result<f64> {
        self.median_of("/generate?count=1000", 10)
    }

    fn single(&self) -> Result<f64> {
        self.median_of("/generate", SINGLES)
    }

    fn median_of(&self, target: &str, times: usize) -> Result<f64> {
        let mut stream = TcpStream::connect(&self.0.address)?;
        stream.set_nodelay(true)?;
        let request = format!("POST {target} HTTP/1.1\r\nhost: bench\r\n\r\n");
        let mut took = Vec::new();
        for _ in 0..times {
            let begun = Instant::now();
            stream.write_all(request.as_bytes())?;
            let mut answer = vec![0; 16 * 1024];
            let mut read = 0;
            while !complete(&answer[..read]) {
                read += stream.read(&mut answer[read..])?;
            }
            if !answer.starts_with(b"HTTP/1.1 202") {
                return Err("not accepted".into());
            }
            took.push(begun.elapsed().as_secs_f64() * 1e3);
        }
        Ok(median(took))
    }
}

const REQUEST: &[u8] = b"POST /generate HTTP/1.1\r\nhost: bench\r\n\r\n";

/// Returns true if the bytes are a complete answer with a Content-Length.
fn complete(bytes: &[u8]) -> bool {
    let Some(head) = bytes.windows(4).position(|end| end == b"\r\n\r\n") else { return false };
    let text = std::str::from_utf8(&bytes[..head]).unwrap_or_default();
    let length = text.lines().find_map(|line| line.strip_prefix("content-length: "));
    length
        .and_then(|length| length.parse::<usize>().ok())
        .is_some_and(|length| bytes.len() >= head + 4 + length)
}
