//! The socket with its buffers.

use std::io;

use bytes::BytesMut;
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::fault::Fault;
use crate::wire::frame::{self, Frame};
use crate::wire::outbox::Outbox;

/// The receive buffer of a connection that says little.
const SMALL: usize = 4 * 1024;
/// The receive buffer of one that says much.
const LARGE: usize = 256 * 1024;

pub(super) struct Link {
    pub(super) stream: TcpStream,
    pub(super) input: BytesMut,
    /// Bytes that the next write sends.
    pub(super) sending: Outbox,
    /// Room made for the next read.
    room: usize,
}

/// What woke a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Woken {
    /// So many bytes were read; none is the end of the stream.
    Read(usize),
    Writable,
}

impl Link {
    pub(super) fn new(stream: TcpStream) -> Self {
        Self { stream, input: BytesMut::new(), sending: Outbox::default(), room: SMALL }
    }

    /// Reads, when `reading`, or waits until something can be written, when `writing`; whichever comes first.
    ///
    /// Nothing is lost when the future is dropped.
    pub(super) async fn ready(&mut self, reading: bool, writing: bool) -> io::Result<Woken> {
        // A connection that was busy once gives its memory back.
        if self.input.is_empty() && self.input.capacity() > 2 * self.room {
            self.input = BytesMut::new();
        }
        self.input.reserve(self.room);
        let (mut reader, writer) = self.stream.split();
        tokio::select! {
            read = reader.read_buf(&mut self.input), if reading => {
                let count = read?;
                if count >= self.room {
                    self.room = (self.room * 4).min(LARGE);
                } else if count < self.room / 16 {
                    self.room = (self.room / 2).max(SMALL);
                }
                Ok(Woken::Read(count))
            }
            writable = writer.writable(), if writing => writable.map(|()| Woken::Writable),
            else => std::future::pending().await,
        }
    }

    /// Writes what can be written, without waiting, and gives the number of bytes.
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

    /// Waits for the next frame, with what was to be sent gone out first.
    pub(super) async fn next_frame(&mut self, frame_max: u32) -> io::Result<Result<Frame, Fault>> {
        self.flush().await?;
        loop {
            match frame::take(&mut self.input, frame_max) {
                Ok(Some(frame)) => return Ok(Ok(frame)),
                Ok(None) => {}
                Err(fault) => return Ok(Err(fault)),
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

    /// Ends the connection so that what was sent still arrives: a socket closed with unread bytes would be reset.
    pub(super) async fn finish(mut self) {
        let _ = self.stream.shutdown().await;
        let mut rest = [0; 1024];
        while matches!(self.stream.read(&mut rest).await, Ok(1..)) {}
    }
}
