//! The workers' log lines, newest last.

use std::collections::VecDeque;
use std::time::Duration;

use contract::{JobEvent, JobEventKind};
use jiff::Timestamp;

use crate::clock::{At, DayClock};
use crate::reported::EarlierLine;
use crate::ui::filter::Filter;

/// Lines kept; the oldest go first.
const MAX_LINES: usize = 1_000;

/// Lines of each worker that are read from before the dashboard started.
pub const EARLIER_LINES: u16 = 20;

/// The time of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineTime {
    /// It arrived while the dashboard ran.
    Arrived(At),
    /// It was written before, by the clock of the pod's node.
    Written(Timestamp),
}

impl LineTime {
    /// The time of day.
    #[must_use]
    pub fn of_day(self, day: &DayClock) -> String {
        match self {
            Self::Arrived(at) => day.time_of_day(at),
            Self::Written(time) => day.of(time),
        }
    }
}

/// The subject of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum About {
    /// Any line, unchanged.
    Anything,
    /// A job that was begun or done.
    Job,
    /// A job that failed or goes back to the queue.
    Trouble,
}

impl About {
    /// The level of the line: that of a log event about trouble is `warn`.
    #[must_use]
    pub fn level(self) -> &'static str {
        match self {
            Self::Anything | Self::Job => "info",
            Self::Trouble => "warn",
        }
    }
}

/// One line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// Its time.
    pub at: LineTime,
    /// The pod that wrote it.
    pub pod: String,
    /// The subject.
    pub about: About,
    /// The line, or the job event in words.
    pub text: String,
}

/// The newest lines of all workers.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Logs {
    lines: VecDeque<LogLine>,
}

impl Logs {
    /// All lines, oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &LogLine> + ExactSizeIterator {
        self.lines.iter()
    }

    /// The lines that match a filter, oldest first.
    pub fn filtered<'a>(&'a self, filter: &'a Filter) -> impl DoubleEndedIterator<Item = &'a LogLine> {
        self.lines.iter().filter(|line| filter.takes(&[&line.pod, &line.text, line.about.level()]))
    }

    /// Adds a line that is not about a job.
    pub fn line(&mut self, at: At, pod: String, text: String) {
        self.push(LogLine { at: LineTime::Arrived(at), pod, about: About::Anything, text });
    }

    /// Adds a job event.
    pub fn job(&mut self, at: At, pod: &str, event: &JobEvent) {
        let (about, text) = in_words(event);
        self.push(LogLine { at: LineTime::Arrived(at), pod: pod.to_owned(), about, text });
    }

    /// Adds a line from before the dashboard started, among the others of that time.
    pub fn earlier(&mut self, written: Timestamp, pod: String, line: &EarlierLine) {
        let (about, text) = match line {
            EarlierLine::Job(event) => in_words(event),
            EarlierLine::Text(text) => (About::Anything, text.clone()),
        };
        let is_before = |line: &LogLine| matches!(line.at, LineTime::Written(time) if time <= written);
        let place = self.lines.partition_point(is_before);
        // The oldest lines go first, and this is one of them.
        if self.lines.len() < MAX_LINES {
            self.lines.insert(place, LogLine { at: LineTime::Written(written), pod, about, text });
        }
    }

    /// Returns true if lines from before the dashboard started are kept.
    #[must_use]
    pub fn has_earlier(&self) -> bool {
        self.lines.front().is_some_and(|line| matches!(line.at, LineTime::Written(_)))
    }

    fn push(&mut self, line: LogLine) {
        if self.lines.len() == MAX_LINES {
            self.lines.pop_front();
        }
        self.lines.push_back(line);
    }
}

/// A job event in words.
fn in_words(event: &JobEvent) -> (About, String) {
    let (word, about) = match event.kind {
        JobEventKind::Started => ("started", About::Job),
        JobEventKind::Acked => ("acked", About::Job),
        JobEventKind::Requeued => ("requeued", About::Trouble),
        JobEventKind::Failed => ("failed", About::Trouble),
    };
    let mut text = word.to_owned();
    if let Some(id) = event.id {
        text.push_str(&format!(" job {id}"));
    }
    if event.redelivered {
        text.push_str(", redelivered");
    }
    let seconds = |ms| Duration::from_millis(ms).as_secs_f64();
    if let Some(ms) = event.wait_ms {
        text.push_str(&format!(", waited {:.1} s", seconds(ms)));
    }
    if let Some(ms) = event.work_ms {
        text.push_str(&format!(", worked {:.1} s", seconds(ms)));
    }
    if let Some(reason) = &event.reason {
        text.push_str(&format!(": {reason}"));
    }
    (about, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn job_events_become_text_and_lines_are_bounded() {
        let mut logs = Logs::default();
        for _ in 0..2 * MAX_LINES {
            logs.line(At::default(), "worker-a".to_owned(), "connected".to_owned());
        }
        logs.job(
            At::default(),
            "worker-a",
            &JobEvent {
                kind: JobEventKind::Acked,
                id: None,
                burst: None,
                traceparent: None,
                at: jiff::Timestamp::UNIX_EPOCH,
                redelivered: true,
                wait_ms: Some(1_250),
                work_ms: Some(5_001),
                reason: None,
            },
        );
        assert_eq!(logs.iter().len(), MAX_LINES);
        assert!(!logs.has_earlier());
        assert_eq!(logs.iter().next_back().unwrap().text, "acked, redelivered, waited 1.2 s, worked 5.0 s");
    }

    #[test]
    fn earlier_lines_come_first_in_order() {
        let mut logs = Logs::default();
        logs.line(At::default(), "a".to_owned(), "now".to_owned());
        for (second, pod) in [(20, "a"), (10, "b"), (30, "b")] {
            let written = Timestamp::from_second(second).unwrap();
            logs.earlier(written, pod.to_owned(), &EarlierLine::Text(format!("{second}")));
        }
        let texts: Vec<&str> = logs.iter().map(|line| line.text.as_str()).collect();
        assert_eq!(texts, ["10", "20", "30", "now"]);
        assert!(logs.has_earlier());
    }
}
