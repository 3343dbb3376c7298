//! A canvas of braille dots, two columns and four rows a cell, and round numbers for axes.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::theme::{Ink, style};
use crate::model::Theme;

/// The braille bit of each dot of a cell, by column and by row from the top.
const BITS: [[u8; 4]; 2] = [[0x01, 0x02, 0x04, 0x40], [0x08, 0x10, 0x20, 0x80]];

#[derive(Clone, Copy)]
struct Cell {
    dots: u8,
    ink: Ink,
    weight: u8,
}

/// Dots by column from the left and row from the bottom. Where two inks meet in one cell the weightier one colours it.
pub(super) struct Canvas {
    area: Rect,
    cells: Vec<Cell>,
}

impl Canvas {
    /// An empty canvas over that part of the buffer.
    pub(super) fn new(area: Rect) -> Self {
        let empty = Cell { dots: 0, ink: Ink::Text, weight: 0 };
        Self { area, cells: vec![empty; usize::from(area.width) * usize::from(area.height)] }
    }

    /// Columns of dots.
    pub(super) fn columns(&self) -> usize {
        usize::from(self.area.width) * 2
    }

    /// Rows of dots.
    pub(super) fn rows(&self) -> usize {
        usize::from(self.area.height) * 4
    }

    /// Sets a dot; outside of the canvas nothing happens.
    pub(super) fn dot(&mut self, column: usize, row: usize, ink: Ink, weight: u8) {
        if column >= self.columns() || row >= self.rows() {
            return;
        }
        let from_top = self.rows() - 1 - row;
        let index = from_top / 4 * usize::from(self.area.width) + column / 2;
        let cell = &mut self.cells[index];
        cell.dots |= BITS[column % 2][from_top % 4];
        if weight >= cell.weight {
            cell.ink = ink;
            cell.weight = weight;
        }
    }

    /// A vertical line of dots from `low` to `high`, both included.
    pub(super) fn line(&mut self, column: usize, low: usize, high: usize, ink: Ink, weight: u8) {
        for row in low..=high.min(self.rows().saturating_sub(1)) {
            self.dot(column, row, ink, weight);
        }
    }

    /// Puts the dots into the buffer; cells without dots stay as they are.
    pub(super) fn render(&self, theme: Theme, buffer: &mut Buffer) {
        let width = usize::from(self.area.width);
        for (index, cell) in self.cells.iter().enumerate().filter(|(_, cell)| cell.dots != 0) {
            // Both fit: the index came from an area of u16s.
            let x = self.area.x + (index % width) as u16;
            let y = self.area.y + (index / width) as u16;
            let symbol = char::from_u32(0x2800 + u32::from(cell.dots)).unwrap_or(' ');
            if let Some(target) = buffer.cell_mut((x, y)) {
                target.set_char(symbol).set_style(style(theme, cell.ink));
            }
        }
    }
}

/// A scale from zero to a round number, with round steps.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Scale {
    /// The value at the top.
    pub(super) top: f64,
    /// The distance of two labels.
    pub(super) step: f64,
}

impl Scale {
    /// A scale that holds `max`, with at most `labels` steps.
    pub(super) fn fitting(max: f64, labels: usize) -> Self {
        let max = if max.is_finite() { max.max(1.0) } else { 1.0 };
        let rough = max / labels.max(1) as f64;
        let power = 10_f64.powf(rough.log10().floor());
        let step = [1.0, 2.0, 2.5, 5.0, 10.0]
            .into_iter()
            .map(|factor| factor * power)
            // Messages and pods are whole; so are the labels.
            .find(|step| *step >= rough * 0.999 && *step >= 1.0 && step.fract() == 0.0)
            .unwrap_or((10.0 * power).max(1.0));
        Self { top: (max / step - 0.001).ceil().max(1.0) * step, step }
    }

    /// The dot row of a value, of `rows` in all.
    pub(super) fn row(&self, value: f64, rows: usize) -> usize {
        let last = rows.saturating_sub(1) as f64;
        (value.max(0.0) / self.top * last).round().min(last) as usize
    }

    /// The labelled values, from zero on.
    pub(super) fn labels(&self) -> impl Iterator<Item = f64> + '_ {
        let count = (self.top / self.step).round() as usize;
        (0..=count).map(|index| index as f64 * self.step)
    }
}

/// The distance of the time axis's labels in seconds, so that there are at most `labels` of them.
pub(super) fn time_step(window: u64, labels: usize) -> u64 {
    const STEPS: [u64; 14] = [5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 10_800, 21_600];
    STEPS.into_iter().find(|step| window / step <= labels.max(1) as u64).unwrap_or(43_200)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scales_are_round_and_hold_their_maximum() {
        for (max, labels, top, step) in [
            (0.0, 4, 1.0, 1.0),
            (1.0, 4, 1.0, 1.0),
            (3.0, 4, 3.0, 1.0),
            (50.0, 4, 60.0, 20.0),
            (60.0, 3, 60.0, 20.0),
            (61.0, 3, 75.0, 25.0),
            (1_000.0, 4, 1_000.0, 250.0),
            (1_100.0, 4, 1_500.0, 500.0),
            (f64::INFINITY, 4, 1.0, 1.0),
        ] {
            assert_eq!(Scale::fitting(max, labels), Scale { top, step }, "{max} in {labels}");
        }
    }

    #[test]
    fn rows_go_from_bottom_to_top() {
        let scale = Scale { top: 60.0, step: 20.0 };
        assert_eq!((scale.row(0.0, 40), scale.row(60.0, 40), scale.row(99.0, 40)), (0, 39, 39));
        assert_eq!(scale.labels().collect::<Vec<_>>(), [0.0, 20.0, 40.0, 60.0]);
    }

    #[test]
    fn dots_are_braille() {
        let area = Rect::new(0, 0, 2, 1);
        let mut canvas = Canvas::new(area);
        canvas.dot(0, 0, Ink::Queue, 1);
        canvas.line(3, 0, 9, Ink::Queue, 1);
        canvas.dot(9, 0, Ink::Queue, 1);
        let mut buffer = Buffer::empty(area);
        canvas.render(Theme::Mono, &mut buffer);
        assert_eq!((buffer[(0, 0)].symbol(), buffer[(1, 0)].symbol()), ("⡀", "⢸"));
    }

    #[test]
    fn an_empty_canvas_takes_dots_without_harm() {
        let mut canvas = Canvas::new(Rect::new(0, 0, 0, 0));
        canvas.line(0, 0, 3, Ink::Queue, 1);
    }

    #[test]
    fn time_labels_are_round() {
        assert_eq!(
            (time_step(60, 6), time_step(300, 5), time_step(300, 12), time_step(99_999_999, 5)),
            (10, 60, 30, 43_200)
        );
    }
}
