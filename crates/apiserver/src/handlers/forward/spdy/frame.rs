//! The frames of SPDY/3.1 that a tunnel needs. Each has a head of eight bytes and a body.
//!
//! Source: the draft "SPDY Protocol - Draft 3.1", 2.2 (framing) and 2.6 (control frames).

use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};

use super::ProtocolError;

/// Bytes of a frame's body.
const MAX_BODY: usize = 1024 * 1024;
const HEAD: usize = 8;
/// The flag for the last frame of a stream.
const FIN: u8 = 0x01;
const VERSION: u16 = 3;
/// The highest bit marks control frames.
const CONTROL: u16 = 0x8000;
/// The mask of stream numbers.
const ID: u32 = 0x7fff_ffff;

/// A frame of a client.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Frame {
    /// A new stream with its compressed headers.
    Open {
        stream: u32,
        headers: Bytes,
        fin: bool,
    },
    Data {
        stream: u32,
        bytes: Bytes,
        fin: bool,
    },
    /// The abnormal end of a stream.
    Reset {
        stream: u32,
    },
    Ping {
        id: u32,
    },
    /// The client opens no more streams.
    GoAway,
    /// A frame that the tunnel ignores, such as settings and window updates.
    Other,
}

/// Removes the first complete frame from `arrived`; `None` while it is incomplete.
pub(super) fn take(arrived: &mut BytesMut) -> Result<Option<Frame>, ProtocolError> {
    let Some(head) = arrived.first_chunk::<HEAD>().copied() else { return Ok(None) };
    let [a, b, c, d, flags, l0, l1, l2] = head;
    let length = u32::from_be_bytes([0, l0, l1, l2]) as usize;
    if length > MAX_BODY {
        return Err(ProtocolError("a frame is too long"));
    }
    if arrived.len() < HEAD + length {
        arrived.reserve(HEAD + length - arrived.len());
        return Ok(None);
    }
    arrived.advance(HEAD);
    let mut body = arrived.split_to(length).freeze();
    let fin = flags & FIN != 0;
    let first = u16::from_be_bytes([a, b]);
    if first & CONTROL == 0 {
        let stream = u32::from_be_bytes([a, b, c, d]);
        return Ok(Some(Frame::Data { stream, bytes: body, fin }));
    }
    if first & !CONTROL != VERSION {
        return Err(ProtocolError("a frame has another version than 3"));
    }
    let number = |body: &mut Bytes| {
        if body.len() < 4 { Err(ProtocolError("a frame is cut short")) } else { Ok(body.get_u32()) }
    };
    let frame = match u16::from_be_bytes([c, d]) {
        1 => {
            let stream = number(&mut body)? & ID;
            let _of_another_stream = number(&mut body)?;
            if body.len() < 2 {
                return Err(ProtocolError("a frame is cut short"));
            }
            let _priority = body.get_u16();
            Frame::Open { stream, headers: body, fin }
        }
        3 => Frame::Reset { stream: number(&mut body)? & ID },
        6 => Frame::Ping { id: number(&mut body)? },
        7 => Frame::GoAway,
        _ => Frame::Other,
    };
    Ok(Some(frame))
}

fn control(kind: u16, body: &[&[u8]]) -> Bytes {
    let length = body.iter().map(|part| part.len()).sum::<usize>();
    let mut out = BytesMut::with_capacity(HEAD + length);
    out.put_u16(CONTROL | VERSION);
    out.put_u16(kind);
    out.put_u32(u32::try_from(length).unwrap_or_default());
    body.iter().for_each(|part| out.put_slice(part));
    out.freeze()
}

/// Builds the reply to a new stream.
pub(super) fn reply(stream: u32, headers: &[u8]) -> Bytes {
    control(2, &[&stream.to_be_bytes(), headers])
}

/// Builds a reset of a stream. Reason 1 is a protocol error, 3 a refused stream.
pub(super) fn reset(stream: u32, reason: u32) -> Bytes {
    control(3, &[&stream.to_be_bytes(), &reason.to_be_bytes()])
}

/// Builds the reply to a ping.
pub(super) fn ping(id: u32) -> Bytes {
    control(6, &[&id.to_be_bytes()])
}

/// Builds a data frame; with `fin`, the last one of its stream.
pub(super) fn data(stream: u32, bytes: &[u8], fin: bool) -> Bytes {
    let mut out = BytesMut::with_capacity(HEAD + bytes.len());
    out.put_u32(stream & ID);
    let flags = if fin { u32::from(FIN) << 24 } else { 0 };
    out.put_u32(flags | u32::try_from(bytes.len()).unwrap_or_default());
    out.put_slice(bytes);
    out.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_taken_when_it_is_complete() {
        let mut all = BytesMut::new();
        all.extend_from_slice(&data(5, b"hello", true));
        all.extend_from_slice(&ping(7));
        all.extend_from_slice(&reset(5, 1));
        let mut arrived = BytesMut::new();
        let mut frames = Vec::new();
        for byte in all {
            arrived.put_u8(byte);
            frames.extend(take(&mut arrived).unwrap());
        }
        let bytes = Bytes::from_static(b"hello");
        let hello = Frame::Data { stream: 5, bytes, fin: true };
        assert_eq!(frames, [hello, Frame::Ping { id: 7 }, Frame::Reset { stream: 5 }]);
    }

    #[test]
    fn invalid_frames_are_rejected() {
        for bytes in [
            &[0x80, 3, 0, 1, 0, 0xff, 0xff, 0xff][..],
            &[0x80, 2, 0, 1, 0, 0, 0, 0],
            &[0x80, 3, 0, 1, 0, 0, 0, 2, 0, 0],
            &[0x80, 3, 0, 1, 0, 0, 0, 9, 0, 0, 0, 1, 0, 0, 0, 0, 0],
        ] {
            assert!(take(&mut BytesMut::from(bytes)).is_err(), "{bytes:?}");
        }
        assert_eq!(take(&mut BytesMut::from(&[0x80, 3][..])), Ok(None));
    }
}
