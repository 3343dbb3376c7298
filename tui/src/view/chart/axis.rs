//! The time axis that the chart's parts and the workers' timelines share: the time of each column, and the clock labels.

use std::time::Duration;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::view::draw::{line, line_right, right_of, row, span, width};
use crate::view::fmt::age;
use crate::view::strings::chart as text;
use crate::view::theme::Ink;
use dashboard::chart::series::{Column, Series};
use dashboard::chart::ticks::time_step;
use dashboard::chart::viewport::Stretch;
use dashboard::clock::At;
use dashboard::data::Data;
use dashboard::ui::appearance::Theme;

/// Columns left of the plots, for the labels of the values.
pub(in crate::view) const GUTTER: u16 = 7;

/// The time of every column of dots. Columns start at whole multiples of their length, so that the picture moves as a whole
/// instead of flickering. Dashes and fills belong to the screen, not to the data: where nothing happens, nothing moves.
#[derive(Debug, Clone, Copy)]
pub(in crate::view) struct TimeAxis {
    /// The stretch of time that is shown.
    pub(in crate::view) stretch: Stretch,
    /// The number of columns of dots, two a cell.
    pub(in crate::view) columns: usize,
    step: Duration,
    /// The number of the first column, counted from the start of the run; negative while the run is shorter than the axis.
    first: i64,
}

impl TimeAxis {
    /// The axis of a stretch of time, for a plot of `width` cells.
    pub(in crate::view) fn new(stretch: Stretch, width: u16) -> Self {
        let columns = usize::from(width) * 2;
        let step = Duration::from_millis((stretch.seconds * 1_000).div_ceil(columns.max(1) as u64).max(1));
        let newest = i64::try_from(stretch.end.0.as_millis() / step.as_millis()).unwrap_or(i64::MAX / 2);
        // The picture moves by whole cells: half as often, and flat lines keep their characters.
        let first = newest + 1 - columns as i64;
        Self { stretch, columns, step, first: first + first.rem_euclid(2) }
    }

    /// The time at which the axis begins, or the start of the run if that is later.
    pub(in crate::view) fn from(&self) -> At {
        At(self.step.saturating_mul(u32::try_from(self.first.max(0)).unwrap_or(u32::MAX)))
    }

    /// The length of the axis.
    pub(in crate::view) fn length(&self) -> Duration {
        self.step.saturating_mul(u32::try_from(self.columns).unwrap_or(u32::MAX))
    }

    /// The values of a series, column by column; `None` in columns of the future.
    pub(in crate::view) fn read(&self, series: &Series) -> Vec<Option<Column>> {
        let begun = self.begun();
        let before = usize::try_from(-self.first.min(0)).unwrap_or(0).min(begun);
        let mut columns = vec![None; before];
        columns.extend(series.columns(self.from(), self.step, begun - before));
        columns.resize(self.columns, None);
        columns
    }

    /// The number of columns that have begun.
    fn begun(&self) -> usize {
        let newest =
            i64::try_from(self.stretch.now.0.as_millis() / self.step.as_millis()).unwrap_or(i64::MAX / 2);
        usize::try_from(newest + 1 - self.first).unwrap_or(0).min(self.columns)
    }

    /// The number of cells that have begun.
    pub(in crate::view) fn begun_cells(&self) -> u16 {
        u16::try_from(self.begun().div_ceil(2)).unwrap_or(u16::MAX)
    }

    /// The end of a cell, or the start of the run if that is later.
    pub(in crate::view) fn end_of_cell(&self, cell: u16) -> At {
        let next = self.first + 2 * (i64::from(cell) + 1);
        let ms = i64::try_from(self.step.as_millis()).unwrap_or(i64::MAX).saturating_mul(next) - 1;
        At(Duration::from_millis(u64::try_from(ms).unwrap_or(0)))
    }

    /// The cell of a time; `None` when the time is not on the axis.
    pub(in crate::view) fn cell(&self, at: At) -> Option<u16> {
        self.column(at).and_then(|column| u16::try_from(column / 2).ok())
    }

    /// The cell of the inspected instant. The axis may begin a little after its stretch: the first cell then has the instants before.
    pub(in crate::view) fn cursor(&self) -> Option<u16> {
        self.cell(self.stretch.cursor?.max(self.from()))
    }

    /// The column of a time; `None` when the time is not on the axis.
    pub(in crate::view) fn column(&self, at: At) -> Option<usize> {
        let index = i64::try_from(at.0.as_millis() / self.step.as_millis()).ok()? - self.first;
        usize::try_from(index).ok().filter(|column| *column < self.columns)
    }
}

