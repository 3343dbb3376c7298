//! The time axis that the chart's parts share.

use std::time::Duration;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::plot::time_step;
use super::text::{put, put_right, row, span};
use super::theme::Ink;
use crate::event::At;
use crate::model::Theme;
use crate::model::series::{Column, Series};

/// Columns left of the plots, for the labels of the values.
pub(super) const GUTTER: u16 = 7;

/// Which time every column of dots stands for. Columns start at whole multiples of their width, so that a picture moves
/// as a whole when time goes by instead of flickering. Dashes and fills belong to the screen and not to the data: where
/// nothing happens, nothing moves.
#[derive(Debug, Clone, Copy)]
pub(super) struct TimeAxis {
    /// Seconds shown.
    pub(super) window: u64,
    /// Columns of dots.
    pub(super) columns: usize,
    step: Duration,
    /// Number of the first column since the run began; negative when the run is younger than the window.
    first: i64,
}

impl TimeAxis {
    /// The axis that ends at `now`, for a plot of `width` cells.
    pub(super) fn new(now: At, window: u64, width: u16) -> Self {
        let columns = usize::from(width) * 2;
        let step = Duration::from_millis((window * 1_000).div_ceil(columns.max(1) as u64).max(1));
        let newest = i64::try_from(now.0.as_millis() / step.as_millis()).unwrap_or(i64::MAX / 2);
        Self { window, columns, step, first: newest + 1 - columns as i64 }
    }

    /// Where the axis begins; the run's start if the run is younger.
    pub(super) fn from(&self) -> At {
        At(self.step.saturating_mul(u32::try_from(self.first.max(0)).unwrap_or(u32::MAX)))
    }

    /// How long the axis is.
    pub(super) fn length(&self) -> Duration {
        self.step.saturating_mul(u32::try_from(self.columns).unwrap_or(u32::MAX))
    }

    /// What a series did in every column.
    pub(super) fn read(&self, series: &Series) -> Vec<Option<Column>> {
        let before = usize::try_from(-self.first.min(0)).unwrap_or(0).min(self.columns);
        let mut columns = vec![None; before];
        columns.extend(series.columns(self.from(), self.step, self.columns - before));
        columns
    }

    /// The last moment of a cell, which is two columns wide; the run's start if the run is younger.
    pub(super) fn end_of_cell(&self, cell: u16) -> At {
        let next = self.first + 2 * (i64::from(cell) + 1);
        let ms = i64::try_from(self.step.as_millis()).unwrap_or(i64::MAX).saturating_mul(next) - 1;
        At(Duration::from_millis(u64::try_from(ms).unwrap_or(0)))
    }

    /// The column of a moment; `None` when it is not on the axis.
    pub(super) fn column(&self, at: At) -> Option<usize> {
        let index = i64::try_from(at.0.as_millis() / self.step.as_millis()).ok()? - self.first;
        usize::try_from(index).ok().filter(|column| *column < self.columns)
    }
}

/// The row of labels below the plots: `-4m   -3m   -2m   -1m   now`.
pub(super) fn labels(buffer: &mut Buffer, area: Rect, theme: Theme, axis: &TimeAxis) {
    let plot = Rect { x: area.x + GUTTER.min(area.width), width: area.width.saturating_sub(GUTTER), ..area };
    let plot = row(plot, 0);
    put_right(buffer, plot, vec![span(theme, Ink::Dim, "now")]);
    let step = time_step(axis.window, usize::from(plot.width) / 9);
    let mut ago = step;
    while ago < axis.window {
        let text = ago_text(ago);
        let cells = u64::from(plot.width) * ago / axis.window;
        let half = text.len() as u64 / 2;
        let Some(x) = u64::from(plot.width).checked_sub(cells + half + 1) else { break };
        // Both are below the plot's width.
        let x = plot.x + x as u16;
        if x + text.len() as u16 + 4 < plot.right() {
            put(buffer, Rect { x, width: plot.right() - x, ..plot }, vec![span(theme, Ink::Dim, text)]);
        }
        ago += step;
    }
}

fn ago_text(seconds: u64) -> String {
    match seconds {
        0..60 => format!("-{seconds}s"),
        60..3_600 if seconds.is_multiple_of(60) => format!("-{}m", seconds / 60),
        60..3_600 => format!("-{}m{:02}", seconds / 60, seconds % 60),
        _ if seconds.is_multiple_of(3_600) => format!("-{}h", seconds / 3_600),
        _ => format!("-{}h{:02}", seconds / 3_600, seconds / 60 % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_column_holds_now() {
        for seconds in [0, 1, 59, 61, 100_000] {
            let now = At(Duration::from_secs(seconds));
            let axis = TimeAxis::new(now, 60, 100);
            assert_eq!(axis.column(now), Some(199));
            assert_eq!(axis.column(At(now.0 + Duration::from_secs(1))), None);
        }
    }

    #[test]
    fn a_young_run_leaves_the_left_empty() {
        let mut series = Series::default();
        series.push(At::default(), Some(1.0));
        let axis = TimeAxis::new(At(Duration::from_secs(30)), 60, 30);
        let columns = axis.read(&series);
        assert_eq!(columns.len(), 60);
        assert_eq!(columns.iter().position(Option::is_some), Some(29));
    }
}
