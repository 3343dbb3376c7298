//! Client of `--probe`: asks the program in the same container whether it is ready.
//!
//! The images contain only the program, without a shell or an HTTP client. Health checks of containers use this client.

use std::{
    io::{Read, Write},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream},
    time::Duration,
};

use contract::routes::READYZ;

/// Time limit for each step: connect, send, receive.
const STEP_TIMEOUT: Duration = Duration::from_secs(2);
/// Maximum number of bytes that are read of the answer.
const MAX_ANSWER: u64 = 16 * 1024;

/// Sends `GET /readyz` to the program that listens on `address` and returns the body of the answer.
///
/// # Errors
/// A sentence if the program does not answer, or the body of an answer other than 200.
pub fn get_readiness(address: SocketAddr) -> Result<String, String> {
    let address = SocketAddr::new(loopback_if_unspecified(address.ip()), address.port());
    let failed = |error: std::io::Error| format!("{address} does not answer: {error}");
    let mut stream = TcpStream::connect_timeout(&address, STEP_TIMEOUT).map_err(failed)?;
    stream.set_read_timeout(Some(STEP_TIMEOUT)).map_err(failed)?;
    stream.set_write_timeout(Some(STEP_TIMEOUT)).map_err(failed)?;
    let request = format!("GET {READYZ} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).map_err(failed)?;
    let mut answer = String::new();
    stream.take(MAX_ANSWER).read_to_string(&mut answer).map_err(failed)?;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    if head.starts_with("HTTP/1.1 200 ") { Ok(body.to_owned()) } else { Err(body.to_owned()) }
}

/// Replaces the unspecified address, on which a program listens on all interfaces, by the loopback address.
fn loopback_if_unspecified(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) => Ipv6Addr::LOCALHOST.into(),
        other => other,
    }
}
