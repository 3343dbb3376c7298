//! What happened, newest last.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Span;
use ratatui::widgets::Widget;

use super::stale;
use super::text::{below, fit, put, row, rule, span};
use super::theme::Ink;
use crate::event::Source;
use crate::model::events::{Entry, Weight};
use crate::model::filter::Filter;
use crate::model::{Data, Theme};

/// The panel.
pub(super) struct Events<'a> {
    /// What is shown.
    pub(super) data: &'a Data,
    /// Which entries of it.
    pub(super) filter: &'a Filter,
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
        // A message that would only be its sign is left to the object's.
        let room = usize::from(width.saturating_sub(used + 1)).max(1);
        spans.push(span(theme, Ink::Text, format!(" {}", fit(&entry.message, room))));
        spans
    }

    /// The newest entries without a title, newest last.
    pub(super) fn lines(&self, buffer: &mut Buffer, area: Rect) {
        // What every pod goes through is to be seen in the pods themselves, unless somebody looks for it.
        let is_wanted = |entry: &&Entry| !entry.is_routine || !self.filter.is_empty();
        let newest = self.data.events.filtered(self.filter).rev().filter(is_wanted);
        self.put(buffer, area, newest);
    }

    /// All entries, also those of every pod's life, up to the one that is `scroll` lines above the newest.
    pub(super) fn expanded(&self, buffer: &mut Buffer, area: Rect, scroll: usize) {
        let all = self.data.events.filtered(self.filter).count();
        let mut note =
            vec![span(self.theme, Ink::Dim, format!("{all} of {}", self.data.events.iter().len()))];
        if scroll > 0 {
            note.push(span(self.theme, Ink::Lit, format!(", {scroll} newer below")));
        }
        let room = stale::room(area.width, "Events");
        let note = stale::note(self.data, self.theme, Source::Events, room).unwrap_or(note);
        rule(buffer, row(area, 0), self.theme, "Events", note);
        self.put(buffer, below(area, 1), self.data.events.filtered(self.filter).rev().skip(scroll));
    }

    fn put<'e>(&self, buffer: &mut Buffer, area: Rect, newest: impl Iterator<Item = &'e Entry>) {
        let shown: Vec<_> = newest.take(usize::from(area.height)).collect();
        if shown.is_empty() {
            let text = if self.filter.is_empty() { "nothing yet" } else { "nothing that the filter takes" };
            put(buffer, row(area, 0), vec![span(self.theme, Ink::Dim, format!(" {text}"))]);
        }
        for (index, entry) in (0..).zip(shown.into_iter().rev()) {
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
        self.lines(buffer, below(area, 1));
    }
}
