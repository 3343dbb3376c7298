//! The row of marks between the plots: bursts, rescales, pods, errors, on the chart's time axis.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Span;
use ratatui::widgets::Widget;

use super::axis::{GUTTER, TimeAxis};
use crate::view::draw::{line_right, row, set, span};
use crate::view::strings::chart as text;
use crate::view::theme::{Ink, style};
use dashboard::chart::history::MarkKind;
use dashboard::data::Data;
use dashboard::ui::appearance::Theme;

/// The marks, the most important last. Where two fall on one cell, the later one is shown.
pub(in crate::view) const MARKS: [(MarkKind, char, Ink, &str); 12] = [
    mark(MarkKind::PodGone, Ink::Dim),
    mark(MarkKind::PodReady, Ink::Ready),
    mark(MarkKind::ScaleDown, Ink::Desired),
    mark(MarkKind::ScaleUp, Ink::Desired),
    mark(MarkKind::Redelivery, Ink::Warning),
    mark(MarkKind::Burst, Ink::Queue),
    mark(MarkKind::DrillOver, Ink::Key),
    mark(MarkKind::Drill, Ink::Warning),
    mark(MarkKind::Tuned, Ink::Key),
    mark(MarkKind::Error, Ink::Error),
    mark(MarkKind::Note, Ink::Key),
    mark(MarkKind::BrokerLost, Ink::Error),
];

const fn mark(kind: MarkKind, ink: Ink) -> (MarkKind, char, Ink, &'static str) {
    (kind, kind.symbol(), ink, kind.title())
}

/// The meaning of all marks, the most important first.
pub(in crate::view) fn legend(theme: Theme) -> Vec<Span<'static>> {
    let one = |(_, symbol, ink, meaning): &(_, char, Ink, &'static str)| {
        [span(theme, *ink, format!("{symbol} ")), span(theme, Ink::Dim, format!("{meaning}   "))]
    };
    MARKS.iter().rev().flat_map(one).collect()
}

/// The row.
pub(in crate::view) struct Marks<'a> {
    /// The observed data.
    pub(in crate::view) data: &'a Data,
    /// The shared time axis.
    pub(in crate::view) axis: &'a TimeAxis,
    /// The colours.
    pub(in crate::view) theme: Theme,
}

impl Widget for &Marks<'_> {
    fn render(self, area: Rect, buffer: &mut Buffer) {
        let area = row(area, 0);
        if area.is_empty() || area.width <= GUTTER {
            return;
        }
        let gutter = Rect { width: GUTTER - 1, ..area };
        line_right(buffer, gutter, vec![span(self.theme, Ink::Dim, text::MARKS)]);
        let history = &self.data.history;
        for (kind, symbol, ink, _) in MARKS {
            let marks = history.marks(self.axis.from(), self.axis.length()).filter(|mark| mark.kind == kind);
            for cell in marks.filter_map(|mark| self.axis.cell(mark.at)) {
                set(buffer, area.x + GUTTER + cell, area.y, symbol, style(self.theme, ink));
            }
        }
    }
}
