//! Support for benchmarks: a broker, a program as a process, and its CPU time and memory from `/proc`.

use std::{
    error::Error,
    fs,
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use crate::rabbitmq::{self, RabbitMq};

/// Result of a benchmark step.
pub type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

/// Number of measured rounds, after one warm-up round.
pub const ROUNDS: usize = 5;

/// The broker under load: the one of `AMQP_URL`, else a new node of Debian's RabbitMQ.
pub struct LoadedBroker {
    /// AMQP URL.
    pub url: String,
    _node: Option<RabbitMq>,
}

impl LoadedBroker {
    /// Finds or starts the broker; prints the reason and returns `None` if there is none.
    ///
    /// # Errors
    /// RabbitMQ does not start.
    pub fn find() -> Result<Option<Self>> {
        if let Ok(url) = std::env::var("AMQP_URL") {
            return Ok(Some(Self { url, _node: None }));
        }
        if !rabbitmq::installed() {
            println!("skipped: set AMQP_URL, or install Debian's rabbitmq-server");
            return Ok(None);
        }
        let node = RabbitMq::start()?;
        let url = format!("amqp://guest:guest@{}/%2F", node.amqp());
        Ok(Some(Self { url, _node: Some(node) }))
    }
}

/// A program under measurement.
pub struct BenchProgram {
    /// The process.
    pub child: Child,
    /// Address of its HTTP server.
    pub address: String,
    /// Time from the start of the process to the first 200 from `/readyz`.
    pub ready_after: Duration,
}

impl BenchProgram {
    /// Starts the program and waits until it is ready. The caller reads its standard output.
    ///
    /// # Errors
    /// The program does not start or does not become ready.
    pub fn start(binary: &str, environment: &[(&str, &str)]) -> Result<Self> {
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

    /// Returns the CPU time of all threads.
    ///
    /// # Errors
    /// `/proc` cannot be read.
    pub fn cpu(&self) -> Result<Duration> {
        let mut nanoseconds = 0;
        for task in fs::read_dir(format!("/proc/{}/task", self.child.id()))? {
            let stat = fs::read_to_string(task?.path().join("schedstat"))?;
            nanoseconds += stat.split_whitespace().next().unwrap_or_default().parse::<u64>()?;
        }
        Ok(Duration::from_nanos(nanoseconds))
    }

    /// Measures the idle CPU usage, as a fraction of one core.
    ///
    /// # Errors
    /// `/proc` cannot be read.
    pub fn idle(&self) -> Result<f64> {
        let span = Duration::from_secs(20);
        let before = self.cpu()?;
        std::thread::sleep(span);
        Ok((self.cpu()? - before).as_secs_f64() / span.as_secs_f64())
    }

    /// Returns the current and the peak resident memory, in MB.
    ///
    /// # Errors
    /// `/proc` cannot be read.
    pub fn memory(&self) -> Result<(f64, f64)> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let field = |name: &str| -> Result<f64> {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).ok_or("no such field")?;
            Ok(line.trim().trim_end_matches(" kB").parse::<f64>()? * 1024.0 / 1e6)
        };
        Ok((field("VmRSS:")?, field("VmHWM:")?))
    }
}

impl Drop for BenchProgram {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Returns the median time from start to ready, in milliseconds.
///
/// # Errors
/// The program does not start or does not become ready.
pub fn start_to_ready(binary: &str, environment: &[(&str, &str)]) -> Result<f64> {
    let mut times = Vec::new();
    for _ in 0..9 {
        times.push(BenchProgram::start(binary, environment)?.ready_after.as_secs_f64() * 1e3);
    }
    Ok(median(times))
}

/// Returns the median.
#[must_use]
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
