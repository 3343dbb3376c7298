//! The screen Logs: the log lines of all workers.
//!
//! ```text
//! ── Logs ─────── all since 14:00:02, newest last ───
//! 14:00:21 worker-6f7d9c8b5-4kq2m     info started job …89ab
//! 14:00:26 worker-6f7d9c8b5-4kq2m     info acked job …89ab,
//!                                          waited 1.0 s
//! ```

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Span;
use ratatui::widgets::Widget;

use super::draw::{entries, line, max_scroll, note_room, panel, row, span};
use super::stale;
use super::strings::lists as text;
use super::theme::Ink;
use super::wrap::{fit_end, wrap_spans};
use dashboard::clock::At;
use dashboard::data::Data;
use dashboard::reported::Source;
use dashboard::ui::appearance::Theme;
use dashboard::ui::filter::Filter;
use dashboard::workers::logs::{About, LineTime, LogLine};

/// Columns of the time, and of the gap behind the pod.
const TIME: usize = 10;

/// Columns of the level.
const LEVEL: usize = 5;

/// Columns of the pod, in a window from 100 columns on and in a smaller one.
const POD: [usize; 2] = [26, 6];

/// The screen.
pub(super) struct Logs<'a> {
    /// The observed data.
    pub(super) data: &'a Data,
    /// The filter of the lines.
    pub(super) filter: &'a Filter,
    /// The number of lines below the screen; 0 follows the newest.
    pub(super) scroll: usize,
    /// The colours.
    pub(super) theme: Theme,
}

impl Logs<'_> {
    /// A log line, in rows of that width.
    fn rows(&self, line: &LogLine, width: u16) -> Vec<Vec<Span<'static>>> {
        let theme = self.theme;
        let pod = if width >= 100 { POD[0] } else { POD[1] };
        let ink = match line.about {
            _ if matches!(line.at, LineTime::Written(_)) => Ink::Dim,
            About::Anything => Ink::Dim,
            About::Job => Ink::Text,
            About::Trouble => Ink::Warning,
        };
        let text = with_short_ids(&line.text);
        let level = format!("{:<5}", line.about.level());
        let level_ink = if line.about == About::Trouble { Ink::Warning } else { Ink::Dim };
        let spans = [
            span(theme, Ink::Dim, format!("{} ", line.at.of_day(&self.data.day))),
            span(theme, Ink::Queue, format!("{:<pod$} ", fit_end(&line.pod, pod))),
            span(theme, level_ink, level),
            span(theme, ink, text),
        ];
        wrap_spans(&spans, width.into(), TIME + pod + LEVEL)
    }

    /// The scroll range of the screen, in lines.
    pub(super) fn max_scroll(&self, area: Rect) -> usize {
        let all = self.data.logs.filtered(self.filter).count();
        let heights = self.data.logs.filtered(self.filter).map(|line| self.rows(line, area.width).len());
        max_scroll(area.height.saturating_sub(1), all, heights)
    }

    fn note(&self, shown: usize, all: usize) -> Vec<Span<'static>> {
        let text = match self.filter.is_empty() {
            true => text::all_logs(&self.data.day.time_of_day(At::default()), self.data.logs.has_earlier()),
            false => text::lines_shown(self.filter.text().trim(), shown, all),
        };
        let ink = if self.filter.is_empty() { Ink::Dim } else { Ink::Lit };
        let mut note = vec![span(self.theme, ink, text)];
        if self.scroll > 0 {
            note.push(span(self.theme, Ink::Lit, text::newer_below(self.scroll)));
        }
        note
    }
}

impl Widget for &Logs<'_> {
    fn render(self, area: Rect, buffer: &mut Buffer) {
        let theme = self.theme;
        let (all, shown) = (self.data.logs.iter().len(), self.data.logs.filtered(self.filter).count());
        let room = note_room(area.width, text::LOGS);
        let note = stale::note(self.data, theme, Source::Logs, room);
        let inside = panel(buffer, area, theme, text::LOGS, note.unwrap_or_else(|| self.note(shown, all)));
        if shown == 0 {
            let text = if all == 0 { text::NO_LOGS } else { text::NO_LINE_MATCHES };
            line(buffer, row(inside, 0), vec![span(theme, Ink::Dim, text)]);
            return;
        }
        let newest = self.data.logs.filtered(self.filter).rev().skip(self.scroll);
        entries(buffer, inside, newest.map(|line| self.rows(line, inside.width)));
    }
}

/// Shortens the job IDs of a line to their ends, as on the timelines of the workers.
fn with_short_ids(text: &str) -> String {
    const KEPT: usize = 4;
    let word = |word: &str| {
        let id = word.trim_end_matches([',', ':', ';', '.']);
        match uuid::Uuid::try_parse(id) {
            Ok(_) if id.len() > KEPT => format!("…{}", &word[id.len() - KEPT..]),
            _ => word.to_owned(),
        }
    };
    text.split(' ').map(word).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn job_ids_keep_their_end() {
        for (text, shown) in [
            ("acked job 019a3f2e-7c1d-7aaa-8bbb-0123456789ab, waited 1.0 s", "acked job …89ab, waited 1.0 s"),
            ("connected  to 127.0.0.1:5672", "connected  to 127.0.0.1:5672"),
            ("", ""),
        ] {
            assert_eq!(with_short_ids(text), shown);
        }
    }
}
