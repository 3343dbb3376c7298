//! What happened, newest last.

use std::borrow::Cow;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Span;
use ratatui::widgets::Widget;
use unicode_width::UnicodeWidthStr;

use super::stale;
use super::text::{below, fit, max_scroll, put, put_newest, row, rule, span, wrap_spans};
use super::theme::Ink;
use dashboard::data::Data;
use dashboard::reported::Source;
use dashboard::ui::appearance::Theme;
use dashboard::ui::events::{Entry, Severity};
use dashboard::ui::filter::Filter;

/// The panel.
pub(super) struct Events<'a> {
    /// What is shown.
    pub(super) data: &'a Data,
    /// Which entries of it.
    pub(super) filter: &'a Filter,
    /// The colours.
    pub(super) theme: Theme,
}

/// Columns of an entry's time and sign, below which a long message goes on.
const INDENT: usize = 11;

/// Fewer columns than that are no room for a message: then its object gives way.
const MESSAGE: usize = 40;

/// A label selector as Go prints it, which autoscalers put into their messages: what stands before its labels, and what
/// stands behind them where there are labels only.
const SELECTOR: &str = "(&LabelSelector{MatchLabels:map[string]string{";
const ENDS: [&str; 2] = [",})", ",MatchExpressions:[]LabelSelectorRequirement{},})"];

/// A message with `{queue: Orders}` in the place of what Go makes of such a selector; nothing else is changed.
fn readable(message: &str) -> Cow<'_, str> {
    let shorter = || {
        let (before, rest) = message.split_once(SELECTOR)?;
        let (labels, rest) = rest.split_once(",}")?;
        let rest = ENDS.iter().find_map(|end| rest.strip_prefix(end))?;
        Some(format!("{before}{{{labels}}}{rest}"))
    };
    shorter().map_or(Cow::Borrowed(message), Cow::Owned)
}

impl Events<'_> {
    /// When, how grave, and what about.
    fn head(&self, entry: &Entry, with_object: bool) -> Vec<Span<'static>> {
        let theme = self.theme;
        let (symbol, ink) = match entry.severity {
            Severity::Normal => (' ', Ink::Text),
            Severity::Warning => ('!', Ink::Warning),
            Severity::Own => ('›', Ink::Key),
        };
        let mut spans = vec![
            span(theme, Ink::Dim, format!("{} ", entry.time)),
            span(theme, ink, format!("{symbol} {}", entry.reason)),
        ];
        if entry.count > 1 {
            spans.push(span(theme, Ink::Dim, format!(" ×{}", entry.count)));
        }
        if with_object && !entry.object.is_empty() {
            spans.push(span(theme, Ink::Dim, format!(" {}", entry.object)));
        }
        spans
    }

    /// An entry in one row. What does not fit is to be had in the panel alone, which breaks lines.
    fn entry(&self, entry: &Entry, width: u16) -> Vec<Span<'static>> {
        let message = readable(&entry.message);
        let mut spans = self.head(entry, true);
        let room = |spans: &[Span<'_>]| usize::from(width.saturating_sub(super::text::width(spans) + 1));
        if room(&spans) < message.width().min(MESSAGE) {
            spans = self.head(entry, false);
        }
        let room = room(&spans);
        spans.push(span(self.theme, Ink::Text, format!(" {}", fit(&message, room))));
        spans
    }

    /// The newest entries without a title, newest last.
    pub(super) fn lines(&self, buffer: &mut Buffer, area: Rect) {
        let shown = self.data.events.short(self.filter, area.height.into());
        self.nothing(buffer, area, shown.len());
        for (index, entry) in (0..).zip(&shown) {
            put(buffer, row(area, index), self.entry(entry, area.width));
        }
    }

    /// All entries in full, also those of every pod's life, up to the one that is `scroll` entries above the newest.
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
        let area = below(area, 1);
        self.nothing(buffer, area, all);
        let newest = self.data.events.filtered(self.filter).rev().skip(scroll);
        put_newest(buffer, area, newest.map(|entry| self.in_full(entry, area.width)));
    }

    /// An entry with its whole message, broken into rows of that width.
    fn in_full(&self, entry: &Entry, width: u16) -> Vec<Vec<Span<'static>>> {
        let mut spans = self.head(entry, true);
        spans.push(span(self.theme, Ink::Text, format!(" {}", entry.message)));
        wrap_spans(&spans, width.into(), INDENT)
    }

    /// How many entries can lie below the panel when it is alone.
    pub(super) fn max_scroll(&self, area: Rect) -> usize {
        let all = self.data.events.filtered(self.filter).count();
        let oldest = self.data.events.filtered(self.filter).map(|e| self.in_full(e, area.width).len());
        max_scroll(below(area, 1).height, all, oldest)
    }

    fn nothing(&self, buffer: &mut Buffer, area: Rect, shown: usize) {
        if shown == 0 {
            let text = if self.filter.is_empty() { "nothing yet" } else { "nothing that the filter takes" };
            put(buffer, row(area, 0), vec![span(self.theme, Ink::Dim, format!(" {text}"))]);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn selectors_are_written_as_people_write_them() {
        let none = ",MatchExpressions:[]LabelSelectorRequirement{},})";
        for (message, shown) in [
            ("no selector (at all)".to_owned(), "no selector (at all)"),
            (
                "metric depth(&LabelSelector{MatchLabels:map[string]string{queue: Orders,},}) above target"
                    .to_owned(),
                "metric depth{queue: Orders} above target",
            ),
            (
                format!(
                    "metric depth(&LabelSelector{{MatchLabels:map[string]string{{a: b,c: d,}}{none} above target"
                ),
                "metric depth{a: b,c: d} above target",
            ),
            (
                "depth(&LabelSelector{MatchLabels:map[string]string{queue".to_owned(),
                "depth(&LabelSelector{MatchLabels:map[string]string{queue",
            ),
        ] {
            assert_eq!(readable(&message), shown);
        }
    }
}
