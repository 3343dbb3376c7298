//! Reads recordings: plain or compressed, whole or torn.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;
use std::time::Duration;

use dashboard::clock::At;
use dashboard::message::{Event, Request, Timestamped};
use flate2::bufread::MultiGzDecoder;

use crate::format::{FORMAT, Header, Read, Version, parse};
use crate::strings;

/// The first bytes of a gzip file (RFC 1952).
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// The reason why a file is no readable recording, as a sentence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ReadError(pub String);

/// The parts of a recording that were not read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Damage {
    /// The end is torn: the writer was killed, or the file was cut.
    pub is_torn: bool,
    /// Lines that are no events, and no torn end.
    pub unreadable: u64,
    /// Events that this version does not know, by kind.
    pub unknown: BTreeMap<String, u64>,
    /// A second recording follows in the same file. It is not read.
    pub has_another: bool,
}

impl Damage {
    /// The damage as sentences; empty if everything was read.
    #[must_use]
    pub fn sentences(&self) -> Vec<String> {
        let mut sentences = Vec::new();
        if self.is_torn {
            sentences.push("the last line is torn and was skipped".to_owned());
        }
        if self.unreadable > 0 {
            sentences.push(format!("{} unreadable lines were skipped", self.unreadable));
        }
        for (kind, count) in &self.unknown {
            sentences.push(format!("{count} events of the unknown kind {kind:?} were skipped"));
        }
        if self.has_another {
            sentences.push("the file holds a second recording, which was not read".to_owned());
        }
        sentences
    }
}

/// Reads a recording line by line. It iterates over the events.
#[derive(Debug)]
pub struct Reader<R> {
    lines: R,
    header: Header,
    damage: Damage,
    is_over: bool,
}

impl Reader<Box<dyn BufRead>> {
    /// Opens a file, plain or compressed with gzip.
    ///
    /// # Errors
    /// Fails if the file cannot be read, or has no header of a known major version.
    pub fn open(path: &Path) -> Result<Self, ReadError> {
        let file = File::open(path).map_err(|error| ReadError(strings::not_opened(path, &error)))?;
        let about = |error: ReadError| ReadError(format!("{}: {error}", path.display()));
        Self::of(BufReader::new(file)).map_err(about)
    }

    /// Reads bytes, plain or compressed with gzip.
    ///
    /// # Errors
    /// Fails as [`Self::open`] does.
    pub fn of(mut bytes: impl BufRead + 'static) -> Result<Self, ReadError> {
        let start = bytes.fill_buf().map_err(|error| ReadError(strings::not_read(&error)))?;
        if start.starts_with(&GZIP) {
            Self::new(Box::new(BufReader::new(MultiGzDecoder::new(bytes))))
        } else {
            Self::new(Box::new(bytes))
        }
    }
}

impl<R: BufRead> Reader<R> {
    /// Reads the header.
    ///
    /// # Errors
    /// Fails if the first line is no header of a known major version.
    pub fn new(mut lines: R) -> Result<Self, ReadError> {
        let mut damage = Damage::default();
        let first = match next_line(&mut lines).map_err(|error| ReadError(strings::not_read(&error)))? {
            Some(Cut::Whole(line)) => line,
            // A header without a newline is complete if it can be read.
            Some(Cut::Torn(line)) => {
                damage.is_torn = true;
                line
            }
            None => return Err(ReadError(strings::EMPTY.to_owned())),
        };
        Ok(Self { lines, header: header(&first)?, damage, is_over: false })
    }

    /// The header.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The damage so far.
    #[must_use]
    pub fn damage(&self) -> &Damage {
        &self.damage
    }

    /// Handles a line that is no event. Returns false if the recording ends there.
    fn other(&mut self, line: &str) -> bool {
        match serde_json::from_str::<Header>(line) {
            // A rotated part of the same run.
            Ok(header) if header.started == self.header.started => true,
            Ok(_another) => {
                self.damage.has_another = true;
                false
            }
            Err(_no_header) => {
                self.damage.unreadable += u64::from(!line.trim().is_empty());
                true
            }
        }
    }
}

impl<R: BufRead> Iterator for Reader<R> {
    type Item = Timestamped;

