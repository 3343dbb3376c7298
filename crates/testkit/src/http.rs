//! A GET over a plain socket, to check whether a server responds.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

const TIMEOUT: Duration = Duration::from_secs(5);

/// Returns true if `GET path` as user `guest` (for RabbitMQ) returns 200.
#[must_use]
pub fn returns_ok(address: SocketAddr, path: &str) -> bool {
    status_line(address, path).is_ok_and(|line| line.starts_with(b"HTTP/1.1 200"))
}

/// Returns whether `GET path` as user `guest` returns 401.
pub(crate) fn rejects_guest(address: SocketAddr, path: &str) -> bool {
    status_line(address, path).is_ok_and(|line| line.starts_with(b"HTTP/1.1 401"))
}

fn status_line(address: SocketAddr, path: &str) -> std::io::Result<[u8; 12]> {
    let mut stream = TcpStream::connect_timeout(&address, TIMEOUT)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    // `guest:guest` in base64.
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Basic Z3Vlc3Q6Z3Vlc3Q=\r\nConnection: close\r\n\r\n"
    )?;
    let mut line = [0; 12];
    stream.read_exact(&mut line)?;
    Ok(line)
}
