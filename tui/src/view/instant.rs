//! All values at the cursor, in the place of another panel: the chart stays whole.
//!
//! ```text
//! ── At 14:00:46 ──────────────── 1m58s ago ─
//!  ━ messages         183   ▒ current      10
//!  ▓ unacked           10   █ ready        10
//!  ╍ target           200   • worker ready ×5
//!  sync 14:00:45  5 → 10, wanted 10, from the metric
//! ```
//!
//! In a large panel the sync has every step of its arithmetic.

use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::Span;
use ratatui::widgets::Widget;
use unicode_width::UnicodeWidthStr;

use super::chart::{MARKS, sample, shares_at};
use super::decision::{sync_at, sync_in_short};
use super::draw::{below, line, line_right, lines, panel, row, span, top};
use super::fmt::{coarse, count};
use super::strings::chart as text;
use super::theme::Ink;
use super::wrap::phrase;
use dashboard::chart::curves::Curve;
use dashboard::clock::At;
use dashboard::data::Data;
use dashboard::ui::appearance::Theme;
use dashboard::ui::state::ChartView;
use observed::ExternalTarget;

/// The least and the most columns of a value with its name.
const VALUE: (u16, u16) = (17, 42);

/// Columns between two values.
const GAP: u16 = 2;

/// From this width on there are at least two columns of values.
const TWO_COLUMNS: u16 = 60;

/// The panel.
pub(super) struct Instant<'a> {
    /// The observed data.
    pub(super) data: &'a Data,
    /// The stretch of time, with the cursor, and the curves.
    pub(super) lens: ChartView,
    /// The colours.
    pub(super) theme: Theme,
}

/// A value at the cursor.
struct Entry {
    sign: Span<'static>,
    /// The phrasings of the name, from the longest to the shortest.
    names: Vec<String>,
    value: Span<'static>,
}

impl Instant<'_> {
    /// The rows that the panel needs at that width.
    pub(super) fn rows(&self, width: u16) -> u16 {
        let entries = self.lens.stretch.cursor.map_or(0, |at| self.entries(at).len());
        // About twenty curves and kinds of marks.
        1 + (entries as u16).div_ceil(columns(width)) + self.sync(width).len() as u16
    }

    /// The sync in force at the cursor: its head, and a row for each step.
    fn sync(&self, width: u16) -> Vec<Vec<Span<'static>>> {
        let at = self.lens.stretch.cursor;
        at.map_or_else(Vec::new, |at| sync_at(self.data, at, self.theme, width.into()))
    }

    fn entries(&self, at: At) -> Vec<Entry> {
        // Without a shadow its curve is left out.
        let is_there =
            |curve: &&Curve| **curve != Curve::Shadow || curve.at(&self.data.history, at).is_some();
        // Without a queue its curves are left out, too.
        let of_queue = [Curve::Messages, Curve::InWork, Curve::Target, Curve::Believed, Curve::Metric];
        let has_queue = self.data.has_queue();
        let curves =
            Curve::ALL.iter().filter(is_there).filter(|curve| has_queue || !of_queue.contains(curve));
        let curves = curves.map(|curve| self.curve(*curve, at));
        let shares = shares_at(self.data, at, self.lens.markers).into_iter().map(|share| {
            let value = match share.share {
                Some(value) => span(self.theme, Ink::Value, value),
                None => span(self.theme, Ink::Dim, text::NO_VALUE),
            };
            let names = vec![text::share_of(&share.name), share.name];
            Entry { sign: span(self.theme, share.ink, share.mark), names, value }
        });
        shares.chain(curves).chain(self.marks(at)).collect()
    }

    fn curve(&self, curve: Curve, at: At) -> Entry {
        let (ink, text) = sample(self.lens.markers, curve);
        let value = match curve.at(&self.data.history, at) {
            None => span(self.theme, Ink::Dim, text::NO_VALUE),
            Some(value) => {
                // A total that was computed from an average was not read.
                let is_average = matches!(self.data.metric_target(), Some(ExternalTarget::AverageValue(_)));
                let is_estimate = curve == Curve::Raw || curve == Curve::Believed && is_average;
                let sign = if is_estimate { "≈" } else { "" };
                span(self.theme, Ink::Value, format!("{sign}{}", count(f64::from(value))))
            }
        };
        let names = vec![curve.title().to_owned(), curve.word().to_owned()];
        Entry { sign: span(self.theme, ink, text), names, value }
    }

    /// The marks within one step of the cursor: each kind once, with its number and the time of the first.
    fn marks(&self, at: At) -> impl Iterator<Item = Entry> + '_ {
        let near = self.lens.stretch.step();
        let marks: Vec<_> = self.data.history.marks(At(at.0.saturating_sub(near / 2)), near).collect();
        MARKS.iter().rev().filter_map(move |(kind, symbol, ink, meaning)| {
            let mut same = marks.iter().filter(|mark| mark.kind == *kind);
            let (first, more) = (same.next()?, same.count());
            let times = if more > 0 { format!("×{}", more + 1) } else { String::new() };
            let time = self.data.day.time_of_day(first.at);
            Some(Entry {
                sign: span(self.theme, *ink, symbol.to_string()),
                names: vec![format!("{meaning} {time}"), (*meaning).to_owned(), time],
                value: span(self.theme, Ink::Value, times),
            })
        })
    }
}

