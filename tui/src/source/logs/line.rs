//! Lines of a log, bounded in length, and the position in a log.

use std::io;

use futures::{AsyncBufRead, AsyncBufReadExt as _};

/// Limit of a line's length; the rest of a longer line is skipped.
pub(super) const LINE_LIMIT: usize = 64 * 1024;

/// Reads the next line without its end into `line`; false at the end of the stream.
///
/// # Errors
/// If the stream breaks off: there may have been more.
pub(super) async fn read<R: AsyncBufRead + Unpin>(stream: &mut R, line: &mut Vec<u8>) -> io::Result<bool> {
    line.clear();
    let mut any = false;
    loop {
        let chunk = match stream.fill_buf().await? {
            [] => return Ok(any),
            chunk => chunk,
        };
        any = true;
        let end = chunk.iter().position(|byte| *byte == b'\n');
        let part = &chunk[..end.unwrap_or(chunk.len())];
        line.extend_from_slice(&part[..part.len().min(LINE_LIMIT - line.len())]);
        let used = end.map_or(chunk.len(), |end| end + 1);
        stream.consume_unpin(used);
        if end.is_some() {
            if line.last() == Some(&b'\r') {
                line.pop();
            }
            return Ok(true);
        }
    }
}

/// The position in a log: the API server's time of the last line, and the number of lines of that time. The times are
/// RFC 3339 in UTC with a fixed number of digits, so they sort as text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Position {
    at: String,
    count: usize,
}

impl Position {
    /// The position after one more line of `time`.
    pub(super) fn after(position: Option<Self>, at: &str) -> Self {
        match position {
            Some(position) if position.at == at => Self { count: position.count + 1, ..position },
            _ => Self { at: at.to_owned(), count: 1 },
        }
    }
}

/// Separates the lines of a log that is read again from new ones.
#[derive(Debug)]
pub(super) enum Resume {
    /// Not beyond the last read line; this many lines of its time were met again.
    Before {
        /// The last read line.
        from: Position,
        /// Lines of its time.
        met: usize,
    },
    /// Beyond it.
    Beyond {
        /// Set if all lines up to the last read one appeared again.
        has_met: bool,
    },
}

/// The kind of a line.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// It was read before.
    Known,
    /// It is new.
    New,
    /// It is new, and the last read line did not come before it: lines are missing.
    NewAfterGap,
}

impl Resume {
    /// Continues after `from`.
    pub(super) fn new(from: Option<Position>) -> Self {
        from.map_or(Self::Beyond { has_met: true }, |from| Self::Before { from, met: 0 })
    }

    /// Returns true if the last read line appeared again.
    pub(super) fn has_met(&self) -> bool {
        match self {
            Self::Before { from, met } => *met >= from.count,
            Self::Beyond { has_met } => *has_met,
        }
    }

    /// Returns true if all lines so far come before the last read one.
    pub(super) fn is_short(&self) -> bool {
        matches!(self, Self::Before { .. }) && !self.has_met()
    }

    /// The kind of a line of `time`.
    pub(super) fn line(&mut self, at: &str) -> Line {
        let Self::Before { from, met } = self else { return Line::New };
        if at < from.at.as_str() {
            return Line::Known;
        }
        if at == from.at {
            *met += 1;
            return if *met <= from.count { Line::Known } else { Line::New };
        }
        let has_met = self.has_met();
        *self = Self::Beyond { has_met };
        if has_met { Line::New } else { Line::NewAfterGap }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn long_lines_are_cut_and_the_last_needs_no_end() {
        let long = "x".repeat(LINE_LIMIT + 10);
        let text = format!("one\r\n\n{long}\nlast");
        let mut stream = text.as_bytes();
        let mut line = Vec::new();
        let mut lines = Vec::new();
        while read(&mut stream, &mut line).await.unwrap() {
            lines.push(String::from_utf8(line.clone()).unwrap());
        }
        let expected = ["one", "", &long[..LINE_LIMIT], "last"];
        assert_eq!(lines, expected);
    }

    #[test]
    fn read_lines_are_recognised_among_equal_times() {
        let position = ["1", "2", "2"].iter().fold(None, |position, at| Some(Position::after(position, at)));
        for (times, expected) in [
            (
                &["1", "2", "2", "2", "3"][..],
                &[Line::Known, Line::Known, Line::Known, Line::New, Line::New][..],
            ),
            (&["2", "2", "3"], &[Line::Known, Line::Known, Line::New]),
            (&["3", "4"], &[Line::NewAfterGap, Line::New]),
            (&["2", "3"], &[Line::Known, Line::NewAfterGap]),
        ] {
            let mut resume = Resume::new(position.clone());
            let found: Vec<Line> = times.iter().map(|at| resume.line(at)).collect();
            assert_eq!(found, expected, "{times:?}");
        }
        assert_eq!(Resume::new(None).line("1"), Line::New);
    }
}
