//! A canvas of dots, two columns and four rows a cell, and round numbers for axes.
//!
//! ratatui's `Canvas` has braille dots too. It has no weights: a line over an area takes the colour that was drawn last, and
//! the area's dots stay in the line's cell.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::view::theme::{Ink, style};
use dashboard::chart::curves::Curve;
use dashboard::chart::ticks::round_up;
use dashboard::ui::appearance::{Markers, Theme};

/// The braille bit of each dot of a cell, by column and by row from the top.
const BITS: [[u8; 4]; 2] = [[0x01, 0x02, 0x04, 0x40], [0x08, 0x10, 0x20, 0x80]];

/// The dots of a cell's upper half.
const UPPER: u8 = 0x01 | 0x02 | 0x08 | 0x10;

/// The lowest weight of a line. Areas and guides have lower ones.
pub(super) const LINE: u8 = 4;

#[derive(Clone, Copy)]
struct Cell {
    dots: u8,
    ink: Ink,
    weight: u8,
}

/// Dots by column from the left and by row from the bottom. Where two inks meet in a cell, the one of higher weight colours
/// it.
pub(super) struct Canvas {
    area: Rect,
    markers: Markers,
    cells: Vec<Cell>,
}

impl Canvas {
    /// An empty canvas over an area of the buffer.
    pub(super) fn new(area: Rect, markers: Markers) -> Self {
        let empty = Cell { dots: 0, ink: Ink::Text, weight: 0 };
        Self { area, markers, cells: vec![empty; usize::from(area.width) * usize::from(area.height)] }
    }

    /// The number of columns of dots.
    pub(super) fn columns(&self) -> usize {
        usize::from(self.area.width) * 2
    }

    /// The number of rows of dots.
    pub(super) fn rows(&self) -> usize {
        usize::from(self.area.height) * 4
    }

    /// Sets a dot; a dot outside the canvas is ignored. A cell has one colour: a line removes the dots of an area from it, and
    /// two lines share it in the colour of the higher weight.
    pub(super) fn dot(&mut self, column: usize, row: usize, ink: Ink, weight: u8) {
        if column >= self.columns() || row >= self.rows() {
            return;
        }
        let from_top = self.rows() - 1 - row;
        let index = from_top / 4 * usize::from(self.area.width) + column / 2;
        let cell = &mut self.cells[index];
        if cell.weight < LINE && weight > cell.weight {
            cell.dots = 0;
        } else if weight < LINE && weight < cell.weight {
            return;
        }
        cell.dots |= BITS[column % 2][from_top % 4];
        if weight >= cell.weight {
            cell.ink = ink;
            cell.weight = weight;
        }
    }

    /// Draws a vertical line of dots from `low` to `high`, both included.
    pub(super) fn line(&mut self, column: usize, low: usize, high: usize, ink: Ink, weight: u8) {
        for row in low..=high.min(self.rows().saturating_sub(1)) {
            self.dot(column, row, ink, weight);
        }
    }

    /// Draws the dots into the buffer. Cells without dots stay as they are.
    pub(super) fn render(&self, theme: Theme, buffer: &mut Buffer) {
        let width = usize::from(self.area.width);
        for (index, cell) in self.cells.iter().enumerate().filter(|(_, cell)| cell.dots != 0) {
            // Both fit: the index came from an area of u16s.
            let x = self.area.x + (index % width) as u16;
            let y = self.area.y + (index / width) as u16;
            let symbol = symbol(self.markers, cell.ink, cell.dots);
            if let Some(target) = buffer.cell_mut((x, y)) {
                target.set_char(symbol).set_style(style(theme, cell.ink));
            }
        }
    }
}

