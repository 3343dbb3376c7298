//! Splits the received bytes into frames and decodes their methods.
//!
//! amq-protocol's `parse_frame` decodes methods, except `basic.publish` and `basic.ack`, which occur once per message: the
//! general decoder allocates a name for every flag. Bodies and property lists are slices of the receive buffer, without a
//! copy.

use amq_protocol::frame::{AMQPFrame, parse_frame};
use amq_protocol::protocol::AMQPClass;
use bytes::{Buf, Bytes, BytesMut};

use super::bytes::{Cursor, UnexpectedEnd};
use super::table::{self, TableError};
use crate::error::{AmqpError, MethodId, ReplyCode};

/// Bytes of a frame without its payload: type, channel, size and the end byte.
pub(crate) const FRAME_OVERHEAD: usize = 8;
const HEAD: usize = 7;
const END: u8 = 0xCE;

pub(crate) const PUBLISH: MethodId = (60, 40);
const ACK: MethodId = (60, 80);
const QOS: MethodId = (60, 10);

/// A decoded frame.
#[derive(Debug)]
pub(crate) enum Frame {
    Heartbeat,
    Method { channel: u16, method: Method },
    Header { channel: u16, class: u16, size: u64, properties: Bytes },
    Body { channel: u16, payload: Bytes },
}

#[derive(Debug)]
pub(crate) enum Method {
    Publish(Publish),
    Ack { tag: u64, multiple: bool },
    Other(Box<AMQPClass>),
}

#[derive(Debug)]
pub(crate) struct Publish {
    pub(crate) exchange: Utf8Bytes,
    pub(crate) routing_key: Utf8Bytes,
    pub(crate) mandatory: bool,
    pub(crate) immediate: bool,
}

/// UTF-8 text in the receive buffer.
#[derive(Debug, Clone)]
pub(crate) struct Utf8Bytes(Bytes);

impl Utf8Bytes {
    fn new(bytes: Bytes) -> Result<Self, InvalidPayload> {
        std::str::from_utf8(&bytes).map_err(|_| InvalidPayload)?;
        Ok(Self(bytes))
    }

