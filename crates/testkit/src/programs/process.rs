//! A producer or worker as a process: address, log, job events, exit status.

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

use crate::wait;

/// A running program. Dropping it kills it.
pub struct Program {
    child: Child,
    /// Address of its HTTP server.
    pub address: SocketAddr,
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
    /// Starts `binary` on a free port, with only `environment` as its environment, and waits for its address.
    pub fn start(binary: &str, environment: &[(&str, &str)]) -> Self {
        Self::start_with(binary, &[], environment)
    }

    /// As [`Program::start`], with arguments.
    pub fn start_with(binary: &str, arguments: &[&str], environment: &[(&str, &str)]) -> Self {
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
        program.address = wait::until_blocking("the program's address in the log", || {
            program.log_lines().iter().find_map(|line| line["address"].as_str()?.parse().ok())
        });
        program
    }

    /// Returns the URL of a path.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Returns the log lines as JSON.
    pub fn log_lines(&self) -> Vec<Value> {
        self.log.lock().unwrap().iter().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// Returns the log as text.
    pub fn log(&self) -> String {
        self.log.lock().unwrap().join("\n")
    }

    /// Returns the job events from standard output.
    pub fn events(&self) -> Vec<JobEvent> {
        self.out.lock().unwrap().iter().filter_map(|line| JobEvent::parse(line)).collect()
    }

    /// Returns the text of standard output.
    pub fn out(&self) -> String {
        self.out.lock().unwrap().join("\n")
    }

    /// Runs the same executable with `--probe` against this process; returns its exit code and standard output.
    pub fn probe(&self) -> (Option<i32>, String) {
        let executable = format!("/proc/{}/exe", self.pid());
        let mut command = Command::new(executable);
        command.env_clear().env("LISTEN", self.address.to_string()).arg("--probe");
        let output = command.output().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    }

    /// Returns the process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap();
        kill_process(pid, signal).unwrap();
    }

    /// Returns true while the process runs.
    pub fn runs(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Waits for the exit of the process and the end of its output.
    pub async fn wait_for_exit(&mut self) -> ExitStatus {
        let child = &mut self.child;
        let status = tokio::task::block_in_place(|| {
            wait::until_blocking("the program to exit", || child.try_wait().unwrap())
        });
        for reader in self.readers.drain(..) {
            reader.join().unwrap();
        }
        status
    }

    /// Waits for `text` in the log and returns the log.
    pub async fn wait_for_log(&self, text: &str) -> String {
        wait::until(&format!("{text:?} in the log:\n{}", self.log()), async || {
            Some(self.log()).filter(|log| log.contains(text))
        })
        .await
    }

    /// Waits until `/readyz` answers `status` and returns the body.
    pub async fn wait_for_readyz(&self, client: &reqwest::Client, status: u16) -> String {
        wait::until(&format!("{status} from /readyz; log:\n{}", self.log()), async || {
            let (answer, _, body) = super::send(client, reqwest::Method::GET, &self.url("/readyz")).await;
            (answer == status).then(|| body.to_string())
        })
        .await
    }

    /// Returns one sample of `/metrics`, or 0 if it is missing. `series` is the name with labels, as in the exposition.
    pub async fn metric(&self, client: &reqwest::Client, series: &str) -> f64 {
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
