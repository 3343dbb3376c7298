//! What both benchmarks need: a broker, a program of ours as a process, and what the kernel says about it.

#![allow(dead_code, reason = "each benchmark uses its own part of it")]

use std::{
    error::Error,
    fs,
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use testkit::rabbitmq::{self, RabbitMq};

pub(crate) type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

/// Rounds that count; one before them warms everything up.
pub(crate) const ROUNDS: usize = 5;

/// The broker to be loaded: the one that `AMQP_URL` names, else Debian's RabbitMQ, started for the occasion.
pub(crate) struct Broker {
    pub(crate) url: String,
    _node: Option<RabbitMq>,
}

impl Broker {
    /// `None` when there is none; then the reason has been printed.
    pub(crate) fn find() -> Result<Option<Self>> {
        if let Ok(url) = std::env::var("AMQP_URL") {
            return Ok(Some(Self { url, _node: None }));
        }
        if !rabbitmq::installed() {
            println!(
                "skipped: set AMQP_URL to a broker that may be loaded, or install Debian's rabbitmq-server"
            );
            return Ok(None);
        }
        let node = RabbitMq::start()?;
        let url = format!("amqp://guest:guest@{}/%2F", node.amqp());
        Ok(Some(Self { url, _node: Some(node) }))
    }
}

/// A program of ours, as a process of its own.
pub(crate) struct Program {
    pub(crate) child: Child,
    pub(crate) address: String,
    /// From the start of the process until `/readyz` said 200.
    pub(crate) ready_after: Duration,
}

impl Program {
    /// Starts it and waits until it is ready. Its standard output is a pipe that the caller reads.
    pub(crate) fn start(binary: &str, environment: &[(&str, &str)]) -> Result<Self> {
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let address = format!("127.0.0.1:{port}");
        let begun = Instant::now();
        let child = Command::new(binary)
            .env_clear()
            .env("LISTEN", &address)
            .envs(environment.iter().copied())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let mut program = Self { child, address, ready_after: Duration::ZERO };
        while !program.is_ready() {
            if begun.elapsed() > Duration::from_secs(20) {
                return Err("the program did not become ready".into());
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        program.ready_after = begun.elapsed();
        Ok(program)
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

    /// Processor time of all its threads so far.
    pub(crate) fn cpu(&self) -> Result<Duration> {
        let mut nanoseconds = 0;
        for task in fs::read_dir(format!("/proc/{}/task", self.child.id()))? {
            let stat = fs::read_to_string(task?.path().join("schedstat"))?;
            nanoseconds += stat.split_whitespace().next().unwrap_or_default().parse::<u64>()?;
        }
        Ok(Duration::from_nanos(nanoseconds))
    }

    /// The part of one core that it takes while nobody asks it anything.
    pub(crate) fn idle(&self) -> Result<f64> {
        let span = Duration::from_secs(20);
        let before = self.cpu()?;
        std::thread::sleep(span);
        Ok((self.cpu()? - before).as_secs_f64() / span.as_secs_f64())
    }

    /// Resident memory now and at its peak, in MB.
    pub(crate) fn memory(&self) -> Result<(f64, f64)> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let field = |name: &str| -> Result<f64> {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).ok_or("no such field")?;
            Ok(line.trim().trim_end_matches(" kB").parse::<f64>()? * 1024.0 / 1e6)
        };
        Ok((field("VmRSS:")?, field("VmHWM:")?))
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Median time from the start of the process until it is ready, of several starts.
pub(crate) fn start_to_ready(binary: &str, environment: &[(&str, &str)]) -> Result<f64> {
    let mut times = Vec::new();
    for _ in 0..9 {
        times.push(Program::start(binary, environment)?.ready_after.as_secs_f64() * 1e3);
    }
    Ok(middle(times))
}

/// The median.
pub(crate) fn middle(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
