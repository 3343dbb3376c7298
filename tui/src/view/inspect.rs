//! All values at the instant under the cursor, in a place of their own: the chart stays whole.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Span;
use ratatui::widgets::Widget;
use unicode_width::UnicodeWidthStr;

use super::marks::MARKS;
use super::plot::sample;
use super::text::{below, coarse, count, phrase, put, put_right, row, rule, span};
use super::theme::Ink;
use dashboard::chart::curves::Curve;
use dashboard::clock::At;
use dashboard::data::Data;
use dashboard::ui::appearance::Theme;
use dashboard::ui::state::ChartView;
use observed::ExternalTarget;

/// Columns of the values, between the fewest and the most that one of them gets.
const WIDTHS: (u16, u16) = (17, 42);

/// Columns between two columns of values.
const GAP: u16 = 2;

/// The panel.
pub(super) struct Inspect<'a> {
    /// What is shown.
    pub(super) data: &'a Data,
    /// Which instant, and how.
    pub(super) lens: ChartView,
    /// The colours.
    pub(super) theme: Theme,
}

/// One thing at the instant: what, and how much.
struct Entry {
    sign: Span<'static>,
    /// From the longest phrasing to the shortest.
    words: Vec<String>,
    value: Span<'static>,
}

impl Inspect<'_> {
    /// Rows that it needs at that width, with its title.
    pub(super) fn rows(&self, width: u16) -> u16 {
        let entries = self.lens.stretch.cursor.map_or(0, |at| self.entries(at).len());
        // A dozen curves and as many kinds of marks.
        1 + (entries as u16).div_ceil(columns(width))
    }

    fn entries(&self, at: At) -> Vec<Entry> {
        // Without a shadow there is nothing to say about one.
        let is_there =
            |curve: &&Curve| **curve != Curve::Shadow || curve.at(&self.data.history, at).is_some();
        let curves = Curve::ALL.iter().filter(is_there).map(|curve| self.curve(*curve, at));
        curves.chain(self.marks(at)).collect()
    }

    fn curve(&self, curve: Curve, at: At) -> Entry {
        let (ink, text) = sample(self.lens.markers, curve);
        let value = match curve.at(&self.data.history, at) {
            None => span(self.theme, Ink::Dim, "none"),
            Some(value) => {
                // What is computed back from an average is not what was read.
                let is_average = matches!(self.data.metric_target(), Some(ExternalTarget::AverageValue(_)));
                let is_estimate = curve == Curve::Raw || curve == Curve::Believed && is_average;
                let sign = if is_estimate { "≈" } else { "" };
                span(self.theme, Ink::Value, format!("{sign}{}", count(f64::from(value))))
            }
        };
        Entry {
            sign: span(self.theme, ink, text),
            words: vec![curve.title().to_owned(), curve.word().to_owned()],
            value,
        }
    }

    /// What happened close to the cursor, within one of its steps: each kind once, with how often and when.
    fn marks(&self, at: At) -> impl Iterator<Item = Entry> + '_ {
        let near = self.lens.stretch.step();
        let marks: Vec<_> = self.data.history.marks(At(at.0.saturating_sub(near / 2)), near).collect();
        MARKS.iter().rev().filter_map(move |(kind, symbol, ink, what)| {
            let mut same = marks.iter().filter(|mark| mark.kind == *kind);
            let (first, more) = (same.next()?, same.count());
            let times = if more > 0 { format!("×{}", more + 1) } else { String::new() };
            let time = self.data.day.time_of_day(first.at);
            Some(Entry {
                sign: span(self.theme, *ink, symbol.to_string()),
                words: vec![format!("{what} {time}"), (*what).to_owned(), time],
                value: span(self.theme, Ink::Value, times),
            })
        })
    }
}

/// Columns of values that fit side by side.
fn columns(width: u16) -> u16 {
    match width {
        // Words in full where they fit twice.
        _ if width >= 2 * WIDTHS.1 + GAP => (width + GAP) / (WIDTHS.1 + GAP),
        _ if width >= 60 => 2,
        _ => ((width + GAP) / (WIDTHS.0 + GAP)).clamp(1, 3),
    }
}

impl Widget for &Inspect<'_> {
    fn render(self, area: Rect, buffer: &mut Buffer) {
        let Some(at) = self.lens.stretch.cursor else { return };
        let theme = self.theme;
        let ago = self.data.now.since(at);
        let (title, ago) = (format!("At {}", self.data.day.time_of_day(at)), format!("{} ago", coarse(ago)));
        rule(buffer, row(area, 0), theme, &title, vec![span(theme, Ink::Lit, ago)]);
        let area = below(area, 1);
        if area.is_empty() {
            return;
        }
        let entries = self.entries(at);
        let mut columns = columns(area.width);
        // Where the words would cost a value its place, they are shorter.
        if area.height * columns < entries.len() as u16 {
            columns = ((area.width + GAP) / (WIDTHS.0 + GAP)).clamp(1, 4);
        }
        let each = (area.width + GAP) / columns - GAP;
        let room = |entry: &Entry| usize::from(each.min(WIDTHS.1)).saturating_sub(entry.value.width() + 4);
        // Either all curves are called by their long names, or none.
        let is_long =
            entries.iter().filter(|entry| entry.words.len() == 2).all(|e| e.words[0].width() <= room(e));
        for (index, entry) in (0..).zip(entries) {
            let (column, line) = (index / area.height, index % area.height);
            if column >= columns {
                break;
            }
            let place =
                Rect { x: area.x + column * (each + GAP), width: each.min(WIDTHS.1), ..row(area, line) };
            let words = if is_long || entry.words.len() > 2 { &entry.words[..] } else { &entry.words[1..] };
            let words = phrase(words, room(&entry));
            put(buffer, place, vec![Span::raw(" "), entry.sign, span(theme, Ink::Text, format!(" {words}"))]);
            put_right(buffer, place, vec![entry.value]);
        }
    }
}
