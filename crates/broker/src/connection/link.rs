//! The socket and its buffers.

use std::io;

use bytes::BytesMut;
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::error::AmqpError;
use crate::wire::frame::{self, Frame};
use crate::wire::outbox::Outbox;

/// Minimum size of the receive buffer.
const MIN_RECEIVE_BUFFER: usize = 4 * 1024;
/// Maximum size of the receive buffer.
const MAX_RECEIVE_BUFFER: usize = 256 * 1024;

pub(super) struct Link {
    pub(super) stream: TcpStream,
    pub(super) input: BytesMut,
    /// Bytes for the next write.
    pub(super) sending: Outbox,
    /// Buffer size for the next read.
    room: usize,
}

/// Event that woke a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Readiness {
    /// Number of bytes read; 0 is the end of the stream.
    Read(usize),
    Writable,
}

impl Link {
    pub(super) fn new(stream: TcpStream) -> Self {
        Self { stream, input: BytesMut::new(), sending: Outbox::default(), room: MIN_RECEIVE_BUFFER }
    }

    /// Waits for received bytes if `reading`, and until the socket is writable if `writing`. It is cancel-safe.
    pub(super) async fn ready(&mut self, reading: bool, writing: bool) -> io::Result<Readiness> {
        // Release the memory of a formerly busy connection.
        if self.input.is_empty() && self.input.capacity() > 2 * self.room {
            self.input = BytesMut::new();
        }
        self.input.reserve(self.room);
        let (mut reader, writer) = self.stream.split();
        tokio::select! {
            read = reader.read_buf(&mut self.input), if reading => {
                let count = read?;
                if count >= self.room {
                    self.room = (self.room * 4).min(MAX_RECEIVE_BUFFER);
                } else if count < self.room / 16 {
                    self.room = (self.room / 2).max(MIN_RECEIVE_BUFFER);
                }
                Ok(Readiness::Read(count))
            }
            writable = writer.writable(), if writing => writable.map(|()| Readiness::Writable),
            else => std::future::pending().await,
        }
    }

    /// Writes without waiting and returns the number of bytes.
    pub(super) fn try_write(&mut self) -> io::Result<usize> {
        let mut total = 0;
        while !self.sending.is_empty() {
            let written = {
                let mut slices = Vec::with_capacity(8);
                self.sending.slices(&mut slices);
                self.stream.try_write_vectored(&slices)
            };
            match written {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => {
                    self.sending.advance(count);
                    total += count;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
        Ok(total)
    }

    /// Sends all pending bytes, then waits for the next frame.
    pub(super) async fn next_frame(&mut self, frame_max: u32) -> io::Result<Result<Frame, AmqpError>> {
        self.flush().await?;
        loop {
            match frame::take(&mut self.input, frame_max) {
                Ok(Some(frame)) => return Ok(Ok(frame)),
                Ok(None) => {}
                Err(error) => return Ok(Err(error)),
            }
            if self.stream.read_buf(&mut self.input).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }

    pub(super) async fn flush(&mut self) -> io::Result<()> {
        while !self.sending.is_empty() {
            self.stream.writable().await?;
            self.try_write()?;
        }
        Ok(())
    }

    /// Closes the connection so that sent bytes still arrive: closing a socket with unread bytes would reset it.
    pub(super) async fn finish(mut self) {
        let _ = self.stream.shutdown().await;
        let mut rest = [0; 1024];
        while matches!(self.stream.read(&mut rest).await, Ok(1..)) {}
    }
}