/// Draws the row of labels below the plots: the length of the axis, round clock times, and the present or the cursor's time.
pub(in crate::view) fn labels(buffer: &mut Buffer, area: Rect, theme: Theme, axis: &TimeAxis, data: &Data) {
    let area = row(area, 0);
    let plot = right_of(area, GUTTER);
    if plot.is_empty() {
        return;
    }
    let length = text::time_shown(&age(Duration::from_secs(axis.stretch.seconds)));
    let gutter = Rect { width: GUTTER - 1, ..area };
    line_right(buffer, gutter, vec![span(theme, Ink::Dim, length)]);
    // Clock times that would touch the label of the present or of the cursor are left out.
    let mut taken = plot.width..plot.width;
    if axis.stretch.is_live {
        let text = vec![span(theme, Ink::Dim, text::NOW)];
        let length = width(&text).min(plot.width);
        let last = plot.width - length;
        // It ends where the curves end. The newest cell may have its second column still to come.
        let x = match axis.begun_cells() {
            begun if begun + 1 >= plot.width => last,
            begun => begun.saturating_sub(length),
        };
        line(buffer, Rect { x: plot.x + x, width: length, ..plot }, text);
        taken = x.saturating_sub(1)..x + length + 1;
    } else if let Some((at, cell)) = axis.stretch.cursor.zip(axis.cursor()) {
        let text = vec![span(theme, Ink::Lit, format!(" {} ", data.day.time_of_day(at)))];
        let length = width(&text).min(plot.width);
        let x = cell.saturating_sub(length / 2).min(plot.width - length);
        line(buffer, Rect { x: plot.x + x, width: length, ..plot }, text);
        taken = x..x + length;
    }
    let step = time_step(axis.stretch.seconds, usize::from(plot.width) / 11);
    for at in data.day.round(axis.from(), axis.stretch.end, step) {
        let text = data.day.label(at, step);
        let Some(cell) = axis.cell(at) else { continue };
        // Eight characters at most.
        let length = text.len() as u16;
        let Some(x) = cell.checked_sub(length / 2) else { continue };
        if x + length <= plot.width && (x + length <= taken.start || x >= taken.end) {
            line(buffer, Rect { x: plot.x + x, width: length, ..plot }, vec![span(theme, Ink::Dim, text)]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn live(end: At, seconds: u64) -> Stretch {
        Stretch { end, now: end, seconds, is_live: true, cursor: None }
    }

    #[test]
    fn columns_of_the_future_are_empty() {
        let mut series = Series::default();
        series.push(At::default(), Some(1.0));
        let end = At(Duration::from_secs(60));
        for (now, known) in [(0, 1), (30, 31), (59, 60), (60, 60)] {
            let axis = TimeAxis::new(Stretch { now: At(Duration::from_secs(now)), ..live(end, 60) }, 30);
            let read = axis.read(&series);
            assert_eq!(read.len(), 60);
            // The axis moves by whole cells of two columns.
            let last = read.iter().rposition(Option::is_some).map_or(0, |last| last + 1);
            assert!(last <= known && known <= last + 2, "{now}: {last}");
            assert_eq!(usize::from(axis.begun_cells()), last.div_ceil(2));
        }
    }

    #[test]
    fn the_newest_column_holds_now() {
        for seconds in [0, 1, 59, 61, 100_000] {
            let now = At(Duration::from_secs(seconds));
            let axis = TimeAxis::new(live(now, 60), 100);
            assert!(axis.column(now).is_some_and(|column| column >= 198), "{seconds}");
            assert_eq!(axis.column(At(now.0 + Duration::from_secs(1))), None);
            // A little later nothing has moved, or everything by one cell.
            let later = TimeAxis::new(live(At(now.0 + Duration::from_millis(300)), 60), 100);
            assert!([0, 2].contains(&(later.first - axis.first)), "{seconds}");
        }
    }

    #[test]
    fn columns_before_the_run_are_empty() {
        let mut series = Series::default();
        series.push(At::default(), Some(1.0));
        let axis = TimeAxis::new(live(At(Duration::from_secs(30)), 60), 30);
        let columns = axis.read(&series);
        assert_eq!(columns.len(), 60);
        assert!(columns.iter().position(Option::is_some).is_some_and(|first| first == 28 || first == 29));
    }
}
