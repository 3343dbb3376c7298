//! The first screen: one time axis above, and below it what was decided, believed and done.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::widgets::Widget;

use super::axis::{GUTTER, TimeAxis, labels};
use super::beliefs::Beliefs;
use super::decision::Decision;
use super::events::Events;
use super::marks::Marks;
use super::pods::Pods;
use super::queue::Queue;
use super::replicas::Replicas;
use super::stopwatch::Stopwatch;
use super::text::{below, row};
use crate::model::{Data, Theme};

/// The screen.
pub(super) struct Overview<'a> {
    /// What is shown.
    pub(super) data: &'a Data,
    /// Seconds of history on the time axis.
    pub(super) window: u64,
    /// The colours.
    pub(super) theme: Theme,
}

impl Widget for &Overview<'_> {
    fn render(self, area: Rect, buffer: &mut Buffer) {
        match (area.width, area.height) {
            (150.., 38..) => self.wide(area, buffer),
            (100.., 30..) => self.medium(area, buffer),
            _ => self.small(area, buffer),
        }
    }
}

impl Overview<'_> {
    /// Queue, marks, replicas and the labels of time, one above the other.
    fn chart(&self, area: Rect, buffer: &mut Buffer) {
        let axis = TimeAxis::new(self.data.now, self.window, area.width.saturating_sub(GUTTER));
        let (data, theme) = (self.data, self.theme);
        // Marks, labels and the replicas' title take three rows; of the rest the replicas get about a third.
        let plots = area.height.saturating_sub(4);
        let replicas = (plots / 3).clamp(2, 10).min(plots);
        let queue_rows = plots - replicas + 1;
        let queue_area = Rect { height: queue_rows.min(area.height), ..area };
        (&Queue { data, axis: &axis, theme }).render(queue_area, buffer);
        let rest = below(area, queue_rows);
        (&Marks { data, axis: &axis, theme }).render(row(rest, 0), buffer);
        let rest = below(rest, 1);
        let replicas_area = Rect { height: (replicas + 1).min(rest.height), ..rest };
        (&Replicas { data, axis: &axis, theme }).render(replicas_area, buffer);
        labels(buffer, below(rest, replicas + 1), theme, &axis);
    }

    /// Chart and the essential lines.
    fn small(&self, area: Rect, buffer: &mut Buffer) {
        let (data, theme) = (self.data, self.theme);
        let lines = if area.height >= 20 { 8 } else { 4 };
        let chart = Rect { height: area.height.saturating_sub(lines), ..area };
        self.chart(chart, buffer);
        let rest = below(area, chart.height);
        Decision { data, theme }.short(buffer, rest);
        Beliefs { data, theme }.line(buffer, row(rest, 3));
        Pods { data, theme }.line(buffer, row(rest, 4));
        Stopwatch { data, theme }.line(buffer, row(rest, 5));
        (Events { data, theme }).lines(buffer, below(rest, 6));
    }

    /// Chart above; decision, stopwatch, and beliefs over workers side by side below; events at the bottom.
    fn medium(&self, area: Rect, buffer: &mut Buffer) {
        let (data, theme) = (self.data, self.theme);
        let events = 4 + (area.height - 28) / 6;
        let chart = Rect { height: area.height.saturating_sub(15 + events).max(11), ..area };
        self.chart(chart, buffer);
        let rest = below(area, chart.height);
        let middle = Rect { height: rest.height.saturating_sub(events), ..rest };
        let (left, right) = halves(middle, middle.width * 43 / 100);
        (&Decision { data, theme }).render(left, buffer);
        let (left, right) = halves(right, 35);
        (&Stopwatch { data, theme }).render(left, buffer);
        let beliefs = Beliefs { data, theme };
        let rows = beliefs.rows(right.width).min(right.height);
        (&beliefs).render(Rect { height: rows, ..right }, buffer);
        (&Pods { data, theme }).render(below(right, rows), buffer);
        (&Events { data, theme }).render(below(rest, middle.height), buffer);
    }

    /// Chart at the left with workers and events below; decision, beliefs and stopwatch at the right.
    fn wide(&self, area: Rect, buffer: &mut Buffer) {
        let (data, theme) = (self.data, self.theme);
        let (left, right) = halves(area, area.width - 66);
        let lower = 13.min(left.height / 3);
        let chart = Rect { height: left.height - lower, ..left };
        self.chart(chart, buffer);
        let (pods, events) = halves(below(left, chart.height), 52);
        (&Pods { data, theme }).render(pods, buffer);
        (&Events { data, theme }).render(events, buffer);
        (&Decision { data, theme }).render(Rect { height: 15.min(right.height), ..right }, buffer);
        let right = below(right, 15);
        let beliefs = Beliefs { data, theme };
        let rows = beliefs.rows(right.width).min(right.height);
        (&beliefs).render(Rect { height: rows, ..right }, buffer);
        (&Stopwatch { data, theme }).render(below(right, rows + 1), buffer);
    }
}

/// Two parts side by side, the left one `width` columns, with a gap of two.
fn halves(area: Rect, width: u16) -> (Rect, Rect) {
    let width = width.min(area.width);
    let left = Rect { width, ..area };
    let gap = 2.min(area.width - width);
    let right = Rect { x: area.x + width + gap, width: area.width - width - gap, ..area };
    (left, right)
}