    pub(crate) fn as_str(&self) -> &str {
        // `new` has checked the encoding.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

/// Error: the payload does not match the method's definition.
struct InvalidPayload;

impl From<UnexpectedEnd> for InvalidPayload {
    fn from(_: UnexpectedEnd) -> Self {
        Self
    }
}

/// Removes one frame from the front of `buffer`; returns `None` if it is incomplete.
///
/// # Errors
/// A connection error if the bytes are not a frame or the frame is too large.
pub(crate) fn take(buffer: &mut BytesMut, frame_max: u32) -> Result<Option<Frame>, AmqpError> {
    let mut head = Cursor::new(buffer);
    let (Ok(kind), Ok(channel), Ok(size)) = (head.u8(), head.u16(), head.u32()) else { return Ok(None) };
    if !matches!(kind, 1..=3 | 8) {
        return Err(AmqpError::new(ReplyCode::FrameError, format!("unknown frame type {kind}")));
    }
    let size = size as usize;
    if size + FRAME_OVERHEAD > frame_max as usize {
        return Err(AmqpError::new(
            ReplyCode::FrameError,
            format!("frame size {size} of channel {channel} exceeds frame_max {frame_max}"),
        ));
    }
    if buffer.len() < size + FRAME_OVERHEAD {
        return Ok(None);
    }
    if buffer[HEAD + size] != END {
        return Err(AmqpError::new(
            ReplyCode::FrameError,
            format!(
                "frame of type {kind} on channel {channel} ends with {} instead of {END}",
                buffer[HEAD + size]
            ),
        ));
    }
    let whole = buffer.split_to(size + FRAME_OVERHEAD).freeze();
    let payload = whole.slice(HEAD..HEAD + size);
    match kind {
        1 => method(channel, &whole, &payload).map(Some),
        2 => header(channel, payload).map(Some),
        3 => Ok(Some(Frame::Body { channel, payload })),
        _ if channel == 0 => Ok(Some(Frame::Heartbeat)),
        _ => Err(AmqpError::new(ReplyCode::FrameError, format!("heartbeat on channel {channel}"))),
    }
}

fn header(channel: u16, mut payload: Bytes) -> Result<Frame, AmqpError> {
    let mut cursor = Cursor::new(&payload);
    let (Ok(class), Ok(_weight), Ok(size)) = (cursor.u16(), cursor.u16(), cursor.u64()) else {
        return Err(AmqpError::new(ReplyCode::SyntaxError, "content header is too short"));
    };
    payload.advance(12);
    Ok(Frame::Header { channel, class, size, properties: payload })
}

fn method(channel: u16, whole: &Bytes, payload: &Bytes) -> Result<Frame, AmqpError> {
    let mut cursor = Cursor::new(payload);
    let (Ok(class), Ok(number)) = (cursor.u16(), cursor.u16()) else {
        return Err(AmqpError::new(ReplyCode::SyntaxError, "method frame is too short"));
    };
    let id = (class, number);
    let syntax =
        || AmqpError::new(ReplyCode::SyntaxError, format!("cannot decode method {class}.{number}")).at(id);
    let decoded = match id {
        PUBLISH => publish(payload).map_err(|_| syntax())?,
        ACK => {
            let (Ok(tag), Ok(bits)) = (cursor.u64(), cursor.u8()) else { return Err(syntax()) };
            Method::Ack { tag, multiple: bits & 1 != 0 }
        }
        _ => {
            check(id, cursor)?;
            match parse_frame(&whole[..]) {
                Ok((_, AMQPFrame::Method(_, method))) => Method::Other(Box::new(method)),
                _ => return Err(syntax()),
            }
        }
    };
    Ok(Frame::Method { channel, method: decoded })
}

fn publish(payload: &Bytes) -> Result<Method, InvalidPayload> {
    let mut cursor = Cursor::new(payload);
    // Class, method and a reserved word.
    cursor.take(6)?;
    let exchange = Utf8Bytes::new(payload.slice_ref(cursor.short_string()?))?;
    let routing_key = Utf8Bytes::new(payload.slice_ref(cursor.short_string()?))?;
    let bits = cursor.u8()?;
    Ok(Method::Publish(Publish { exchange, routing_key, mandatory: bits & 1 != 0, immediate: bits & 2 != 0 }))
}

/// Rejects methods that a client must not send and tables that the general decoder cannot handle.
fn check(id: MethodId, mut cursor: Cursor<'_>) -> Result<(), AmqpError> {
    let (class, number) = id;
    let Some(layout) = layout(id) else {
        return Err(AmqpError::new(
            ReplyCode::CommandInvalid,
            format!("unknown or unexpected method {class}.{number}"),
        )
        .at(id));
    };
    if id == QOS
        && let Ok(size @ 1..) = cursor.u32()
    {
        return Err(AmqpError::new(ReplyCode::NotImplemented, format!("prefetch_size!=0 ({size})")).at(id));
    }
    let Layout::Table { reserved, strings, bits } = layout else { return Ok(()) };
    let walked = (|| {
        cursor.take(reserved)?;
        for _ in 0..strings {
            cursor.short_string()?;
        }
        cursor.take(bits)?;
        table::check(&mut cursor)
    })();
    walked.map_err(|error| {
        let text = match error {
            TableError::Malformed => format!("cannot decode the table of method {class}.{number}"),
            TableError::TooDeep => format!("the table of method {class}.{number} is nested too deeply"),
        };
        AmqpError::new(ReplyCode::SyntaxError, text).at(id)
    })
}

/// Position of a method's table, which is checked before it is decoded.
#[derive(Clone, Copy)]
enum Layout {
    NoTable,
    Table { reserved: usize, strings: usize, bits: usize },
}

/// Returns the layout of a method that a client may send (AMQP 0-9-1 with RabbitMQ's extensions).
fn layout((class, method): MethodId) -> Option<Layout> {
    let table = |reserved, strings, bits| Some(Layout::Table { reserved, strings, bits });
    match (class, method) {
        // connection: start-ok, secure-ok, tune-ok, open, close, close-ok, update-secret
        (10, 11) => table(0, 0, 0),
        (10, 21 | 31 | 40 | 50 | 51 | 70)
        // channel: open, flow, flow-ok, close, close-ok; access: request
        | (20, 10 | 20 | 21 | 40 | 41)
        | (30, 10)
        // exchange: delete; queue: purge, delete
        | (40, 20)
        | (50, 30 | 40)
        // basic: qos, cancel, get, reject, recover-async, recover, nack; a client's cancel-ok has no effect
        | (60, 10 | 30 | 31 | 70 | 90 | 100 | 110 | 120)
        // tx: select, commit, rollback; confirm: select
        | (90, 10 | 20 | 30)
        | (85, 10) => Some(Layout::NoTable),
        // exchange: declare, bind, unbind
        (40, 10) => table(2, 2, 1),
        (40, 30 | 40) => table(2, 3, 1),
        // queue: declare, bind, unbind
        (50, 10) => table(2, 1, 1),
        (50, 20) => table(2, 3, 1),
        (50, 50) => table(2, 3, 0),
        // basic: consume
        (60, 20) => table(2, 2, 1),
        _ => None,
    }
}
