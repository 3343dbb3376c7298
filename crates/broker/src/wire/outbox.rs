//! Bytes on their way to a client.
//!
//! Frames are written one behind the other into one buffer, so that many small messages leave in one system call. Long
//! bodies are not copied into it: the buffer is cut there, and the body goes out of the message's own memory.

use std::collections::VecDeque;
use std::io::IoSlice;

use amq_protocol::frame::{AMQPFrame, gen_frame};
use amq_protocol::protocol::{AMQPClass, basic};

use super::frame::OVERHEAD;
use crate::state::message::Message;

const END: u8 = 0xCE;
/// Bodies from this size on are sent from where they lie.
const SHARED: usize = 16 * 1024;
/// The largest buffer that is kept for the next time.
const KEEP: usize = 64 * 1024;
/// Slices given to one system call.
const SLICES: usize = 64;

/// Where a delivered message comes from, in the order of `basic.deliver`'s and `basic.get-ok`'s fields.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Origin<'a> {
    pub(crate) redelivered: bool,
    pub(crate) exchange: &'a str,
    pub(crate) routing_key: &'a str,
}

#[derive(Debug)]
enum Piece {
    Own(Vec<u8>),
    /// Part of a message's body.
    Shared {
        message: Message,
        start: usize,
        end: usize,
    },
}

impl Piece {
    fn bytes(&self) -> &[u8] {
        match self {
            Self::Own(bytes) => bytes,
            Self::Shared { message, start, end } => &message.body()[*start..*end],
        }
    }
}

/// Bytes to be written, in order.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    pieces: VecDeque<Piece>,
    /// Bytes of all pieces.
    length: usize,
    /// Bytes of the first piece that have been written.
    written: usize,
}

impl Outbox {
    /// Bytes that are not written yet.
    pub(crate) fn len(&self) -> usize {
        self.length - self.written
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Appends a method. For `basic.deliver` and its like use the methods below, which know the content.
    pub(crate) fn method(&mut self, channel: u16, method: AMQPClass) {
        self.frame(&AMQPFrame::Method(channel, method));
    }

    pub(crate) fn heartbeat(&mut self) {
        self.raw(&[8, 0, 0, 0, 0, 0, 0, END]);
    }

    pub(crate) fn raw(&mut self, bytes: &[u8]) {
        self.own(|buffer| buffer.extend_from_slice(bytes));
    }

    /// A frame by amq-protocol's encoder.
    fn frame(&mut self, frame: &AMQPFrame) {
        match gen_frame(frame)(Vec::new().into()) {
            Ok(context) => self.raw(&context.into_inner().0),
            // Writing to memory cannot fail.
            Err(error) => tracing::error!(%error, "cannot encode {frame}"),
        }
    }

    /// `basic.ack` or `basic.nack` to a publisher.
    pub(crate) fn confirm(&mut self, channel: u16, acknowledged: bool, tag: u64, multiple: bool) {
        self.own(|buffer| {
            method_frame(buffer, channel, (60, if acknowledged { 80 } else { 120 }), |buffer| {
                buffer.extend_from_slice(&tag.to_be_bytes());
                buffer.push(u8::from(multiple));
            });
        });
    }

    /// `basic.deliver` with its content.
    pub(crate) fn deliver(
        &mut self,
        channel: u16,
        consumer_tag: &str,
        delivery_tag: u64,
        origin: Origin<'_>,
        message: &Message,
        frame_max: u32,
    ) {
        self.own(|buffer| {
            method_frame(buffer, channel, (60, 60), |buffer| {
                short_string(buffer, consumer_tag);
                buffer.extend_from_slice(&delivery_tag.to_be_bytes());
                buffer.push(u8::from(origin.redelivered));
                short_string(buffer, origin.exchange);
                short_string(buffer, origin.routing_key);
            });
        });
        self.content(channel, message, frame_max);
    }

    /// `basic.get-ok` with its content.
    pub(crate) fn get_ok(
        &mut self,
        channel: u16,
        delivery_tag: u64,
        origin: Origin<'_>,
        remaining: u32,
        message: &Message,
        frame_max: u32,
    ) {
        self.own(|buffer| {
            method_frame(buffer, channel, (60, 71), |buffer| {
                buffer.extend_from_slice(&delivery_tag.to_be_bytes());
                buffer.push(u8::from(origin.redelivered));
                short_string(buffer, origin.exchange);
                short_string(buffer, origin.routing_key);
                buffer.extend_from_slice(&remaining.to_be_bytes());
            });
        });
        self.content(channel, message, frame_max);
    }

    /// `basic.return` with its content.
    pub(crate) fn give_back(
        &mut self,
        channel: u16,
        returned: basic::Return,
        message: &Message,
        frame_max: u32,
    ) {
        self.method(channel, AMQPClass::Basic(basic::AMQPMethod::Return(returned)));
        self.content(channel, message, frame_max);
    }

    fn content(&mut self, channel: u16, message: &Message, frame_max: u32) {
        let (properties, body) = (message.properties(), message.body());
        let most = (frame_max as usize).saturating_sub(OVERHEAD).max(1);
        self.own(|buffer| {
            frame_start(buffer, 2, channel, 12 + properties.len());
            buffer.extend_from_slice(&[0, 60, 0, 0]);
            buffer.extend_from_slice(&(body.len() as u64).to_be_bytes());
            buffer.extend_from_slice(properties);
            buffer.push(END);
        });
        let mut start = 0;
        while start < body.len() {
            let end = body.len().min(start + most);
            self.own(|buffer| frame_start(buffer, 3, channel, end - start));
            if end - start < SHARED {
                self.raw(&body[start..end]);
            } else {
                self.length += end - start;
                self.pieces.push_back(Piece::Shared { message: message.clone(), start, end });
            }
            self.raw(&[END]);
            start = end;
        }
    }

    fn own(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        if !matches!(self.pieces.back(), Some(Piece::Own(_))) {
            self.pieces.push_back(Piece::Own(Vec::new()));
        }
        if let Some(Piece::Own(buffer)) = self.pieces.back_mut() {
            let before = buffer.len();
            write(buffer);
            self.length += buffer.len() - before;
        }
    }

    /// The next bytes for one vectored write.
    pub(crate) fn slices<'a>(&'a self, slices: &mut Vec<IoSlice<'a>>) {
        let mut skip = self.written;
        for piece in self.pieces.iter().take(SLICES) {
            slices.push(IoSlice::new(&piece.bytes()[skip..]));
            skip = 0;
        }
    }

