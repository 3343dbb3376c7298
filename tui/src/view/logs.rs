//! The screen Logs: what the workers log.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::widgets::Widget;

use super::stale;
use super::text::{below, fit, fit_end, put, row, rule, span};
use super::theme::Ink;
use crate::event::Source;
use crate::model::filter::Filter;
use crate::model::logs::{About, Line};
use crate::model::{Data, Theme};

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
        let names: usize = if area.width >= 100 { 26 } else { 12 };
        let newest = self.data.logs.filtered(self.filter).rev().skip(self.scroll);
        let shown: Vec<&Line> = newest.take(area.height.into()).collect();
        for (index, line) in (0..).zip(shown.into_iter().rev()) {
            let ink = match line.about {
                About::Anything => Ink::Dim,
                About::Job => Ink::Text,
                About::Trouble => Ink::Warning,
            };
            let room = usize::from(area.width).saturating_sub(names + 11);
            put(
                buffer,
                row(area, index),
                vec![
                    span(theme, Ink::Dim, format!("{} ", self.data.day.time_of_day(line.at))),
                    span(theme, Ink::Queue, format!("{:<names$} ", fit_end(&line.pod, names))),
                    span(theme, ink, fit(&line.text, room).into_owned()),
                ],
            );
        }
    }
}
