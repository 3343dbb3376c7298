//! A small HTTP client, for `--probe`, which asks the program in the same container whether it is ready, and for tests of an
//! installation.
//!
//! The images contain only the program, without a shell or an HTTP client.

use std::{
    io::{Read, Write},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream},
    time::Duration,
};

use contract::routes::READYZ;

/// Time limit for each step: connect, send, receive.
const STEP_TIMEOUT: Duration = Duration::from_secs(2);
/// Maximum number of bytes that are read of the answer.
const MAX_ANSWER: u64 = 1024 * 1024;

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status, such as 200.
    pub status: u16,
    /// The body.
    pub body: String,
}

/// Sends `GET /readyz` to the program that listens on `address` and returns the body of the answer.
///
/// # Errors
/// A sentence if the program does not answer, or the body of an answer other than 200.
pub fn get_readiness(address: SocketAddr) -> Result<String, String> {
    let address = SocketAddr::new(loopback_if_unspecified(address.ip()), address.port());
    let Answer { status, body } = exchange(address, "GET", READYZ, "")?;
    if status == 200 { Ok(body) } else { Err(body) }
}

/// Sends a request without a body. `headers` are complete lines, each with its line end.
///
/// # Errors
/// A sentence if there is no answer.
pub fn exchange(address: SocketAddr, method: &str, target: &str, headers: &str) -> Result<Answer, String> {
    let failed = |error: std::io::Error| format!("{address} does not answer: {error}");
    let mut stream = TcpStream::connect_timeout(&address, STEP_TIMEOUT).map_err(failed)?;
    stream.set_read_timeout(Some(STEP_TIMEOUT)).map_err(failed)?;
    stream.set_write_timeout(Some(STEP_TIMEOUT)).map_err(failed)?;
    // Answers to HTTP/1.0 are not chunked, and end with the connection.
    let request =
        format!("{method} {target} HTTP/1.0\r\nhost: {address}\r\ncontent-length: 0\r\n{headers}\r\n");
    stream.write_all(request.as_bytes()).map_err(failed)?;
    let mut answer = String::new();
    stream.take(MAX_ANSWER).read_to_string(&mut answer).map_err(failed)?;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let status = head.strip_prefix("HTTP/1.").and_then(|head| head.get(2..5)?.parse().ok());
    let status = status.ok_or_else(|| format!("{address} does not speak HTTP"))?;
    Ok(Answer { status, body: body.to_owned() })
}

/// Replaces the unspecified address, on which a program listens on all interfaces, by the loopback address.
fn loopback_if_unspecified(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) => Ipv6Addr::LOCALHOST.into(),
        other => other,
    }
}
