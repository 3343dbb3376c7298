//! The chart's legend, in which curves are shown and hidden.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::widgets::Widget;

use super::dialog::frame;
use super::marks::MARKS;
use super::plot::sample;
use super::text::{put, row, span};
use super::theme::Ink;
use dashboard::chart::curves::Curve;
use dashboard::ui::appearance::Theme;
use dashboard::ui::state::ChartView;

/// The dialog.
pub(super) struct Legend {
    /// Which curves are shown, and how.
    pub(super) lens: ChartView,
    /// Which of them is chosen.
    pub(super) chosen: usize,
    /// The colours.
    pub(super) theme: Theme,
}

impl Widget for &Legend {
    fn render(self, area: Rect, buffer: &mut Buffer) {
        let theme = self.theme;
        let mut lines = Vec::new();
        for (index, curve) in Curve::ALL.iter().enumerate() {
            let is_chosen = index == self.chosen;
            let mark = if is_chosen { "▸ " } else { "  " };
            let ink = if is_chosen { Ink::Lit } else { Ink::Text };
            let (colour, text) = sample(self.lens.markers, *curve);
            let shown = if self.lens.curves.has(*curve) { "[x] " } else { "[ ] " };
            lines.push(vec![
                span(theme, ink, mark),
                span(theme, ink, shown),
                span(theme, colour, format!("{text}{text} ")),
                span(theme, ink, curve.title()),
            ]);
        }
        lines.push(Vec::new());
        lines.push(vec![
            span(theme, Ink::Key, "space"),
            span(theme, Ink::Text, " show or hide   "),
            span(theme, Ink::Key, "esc"),
            span(theme, Ink::Text, " close"),
        ]);
        if usize::from(area.height) >= lines.len() + MARKS.len() + 6 {
            lines.push(Vec::new());
            for (_, symbol, ink, what) in MARKS.iter().rev() {
                lines.push(vec![
                    span(theme, *ink, format!("       {symbol} ")),
                    span(theme, Ink::Text, *what),
                ]);
            }
        }
        let height = u16::try_from(lines.len()).unwrap_or(u16::MAX);
        let inside = frame(buffer, area, theme, "Legend", (44, height));
        for (index, spans) in (0..).zip(lines) {
            put(buffer, row(inside, index), spans);
        }
    }
}