/// The columns of values that fit side by side.
fn columns(width: u16) -> u16 {
    match width {
        _ if width >= 2 * VALUE.1 + GAP => (width + GAP) / (VALUE.1 + GAP),
        TWO_COLUMNS.. => 2,
        _ => ((width + GAP) / (VALUE.0 + GAP)).clamp(1, 3),
    }
}

impl Widget for &Instant<'_> {
    fn render(self, area: Rect, buffer: &mut Buffer) {
        let Some(at) = self.lens.stretch.cursor else { return };
        let theme = self.theme;
        let ago = text::ago(&coarse(self.data.now.since(at)));
        let title = text::at(&self.data.day.time_of_day(at));
        let inside = panel(buffer, area, theme, &title, vec![span(theme, Ink::Lit, ago)]);
        if inside.is_empty() {
            return;
        }
        let entries = self.entries(at);
        let mut columns = columns(inside.width);
        // The sync is below the values: all of it, or its result.
        let needed = (entries.len() as u16).div_ceil(columns);
        let mut sync = self.sync(inside.width);
        if needed + sync.len() as u16 > inside.height {
            sync = sync_in_short(self.data, at, theme).into_iter().collect();
        }
        let rows = sync.len() as u16;
        let (inside, sync_area) = (top(inside, inside.height - rows.min(inside.height)), inside);
        lines(buffer, below(sync_area, inside.height), sync);
        // Where long names would cost a value its place, they are shorter.
        if inside.height * columns < entries.len() as u16 {
            columns = ((inside.width + GAP) / (VALUE.0 + GAP)).clamp(1, 4);
        }
        let fill = std::iter::repeat_n(Constraint::Fill(1), columns.into());
        let places = Layout::horizontal(fill).spacing(GAP).split(inside);
        let each = places.iter().map(|place| place.width).min().unwrap_or(0).min(VALUE.1);
        let room = |entry: &Entry| usize::from(each).saturating_sub(entry.value.width() + 4);
        // Either all curves have their long names, or none.
        let is_long =
            entries.iter().filter(|entry| entry.names.len() == 2).all(|e| e.names[0].width() <= room(e));
        let places = places.iter().flat_map(|column| column.rows());
        for (place, entry) in places.zip(entries) {
            let place = Rect { width: place.width.min(VALUE.1), ..row(place, 0) };
            let names = if is_long || entry.names.len() > 2 { &entry.names[..] } else { &entry.names[1..] };
            let name = format!(" {}", phrase(names, room(&entry)));
            line(buffer, place, vec![Span::raw(" "), entry.sign, span(theme, Ink::Text, name)]);
            line_right(buffer, place, vec![entry.value]);
        }
    }
}
