//! The last hours of a run in memory, compressed, to be saved after the fact.

use std::collections::VecDeque;
use std::io::{self, Write as _};
use std::path::Path;
use std::time::Duration;

use dashboard::clock::At;
use dashboard::message::Timestamped;
use flate2::Compression;
use flate2::write::{DeflateDecoder, DeflateEncoder};

use crate::format::{Line, Read, parse};
use crate::keyframe::Keyframe;
use crate::strings;
use crate::writer::{Lines, Output, Settings, WriteError};

/// The time that is kept.
const KEPT: Duration = Duration::from_secs(10 * 3_600);

/// The most compressed bytes that are kept.
const MAX_BYTES: usize = 64 << 20;

/// The time of one segment: the oldest goes as a whole.
const SEGMENT: Duration = Duration::from_secs(600);

/// The bytes of one segment before compression.
const SEGMENT_BYTES: usize = 4 << 20;

/// The last hours of a run.
#[derive(Debug)]
pub struct Memory {
    settings: Settings,
    keyframe: Keyframe,
    full: VecDeque<Segment>,
    current: Open,
}

/// A stretch of the run that is complete.
#[derive(Debug)]
struct Segment {
    from: At,
    /// The state at its beginning, and its events: compressed lines.
    start: Vec<u8>,
    lines: Vec<u8>,
}

/// The stretch that is being written.
#[derive(Debug)]
struct Open {
    from: At,
    start: Vec<u8>,
    lines: DeflateEncoder<Vec<u8>>,
    bytes: usize,
}

impl Open {
    fn new(from: At, keyframe: &Keyframe) -> Self {
        let lines = keyframe.events(from).filter_map(|stamped| Line::of(&stamped));
        let text: String = lines.map(|line| format!("{line}\n")).collect();
        Self { from, start: packed(&text), lines: encoder(), bytes: 0 }
    }
}

fn encoder() -> DeflateEncoder<Vec<u8>> {
    DeflateEncoder::new(Vec::new(), Compression::fast())
}

/// Compresses text. A vector takes every byte.
fn packed(text: &str) -> Vec<u8> {
    let mut encoder = encoder();
    let written = encoder.write_all(text.as_bytes());
    written.and_then(|()| encoder.finish()).unwrap_or_default()
}

impl Memory {
    /// An empty memory of a run that begins.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        let keyframe = Keyframe::default();
        let current = Open::new(At::default(), &keyframe);
        Self { settings, keyframe, full: VecDeque::new(), current }
    }

    /// Takes an event, in the order of `update`.
    pub fn take(&mut self, stamped: &Timestamped) {
        let Some(line) = Line::of(stamped) else { return };
        let is_full = stamped.at.since(self.current.from) >= SEGMENT || self.current.bytes >= SEGMENT_BYTES;
        if is_full {
            let open = std::mem::replace(&mut self.current, Open::new(stamped.at, &self.keyframe));
            let lines = open.lines.finish().unwrap_or_default();
            self.full.push_back(Segment { from: open.from, start: open.start, lines });
            self.forget(stamped.at);
        }
        self.keyframe.take(&stamped.event);
        let text = format!("{line}\n");
        self.current.bytes += text.len();
        // A vector takes every byte.
        let _written = self.current.lines.write_all(text.as_bytes());
    }

    fn forget(&mut self, now: At) {
        // A segment is old when the next one begins before the kept time.
        while self.full.get(1).is_some_and(|next| now.since(next.from) >= KEPT) || self.bytes() > MAX_BYTES {
            if self.full.pop_front().is_none() {
                break;
            }
        }
    }

    /// Compressed bytes of the complete segments.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.full.iter().map(|segment| segment.start.len() + segment.lines.len()).sum()
    }

    /// The time of the run at which the memory begins.
    #[must_use]
    pub fn start(&self) -> At {
        self.full.front().map_or(self.current.from, |segment| segment.from)
    }

    /// The newest state of every subject.
    #[must_use]
    pub fn keyframe(&self) -> &Keyframe {
        &self.keyframe
    }

    /// Saves the memory to a new file. Returns its bytes.
    ///
    /// # Errors
    /// Fails if the file exists or cannot be written.
    pub fn save(&mut self, path: &Path) -> Result<u64, WriteError> {
        let mut output = Output::create(path)?;
        let saved = self.write(&mut output).and_then(|()| output.finish());
        saved.map_err(|error| WriteError(strings::not_written(path, &error)))?;
        Ok(output.bytes())
    }

    fn write(&mut self, output: &mut Output) -> io::Result<()> {
        // The newest state names target and HPA, which the oldest need not know yet.
        let mut lines = Lines::with(self.settings.clone(), self.keyframe.clone());
        output.write_all(lines.header(self.start()).as_bytes())?;
        self.current.lines.flush()?;
        let open = (&self.current.start, self.current.lines.get_ref());
        let segments = self.full.iter().map(|segment| (&segment.start, &segment.lines)).chain([open]);
        for (index, (start, events)) in segments.enumerate() {
            // Each other segment continues the one before.
            let start = if index == 0 { unpacked(start)? } else { String::new() };
            for line in start.lines().chain(unpacked(events)?.lines()) {
                if let Ok(Read::Event(stamped)) = parse(line) {
                    output.write_all(lines.text(&stamped).as_bytes())?;
                }
            }
        }
        Ok(())
    }
}

/// Decompresses text. An open stream has no end yet: the flushed bytes are all.
fn unpacked(packed: &[u8]) -> io::Result<String> {
    let mut decoder = DeflateDecoder::new(Vec::new());
    decoder.write_all(packed)?;
    decoder.flush()?;
    Ok(String::from_utf8_lossy(decoder.get_ref()).into_owned())
}