    /// Notes that `count` bytes of [`Outbox::slices`] were written.
    pub(crate) fn advance(&mut self, count: usize) {
        self.written += count;
        while let Some(length) = self.pieces.front().map(|piece| piece.bytes().len()) {
            if length > self.written {
                break;
            }
            self.written -= length;
            self.length -= length;
            let last = self.pieces.len() == 1;
            match self.pieces.front_mut() {
                // The buffer is used again.
                Some(Piece::Own(buffer)) if last && buffer.capacity() <= KEEP => {
                    buffer.clear();
                    break;
                }
                _ => drop(self.pieces.pop_front()),
            }
        }
    }
}

fn frame_start(buffer: &mut Vec<u8>, kind: u8, channel: u16, size: usize) {
    buffer.push(kind);
    buffer.extend_from_slice(&channel.to_be_bytes());
    // Sizes are bounded by frame_max, which is 32 bits.
    buffer.extend_from_slice(&u32::try_from(size).unwrap_or(u32::MAX).to_be_bytes());
}

fn method_frame(buffer: &mut Vec<u8>, channel: u16, id: (u16, u16), arguments: impl FnOnce(&mut Vec<u8>)) {
    frame_start(buffer, 1, channel, 0);
    let start = buffer.len();
    buffer.extend_from_slice(&id.0.to_be_bytes());
    buffer.extend_from_slice(&id.1.to_be_bytes());
    arguments(buffer);
    let size = u32::try_from(buffer.len() - start).unwrap_or(u32::MAX);
    buffer[start - 4..start].copy_from_slice(&size.to_be_bytes());
    buffer.push(END);
}

fn short_string(buffer: &mut Vec<u8>, text: &str) {
    let length = u8::try_from(text.len()).unwrap_or(u8::MAX);
    buffer.push(length);
    buffer.extend_from_slice(&text.as_bytes()[..usize::from(length)]);
}
