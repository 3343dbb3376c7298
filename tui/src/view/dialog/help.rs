//! The help: the keys and symbols of the screen, every key, the marks on the chart, the signs that mean the same everywhere, and the target.
//!
//! ```text
//! ╭ Help ─────────────────────────────────────────────────────────────╮
//! │  space  fire a burst: …             on the row of marks           │
//! │   1..6  size of the burst: …        × broker lost                 │
//! │    …                                everywhere                    │
//! │                                     ≈ an estimate                 │
//! │                                     target                        │
//! │                                     kind-demo, v1.34    ↓ 12 more │
//! ╰───────────────────────────────────────────────────────────────────╯
//! ```
//!
//! In a narrow window the marks and signs are below the keys.

use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::Span;

use super::frame::{BORDER, frame};
use crate::view::chart::MARKS;
use crate::view::draw::{Scroll, below, line_right, lines, row, scrollbar, span, top};
use crate::view::strings::dialogs as text;
use crate::view::strings::general::keys;
use crate::view::theme::Ink;
use crate::view::wrap::wrap_spans;
use dashboard::keys::{KeyContext, TABLE};
use dashboard::reported::Target;
use dashboard::ui::appearance::Theme;
use dashboard::ui::screen::Screen;

/// Columns of the keys' names and of the gap behind them.
const NAME: usize = 9;

/// Columns of the keys, of the marks and signs, and between the two.
const KEYS: u16 = 72;
const SIDE: u16 = 36;
const GAP: u16 = 2;

/// Signs that mean the same on every panel.
const SIGNS: [(char, Ink, &str); 11] = [
    ('≈', Ink::Dim, text::SIGN_ESTIMATE),
    ('±', Ink::Dim, text::SIGN_MARGIN),
    ('►', Ink::Lit, text::SIGN_BINDS),
    ('…', Ink::Pending, text::SIGN_OPEN),
    ('?', Ink::Warning, text::SIGN_STALE),
    ('!', Ink::Warning, text::SIGN_WARNING),
    ('▪', Ink::Lit, text::SIGN_SCREEN),
    ('●', Ink::Ready, text::SIGN_LIVE),
    ('○', Ink::Pending, text::SIGN_WAITS),
    ('◄', Ink::Lit, text::SIGN_PAST),
    ('■', Ink::Warning, text::SIGN_DRILL),
];

/// The rows of a part of the help.
type Rows = Vec<Vec<Span<'static>>>;

/// The help, broken into rows for an area.
#[derive(Debug, Clone)]
pub(in crate::view) struct HelpPage {
    keys: Rows,
    /// Empty in a narrow window, where the marks and signs are below the keys.
    side: Rows,
    width: u16,
    /// The rows that are visible at once.
    visible: u16,
    scroll: Scroll,
    theme: Theme,
}

impl HelpPage {
    /// Lays out the help. `top` is the first visible row.
    pub(in crate::view) fn new(
        screen: Screen,
        target: Option<&Target>,
        is_replay: bool,
        top: usize,
        theme: Theme,
        area: Rect,
    ) -> Self {
        let is_wide = area.width >= KEYS + GAP + SIDE + BORDER.0;
        let width = if is_wide { KEYS + GAP + SIDE } else { KEYS.min(area.width.saturating_sub(BORDER.0)) };
        let mut keys = broken(of_screen(screen, theme), width.min(KEYS), NAME);
        keys.extend(broken(self::keys(theme, is_replay), width.min(KEYS), NAME));
        let mut side = broken(side(screen, target, theme), if is_wide { SIDE } else { width }, 2);
        if !is_wide {
            keys.push(Vec::new());
            keys.append(&mut side);
        }
        let all = keys.len().max(side.len());
        let room = usize::from(area.height.saturating_sub(BORDER.1));
        // If not all rows fit, the last row says so.
        let visible = if all > room { room.saturating_sub(1) } else { all };
        let scroll = Scroll::new(top, all - visible);
        let visible = u16::try_from(visible).unwrap_or(u16::MAX);
        Self { keys, side, width, visible, scroll, theme }
    }

    /// The scroll range of the help, in rows.
    pub(in crate::view) fn max_scroll(&self) -> usize {
        self.scroll.max
    }

