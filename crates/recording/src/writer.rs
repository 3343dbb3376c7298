//! Writes recordings: whole lines, flushed every few seconds, bounded in size.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use dashboard::clock::At;
use dashboard::message::Timestamped;
use flate2::Compression;
use flate2::write::GzEncoder;
use jiff::Timestamp;

use crate::format::{Header, Line, rules};
use crate::keyframe::Keyframe;
use crate::redact::Redactor;
use crate::strings;

/// The time within which an event is on the disk: a killed recorder loses no more.
const FLUSH_INTERVAL: Duration = Duration::from_secs(2);

/// The longest time for which the header waits for the HPA and the version.
const HEADER_DELAY: Duration = Duration::from_secs(10);

/// Lines that may wait for the header.
const HEADER_LINES: usize = 1_000;

/// The reason why a recording could not be written, as a sentence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct WriteError(pub String);

/// The settings of a recording.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// The start of the run: second 0.
    pub started: Timestamp,
    /// The version of this program.
    pub surge: String,
    /// The intervals of the sources in seconds, by name.
    pub intervals: BTreeMap<String, f64>,
    /// The most bytes of all files of the recording; `None` for no limit.
    pub max_size: Option<u64>,
    /// Replaces names and drops free text.
    pub redact: bool,
    /// The tool that another tool's data comes from, and sentences about what it does not have.
    pub imported: Option<(String, Vec<String>)>,
}

impl Settings {
    /// Settings without intervals and without a limit.
    #[must_use]
    pub fn new(started: Timestamp, surge: impl Into<String>) -> Self {
        Self {
            started,
            surge: surge.into(),
            intervals: BTreeMap::new(),
            max_size: None,
            redact: false,
            imported: None,
        }
    }
}

/// The lines of a recording, without a file: the header as soon as it can be complete, then the events.
#[derive(Debug)]
pub struct Lines {
    settings: Settings,
    keyframe: Keyframe,
    redactor: Redactor,
    state: HeaderState,
}

#[derive(Debug)]
enum HeaderState {
    /// It waits for the HPA and the version, with the lines since then.
    Waits { since: Option<At>, lines: Vec<Line> },
    /// It is written.
    Written,
}

impl Lines {
    /// The lines of a recording from the beginning of a run on.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        let state = HeaderState::Waits { since: None, lines: Vec::new() };
        Self { settings, keyframe: Keyframe::default(), redactor: Redactor::default(), state }
    }

    /// Takes an event. Returns the lines to write, each with its newline; empty while the header waits.
    pub fn take(&mut self, stamped: &Timestamped) -> String {
        let Some(line) = self.line(stamped) else { return String::new() };
        self.keyframe.take(&stamped.event);
        match &mut self.state {
            HeaderState::Written => format!("{line}\n"),
            HeaderState::Waits { since, lines } => {
                lines.push(line);
                let since = *since.get_or_insert(stamped.at);
                let is_late = stamped.at.since(since) >= HEADER_DELAY || lines.len() >= HEADER_LINES;
                if is_late || self.keyframe.is_described() { self.release() } else { String::new() }
            }
        }
    }

    /// The waiting lines with their header; empty if there are none.
    pub fn release(&mut self) -> String {
        let HeaderState::Waits { lines, .. } = std::mem::replace(&mut self.state, HeaderState::Written)
        else {
            return String::new();
        };
        let mut text = self.header(At::default());
        for line in lines {
            text.push_str(&format!("{line}\n"));
        }
        text
    }

    /// The lines with which another file of the recording begins: a header, and the state at this moment.
    pub fn begin_again(&mut self, at: At) -> String {
        self.state = HeaderState::Written;
        let mut text = self.header(at);
        let events: Vec<Timestamped> = self.keyframe.events(at).collect();
        for line in events.iter().filter_map(|stamped| self.line(stamped)) {
            text.push_str(&format!("{line}\n"));
        }
        text
    }

    /// The lines of a recording whose newest state is known.
    pub(crate) fn with(settings: Settings, keyframe: Keyframe) -> Self {
        Self { keyframe, ..Self::new(settings) }
    }

    /// The line of an event, redacted if the settings say so.
    fn line(&mut self, stamped: &Timestamped) -> Option<Line> {
        let mut line = Line::of(stamped)?;
        if self.settings.redact {
            self.redactor.line(&mut line);
        }
        Some(line)
    }

    /// The line of an event with its newline; empty for an event that recordings do not hold.
    pub(crate) fn text(&mut self, stamped: &Timestamped) -> String {
        self.line(stamped).map(|line| format!("{line}\n")).unwrap_or_default()
    }

    /// The header of a recording that begins at a moment, with what is known now.
    pub(crate) fn header(&mut self, from: At) -> String {
        let mut header = Header::new(self.settings.started);
        header.surge.clone_from(&self.settings.surge);
        header.intervals.clone_from(&self.settings.intervals);
        header.from = from;
        if let Some((tool, unknown)) = &self.settings.imported {
            header.imported = Some(tool.clone());
            header.unknown.clone_from(unknown);
        }
        self.keyframe.describe(&mut header);
        header.rules = rules(&header.config());
        if self.settings.redact {
            self.redactor.header(&mut header);
        }
        // A header is plain data.
        serde_json::to_string(&header).map(|line| format!("{line}\n")).unwrap_or_default()
    }
}

/// Writes a recording to a file: compressed if its name ends with `.gz`.
///
/// With a maximum size, a file that has half of it is renamed to `NAME.old.EXTENSION`, which replaces the one before, and a
/// new file begins with the state at that moment. So the newest part of the run is always there.
#[derive(Debug)]
pub struct Writer {
    path: PathBuf,
    lines: Lines,
    output: Output,
    /// Bytes of the current file.
    bytes: u64,
    /// Bytes of the file that was renamed.
    old_bytes: u64,
    flushed: At,
    newest: At,
}

