//! What happened, newest last.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Span;
use ratatui::widgets::Widget;

use super::stale;
use super::text::{fit, put, row, rule, span};
use super::theme::Ink;
use crate::event::Source;
use crate::model::events::{Entry, Weight};
use crate::model::{Data, Theme};

/// The panel.
pub(super) struct Events<'a> {
    /// What is shown.
    pub(super) data: &'a Data,
    /// The colours.
    pub(super) theme: Theme,
}

impl Events<'_> {
    fn entry(&self, entry: &Entry, width: u16) -> Vec<Span<'static>> {
        let theme = self.theme;
        let (symbol, ink) = match entry.weight {
            Weight::Normal => (' ', Ink::Text),
            Weight::Warning => ('!', Ink::Warning),
            Weight::Own => ('›', Ink::Key),
        };
        let mut spans = vec![
            span(theme, Ink::Dim, format!("{} ", entry.time)),
            span(theme, ink, format!("{symbol} {}", fit(&entry.reason, 24))),
        ];
        if entry.count > 1 {
            spans.push(span(theme, Ink::Dim, format!(" ×{}", entry.count)));
        }
        if !entry.object.is_empty() {
            spans.push(span(theme, Ink::Dim, format!(" {}", fit(&entry.object, 32))));
        }
        let used = super::text::width(&spans);
        let room = usize::from(width.saturating_sub(used + 1));
        spans.push(span(theme, Ink::Text, format!(" {}", fit(&entry.message, room))));
        spans
    }

    /// The newest entries without a title, newest last.
    pub(super) fn lines(&self, buffer: &mut Buffer, area: Rect) {
        let rows = usize::from(area.height);
        // What every pod goes through is to be seen in the pods themselves.
        let newest = self.data.events.iter().rev().filter(|entry| !entry.is_routine).take(rows);
        for (index, entry) in (0..).zip(newest.collect::<Vec<_>>().into_iter().rev()) {
            put(buffer, row(area, index), self.entry(entry, area.width));
        }
    }
}

impl Widget for &Events<'_> {
    fn render(self, area: Rect, buffer: &mut Buffer) {
        let jobs = &self.data.jobs;
        let mut note = Vec::new();
        if jobs.redelivered > 0 {
            note.push(span(self.theme, Ink::Warning, format!("{} redelivered", jobs.redelivered)));
        }
        if jobs.lost > 0 {
            let gap = if note.is_empty() { "" } else { "   " };
            note.push(span(self.theme, Ink::Error, format!("{gap}{} lost", jobs.lost)));
        }
        let room = stale::room(area.width, "Events");
        let note = stale::note(self.data, self.theme, Source::Events, room).unwrap_or(note);
        rule(buffer, row(area, 0), self.theme, "Events", note);
        self.lines(buffer, super::text::below(area, 1));
    }
}
