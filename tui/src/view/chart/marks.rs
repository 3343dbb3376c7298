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
    (MarkKind::PodGone, '◦', Ink::Dim, text::POD_GONE),
    (MarkKind::PodReady, '•', Ink::Ready, text::POD_READY),
    (MarkKind::ScaleDown, '↓', Ink::Desired, text::SCALE_DOWN),
    (MarkKind::ScaleUp, '↑', Ink::Desired, text::SCALE_UP),
    (MarkKind::Redelivery, '←', Ink::Warning, text::REDELIVERY),
    (MarkKind::Burst, '▼', Ink::Queue, text::BURST),
    (MarkKind::DrillOver, '□', Ink::Key, text::DRILL_OVER),
    (MarkKind::Drill, '■', Ink::Warning, text::DRILL),
    (MarkKind::Tuned, '◊', Ink::Key, text::TUNED),
    (MarkKind::Error, '!', Ink::Error, text::ERROR),
    (MarkKind::Note, '◆', Ink::Key, text::NOTE),
    (MarkKind::BrokerLost, '×', Ink::Error, text::BROKER_LOST),
];

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