/// The character of a cell with these dots. Without braille each ink has its own character, because a pattern of dots cannot
/// tell the curves apart.
fn symbol(markers: Markers, ink: Ink, dots: u8) -> char {
    let (upper, lower) = (dots & UPPER != 0, dots & !UPPER != 0);
    match markers {
        Markers::Braille => char::from_u32(0x2800 + u32::from(dots)).unwrap_or(' '),
        Markers::Block => match (ink, upper, lower) {
            (Ink::QueueFill, ..) => '░',
            (Ink::InWork | Ink::Pending, ..) => '▒',
            (Ink::Queue | Ink::Ready, true, true) => '█',
            (Ink::Queue | Ink::Ready, true, false) => '▀',
            (Ink::Queue | Ink::Ready, false, _) => '▄',
            (Ink::Rule, ..) => '│',
            (Ink::Believed, true, true) => '║',
            (Ink::Believed, ..) => '═',
            (Ink::Metric, ..) => '·',
            (_, true, true) => '│',
            _ => '─',
        },
        Markers::Ascii => match (ink, upper && lower) {
            (Ink::QueueFill, _) => '.',
            (Ink::InWork | Ink::Pending, _) => ':',
            (Ink::Queue, _) => '*',
            (Ink::Ready, _) => '#',
            (Ink::Metric, _) => '~',
            (Ink::Believed, false) => '=',
            (Ink::Target | Ink::Desired, false) => '-',
            _ => '|',
        },
    }
}

/// The ink of a curve and a sample of its line, for legends.
pub(in crate::view) fn sample(markers: Markers, curve: Curve) -> (Ink, &'static str) {
    let (ink, [braille, block, ascii]) = match curve {
        Curve::Messages => (Ink::Queue, ["━", "█", "*"]),
        Curve::InWork => (Ink::InWork, ["▓", "▒", ":"]),
        Curve::Target => (Ink::Target, ["╍", "─", "-"]),
        Curve::Believed => (Ink::Believed, ["┅", "═", "="]),
        Curve::Metric => (Ink::Metric, ["┈", "·", "~"]),
        Curve::Desired => (Ink::Desired, ["━", "─", "-"]),
        Curve::Current => (Ink::Pending, ["▒", "▒", ":"]),
        Curve::Ready => (Ink::Ready, ["█", "█", "#"]),
        Curve::Raw => (Ink::Ready, ["≡", "≡", "%"]),
        Curve::Shadow => (Ink::Believed, ["┄", "╌", "."]),
    };
    let text = match markers {
        Markers::Braille => braille,
        Markers::Block => block,
        Markers::Ascii => ascii,
    };
    (ink, text)
}

/// A scale from zero with round steps. Each step is a whole number of cells high, so that the labels are evenly spaced.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Scale {
    /// The difference between two labels.
    pub(super) step: f64,
    /// The number of cells between two labels.
    pub(super) cells: u16,
    /// The number of cells.
    rows: u16,
}

impl Scale {
    /// The scale on which `max` is drawn as high as possible in a plot of `rows` cells.
    pub(super) fn fitting(max: f64, rows: u16) -> Self {
        let max = if max.is_finite() { max.clamp(1.0, 1e15) } else { 1.0 };
        let room = f64::from(rows) * 4.0 - 1.0;
        let fit = |cells: u16| {
            let step = round_up(max * 4.0 * f64::from(cells) / room.max(1.0));
            // The part of the plot's height that the maximum takes.
            (max / step * 4.0 * f64::from(cells) / room.max(1.0), step, cells)
        };
        // At most eight labels and the closest fit. Of equal fits the one with more labels.
        let fewest = rows.div_ceil(8).max(if rows < 5 { 1 } else { 2 });
        let candidates = (fewest..=fewest + 2).filter(|cells| *cells < rows.max(2)).map(fit);
        let best = candidates.fold(None, |best: Option<(f64, f64, u16)>, next| match best {
            Some(best) if best.0 >= next.0 - 0.05 => Some(best),
            _ => Some(next),
        });
        let (_, step, cells) = best.unwrap_or((1.0, round_up(max), 1));
        Self { step, cells, rows }
    }

