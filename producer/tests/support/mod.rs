//! What the tests of both programs share: the program as a process, a broker that can be ill-treated, and a client that
//! looks into the queues. `worker/tests` uses it by path.

#![allow(dead_code, reason = "each test target uses its own part of it")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say where and stop")]

pub(crate) mod control;
pub(crate) mod program;
pub(crate) mod queues;
pub(crate) mod readme;

use serde_json::Value;

/// A header with the `traceparent` of the W3C recommendation's own example.
pub(crate) const TRACEPARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/// Asks the program and returns status, headers and body.
pub(crate) async fn ask(
    client: &reqwest::Client,
    method: reqwest::Method,
    url: &str,
) -> (u16, reqwest::header::HeaderMap, Value) {
    let answer = client.request(method, url).send().await.unwrap();
    let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
    let text = answer.text().await.unwrap();
    (status, headers, serde_json::from_str(&text).unwrap_or(Value::String(text)))
}

/// A client that gives up after the time that every wait of a test has.
pub(crate) fn client() -> reqwest::Client {
    reqwest::Client::builder().timeout(testkit::wait::DEADLINE).build().unwrap()
}

/// What `promtool check metrics` says of the text.
pub(crate) fn promtool(metrics: &str) -> String {
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
