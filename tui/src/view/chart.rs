//! The chart: queue, marks and replicas one above the other on one time axis, with the cursor through all of them.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Modifier;
use ratatui::text::Span;
use ratatui::widgets::Widget;

use super::axis::{GUTTER, TimeAxis, labels};
use super::marks::{Marks, legend};
use super::queue::Queue;
use super::replicas::Replicas;
use super::text::{below, put, row, set};
use super::theme::{Ink, style};
use dashboard::clock::At;
use dashboard::data::Data;
use dashboard::ui::appearance::Theme;
use dashboard::ui::state::ChartView;

/// The panel.
pub(super) struct Chart<'a> {
    /// What is shown.
    pub(super) data: &'a Data,
    /// Which stretch of time, and how.
    pub(super) lens: ChartView,
    /// The colours.
    pub(super) theme: Theme,
}

impl Chart<'_> {
    fn axis(&self, area: Rect) -> TimeAxis {
        TimeAxis::new(self.lens.stretch, area.width.saturating_sub(GUTTER))
    }

    /// The instant that is drawn at a column of the screen.
    pub(super) fn at(&self, area: Rect, x: u16) -> Option<At> {
        let cell = x.checked_sub(area.x + GUTTER)?;
        (x < area.right()).then(|| self.axis(area).end_of_cell(cell).min(self.data.now))
    }

    /// The column of the screen at which the cursor is drawn.
    pub(super) fn cursor(&self, area: Rect) -> Option<u16> {
        self.axis(area).cell(self.lens.stretch.cursor?).map(|cell| area.x + GUTTER + cell)
    }

    /// The chart with the marks' legend below it, where it has the screen for itself.
    pub(super) fn expanded(&self, area: Rect, buffer: &mut Buffer) {
        let chart = Rect { height: area.height.saturating_sub(1), ..area };
        self.render(chart, buffer);
        let mut spans = vec![Span::raw("  ")];
        spans.extend(legend(self.theme, area.width.saturating_sub(2)));
        put(buffer, row(area, area.height.saturating_sub(1)), spans);
    }
}

impl Widget for &Chart<'_> {
    fn render(self, area: Rect, buffer: &mut Buffer) {
        let (data, lens, theme) = (self.data, self.lens, self.theme);
        let axis = self.axis(area);
        // Marks, labels and the replicas' title take three rows; of the rest the replicas get about a third.
        let plots = area.height.saturating_sub(4);
        let replicas = (plots / 3).clamp(2, 10).min(plots);
        let queue_rows = plots - replicas + 1;
        let queue_area = Rect { height: queue_rows.min(area.height), ..area };
        (&Queue { data, axis: &axis, lens, theme }).render(queue_area, buffer);
        let rest = below(area, queue_rows);
        let marks = row(rest, 0);
        (&Marks { data, axis: &axis, theme }).render(marks, buffer);
        let rest = below(rest, 1);
        let replicas_area = Rect { height: (replicas + 1).min(rest.height), ..rest };
        (&Replicas { data, axis: &axis, lens, theme }).render(replicas_area, buffer);
        labels(buffer, below(rest, replicas + 1), theme, &axis, data);
        if let Some(x) = self.cursor(area) {
            for plot in [below(queue_area, 1), marks, below(replicas_area, 1)] {
                cursor(buffer, plot, x, theme);
            }
        }
    }
}

/// A vertical line through an area: between what is drawn there, and around it where something is.
pub(super) fn cursor(buffer: &mut Buffer, area: Rect, x: u16, theme: Theme) {
    for y in area.top()..area.bottom() {
        match buffer.cell_mut((x, y)) {
            Some(cell) if cell.symbol() != " " => cell.modifier |= Modifier::REVERSED,
            _ => set(buffer, x, y, '┊', style(theme, Ink::Lit)),
        }
    }
}
