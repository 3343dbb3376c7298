//! The help: every key, what the marks on the chart mean, and the signs that mean the same everywhere.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Span;
use ratatui::widgets::Widget;

use super::dialog::frame;
use super::marks::MARKS;
use super::text::{below, put, put_right, row, span, wrap_spans};
use super::theme::Ink;
use crate::keys::TABLE;
use crate::model::Theme;

/// Columns of the keys' names, right-aligned, with the gap behind them.
const NAMES: usize = 9;
/// Columns of the keys.
const KEYS: u16 = 72;
/// Columns of marks and signs, beside them.
const SIDE: u16 = 36;
/// Columns between the two.
const GAP: u16 = 2;
/// Columns and rows that the box takes around them.
const FRAME: (u16, u16) = (6, 4);

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
                span(self.theme, Ink::Key, format!("{shown:>width$}  ", width = NAMES - 2)),
                span(self.theme, Ink::Text, help),
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

/// Lines, each broken where it is too wide.
fn broken(lines: Vec<Vec<Span<'static>>>, width: u16, indent: usize) -> Vec<Vec<Span<'static>>> {
    let one = |line: Vec<Span<'static>>| match wrap_spans(&line, width.into(), indent) {
        lines if lines.is_empty() => vec![Vec::new()],
        lines => lines,
    };
    lines.into_iter().flat_map(one).collect()
}

impl Widget for &Help {
    fn render(self, area: Rect, buffer: &mut Buffer) {
        // Side by side where there is room, else one below the other.
        let is_wide = area.width >= KEYS + GAP + SIDE + FRAME.0;
        let width = if is_wide { KEYS + GAP + SIDE } else { KEYS.min(area.width.saturating_sub(FRAME.0)) };
        let mut lines = broken(self.keys(), width.min(KEYS), NAMES);
        let side = broken(self.side(), if is_wide { SIDE } else { width }, 2);
        if !is_wide {
            lines.push(Vec::new());
            lines.extend(side.iter().cloned());
        }
        let rows = if is_wide { lines.len().max(side.len()) } else { lines.len() };
        let rows = u16::try_from(rows).unwrap_or(u16::MAX);
        let inside = frame(buffer, area, self.theme, "Help", (width, rows));
        // The last row of the box says that there is more.
        let hidden = usize::from(rows.saturating_sub(inside.height.saturating_sub(1)));
        let room = if hidden > 0 { inside.height.saturating_sub(1) } else { inside.height };
        let top = self.top.min(hidden);
        let shown = |lines: Vec<Vec<Span<'static>>>, place: Rect, buffer: &mut Buffer| {
            for (index, spans) in (0..room).zip(lines.into_iter().skip(top)) {
                put(buffer, row(place, index), spans);
            }
        };
        shown(lines, inside, buffer);
        if is_wide {
            let x = inside.x + (KEYS + GAP).min(inside.width);
            let beside = Rect { x, width: inside.right() - x, ..inside };
            shown(side, beside, buffer);
        }
        if hidden > 0 {
            let more = match hidden - top {
                0 => "↑ the end".to_owned(),
                below => format!("↓ {below} more"),
            };
            put_right(buffer, row(below(inside, room), 0), vec![span(self.theme, Ink::Lit, more)]);
        }
    }
}

/// Signs that mean the same on every panel.
const SIGNS: [(char, Ink, &str); 6] = [
    ('≈', Ink::Dim, "an estimate"),
    ('±', Ink::Dim, "how exact a time is"),
    ('▸', Ink::Lit, "what decides, or who lags"),
    ('…', Ink::Pending, "still being measured"),
    ('?', Ink::Warning, "an old word: its source is lost"),
    ('!', Ink::Warning, "old, and why; or something to mend"),
];
