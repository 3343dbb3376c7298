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

/// What one read gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Read {
    Bytes,
    /// Nothing is there yet.
    Nothing,
    /// The client has closed its side.
    End,
}

impl Link {
    pub(super) fn new(stream: TcpStream) -> Self {
        Self { stream, input: BytesMut::new(), sending: Outbox::default(), room: SMALL }
    }

    /// Reads what is there, without waiting.
    pub(super) fn try_read(&mut self) -> io::Result<Read> {
        self.input.reserve(self.room);
        match self.stream.try_read_buf(&mut self.input) {
            Ok(0) => Ok(Read::End),
            Ok(count) => {
                if count >= self.room {
                    self.room = (self.room * 4).min(LARGE);
                } else if count < self.room / 16 {
                    self.room = (self.room / 2).max(SMALL);
                }
                Ok(Read::Bytes)
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(Read::Nothing),
            Err(error) => Err(error),
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