    /// The dot row of a value.
    pub(super) fn row(&self, value: f64) -> usize {
        let last = f64::from(self.rows) * 4.0 - 1.0;
        (value.max(0.0) / self.step * 4.0 * f64::from(self.cells)).round().min(last.max(0.0)) as usize
    }

    /// The labelled values, and the row of cells of each, counted from the bottom.
    pub(super) fn labels(&self) -> impl Iterator<Item = (f64, u16)> + '_ {
        let count = self.rows.saturating_sub(1) / self.cells.max(1);
        (0..=count).map(|index| (f64::from(index) * self.step, index * self.cells))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scales_are_round_and_show_their_maximum() {
        for rows in 1..40 {
            for max in [0.0, 1.0, 3.0, 10.0, 49.0, 61.0, 200.0, 999.0, 1_001.0, 1e6, f64::NAN, f64::INFINITY]
            {
                let scale = Scale::fitting(max, rows);
                let top = if max.is_finite() { max.max(1.0) } else { 1.0 };
                assert!(
                    top / scale.step * 4.0 * f64::from(scale.cells) <= f64::from(rows) * 4.0,
                    "{max} {rows}"
                );
                assert!(scale.step.fract() == 0.0 && scale.step >= 1.0, "{max} {rows}");
                assert!(scale.labels().all(|(_, row)| row < rows), "{max} {rows}");
                assert!(scale.labels().count() <= 8, "{max} {rows}");
            }
        }
        assert_eq!(Scale::fitting(200.0, 9), Scale { step: 50.0, cells: 2, rows: 9 });
        assert_eq!(Scale::fitting(10.0, 4), Scale { step: 10.0, cells: 3, rows: 4 });
    }

    #[test]
    fn labels_are_at_the_rows_of_their_values() {
        let scale = Scale::fitting(60.0, 10);
        for (value, row) in scale.labels() {
            assert_eq!(scale.row(value), usize::from(row) * 4);
        }
        assert_eq!(scale.row(1e9), 39);
    }

    #[test]
    fn dots_use_the_characters_of_the_terminal() {
        let area = Rect::new(0, 0, 2, 1);
        for (markers, first, second) in
            [(Markers::Braille, "⡀", "⢸"), (Markers::Block, "▄", "█"), (Markers::Ascii, "*", "*")]
        {
            let mut canvas = Canvas::new(area, markers);
            canvas.dot(0, 0, Ink::Queue, 1);
            canvas.line(3, 0, 9, Ink::Queue, 1);
            canvas.dot(9, 0, Ink::Queue, 1);
            let mut buffer = Buffer::empty(area);
            canvas.render(Theme::Mono, &mut buffer);
            assert_eq!((buffer[(0, 0)].symbol(), buffer[(1, 0)].symbol()), (first, second));
        }
    }

    #[test]
    fn curves_of_one_plot_look_different() {
        for markers in [Markers::Braille, Markers::Block, Markers::Ascii] {
            let (queue, replicas) = Curve::ALL.split_at(5);
            for plot in [queue, replicas] {
                let samples: std::collections::BTreeSet<_> =
                    plot.iter().map(|curve| sample(markers, *curve).1).collect();
                assert_eq!(samples.len(), plot.len(), "{markers:?}");
            }
        }
    }

    #[test]
    fn dots_outside_the_canvas_are_ignored() {
        for area in [Rect::new(0, 0, 0, 0), Rect::new(0, 0, 1, 1)] {
            let mut canvas = Canvas::new(area, Markers::Braille);
            canvas.line(2, 0, 9, Ink::Queue, 1);
            let mut buffer = Buffer::empty(Rect::new(0, 0, 3, 3));
            canvas.render(Theme::Mono, &mut buffer);
            assert_eq!(buffer, Buffer::empty(Rect::new(0, 0, 3, 3)));
        }
    }
}
