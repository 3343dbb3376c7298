//! `--probe`: asks the program beside it whether it is ready. For the health checks of containers, whose images hold
//! nothing but the program, no shell and no client.

use std::{
    io::{Read, Write},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream},
    time::Duration,
};

use contract::routes::READYZ;

/// Time for each step: connecting, asking, being answered.
const PATIENCE: Duration = Duration::from_secs(2);
/// Bytes of the answer that are looked at.
const MAX_ANSWER: u64 = 16 * 1024;

/// What the program that listens on `address` says of itself, or why it is not ready.
///
/// # Errors
/// A sentence: nobody answers, or the program's own words.
pub fn ask(address: SocketAddr) -> Result<String, String> {
    let address = SocketAddr::new(reachable(address.ip()), address.port());
    let failed = |error: std::io::Error| format!("{address} does not answer: {error}");
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE).map_err(failed)?;
    stream.set_read_timeout(Some(PATIENCE)).map_err(failed)?;
    stream.set_write_timeout(Some(PATIENCE)).map_err(failed)?;
    let request = format!("GET {READYZ} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).map_err(failed)?;
    let mut answer = String::new();
    stream.take(MAX_ANSWER).read_to_string(&mut answer).map_err(failed)?;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    if head.starts_with("HTTP/1.1 200 ") { Ok(body.to_owned()) } else { Err(body.to_owned()) }
}

/// Where a program that listens on all addresses can be reached.
fn reachable(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) => Ipv6Addr::LOCALHOST.into(),
        other => other,
    }
}
