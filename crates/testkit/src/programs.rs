//! Support for the tests and benchmarks of the producer and the worker: a program as a process, brokers with faults on
//! demand, and a client for queues.

#![expect(clippy::unwrap_used, reason = "a failed step fails the test")]

pub mod bench;
mod broker;
mod process;
mod queues;
mod readme;

pub use broker::{InMemoryBroker, RabbitMqBroker, TestBroker};
pub use process::Program;
pub use queues::{Queues, header};
pub use readme::assert_settings_table;

use serde_json::Value;

/// Example of a `traceparent` from the W3C recommendation.
pub const TRACEPARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/// Sends a request and returns status, headers and body (JSON, or a string if it is not JSON).
pub async fn send(
    client: &reqwest::Client,
    method: reqwest::Method,
    url: &str,
) -> (u16, reqwest::header::HeaderMap, Value) {
    let answer = client.request(method, url).send().await.unwrap();
    let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
    let text = answer.text().await.unwrap();
    (status, headers, serde_json::from_str(&text).unwrap_or(Value::String(text)))
}

/// Returns an HTTP client with the timeout [`crate::wait::DEADLINE`].
pub fn client() -> reqwest::Client {
    reqwest::Client::builder().timeout(crate::wait::DEADLINE).build().unwrap()
}

/// Runs `promtool check metrics` on the text and returns its output.
pub fn promtool(metrics: &str) -> String {
    use std::io::Write;
    let mut promtool = std::process::Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .expect("promtool is not installed; on Debian: apt-get install --no-install-recommends prometheus");
    promtool.stdin.take().unwrap().write_all(metrics.as_bytes()).unwrap();
    let output = promtool.wait_with_output().unwrap();
    String::from_utf8([output.stdout, output.stderr].concat()).unwrap()
}
