//! Bytes to send to a client.
//!
//! Frames are appended to one buffer, so that one system call sends many small messages. Large bodies are not copied: the
//! outbox refers to the message's memory.

use std::collections::VecDeque;
use std::io::IoSlice;

use amq_protocol::frame::{AMQPFrame, gen_frame};
use amq_protocol::protocol::{AMQPClass, basic};

use super::frame::FRAME_OVERHEAD;
use crate::message::Message;

const END: u8 = 0xCE;
/// Minimum size in bytes of a body that is sent without a copy.
const SHARED_BODY_MIN: usize = 16 * 1024;
/// Maximum capacity of a buffer that is reused.
const REUSED_BUFFER_MAX: usize = 64 * 1024;
/// Maximum number of slices per system call.
const MAX_SLICES: usize = 64;

/// Origin of a delivered message, in the field order of `basic.deliver` and `basic.get-ok`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Origin<'a> {
    pub(crate) redelivered: bool,
    pub(crate) exchange: &'a str,
    pub(crate) routing_key: &'a str,
}

#[derive(Debug)]
enum Chunk {
    Own(Vec<u8>),
    /// Part of a message's body.
    Shared {
        message: Message,
        start: usize,
        end: usize,
    },
}

impl Chunk {
    fn bytes(&self) -> &[u8] {
        match self {
            Self::Own(bytes) => bytes,
            Self::Shared { message, start, end } => &message.body()[*start..*end],
        }
    }
}

/// Bytes to write, in order.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    chunks: VecDeque<Chunk>,
    /// Total bytes of all chunks.
    length: usize,
    /// Written bytes of the first chunk.
    written: usize,
}

impl Outbox {
    /// Returns the number of unwritten bytes.
    pub(crate) fn len(&self) -> usize {
        self.length - self.written
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Appends a method without content. Methods with content have their own functions below.
    pub(crate) fn method(&mut self, channel: u16, method: AMQPClass) {
        self.frame(&AMQPFrame::Method(channel, method));
    }

    pub(crate) fn heartbeat(&mut self) {
        self.raw(&[8, 0, 0, 0, 0, 0, 0, END]);
    }

    pub(crate) fn raw(&mut self, bytes: &[u8]) {
        self.own(|buffer| buffer.extend_from_slice(bytes));
    }

    /// Appends a frame by amq-protocol's encoder.
    fn frame(&mut self, frame: &AMQPFrame) {
        match gen_frame(frame)(Vec::new().into()) {
            Ok(context) => self.raw(&context.into_inner().0),
            // Writing to memory cannot fail.
            Err(error) => tracing::error!(%error, "cannot encode {frame}"),
        }
    }

    /// Appends `basic.ack` or `basic.nack` for a publisher.
    pub(crate) fn confirm(&mut self, channel: u16, acknowledged: bool, tag: u64, multiple: bool) {
        self.own(|buffer| {
            method_frame(buffer, channel, (60, if acknowledged { 80 } else { 120 }), |buffer| {
                buffer.extend_from_slice(&tag.to_be_bytes());
                buffer.push(u8::from(multiple));
            });
        });
    }

    /// Appends `basic.deliver` with its content.
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

    /// Appends `basic.get-ok` with its content.
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

    /// Appends `basic.return` with its content.
    pub(crate) fn return_message(
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
        let most = (frame_max as usize).saturating_sub(FRAME_OVERHEAD).max(1);
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
            if end - start < SHARED_BODY_MIN {
                self.raw(&body[start..end]);
            } else {
                self.length += end - start;
                self.chunks.push_back(Chunk::Shared { message: message.clone(), start, end });
            }
            self.raw(&[END]);
            start = end;
        }
    }

    fn own(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        if !matches!(self.chunks.back(), Some(Chunk::Own(_))) {
            self.chunks.push_back(Chunk::Own(Vec::new()));
        }
        if let Some(Chunk::Own(buffer)) = self.chunks.back_mut() {
            let before = buffer.len();
            write(buffer);
            self.length += buffer.len() - before;
        }
    }

    /// Adds the next bytes for one vectored write to `slices`.
    pub(crate) fn slices<'a>(&'a self, slices: &mut Vec<IoSlice<'a>>) {
        let mut skip = self.written;
        for chunk in self.chunks.iter().take(MAX_SLICES) {
            slices.push(IoSlice::new(&chunk.bytes()[skip..]));
            skip = 0;
        }
    }

    /// Marks `count` bytes of [`Outbox::slices`] as written.
    pub(crate) fn advance(&mut self, count: usize) {
        self.written += count;
        while let Some(length) = self.chunks.front().map(|chunk| chunk.bytes().len()) {
            if length > self.written {
                break;
            }
            self.written -= length;
            self.length -= length;
            let last = self.chunks.len() == 1;
            match self.chunks.front_mut() {
                // Reuse the buffer.
                Some(Chunk::Own(buffer)) if last && buffer.capacity() <= REUSED_BUFFER_MAX => {
                    buffer.clear();
                    break;
                }
                _ => drop(self.chunks.pop_front()),
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
