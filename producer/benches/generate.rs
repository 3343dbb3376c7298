//! The producer beside the limit: lapin alone, doing the same against the same broker in the same run.
//!
//! `AMQP_URL=amqp://127.0.0.1:5672 cargo bench -p producer`. Each figure is the median of five rounds taken in turn.
//! The queue `surge-bench` is declared as the contract says, emptied between rounds and deleted at the end.

use std::{
    error::Error,
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, Instant},
};

use contract::{Job, queue};
use jiff::Timestamp;
use lapin::{
    BasicProperties, Channel, Connection, ConnectionProperties,
    options::{BasicPublishOptions, ConfirmSelectOptions, QueueDeleteOptions, QueuePurgeOptions},
};

const QUEUE: &str = "surge-bench";
const ROUNDS: usize = 5;
const TASKS: usize = 64;
const REQUESTS: i64 = 20_000;
const BATCH: usize = 1000;
const SINGLES: usize = 1000;

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

fn main() -> Result<()> {
    let Ok(url) = std::env::var("AMQP_URL") else {
        println!("skipped: set AMQP_URL to a broker that may be loaded");
        return Ok(());
    };
    let one = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let many = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let producer = Producer::start(&url)?;
    let bare_one = one.block_on(Bare::open(&url))?;
    let bare_many = many.block_on(Bare::open(&url))?;

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
        // The first round warms everything up.
        if round > 0 {
            println!("round {round}: {row:.3?}");
            rows.push(row);
        }
    }
    let median = |column: usize| {
        let mut values: Vec<f64> = rows.iter().map(|row| row[column]).collect();
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    };
    let bare = median(0).max(median(1));
    println!("64 tasks, bare lapin        {bare:9.0}/s (one thread {:.0}, two {:.0})", median(0), median(1));
    println!("64 connections, /generate   {:9.0}/s = {:.2} of bare", median(2), median(2) / bare);
    println!("producer's CPU a request    {:9.1} us", median(7));
    println!("1000 at once, bare lapin    {:9.2} ms", median(3));
    println!("/generate?count=1000        {:9.2} ms = {:.2} of bare", median(4), median(4) / median(3));
    println!("one confirm, bare lapin     {:9.3} ms", median(5));
    println!("one /generate               {:9.3} ms, {:.3} ms more", median(6), median(6) - median(5));
    println!("producer: {}", producer.memory()?);
    one.block_on(bare_one.delete())
}

/// lapin with nothing around it.
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
        Ok(middle(times))
    }

    async fn single(&self) -> Result<f64> {
        let mut times = Vec::new();
        for _ in 0..SINGLES {
            let begun = Instant::now();
            publish(&self.channel).await?.await?;
            times.push(begun.elapsed().as_secs_f64() * 1e3);
        }
        Ok(middle(times))
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

/// The program itself, as a process of its own.
struct Producer {
    child: Child,
    address: String,
}

impl Producer {
    fn start(url: &str) -> Result<Self> {
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let address = format!("127.0.0.1:{port}");
        let child = Command::new(env!("CARGO_BIN_EXE_producer"))
            .args(["--amqp-url", url, "--queue", QUEUE, "--listen", &address])
            .stderr(Stdio::null())
            .spawn()?;
        let producer = Self { child, address };
        let deadline = Instant::now() + Duration::from_secs(20);
        while !producer.is_ready() {
            if Instant::now() > deadline {
                return Err("the producer did not become ready".into());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(producer)
    }

    fn is_ready(&self) -> bool {
        let mut answer = String::new();
        TcpStream::connect(&self.address)
            .and_then(|mut stream| {
                stream.write_all(b"GET /readyz HTTP/1.1\r\nhost: bench\r\nconnection: close\r\n\r\n")?;
                stream.read_to_string(&mut answer)
            })
            .is_ok_and(|_| answer.starts_with("HTTP/1.1 200"))
    }

    /// Processor time so far, in microseconds.
    fn cpu_us(&self) -> Result<f64> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        // Fields 14 and 15 of proc(5), in ticks of 10 ms.
        let ticks: f64 = fields[11].parse::<f64>()? + fields[12].parse::<f64>()?;
        Ok(ticks * 10_000.0)
    }

    async fn rate(&self, cpu: &mut f64) -> Result<f64> {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let left = Arc::new(AtomicI64::new(REQUESTS));
        let mut streams = Vec::new();
        for _ in 0..TASKS {
            let stream = tokio::net::TcpStream::connect(&self.address).await?;
            stream.set_nodelay(true)?;
            streams.push(stream);
        }
        let before = self.cpu_us()?;
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
                                return Err(std::io::Error::other("the producer hung up"));
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
        *cpu = (self.cpu_us()? - before) / REQUESTS as f64;
        Ok(REQUESTS as f64 / took)
    }

    fn batch(&self) -> Result<f64> {
        self.median_of("/generate?count=1000", 10)
    }

    fn single(&self) -> Result<f64> {
        self.median_of("/generate", SINGLES)
    }

    fn median_of(&self, target: &str, times: usize) -> Result<f64> {
        let mut stream = TcpStream::connect(&self.address)?;
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
        Ok(middle(took))
    }

    fn memory(&self) -> Result<String> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let wanted = status.lines().filter(|line| line.starts_with("VmHWM") || line.starts_with("VmRSS"));
        Ok(wanted
            .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
            .collect::<Vec<_>>()
            .join(", "))
    }
}

impl Drop for Producer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

const REQUEST: &[u8] = b"POST /generate HTTP/1.1\r\nhost: bench\r\n\r\n";

/// Whether the bytes are a whole answer with a Content-Length.
fn complete(bytes: &[u8]) -> bool {
    let Some(head) = bytes.windows(4).position(|end| end == b"\r\n\r\n") else { return false };
    let text = std::str::from_utf8(&bytes[..head]).unwrap_or_default();
    let length = text.lines().find_map(|line| line.strip_prefix("content-length: "));
    length
        .and_then(|length| length.parse::<usize>().ok())
        .is_some_and(|length| bytes.len() >= head + 4 + length)
}

fn middle(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