impl Writer {
    /// Creates a file that only the user can read.
    ///
    /// # Errors
    /// Fails if the file exists or cannot be created.
    pub fn create(path: &Path, settings: Settings) -> Result<Self, WriteError> {
        Self::with(path, Lines::new(settings), None)
    }

    /// Creates a file for a recording that begins in the middle of a run, with the state at that moment.
    ///
    /// # Errors
    /// Fails as [`Self::create`] does, or if the state cannot be written.
    pub fn create_at(
        path: &Path,
        settings: Settings,
        keyframe: Keyframe,
        at: At,
    ) -> Result<Self, WriteError> {
        let lines = Lines::with(settings, keyframe);
        Self::with(path, lines, Some(at))
    }

    fn with(path: &Path, lines: Lines, from: Option<At>) -> Result<Self, WriteError> {
        let output = Output::create(path)?;
        let at = from.unwrap_or_default();
        let path = path.to_owned();
        let mut writer = Self { path, lines, output, bytes: 0, old_bytes: 0, flushed: at, newest: at };
        if let Some(from) = from {
            let text = writer.lines.begin_again(from);
            writer.put(&text)?;
            writer.flush()?;
        }
        Ok(writer)
    }

    /// Writes an event, if recordings hold it.
    ///
    /// # Errors
    /// Fails if the file cannot be written. The lines before stay readable.
    pub fn write(&mut self, stamped: &Timestamped) -> Result<(), WriteError> {
        let text = self.lines.take(stamped);
        self.newest = self.newest.max(stamped.at);
        self.put(&text)?;
        if self.newest.since(self.flushed) >= FLUSH_INTERVAL {
            self.flush()?;
        }
        if self.lines.settings.max_size.is_some_and(|most| self.bytes >= most / 2) {
            self.rotate()?;
        }
        Ok(())
    }

    fn put(&mut self, text: &str) -> Result<(), WriteError> {
        let failed = |error| WriteError(strings::not_written(&self.path, &error));
        self.output.write_all(text.as_bytes()).map_err(failed)?;
        self.bytes = self.output.bytes();
        Ok(())
    }

    /// Hands everything so far to the operating system.
    ///
    /// # Errors
    /// Fails if the file cannot be written.
    pub fn flush(&mut self) -> Result<(), WriteError> {
        self.flushed = self.newest;
        let flushed = self.output.flush();
        self.bytes = self.output.bytes();
        flushed.map_err(|error| WriteError(strings::not_written(&self.path, &error)))
    }

    fn rotate(&mut self) -> Result<(), WriteError> {
        let failed = |error| WriteError(strings::not_written(&self.path, &error));
        self.output.finish().map_err(failed)?;
        self.old_bytes = self.output.bytes();
        fs::rename(&self.path, old_path(&self.path)).map_err(failed)?;
        self.output = Output::create(&self.path)?;
        let text = self.lines.begin_again(self.newest);
        self.put(&text)?;
        self.flush()
    }

    /// The path of the newest file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Bytes of all files of the recording.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes + self.old_bytes
    }

    /// Ends the recording. Returns its bytes.
    ///
    /// # Errors
    /// Fails if the file cannot be written.
    pub fn finish(mut self) -> Result<u64, WriteError> {
        let text = self.lines.release();
        self.put(&text)?;
        let finished = self.output.finish();
        self.bytes = self.output.bytes();
        finished.map_err(|error| WriteError(strings::not_written(&self.path, &error)))?;
        Ok(self.bytes())
    }
}

/// The path of the older part of a recording: `run.old.surge.jsonl` for `run.surge.jsonl`.
#[must_use]
pub fn old_path(path: &Path) -> PathBuf {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let (stem, rest) = name.split_once('.').unwrap_or((&name, "surge.jsonl"));
    path.with_file_name(format!("{stem}.old.{rest}"))
}

/// An open file, plain or compressed.
#[derive(Debug)]
pub(crate) enum Output {
    Plain(Counted),
    Compressed(Box<GzEncoder<Counted>>),
}

impl Output {
    pub(crate) fn create(path: &Path) -> Result<Self, WriteError> {
        let opened = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
        let file = opened.map_err(|error| {
            WriteError(match error.kind() {
                io::ErrorKind::AlreadyExists => strings::exists(path),
                _ => strings::not_created(path, &error),
            })
        })?;
        let file = Counted { file, bytes: 0 };
        let is_compressed = path.extension().is_some_and(|extension| extension == "gz");
        Ok(if is_compressed {
            Self::Compressed(Box::new(GzEncoder::new(file, Compression::default())))
        } else {
            Self::Plain(file)
        })
    }

    pub(crate) fn bytes(&self) -> u64 {
        match self {
            Self::Plain(file) => file.bytes,
            Self::Compressed(file) => file.get_ref().bytes,
        }
    }

    pub(crate) fn finish(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(file) => file.flush(),
            Self::Compressed(file) => file.try_finish(),
        }
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(file) => file.write(bytes),
            Self::Compressed(file) => file.write(bytes),
        }
    }

    /// A compressed file gets a sync marker: everything before it can be read.
    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(file) => file.flush(),
            Self::Compressed(file) => file.flush(),
        }
    }
}

/// A file that counts its bytes.
#[derive(Debug)]
pub(crate) struct Counted {
    file: File,
    bytes: u64,
}

impl Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.file.write(bytes)?;
        self.bytes += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
