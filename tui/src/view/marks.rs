//! What happened when: one row of marks between the plots, on the same time axis.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Span;
use ratatui::widgets::Widget;

use super::axis::{GUTTER, TimeAxis};
use super::text::{parts, put_right, row, set, span};
use super::theme::{Ink, style};
use dashboard::chart::history::MarkKind;
use dashboard::data::Data;
use dashboard::ui::appearance::Theme;

/// The marks with their symbols, the weightiest last: where two fall on one cell the later one is shown.
pub(super) const MARKS: [(MarkKind, char, Ink, &str); 11] = [
    (MarkKind::PodGone, '◦', Ink::Dim, "a worker is gone"),
    (MarkKind::PodReady, '•', Ink::Ready, "a worker is ready"),
    (MarkKind::ScaleDown, '▽', Ink::Desired, "fewer replicas asked for"),
    (MarkKind::ScaleUp, '△', Ink::Desired, "more replicas asked for"),
    (MarkKind::Redelivery, '↻', Ink::Warning, "a job delivered again"),
    (MarkKind::Burst, '▼', Ink::Queue, "a burst"),
    (MarkKind::DrillOver, '□', Ink::Key, "what a drill stopped is put back"),
    (MarkKind::Drill, '■', Ink::Warning, "a drill stops something"),
    (MarkKind::Tuned, '◆', Ink::Key, "the HPA was changed"),
    (MarkKind::Error, '!', Ink::Error, "something failed"),
    (MarkKind::BrokerLost, '✗', Ink::Error, "the broker went away"),
];

/// What the marks mean, the weightiest first, as many as fit.
pub(super) fn legend(theme: Theme, room: u16) -> Vec<Span<'static>> {
    let one = |(_, symbol, ink, what): &(_, char, Ink, &'static str)| {
        vec![span(theme, *ink, format!("{symbol} ")), span(theme, Ink::Dim, *what)]
    };
    parts(MARKS.iter().rev().map(one), room)
}

/// The row.
pub(super) struct Marks<'a> {
    /// What is shown.
    pub(super) data: &'a Data,
    /// The time axis that it shares.
    pub(super) axis: &'a TimeAxis,
    /// The colours.
    pub(super) theme: Theme,
}

impl Widget for &Marks<'_> {
    fn render(self, area: Rect, buffer: &mut Buffer) {
        let area = row(area, 0);
        if area.is_empty() || area.width <= GUTTER {
            return;
        }
        put_right(buffer, Rect { width: GUTTER - 1, ..area }, vec![span(self.theme, Ink::Dim, "marks")]);
        for (kind, symbol, ink, _) in MARKS {
            for mark in
                self.data.history.marks(self.axis.from(), self.axis.length()).filter(|m| m.kind == kind)
            {
                if let Some(column) = self.axis.column(mark.at) {
                    // A column is below twice the width, which is a u16.
                    let x = area.x + GUTTER + (column / 2) as u16;
                    set(buffer, x, area.y, symbol, style(self.theme, ink));
                }
            }
        }
    }
}
