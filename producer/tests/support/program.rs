//! A program of ours as a process: its address, its log, its job events, its end.

use std::{
    io::{BufRead, BufReader, Read},
    net::SocketAddr,
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex},
    thread::JoinHandle,
};

use contract::JobEvent;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use testkit::wait;

/// A running program. Dropping it kills it.
pub(crate) struct Program {
    child: Child,
    /// Where it serves HTTP.
    pub(crate) address: SocketAddr,
    log: Arc<Mutex<Vec<String>>>,
    out: Arc<Mutex<Vec<String>>>,
    readers: Vec<JoinHandle<()>>,
}

fn follow(stream: impl Read + Send + 'static) -> (Arc<Mutex<Vec<String>>>, JoinHandle<()>) {
    let lines = Arc::new(Mutex::new(Vec::new()));
    let shared = lines.clone();
    let reader = std::thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            shared.lock().unwrap().push(line);
        }
    });
    (lines, reader)
}

impl Program {
    /// Starts `binary` on a free port with nothing in its environment but `environment`, and waits for its address.
    pub(crate) fn start(binary: &str, environment: &[(&str, &str)]) -> Self {
        Self::start_with(binary, &[], environment)
    }

    /// As [`Program::start`], with arguments.
    pub(crate) fn start_with(binary: &str, arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        let mut command = Command::new(binary);
        command
            .args(arguments)
            .env_clear()
            .envs([("LISTEN", "127.0.0.1:0"), ("LOG_FORMAT", "json")])
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let (log, log_reader) = follow(child.stderr.take().unwrap());
        let (out, out_reader) = follow(child.stdout.take().unwrap());
        let readers = vec![log_reader, out_reader];
        let mut program = Self { child, address: ([127, 0, 0, 1], 0).into(), log, out, readers };
        program.address = wait::until_blocking("the program to say its address", || {
            program.log_lines().iter().find_map(|line| line["address"].as_str()?.parse().ok())
        });
        program
    }

    /// The URL of a path that it serves.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The lines of its log so far, as JSON.
    pub(crate) fn log_lines(&self) -> Vec<Value> {
        self.log.lock().unwrap().iter().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// Its log so far, as it is.
    pub(crate) fn log(&self) -> String {
        self.log.lock().unwrap().join("\n")
    }

    /// The job events that it printed so far.
    pub(crate) fn events(&self) -> Vec<JobEvent> {
        self.out.lock().unwrap().iter().filter_map(|line| JobEvent::parse(line)).collect()
    }

    /// What it printed on standard output so far.
    pub(crate) fn out(&self) -> String {
        self.out.lock().unwrap().join("\n")
    }

    /// Exit code and words of the same executable, told to ask this one whether it is ready.
    pub(crate) fn probed(&self) -> (Option<i32>, String) {
        let executable = format!("/proc/{}/exe", self.pid());
        let mut command = Command::new(executable);
        command.env_clear().env("LISTEN", self.address.to_string()).arg("--probe");
        let output = command.output().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    }

    /// Its process id.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap();
        kill_process(pid, signal).unwrap();
    }

    /// Whether it still runs.
    pub(crate) fn runs(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Waits for its end; all that it wrote has been read then.
    pub(crate) async fn ended(&mut self) -> ExitStatus {
        let child = &mut self.child;
        let status = tokio::task::block_in_place(|| {
            wait::until_blocking("the program to end", || child.try_wait().unwrap())
        });
        for reader in self.readers.drain(..) {
            reader.join().unwrap();
        }
        status
    }

    /// Waits until the log has a line with `text`, and returns the log.
    pub(crate) async fn logged(&self, text: &str) -> String {
        wait::until(&format!("{text:?} in the log, which is\n{}", self.log()), async || {
            Some(self.log()).filter(|log| log.contains(text))
        })
        .await
    }

    /// Waits until `/readyz` answers `status`, and returns what it says.
    pub(crate) async fn ready(&self, client: &reqwest::Client, status: u16) -> String {
        wait::until(&format!("/readyz to answer {status}; the log is\n{}", self.log()), async || {
            let (is, _, body) = super::ask(client, reqwest::Method::GET, &self.url("/readyz")).await;
            (is == status).then(|| body.to_string())
        })
        .await
    }

    /// Reads one sample of `/metrics`; `series` is the name with its labels as they are printed.
    pub(crate) async fn metric(&self, client: &reqwest::Client, series: &str) -> f64 {
        let text = client.get(self.url("/metrics")).send().await.unwrap().text().await.unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        line.map_or(0.0, |value| value.parse().unwrap())
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
