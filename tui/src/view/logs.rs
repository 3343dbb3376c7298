//! The screen Logs: what the workers log.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Span;
use ratatui::widgets::Widget;
use unicode_width::UnicodeWidthStr;

use super::stale;
use super::text::{below, fit_end, max_scroll, put, put_newest, row, rule, span, wrap_spans};
use super::theme::Ink;
use dashboard::data::Data;
use dashboard::reported::Source;
use dashboard::ui::appearance::Theme;
use dashboard::ui::filter::Filter;
use dashboard::workers::logs::{About, LogLine};

/// The screen.
pub(super) struct Logs<'a> {
    /// What is shown.
    pub(super) data: &'a Data,
    /// Which lines of it.
    pub(super) filter: &'a Filter,
    /// Lines above the newest at which the screen ends; 0 follows it.
    pub(super) scroll: usize,
    /// The colours.
    pub(super) theme: Theme,
}

impl Logs<'_> {
    /// A line of a log, broken into rows of that width.
    fn broken(&self, line: &LogLine, width: u16) -> Vec<Vec<Span<'static>>> {
        let theme = self.theme;
        let names: usize = if width >= 100 { 26 } else { 6 };
        let ink = match line.about {
            About::Anything => Ink::Dim,
            About::Job => Ink::Text,
            About::Trouble => Ink::Warning,
        };
        let room = usize::from(width).saturating_sub(names + TIME);
        let text = if line.text.width() > room { short(&line.text) } else { line.text.clone() };
        let spans = [
            span(theme, Ink::Dim, format!("{} ", self.data.day.time_of_day(line.at))),
            span(theme, Ink::Queue, format!("{:<names$} ", fit_end(&line.pod, names))),
            span(theme, ink, text),
        ];
        wrap_spans(&spans, width.into(), TIME + names)
    }

    /// How many lines can lie below the screen.
    pub(super) fn max_scroll(&self, area: Rect) -> usize {
        let all = self.data.logs.filtered(self.filter).count();
        let oldest = self.data.logs.filtered(self.filter).map(|line| self.broken(line, area.width).len());
        max_scroll(below(area, 1).height, all, oldest)
    }
}

impl Widget for &Logs<'_> {
    fn render(self, area: Rect, buffer: &mut Buffer) {
        let theme = self.theme;
        let room = stale::room(area.width, "Logs");
        let (all, taken) = (self.data.logs.iter().len(), self.data.logs.filtered(self.filter).count());
        let of = if self.filter.is_empty() {
            "of all workers, newest last".to_owned()
        } else {
            format!("{taken} of {all} lines, newest last")
        };
        let mut note = vec![span(theme, Ink::Dim, of)];
        if self.scroll > 0 {
            note.push(span(theme, Ink::Lit, format!(", {} newer below", self.scroll)));
        }
        let note = stale::note(self.data, theme, Source::Logs, room).unwrap_or(note);
        rule(buffer, row(area, 0), theme, "Logs", note);
        let area = below(area, 1);
        if taken == 0 {
            let text =
                if all == 0 { "no worker has logged anything yet" } else { "no line that the filter takes" };
            put(buffer, row(area, 0), vec![span(theme, Ink::Dim, text)]);
            return;
        }
        let newest = self.data.logs.filtered(self.filter).rev().skip(self.scroll);
        put_newest(buffer, area, newest.map(|line| self.broken(line, area.width)));
    }
}

/// Columns of the time, and of the gap behind the pod.
const TIME: usize = 10;

/// A line with the ends of its job IDs only, which are what differs: there is no room for more.
fn short(text: &str) -> String {
    const KEPT: usize = 12;
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
    fn of_job_ids_the_end_is_left() {
        for (text, shown) in [
            (
                "acked job 019a3f2e-7c1d-7aaa-8bbb-0123456789ab, waited 1.0 s",
                "acked job …0123456789ab, waited 1.0 s",
            ),
            ("connected  to 127.0.0.1:5672", "connected  to 127.0.0.1:5672"),
            ("", ""),
        ] {
            assert_eq!(short(text), shown);
        }
    }
}
