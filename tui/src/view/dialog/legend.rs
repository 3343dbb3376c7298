//! The legend of the chart, in which curves are shown and hidden.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Span;
use ratatui::widgets::Widget;

use super::frame::{BORDER, frame_rows, keys};
use crate::view::chart::{MARKS, sample};
use crate::view::draw::span;
use crate::view::strings::dialogs as text;
use crate::view::theme::Ink;
use dashboard::chart::curves::Curve;
use dashboard::ui::appearance::Theme;
use dashboard::ui::state::ChartView;

/// Columns of the dialog.
const WIDTH: u16 = 44;

/// The dialog.
pub(in crate::view) struct Legend {
    /// The curves that are shown.
    pub(in crate::view) lens: ChartView,
    /// The index of the chosen curve.
    pub(in crate::view) chosen: usize,
    /// The colours.
    pub(in crate::view) theme: Theme,
}

impl Legend {
    fn curve(&self, index: usize, curve: Curve) -> Vec<Span<'static>> {
        let theme = self.theme;
        let (mark, ink) = if index == self.chosen { ("► ", Ink::Lit) } else { ("  ", Ink::Text) };
        let (colour, line) = sample(self.lens.markers, curve);
        let shown = if self.lens.curves.has(curve) { "[x] " } else { "[ ] " };
        vec![
            span(theme, ink, mark),
            span(theme, ink, shown),
            span(theme, colour, format!("{line}{line} ")),
            span(theme, ink, curve.title()),
        ]
    }
}

impl Widget for &Legend {
    fn render(self, area: Rect, buffer: &mut Buffer) {
        let theme = self.theme;
        let curves = Curve::ALL.iter().enumerate();
        let mut rows: Vec<_> = curves.map(|(index, curve)| self.curve(index, *curve)).collect();
        rows.extend([Vec::new(), keys(theme, text::LEGEND_KEYS)]);
        // The marks where there is room for all of them.
        if usize::from(area.height) >= rows.len() + MARKS.len() + 2 + usize::from(BORDER.1) {
            rows.push(Vec::new());
            rows.extend(MARKS.iter().rev().map(|(_, symbol, ink, meaning)| {
                vec![span(theme, *ink, format!("       {symbol} ")), span(theme, Ink::Text, *meaning)]
            }));
        }
        frame_rows(buffer, area, theme, text::LEGEND, WIDTH, rows);
    }
}