    /// Draws the help.
    pub(in crate::view) fn draw(&self, area: Rect, buffer: &mut Buffer) {
        let rows = u16::try_from(self.keys.len().max(self.side.len())).unwrap_or(u16::MAX);
        let inside = frame(buffer, area, self.theme, text::HELP, (self.width, rows));
        let page = top(inside, self.visible);
        let widths = [Constraint::Length(KEYS), Constraint::Min(0)];
        let [keys, side] = match self.side.is_empty() {
            true => [page, Rect::ZERO],
            false => Layout::horizontal(widths).spacing(GAP).areas(page),
        };
        for (rows, area) in [(&self.keys, keys), (&self.side, side)] {
            lines(buffer, area, rows.iter().skip(self.scroll.offset).cloned());
        }
        if self.scroll.max > 0 {
            let more = match self.scroll.max - self.scroll.offset {
                0 => text::HELP_END.to_owned(),
                below => text::help_more(below),
            };
            let last = row(below(inside, self.visible), 0);
            line_right(buffer, last, vec![span(self.theme, Ink::Lit, more)]);
            // In the border.
            let bar = Rect { width: page.width + BORDER.0 / 2, ..page };
            scrollbar(buffer, bar, self.theme, self.scroll.offset, self.scroll.max);
        }
    }
}

/// Returns true if a screen shows the chart: Runs has that of the chosen run.
fn has_chart(screen: Screen) -> bool {
    screen.has_axis() || screen == Screen::Runs
}

/// The keys and the symbols of the screen, before all keys.
fn of_screen(screen: Screen, theme: Theme) -> Rows {
    let title = |text: String| vec![span(theme, Ink::Title, text)];
    let row = |sign: &str, ink, meaning: &'static str| {
        vec![span(theme, ink, format!("{sign:>width$}  ", width = NAME - 2)), span(theme, Ink::Text, meaning)]
    };
    let mut rows = vec![title(text::this_screen(screen.title()))];
    rows.extend(keys_of(screen).iter().map(|(key, meaning)| row(key, Ink::Key, meaning)));
    let of_chart = if has_chart(screen) { text::CHART_SYMBOLS } else { &[] };
    let symbols = of_chart.iter().chain(text::symbols(screen));
    rows.extend(symbols.map(|(sign, meaning)| row(sign, Ink::Value, meaning)));
    rows.extend([Vec::new(), title(text::ALL_KEYS.to_owned())]);
    rows
}

/// The keys that do something else on a screen than elsewhere.
fn keys_of(screen: Screen) -> keys::Keys {
    match screen {
        Screen::Overview => keys::PANEL_CHOSEN,
        Screen::Pods => keys::PODS,
        Screen::Decision => keys::DECISION,
        Screen::Runs => keys::RUNS,
        Screen::Doctor => keys::DOCTOR,
        Screen::Logs => keys::LOGS,
        Screen::Fleet => keys::FLEET,
    }
}

/// The keys, those of a replay first.
fn keys(theme: Theme, is_replay: bool) -> Rows {
    let of_replay = TABLE.iter().filter(|binding| is_replay && binding.when == KeyContext::Replay);
    let general = TABLE.iter().filter(|binding| binding.is_general() && binding.is_listed(is_replay));
    let rows = of_replay.chain(general).map(|binding| {
        vec![
            span(theme, Ink::Key, format!("{:>width$}  ", binding.shown, width = NAME - 2)),
            span(theme, Ink::Text, binding.help),
        ]
    });
    rows.collect()
}

fn side(screen: Screen, target: Option<&Target>, theme: Theme) -> Rows {
    let title = |text: &'static str| vec![span(theme, Ink::Dim, text)];
    let sign = |symbol: char, ink, meaning: &'static str| {
        vec![span(theme, ink, format!("{symbol} ")), span(theme, Ink::Text, meaning)]
    };
    let mut rows = Rows::new();
    if has_chart(screen) {
        rows.push(title(text::HELP_MARKS));
        rows.extend(MARKS.iter().rev().map(|(_, symbol, ink, meaning)| sign(*symbol, *ink, meaning)));
        rows.push(Vec::new());
    }
    rows.push(title(text::HELP_SIGNS));
    rows.extend(SIGNS.map(|(symbol, ink, meaning)| sign(symbol, ink, meaning)));
    let Some(target) = target else { return rows };
    rows.extend([Vec::new(), title(text::HELP_TARGET)]);
    let version = target.version.as_ref().map_or_else(String::new, |version| format!(", {version}"));
    rows.push(vec![span(theme, Ink::Value, target.title.clone()), span(theme, Ink::Text, version)]);
    if !target.namespace.is_empty() {
        rows.push(vec![span(theme, Ink::Text, text::namespace(&target.namespace))]);
    }
    if !target.reason.is_empty() {
        rows.push(vec![span(theme, Ink::Text, target.reason.clone())]);
    }
    rows
}

/// Breaks rows that are too wide. A blank row stays one.
fn broken(rows: Rows, width: u16, indent: usize) -> Rows {
    let one = |row: Vec<Span<'static>>| match wrap_spans(&row, width.into(), indent) {
        rows if rows.is_empty() => vec![Vec::new()],
        rows => rows,
    };
    rows.into_iter().flat_map(one).collect()
}
