//! The workers' log lines, newest last.

use std::collections::VecDeque;
use std::time::Duration;

use contract::{JobEvent, JobEventKind};

use crate::clock::At;
use crate::ui::filter::Filter;

/// Lines kept; the oldest go first.
const MAX_LINES: usize = 1_000;

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

/// One line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// The arrival time.
    pub at: At,
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
        self.lines.iter().filter(|line| filter.takes(&[&line.pod, &line.text]))
    }

    /// Adds a line that is not about a job.
    pub fn line(&mut self, at: At, pod: String, text: String) {
        self.push(LogLine { at, pod, about: About::Anything, text });
    }

    /// Adds a job event.
    pub fn job(&mut self, at: At, pod: &str, event: &JobEvent) {
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
        self.push(LogLine { at, pod: pod.to_owned(), about, text });
    }

    fn push(&mut self, line: LogLine) {
        if self.lines.len() == MAX_LINES {
            self.lines.pop_front();
        }
        self.lines.push_back(line);
    }
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
        assert_eq!(logs.iter().next_back().unwrap().text, "acked, redelivered, waited 1.2 s, worked 5.0 s");
    }
}
