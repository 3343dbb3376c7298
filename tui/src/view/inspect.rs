//! All values at the instant under the cursor, beside it.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Span;
use ratatui::widgets::Widget;

use super::dialog::outline;
use super::marks::MARKS;
use super::plot::sample;
use super::text::{coarse, count, put, put_right, row, span};
use super::theme::Ink;
use crate::event::{At, MetricTarget};
use crate::model::curves::Curve;
use crate::model::{Data, Lens, Theme};

/// Columns of the box, frame included.
const WIDTH: u16 = 38;
/// Marks that are named at most.
const MARKS_SHOWN: usize = 3;

/// The box.
pub(super) struct Inspect<'a> {
    /// What is shown.
    pub(super) data: &'a Data,
    /// Which instant, and how.
    pub(super) lens: Lens,
    /// Where the cursor is drawn.
    pub(super) column: u16,
    /// The colours.
    pub(super) theme: Theme,
}

impl Inspect<'_> {
    /// What happened close to the cursor: within one of its steps.
    fn marks(&self, at: At) -> Vec<Vec<Span<'static>>> {
        let near = std::time::Duration::from_millis(self.lens.stretch.seconds * 1_000 / 120);
        let from = At(at.0.saturating_sub(near / 2));
        let marks: Vec<_> = self.data.history.marks(from, near).collect();
        marks
            .into_iter()
            .rev()
            .take(MARKS_SHOWN)
            .filter_map(|mark| {
                let (_, symbol, ink, what) = MARKS.iter().find(|(kind, ..)| *kind == mark.kind)?;
                let time = self.data.day.time_of_day(mark.at);
                Some(vec![
                    span(self.theme, *ink, format!("{symbol} ")),
                    span(self.theme, Ink::Text, *what),
                    span(self.theme, Ink::Dim, format!(" {time}")),
                ])
            })
            .collect()
    }

    fn value(&self, curve: Curve, at: At) -> (Ink, String) {
        let Some(value) = curve.at(&self.data.history, at) else {
            return (Ink::Dim, "no reading".to_owned());
        };
        // What is computed back from an average is not what was read.
        let is_estimate =
            curve == Curve::Believed && matches!(self.data.metric_target(), Some(MetricTarget::Average(_)));
        let sign = if is_estimate { "≈" } else { "" };
        (Ink::Value, format!("{sign}{}", count(f64::from(value))))
    }
}

impl Widget for &Inspect<'_> {
    fn render(self, area: Rect, buffer: &mut Buffer) {
        let Some(at) = self.lens.stretch.cursor else { return };
        let theme = self.theme;
        let mut lines = Vec::new();
        for curve in Curve::ALL {
            // Without a shadow there is nothing to say about one.
            if *curve == Curve::Shadow && curve.at(&self.data.history, at).is_none() {
                continue;
            }
            let (ink, value) = self.value(*curve, at);
            let (mark, text) = sample(self.lens.markers, *curve);
            let head = vec![span(theme, mark, format!("{text} ")), span(theme, Ink::Text, curve.title())];
            lines.push((head, vec![span(theme, ink, value)]));
        }
        lines.extend(self.marks(at).into_iter().map(|mark| (mark, Vec::new())));
        let height = (lines.len() as u16 + 2).min(area.height);
        let width = WIDTH.min(area.width);
        // At the other side of the cursor than most of the chart, so that it hides as little as may be.
        let middle = area.x + area.width / 2;
        let x = if self.column < middle { self.column + 2 } else { self.column.saturating_sub(width + 1) };
        let x = x.clamp(area.x, area.right() - width);
        let place = Rect { x, y: area.y, width, height };
        let ago = coarse(self.data.now.since(at));
        let title = format!("{}, {ago} ago", self.data.day.time_of_day(at));
        let inside = outline(buffer, place, theme, &title);
        for (index, (head, value)) in (0..).zip(lines) {
            put(buffer, row(inside, index), head);
            put_right(buffer, row(inside, index), value);
        }
    }
}
