//! The decision history: the observed syncs, newest first, each with the settings that it had.
//!
//! ```text
//! ── Decision history ───────────────────────────────────── 9 syncs ─
//!   time      from → to   wanted  limited by             reading  target
//!   14:00:45     5 → 10       10  from the metric            200      20
//!   14:00:30     1 → 5        10  policy: 4 pods in 15 s     200      20
//! ```

use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Rect};
use ratatui::text::Line;
use ratatui::widgets::{Row, Table, Widget};

use super::gates::wanted_and_limit;
use crate::view::draw::{line, panel, row, span};
use crate::view::fmt::milli;
use crate::view::strings::decision as text;
use crate::view::theme::Ink;
use crate::view::wrap::fit;
use dashboard::autoscaler::estimate::LastSync;
use dashboard::clock::At;
use dashboard::data::Data;
use dashboard::ui::appearance::Theme;

/// Columns of the time, the sizes, the wanted size, the limit, the reading and the target.
const COLUMNS: [u16; 6] = [11, 11, 8, 26, 12, 12];

/// The columns of the whole table.
pub(super) const WIDTH: u16 = 80;

/// Title, head, and a row for each of a few syncs.
pub(super) const MIN_ROWS: u16 = 5;

/// The panel.
pub(in crate::view) struct History<'a> {
    /// The observed data.
    pub(in crate::view) data: &'a Data,
    /// The inspected instant; its sync is marked.
    pub(in crate::view) cursor: Option<At>,
    /// The number of syncs that are scrolled over.
    pub(in crate::view) skipped: usize,
    /// The colours.
    pub(in crate::view) theme: Theme,
}

impl History<'_> {
    /// The scroll range in an area, in syncs.
    pub(in crate::view) fn max_scroll(&self, area: Rect) -> usize {
        self.data.estimate.past.iter().len().saturating_sub(usize::from(area.height.saturating_sub(2)))
    }

    fn sync(&self, sync: &LastSync, is_marked: bool) -> Row<'static> {
        let theme = self.theme;
        let (from, to) = sync.reported.sizes();
        let clock = |at: At| self.data.day.time_of_day(at);
        let (wanted, limit) = wanted_and_limit(sync, &clock);
        let wanted = wanted.map_or_else(|| "-".to_owned(), |wanted| wanted.to_string());
        let (reading, target) = reading_and_target(sync);
        let ink = match () {
            () if is_marked => Ink::Lit,
            () if from != to => Ink::Value,
            () => Ink::Text,
        };
        let right = |text: String| Line::from(span(theme, ink, text)).right_aligned();
        let mark = if is_marked { "► " } else { "  " };
        Row::new([
            Line::from(span(theme, ink, format!("{mark}{}", clock(sync.at)))),
            right(text::sizes(from, to)),
            right(wanted),
            Line::from(span(theme, ink, format!("  {}", fit(&limit, usize::from(COLUMNS[3]) - 2)))),
            right(reading),
            right(target),
        ])
    }
}

/// The reading of a sync and its target: of the queue in all and per pod, of other metrics as kubectl shows them.
fn reading_and_target(sync: &LastSync) -> (String, String) {
    let measured = sync.trace.winner().or(sync.trace.metrics.first()).and_then(|metric| metric.measured);
    match (sync.total.milli(), measured) {
        (Some(total), Some(measured)) => (milli(total), milli(measured.target)),
        _ => {
            let (reading, target) =
                sync.targets_column.split_once('/').unwrap_or((sync.targets_column.as_str(), ""));
            let reading = reading.rsplit_once(": ").map_or(reading, |(_, value)| value);
            (reading.to_owned(), target.split(',').next().unwrap_or_default().to_owned())
        }
    }
}

impl Widget for &History<'_> {
    fn render(self, area: Rect, buffer: &mut Buffer) {
        let theme = self.theme;
        let past = &self.data.estimate.past;
        let all = past.iter().len();
        let room = usize::from(area.height.saturating_sub(2));
        let shown = all.saturating_sub(self.skipped).min(room);
        let note =
            if all == 0 { Vec::new() } else { vec![span(theme, Ink::Dim, text::history_rows(shown, all))] };
        let inside = panel(buffer, area, theme, text::HISTORY, note);
        if all == 0 {
            line(buffer, row(inside, 0), vec![span(theme, Ink::Dim, format!("  {}", text::NO_HISTORY))]);
            return;
        }
        let marked = self.cursor.and_then(|at| past.in_force(at)).map(|sync| sync.at);
        let rows = past.iter().rev().skip(self.skipped);
        let rows = rows.take(room).map(|sync| self.sync(sync, marked == Some(sync.at)));
        let title = |(index, text): (usize, &'static str)| {
            let line = Line::from(span(
                theme,
                Ink::Dim,
                if matches!(index, 0 | 3) { format!("  {text}") } else { text.to_owned() },
            ));
            if matches!(index, 0 | 3) { line } else { line.right_aligned() }
        };
        let head = Row::new(text::HISTORY_COLUMNS.into_iter().enumerate().map(title));
        let count = if area.width >= WIDTH { COLUMNS.len() } else { 4 };
        let widths = COLUMNS.iter().take(count).map(|columns| Constraint::Length(*columns));
        Widget::render(Table::new(rows, widths).header(head).column_spacing(0), inside, buffer);
    }
}
