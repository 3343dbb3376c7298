//! The list of events: the panel of the overview, and the panel alone with every message in full.
//!
//! ```text
//! ── Events ───────────────────── 1 redelivered ─
//! 14:00:20 › burst #1: 200 jobs
//! 14:00:30   SuccessfulRescale worker-scaler New size: 5; reason: …
//! 14:00:41 ! load 3 requests failed: 503: the broker is away
//! ```

use std::borrow::Cow;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Span;
use ratatui::widgets::Widget;
use unicode_width::UnicodeWidthStr;

use super::draw::{entries, joined, line, lines, max_scroll, note_room, panel, row, span, width};
use super::stale;
use super::strings::lists as text;
use super::theme::Ink;
use super::wrap::{fit, wrap_spans};
use ::text::selector::readable;
use dashboard::data::Data;
use dashboard::reported::Source;
use dashboard::ui::appearance::Theme;
use dashboard::ui::events::{Entry, Severity};
use dashboard::ui::filter::Filter;

/// Columns of an entry's time and sign: further lines of its message are indented by them.
const INDENT: usize = 11;

/// With fewer columns, a rescale leaves its reason out.
const NARROW: u16 = 60;

/// With fewer columns for the message, an entry leaves its object out.
const MIN_MESSAGE: usize = 40;

/// The panel.
pub(super) struct Events<'a> {
    /// The observed data.
    pub(super) data: &'a Data,
    /// The filter of the entries.
    pub(super) filter: &'a Filter,
    /// The colours.
    pub(super) theme: Theme,
}

