//! Header blocks of SPDY/3.1: names and values, compressed as one zlib stream for each direction of a connection, with a
//! fixed dictionary.
//!
//! Source: the draft "SPDY Protocol - Draft 3.1", 2.6.10 (name/value header block and its compression).

use miniz_oxide::inflate::TINFLStatus;
use miniz_oxide::inflate::core::{DecompressorOxide, decompress, inflate_flags};

use super::ProtocolError;

/// The first words of the dictionary. Each follows its length in four bytes.
const WORDS: &[&str] = &[
    "options",
    "head",
    "post",
    "put",
    "delete",
    "trace",
    "accept",
    "accept-charset",
    "accept-encoding",
    "accept-language",
    "accept-ranges",
    "age",
    "allow",
    "authorization",
    "cache-control",
    "connection",
    "content-base",
    "content-encoding",
    "content-language",
    "content-length",
    "content-location",
    "content-md5",
    "content-range",
    "content-type",
    "date",
    "etag",
    "expect",
    "expires",
    "from",
    "host",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-range",
    "if-unmodified-since",
    "last-modified",
    "location",
    "max-forwards",
    "pragma",
    "proxy-authenticate",
    "proxy-authorization",
    "range",
    "referer",
    "retry-after",
    "server",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
    "vary",
    "via",
    "warning",
    "www-authenticate",
    "method",
    "get",
    "status",
    "200 OK",
    "version",
    "HTTP/1.1",
    "url",
    "public",
    "set-cookie",
    "keep-alive",
    "origin",
];
/// The rest of the dictionary.
const REST: &str = "100101201202205206300302303304305306307402405406407408409410411412413414415416417502504505203 No\
    n-Authoritative Information204 No Content301 Moved Permanently400 Bad Request401 Unauthorized40\
    3 Forbidden404 Not Found500 Internal Server Error501 Not Implemented503 Service UnavailableJan F\
    eb Mar Apr May Jun Jul Aug Sept Oct Nov Dec 00:00:00 Mon, Tue, Wed, Thu, Fri, Sat, Sun, GMTchunk\
    ed,text/html,image/png,image/jpg,image/gif,application/xml,application/xhtml+xml,text/plain,text\
    /javascript,publicprivatemax-age=gzip,deflate,sdchcharset=utf-8charset=iso-8859-1,utf-,*,enq=0.";

/// A power of two that holds all that a reference can point back to.
const WINDOW: usize = 32 * 1024;
/// Bytes of one block after decompression.
const MAX_BLOCK: usize = 16 * 1024;
/// Bit of the zlib header which says that a dictionary's checksum follows.
const HAS_DICTIONARY: u8 = 0x20;

/// A stored block without bytes.
const FLUSH: [u8; 5] = [0, 0, 0, 0xff, 0xff];

/// Names, in lower case, and values.
pub(super) type Headers = Vec<(String, String)>;

fn dictionary() -> Vec<u8> {
    let mut out = Vec::new();
    for word in WORDS {
        put(&mut out, word);
    }
    out.extend_from_slice(REST.as_bytes());
    out
}

/// A text behind its length.
fn put(out: &mut Vec<u8>, text: &str) {
    let length = u32::try_from(text.len()).unwrap_or(u32::MAX);
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(text.as_bytes());
}

/// Decodes the blocks of one connection, in their order.
pub(super) struct HeaderDecoder {
    state: Box<DecompressorOxide>,
    /// The latest decompressed bytes, in a ring buffer that starts with the dictionary.
    window: Vec<u8>,
    at: usize,
    begun: bool,
}

impl HeaderDecoder {
    pub(super) fn new() -> Self {
        let mut window = dictionary();
        let at = window.len();
        window.resize(WINDOW, 0);
        Self { state: Box::default(), window, at, begun: false }
    }

    /// Returns the headers of the next block.
    pub(super) fn decode(&mut self, block: &[u8]) -> Result<Headers, ProtocolError> {
        let mut input = block;
        if !self.begun {
            // The inflater does not support a dictionary, so it gets the stream without its zlib header.
            let skip = match input {
                [method, flags, ..] if method & 0x0f == 8 => {
                    if flags & HAS_DICTIONARY == 0 {
                        2
                    } else {
                        6
                    }
                }
                _ => return Err(ProtocolError("a header block is not compressed")),
            };
            input = input.get(skip..).ok_or(ProtocolError("a header block is cut short"))?;
            self.begun = true;
        }
        parse(&self.inflate(input)?)
    }

    fn inflate(&mut self, mut input: &[u8]) -> Result<Vec<u8>, ProtocolError> {
        let mut out = Vec::new();
        loop {
            let flags = inflate_flags::TINFL_FLAG_HAS_MORE_INPUT;
            let (status, read, written) =
                decompress(&mut self.state, input, &mut self.window, self.at, flags);
            input = input.get(read..).unwrap_or_default();
            // A call stops at the end of the ring buffer.
            out.extend_from_slice(self.window.get(self.at..self.at + written).unwrap_or_default());
            self.at = (self.at + written) % WINDOW;
            if out.len() > MAX_BLOCK {
                return Err(ProtocolError("a header block is too long"));
            }
            match status {
                TINFLStatus::HasMoreOutput => {}
                TINFLStatus::NeedsMoreInput if input.is_empty() => return Ok(out),
                _ => return Err(ProtocolError("a header block cannot be decompressed")),
            }
        }
    }
}

