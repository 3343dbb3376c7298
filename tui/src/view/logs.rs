//! The third screen: what the workers log.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::widgets::Widget;

use super::stale;
use super::text::{below, fit, fit_end, put, row, rule, span};
use super::theme::Ink;
use crate::event::Source;
use crate::model::logs::About;
use crate::model::{Data, Theme};

/// The screen.
pub(super) struct Logs<'a> {
    /// What is shown.
    pub(super) data: &'a Data,
    /// The colours.
    pub(super) theme: Theme,
}

impl Widget for &Logs<'_> {
    fn render(self, area: Rect, buffer: &mut Buffer) {
        let theme = self.theme;
        let room = stale::room(area.width, "Logs");
        let note = stale::note(self.data, theme, Source::Logs, room)
            .unwrap_or_else(|| vec![span(theme, Ink::Dim, "of all workers, newest last")]);
        rule(buffer, row(area, 0), theme, "Logs", note);
        let area = below(area, 1);
        if self.data.logs.iter().len() == 0 {
            put(buffer, row(area, 0), vec![span(theme, Ink::Dim, "no worker has logged anything yet")]);
            return;
        }
        let names: usize = if area.width >= 100 { 26 } else { 12 };
        let skip = self.data.logs.iter().len().saturating_sub(area.height.into());
        for (index, line) in (0..).zip(self.data.logs.iter().skip(skip)) {
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
