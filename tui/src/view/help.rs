//! The help: every key, what the marks on the chart mean, and the signs that mean the same everywhere.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Span;
use ratatui::widgets::Widget;

use super::dialog::frame;
use super::marks::MARKS;
use super::text::{below, fit, put, put_right, row, span};
use super::theme::Ink;
use crate::keys::TABLE;
use crate::model::Theme;

/// Columns of the keys.
const KEYS: u16 = 72;
/// Columns of marks and signs, beside them.
const SIDE: u16 = 28;

/// The help.
pub(super) struct Help {
    /// The first row that is shown, where not all fit.
    pub(super) top: usize,
    /// The colours.
    pub(super) theme: Theme,
}

impl Help {
    fn keys(&self) -> Vec<Vec<Span<'static>>> {
        let line = |shown: &str, help: &'static str| {
            vec![
                span(self.theme, Ink::Key, format!("{shown:>7}  ")),
                span(self.theme, Ink::Text, fit(help, usize::from(KEYS - 9))),
            ]
        };
        TABLE.iter().filter(|b| b.is_general()).map(|binding| line(binding.shown, binding.help)).collect()
    }

    fn side(&self) -> Vec<Vec<Span<'static>>> {
        let theme = self.theme;
        let title = |text: &'static str| vec![span(theme, Ink::Dim, text)];
        let sign = |symbol: char, ink, what: &'static str| {
            vec![span(theme, ink, format!("{symbol} ")), span(theme, Ink::Text, what)]
        };
        let mut lines = vec![title("on the row of marks")];
        lines.extend(MARKS.iter().rev().map(|(_, symbol, ink, what)| sign(*symbol, *ink, what)));
        lines.push(Vec::new());
        lines.push(title("everywhere"));
        lines.extend(SIGNS.iter().map(|(symbol, ink, what)| sign(*symbol, *ink, what)));
        lines
    }
}

impl Widget for &Help {
    fn render(self, area: Rect, buffer: &mut Buffer) {
        let (mut lines, side) = (self.keys(), self.side());
        // Side by side where there is room, else one below the other.
        let is_wide = area.width >= KEYS + SIDE + 8;
        if !is_wide {
            lines.push(Vec::new());
            lines.extend(side.iter().cloned());
        }
        let rows = lines.len().max(if is_wide { side.len() } else { 0 });
        let size = if is_wide { (KEYS + SIDE + 2, rows) } else { (KEYS, rows) };
        let inside =
            frame(buffer, area, self.theme, "Help", (size.0, u16::try_from(size.1).unwrap_or(u16::MAX)));
        // The last row of the box says that there is more.
        let room = inside.height.saturating_sub(1);
        let hidden = lines.len().saturating_sub(usize::from(room));
        let top = self.top.min(hidden);
        for (index, spans) in (0..room).zip(lines.into_iter().skip(top)) {
            put(buffer, row(inside, index), spans);
        }
        if hidden > 0 {
            let more = match hidden - top {
                0 => "↑ more".to_owned(),
                below => format!("↓ {below} more"),
            };
            put_right(buffer, row(below(inside, room), 0), vec![span(self.theme, Ink::Lit, more)]);
        }
        if is_wide {
            let beside =
                Rect { x: inside.x + KEYS + 2, width: inside.width.saturating_sub(KEYS + 2), ..inside };
            for (index, spans) in (0..).zip(side) {
                put(buffer, row(beside, index), spans);
            }
        }
    }
}

/// Signs that mean the same on every panel.
const SIGNS: [(char, Ink, &str); 4] = [
    ('≈', Ink::Dim, "an estimate"),
    ('▸', Ink::Lit, "what decides, or who lags"),
    ('…', Ink::Pending, "still being measured"),
    ('?', Ink::Warning, "an old word: source lost"),
];
