//! The chart: queue, marks and replicas on one time axis, with the cursor through all of them. Without a queue, the metrics as
//! shares of their targets take its place.
//!
//! ```text
//! ── Queue Orders ── ━ 153 deep  ▓ 10 in work  ╍ target 200 ──
//!   200┤        ⡇⡐⡐⡐⡐⡐⠉⠉⠉
//!     0┤⣀⣀⣀⣀⣀⣀⣀⣀⡇⡀⡀⡀⡀⡀⡀⡀⡀
//!  marks        ▼   ↑•
//! ── Replicas ── █ 10 ready  ▒ 10 current  ━ 10 desired ──────
//!    10┤            ⣀⣿⣿⣿⣿
//!     0┤⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿
//!  ↔ 90s   14:00:00   14:00:15               now
//! ```

mod axis;
mod backdrop;
mod marks;
mod plot;
mod queue;
mod replicas;
mod shares;
mod window;

use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::Modifier;
use ratatui::widgets::Widget;

pub(super) use self::axis::{GUTTER, TimeAxis, labels};
pub(super) use self::marks::{MARKS, Marks};
pub(super) use self::plot::sample;
use self::queue::Queue;
pub(super) use self::replicas::Replicas;
use self::shares::Shares;
pub(super) use self::shares::at as shares_at;
use super::draw::{below, right_of, set, wrapped};
use super::theme::{Ink, style};
use super::wrap::wrap_spans;
use dashboard::data::Data;
use dashboard::ui::appearance::Theme;
use dashboard::ui::state::ChartView;

/// The panel.
pub(super) struct Chart<'a> {
    /// The observed data.
    pub(super) data: &'a Data,
    /// The stretch of time and the curves.
    pub(super) lens: ChartView,
    /// The colours.
    pub(super) theme: Theme,
}

impl Chart<'_> {
    /// Draws the chart and the legend of the marks below it.
    pub(super) fn expanded(&self, area: Rect, buffer: &mut Buffer) {
        let legend = marks::legend(self.theme);
        let needed = wrap_spans(&legend, area.width.saturating_sub(2).into(), 0).len() as u16;
        let rows = [Constraint::Min(0), Constraint::Length(needed.min(area.height / 4))];
        let [chart, below] = Layout::vertical(rows).areas(area);
        self.render(chart, buffer);
        wrapped(buffer, right_of(below, 2), &legend, 0);
    }
}

impl Widget for &Chart<'_> {
    fn render(self, area: Rect, buffer: &mut Buffer) {
        let (data, lens, theme) = (self.data, self.lens, self.theme);
        let axis = TimeAxis::new(lens.stretch, area.width.saturating_sub(GUTTER));
        // Two titles, marks and labels take a row each. Of the rest the replicas get about a third.
        let plots = area.height.saturating_sub(4);
        let replicas = (plots / 3).clamp(2, 10).min(plots);
        let rows = [plots - replicas + 1, 1, replicas + 1, 1].map(Constraint::Length);
        let [queue, marks, replicas, clock] = Layout::vertical(rows).areas(area);
        if data.has_queue() {
            (&Queue { data, axis: &axis, lens, theme }).render(queue, buffer);
        } else {
            (&Shares { data, axis: &axis, lens, theme }).render(queue, buffer);
        }
        (&Marks { data, axis: &axis, theme }).render(marks, buffer);
        (&Replicas { data, axis: &axis, lens, theme }).render(replicas, buffer);
        labels(buffer, clock, theme, &axis, data);
        if let Some(cell) = axis.cursor() {
            for plot in [below(queue, 1), marks, below(replicas, 1)] {
                cursor(buffer, plot, area.x + GUTTER + cell, theme);
            }
        }
    }
}

/// Draws the cursor, a vertical line through an area. Cells that are drawn already are reversed.
pub(super) fn cursor(buffer: &mut Buffer, area: Rect, x: u16, theme: Theme) {
    for y in area.top()..area.bottom() {
        match buffer.cell_mut((x, y)) {
            Some(cell) if cell.symbol() != " " => cell.modifier |= Modifier::REVERSED,
            _ => set(buffer, x, y, '┊', style(theme, Ink::Lit)),
        }
    }
}