fn parse(block: &[u8]) -> Result<Headers, ProtocolError> {
    const SHORT: ProtocolError = ProtocolError("a header block ends too early");
    let mut rest = block;
    let number = |rest: &mut &[u8]| {
        let (head, tail) = rest.split_first_chunk::<4>().ok_or(SHORT)?;
        *rest = tail;
        usize::try_from(u32::from_be_bytes(*head)).map_err(|_| SHORT)
    };
    let count = number(&mut rest)?;
    let mut headers = Headers::new();
    for _ in 0..count {
        let mut text = || {
            let length = number(&mut rest)?;
            let (head, tail) = rest.split_at_checked(length).ok_or(SHORT)?;
            rest = tail;
            Ok::<_, ProtocolError>(String::from_utf8_lossy(head).into_owned())
        };
        let name = text()?;
        headers.push((name.to_ascii_lowercase(), text()?));
    }
    Ok(headers)
}

/// Encodes the blocks of one connection, in their order. They are stored uncompressed, because replies have no headers.
#[derive(Default)]
pub(super) struct HeaderEncoder {
    begun: bool,
}

impl HeaderEncoder {
    pub(super) fn encode(&mut self, headers: &[(&str, &str)]) -> Vec<u8> {
        let mut block = u32::try_from(headers.len()).unwrap_or_default().to_be_bytes().to_vec();
        for (name, value) in headers {
            put(&mut block, name);
            put(&mut block, value);
        }
        let mut out = Vec::with_capacity(block.len() + 12);
        if !std::mem::replace(&mut self.begun, true) {
            // The zlib header: deflate, a window of 32 KiB, no dictionary.
            out.extend_from_slice(&[0x78, 0x01]);
        }
        for part in block.chunks(usize::from(u16::MAX)) {
            let length = u16::try_from(part.len()).unwrap_or(u16::MAX);
            out.push(0);
            out.extend_from_slice(&length.to_le_bytes());
            out.extend_from_slice(&(!length).to_le_bytes());
            out.extend_from_slice(part);
        }
        // Go's reader returns a block only after a flush.
        out.extend_from_slice(&FLUSH);
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_dictionary_has_the_known_checksum() {
        let (mut a, mut b) = (1_u32, 0_u32);
        for byte in dictionary() {
            a = (a + u32::from(byte)) % 65521;
            b = (b + a) % 65521;
        }
        assert_eq!(b << 16 | a, 0xe3c6_a7c2);
    }

    #[test]
    fn encoded_blocks_are_decoded() {
        let (mut encoder, mut decoder) = (HeaderEncoder::default(), HeaderDecoder::new());
        for headers in [&[("port", "8080"), ("streamtype", "data")][..], &[], &[("x", "")]] {
            let block = encoder.encode(headers);
            assert!(block.ends_with(&FLUSH));
            let read = decoder.decode(&block).unwrap();
            let read: Vec<(&str, &str)> = read.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
            assert_eq!(read, headers);
        }
    }

    /// Blocks that zlib compressed with the dictionary; the second one refers to the first.
    #[test]
    fn compressed_blocks_are_decoded() {
        let mut decoder = HeaderDecoder::new();
        for block in [FIRST, SECOND] {
            let read = decoder.decode(block).unwrap();
            let get = |name: &str| read.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str());
            assert_eq!((get("port"), get("requestid")), (Some("8080"), Some("0")));
            assert!(matches!(get("streamtype"), Some("error" | "data")));
        }
    }

    const FIRST: &[u8] = &[
        0x78, 0xf9, 0xe3, 0xc6, 0xa7, 0xc2, 0x02, 0x25, 0x3a, 0x48, 0xf9, 0x5b, 0x04, 0x4e, 0xea, 0x16, 0x06,
        0x16, 0x06, 0x40, 0x9a, 0xb3, 0x08, 0x12, 0x5f, 0x99, 0xa0, 0x74, 0xcc, 0x68, 0x00, 0x4e, 0x89, 0x25,
        0x45, 0xa9, 0x89, 0xb9, 0xd0, 0xc2, 0x86, 0x35, 0x15, 0x14, 0x15, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff,
    ];
    const SECOND: &[u8] = &[0x22, 0x53, 0x33, 0xa8, 0xa4, 0x4a, 0x04, 0x00, 0x00, 0x00, 0xff, 0xff];

    #[test]
    fn invalid_blocks_are_rejected() {
        for block in [&[][..], &[0x78], &[0x78, 0x20, 1, 2], &[1, 2, 3], &[0x78, 0x01, 0xff, 0xff, 0xff]] {
            assert!(HeaderDecoder::new().decode(block).is_err(), "{block:?}");
        }
        assert!(parse(&[0, 0, 0, 9]).is_err());
        assert!(parse(&[0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff]).is_err());
    }
}