impl Events<'_> {
    /// The time, the weight, the reason and the object of an entry.
    fn head(&self, entry: &Entry, with_object: bool, columns: u16) -> Vec<Span<'static>> {
        let theme = self.theme;
        // The sizes of a rescale say more than its reason.
        let reason = if entry.sizes.is_some() && columns < NARROW { "" } else { &entry.reason };
        let (symbol, ink) = match entry.severity {
            Severity::Normal => (' ', Ink::Text),
            Severity::Warning => ('!', Ink::Warning),
            Severity::Own => ('›', Ink::Key),
        };
        let mut spans = vec![
            span(theme, Ink::Dim, format!("{} ", entry.time)),
            span(theme, ink, format!("{symbol} {reason}")),
        ];
        if entry.count > 1 {
            spans.push(span(theme, Ink::Dim, text::times(entry.count)));
        }
        if with_object && !entry.object.is_empty() {
            spans.push(span(theme, Ink::Dim, format!(" {}", entry.object)));
        }
        spans
    }

    /// The message of an entry in the list: the sizes of a rescale first, and no Go notation.
    fn message(entry: &Entry) -> Cow<'_, str> {
        match entry.sizes {
            Some((from, to)) => Cow::Owned(text::rescale(from, to, &readable(entry.why()))),
            None => readable(&entry.message),
        }
    }

    /// An entry in one row. The panel alone shows the whole message.
    fn entry(&self, entry: &Entry, columns: u16) -> Vec<Span<'static>> {
        let message = Self::message(entry);
        let mut spans = self.head(entry, true, columns);
        let room = |spans: &[Span<'_>]| usize::from(columns.saturating_sub(width(spans) + 1));
        if room(&spans) < message.width().min(MIN_MESSAGE) {
            spans = self.head(entry, false, columns);
        }
        let room = room(&spans);
        spans.push(span(self.theme, Ink::Text, format!(" {}", fit(&message, room))));
        spans
    }

    /// An entry with its whole message, in rows of that width.
    fn entry_in_full(&self, entry: &Entry, columns: u16) -> Vec<Vec<Span<'static>>> {
        let mut spans = self.head(entry, true, u16::MAX);
        spans.push(span(self.theme, Ink::Text, format!(" {}", entry.message)));
        wrap_spans(&spans, columns.into(), INDENT)
    }

    /// An entry in one row, or in up to `spare` more if its message needs them and they are enough.
    fn entry_in_rows(&self, entry: &Entry, columns: u16, spare: usize) -> Vec<Vec<Span<'static>>> {
        let mut spans = self.head(entry, false, columns);
        spans.push(span(self.theme, Ink::Text, format!(" {}", Self::message(entry))));
        let rows = wrap_spans(&spans, columns.into(), INDENT);
        if (2..=spare + 1).contains(&rows.len()) { rows } else { vec![self.entry(entry, columns)] }
    }

    /// Draws the newest entries without a title, the newest last. Rows that no entry needs go to messages that need more than
    /// one, the newest first.
    pub(super) fn summary(&self, buffer: &mut Buffer, area: Rect) {
        let shown = self.data.events.short(self.filter, area.height.into());
        self.empty(buffer, area, shown.len());
        let mut spare = usize::from(area.height).saturating_sub(shown.len());
        let newest = shown.iter().rev().map(|entry| {
            let rows = self.entry_in_rows(entry, area.width, spare);
            spare -= rows.len() - 1;
            rows
        });
        let newest: Vec<_> = newest.collect();
        lines(buffer, area, newest.into_iter().rev().flatten());
    }

    /// Draws the panel alone: all entries in full, up to the one that is `scroll` entries older than the newest.
    pub(super) fn expanded(&self, buffer: &mut Buffer, area: Rect, scroll: usize) {
        let all = self.data.events.filtered(self.filter).count();
        let room = note_room(area.width, text::EVENTS);
        let note = stale::note(self.data, self.theme, Source::Events, room).unwrap_or_else(|| {
            let mut note = vec![span(self.theme, Ink::Dim, text::shown(all, self.data.events.iter().len()))];
            if scroll > 0 {
                note.push(span(self.theme, Ink::Lit, text::newer_below(scroll)));
            }
            note
        });
        let inside = panel(buffer, area, self.theme, text::EVENTS, note);
        self.empty(buffer, inside, all);
        let newest = self.data.events.filtered(self.filter).rev().skip(scroll);
        entries(buffer, inside, newest.map(|entry| self.entry_in_full(entry, inside.width)));
    }

    /// The scroll range of the expanded panel, in entries.
    pub(super) fn max_scroll(&self, area: Rect) -> usize {
        let all = self.data.events.filtered(self.filter).count();
        let heights = self.data.events.filtered(self.filter).map(|e| self.entry_in_full(e, area.width).len());
        max_scroll(area.height.saturating_sub(1), all, heights)
    }

    /// The filter while it is on, with the number of entries that it shows.
    fn filtered(&self) -> Option<Vec<Span<'static>>> {
        let all = self.data.events.iter().len();
        let shown = self.data.events.filtered(self.filter).count();
        let words = text::filtered(self.filter.text().trim(), shown, all);
        (!self.filter.is_empty()).then(|| vec![span(self.theme, Ink::Lit, words)])
    }

    fn empty(&self, buffer: &mut Buffer, area: Rect, shown: usize) {
        if shown == 0 {
            let text = if self.filter.is_empty() { text::NO_EVENTS } else { text::NO_EVENT_MATCHES };
            line(buffer, row(area, 0), vec![span(self.theme, Ink::Dim, text)]);
        }
    }
}

impl Widget for &Events<'_> {
    fn render(self, area: Rect, buffer: &mut Buffer) {
        let jobs = &self.data.jobs;
        let room = note_room(area.width, text::EVENTS);
        let note = stale::note(self.data, self.theme, Source::Events, room).unwrap_or_else(|| {
            let redelivered = span(self.theme, Ink::Warning, text::redelivered(jobs.redelivered));
            let lost = span(self.theme, Ink::Error, text::lost(jobs.lost));
            let facts = [(jobs.redelivered, redelivered), (jobs.lost, lost)].into_iter();
            let facts = facts.filter(|(count, _)| *count > 0).map(|(_, fact)| vec![fact]);
            joined(self.filtered().into_iter().chain(facts), room)
        });
        let inside = panel(buffer, area, self.theme, text::EVENTS, note);
        self.summary(buffer, inside);
    }
}
