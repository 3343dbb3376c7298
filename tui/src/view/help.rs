//! The help: every key, what the marks on the chart mean, and the signs that mean the same everywhere.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Span;
use ratatui::widgets::Widget;

use super::dialog::frame;
use super::marks::MARKS;
use super::text::{below, put, put_right, row, span, wrap_spans};
use super::theme::Ink;
use dashboard::keys::TABLE;
use dashboard::reported::Target;
use dashboard::ui::appearance::Theme;

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
pub(super) struct Help<'a> {
    /// What is watched, and why that.
    pub(super) target: Option<&'a Target>,
    /// The first row that is shown, where not all fit.
    pub(super) top: usize,
    /// The colours.
    pub(super) theme: Theme,
}

impl Help<'_> {
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
        if let Some(target) = self.target {
            lines.push(Vec::new());
            lines.push(title("what is watched here"));
            let version = target.version.as_ref().map_or_else(String::new, |version| format!(", {version}"));
            lines.push(vec![span(theme, Ink::Value, target.title.clone()), span(theme, Ink::Text, version)]);
            if !target.namespace.is_empty() {
                lines.push(vec![span(theme, Ink::Text, format!("namespace {}", target.namespace))]);
            }
            if !target.reason.is_empty() {
                lines.push(vec![span(theme, Ink::Text, target.reason.clone())]);
            }
        }
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

/// The help as it stands in an area.
struct Page {
    keys: Vec<Vec<Span<'static>>>,
    /// Beside the keys, where there is room; else they are below them.
    side: Vec<Vec<Span<'static>>>,
    width: u16,
}

impl Page {
    /// Rows of all of it.
    fn rows(&self) -> u16 {
        u16::try_from(self.keys.len().max(self.side.len())).unwrap_or(u16::MAX)
    }

    /// Rows that can be shown at once, and those that then are hidden. The last row of the box says that there are some.
    fn room(&self, area: Rect) -> (u16, usize) {
        let room = area.height.saturating_sub(FRAME.1 - 1).min(self.rows());
        match self.rows() - room {
            0 => (room, 0),
            hidden => (room.saturating_sub(1), usize::from(hidden) + 1),
        }
    }
}

impl Help<'_> {
    fn page(&self, area: Rect) -> Page {
        // Side by side where there is room, else one below the other.
        let is_wide = area.width >= KEYS + GAP + SIDE + FRAME.0;
        let width = if is_wide { KEYS + GAP + SIDE } else { KEYS.min(area.width.saturating_sub(FRAME.0)) };
        let mut keys = broken(self.keys(), width.min(KEYS), NAMES);
        let mut side = broken(self.side(), if is_wide { SIDE } else { width }, 2);
        if !is_wide {
            keys.push(Vec::new());
            keys.append(&mut side);
        }
        Page { keys, side, width }
    }

    /// The last row from which on it can be shown.
    pub(super) fn max_scroll(&self, area: Rect) -> usize {
        self.page(area).room(area).1
    }
}

impl Widget for &Help<'_> {
    fn render(self, area: Rect, buffer: &mut Buffer) {
        let page = self.page(area);
        let (room, hidden) = page.room(area);
        let top = self.top.min(hidden);
        let inside = frame(buffer, area, self.theme, "Help", (page.width, page.rows()));
        let x = inside.x + (KEYS + GAP).min(inside.width);
        let beside = Rect { x, width: inside.right() - x, ..inside };
        for (lines, place) in [(page.keys, inside), (page.side, beside)] {
            for (index, spans) in (0..room).zip(lines.into_iter().skip(top)) {
                put(buffer, row(place, index), spans);
            }
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