    fn next(&mut self) -> Option<Timestamped> {
        while !self.is_over {
            // A read error after the header is an end like that of a killed writer.
            let Ok(Some(cut)) = next_line(&mut self.lines) else { break };
            let (line, is_torn) = match cut {
                Cut::Whole(line) => (line, false),
                Cut::Torn(line) => (line, true),
            };
            // Nothing follows a torn line; a cut stream would fail again and again.
            self.is_over = is_torn;
            match parse(&line) {
                Ok(Read::Event(event)) => return Some(event),
                Ok(Read::Unknown(kind)) => *self.damage.unknown.entry(kind).or_default() += 1,
                Err(_) if is_torn => self.damage.is_torn = true,
                Err(_) => self.is_over |= !self.other(&line),
            }
        }
        self.is_over = true;
        None
    }
}

fn header(line: &str) -> Result<Header, ReadError> {
    #[derive(serde::Deserialize)]
    struct Start {
        format: String,
        version: Version,
    }
    let refused = |cause: String| ReadError(strings::no_header(&cause));
    let start: Start = serde_json::from_str(line).map_err(|error| refused(error.to_string()))?;
    if start.format != FORMAT {
        return Err(refused(format!("its format is {:?}", start.format)));
    }
    if start.version.major != Version::CURRENT.major {
        return Err(ReadError(strings::other_major(start.version)));
    }
    serde_json::from_str(line).map_err(|error| refused(error.to_string()))
}

/// A line without its newline.
enum Cut {
    Whole(String),
    /// The bytes end before its newline.
    Torn(String),
}

/// The next line; `None` at the end. A compressed stream that ends early is an end too.
fn next_line(lines: &mut impl BufRead) -> io::Result<Option<Cut>> {
    let mut bytes = Vec::new();
    let ended = match lines.read_until(b'\n', &mut bytes) {
        Ok(_) => false,
        // flate2 reports a cut as one of these. What it gave before is in `bytes`.
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData
            ) =>
        {
            true
        }
        Err(error) => return Err(error),
    };
    let is_whole = bytes.last() == Some(&b'\n');
    if bytes.is_empty() {
        return Ok(ended.then(|| Cut::Torn(String::new())));
    }
    let line = String::from_utf8_lossy(bytes.strip_suffix(b"\n").unwrap_or(&bytes)).into_owned();
    Ok(Some(if is_whole { Cut::Whole(line) } else { Cut::Torn(line) }))
}

/// A whole recording in memory.
#[derive(Debug, Clone, PartialEq)]
pub struct Recording {
    /// The header.
    pub header: Header,
    /// The events, in the order in which `update` took them. Times may step back by the time that an event waited.
    pub events: Vec<Timestamped>,
    /// The parts that were not read.
    pub damage: Damage,
}

/// A mark of a recording.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedMark {
    /// The time of the run.
    pub at: At,
    /// The note; may be empty.
    pub note: String,
}

impl Recording {
    /// Opens a file, plain or compressed with gzip.
    ///
    /// # Errors
    /// Fails if the file cannot be read, or has no header of a known major version.
    pub fn open(path: &Path) -> Result<Self, ReadError> {
        Ok(Self::collect(Reader::open(path)?))
    }

    /// Reads bytes, plain or compressed with gzip.
    ///
    /// # Errors
    /// Fails as [`Self::open`] does.
    pub fn of(bytes: impl BufRead + 'static) -> Result<Self, ReadError> {
        Ok(Self::collect(Reader::of(bytes)?))
    }

    fn collect<R: BufRead>(mut reader: Reader<R>) -> Self {
        let events = reader.by_ref().collect();
        Self { header: reader.header, events, damage: reader.damage }
    }

    /// The time of the run at which the recording begins.
    #[must_use]
    pub fn start(&self) -> At {
        self.header.from
    }

    /// The time of the run at which the recording ends.
    #[must_use]
    pub fn end(&self) -> At {
        self.events.iter().map(|stamped| stamped.at).max().unwrap_or(self.start()).max(self.start())
    }

    /// The time from the beginning to the end.
    #[must_use]
    pub fn length(&self) -> Duration {
        self.end().since(self.start())
    }

    /// The user's marks, in order.
    #[must_use]
    pub fn marks(&self) -> Vec<RecordedMark> {
        let mark = |stamped: &Timestamped| match &stamped.event {
            Event::Request(Request::Mark(note)) => Some(RecordedMark { at: stamped.at, note: note.clone() }),
            _ => None,
        };
        self.events.iter().filter_map(mark).collect()
    }
}
