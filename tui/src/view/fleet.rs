//! The screen Fleet: every HPA of the cluster in one line.
//!
//! ```text
//! ── Fleet ──────────────── 3 HPAs in all namespaces, worst first ─
//! NAMESPACE  NAME    METRIC              REPLICAS   MIN-MAX  VERDICT
//! shop       api     cpu 130 % of 80 %   10 (≈17)   1-10     at max: wants ≈17
//! batch      worker  depth 3 of 20 a pod   1          1-10     steady at min
//! ```
//!
//! Wider windows have more columns. The lines below the table have the whole verdict on the chosen HPA.

use jiff::Timestamp;
use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Row as TableRow, StatefulWidget, Table, TableState, Widget};

use super::draw::{line, note_room, panel, row, span, wrapped};
use super::fmt::age;
use super::strings::fleet as text;
use super::theme::{Ink, style};
use super::wrap::fit;
use dashboard::fleet::{Entry, Fleet};
use dashboard::reported::SourceState;
use dashboard::strings::fleet as words;
use dashboard::ui::appearance::Theme;
use dashboard::ui::filter::Filter;
use explain::fleet::Tone;

/// Columns between two cells.
const GAP: u16 = 2;

/// Rows of the details about the chosen HPA.
const DETAIL_ROWS: u16 = 2;

/// From this height on, the details have their rows.
const HIGH: u16 = 12;

/// The screen.
pub(super) struct FleetScreen<'a> {
    /// The HPAs.
    pub(super) fleet: &'a Fleet,
    /// The filter of the list.
    pub(super) filter: &'a Filter,
    /// The current time, for ages.
    pub(super) now: Timestamp,
    /// The reason for this screen in place of the demo; empty if the user chose it.
    pub(super) reason: &'a str,
    /// The colours.
    pub(super) theme: Theme,
}

/// A column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Column {
    Namespace,
    Name,
    Reference,
    Metric,
    Replicas,
    Bounds,
    Scaled,
    Sync,
    Verdict,
}

impl Column {
    fn title(self) -> &'static str {
        match self {
            Self::Namespace => text::NAMESPACE,
            Self::Name => text::NAME,
            Self::Reference => text::REFERENCE,
            Self::Metric => text::METRIC,
            Self::Replicas => text::REPLICAS,
            Self::Bounds => text::BOUNDS,
            Self::Scaled => text::SCALED,
            Self::Sync => text::SYNC,
            Self::Verdict => text::VERDICT,
        }
    }
}

/// The columns that fit, with their widths; the verdict has the rest.
fn columns(width: u16, all_namespaces: bool) -> Vec<(Column, u16)> {
    use Column::{Bounds, Metric, Name, Namespace, Reference, Replicas, Scaled, Sync, Verdict};
    let fixed: &[(Column, u16)] = match width {
        ..100 => &[(Namespace, 9), (Name, 14), (Metric, 17), (Replicas, 9)],
        100..160 => {
            &[(Namespace, 12), (Name, 18), (Metric, 20), (Replicas, 9), (Bounds, 7), (Scaled, 6), (Sync, 6)]
        }
        160.. => &[
            (Namespace, 18),
            (Name, 26),
            (Reference, 28),
            (Metric, 32),
            (Replicas, 12),
            (Bounds, 8),
            (Scaled, 6),
            (Sync, 7),
        ],
    };
    // A namespace for all leaves its room to the names.
    let namespace =
        fixed.iter().find(|(column, _)| *column == Namespace).map_or(0, |(_, width)| *width + GAP);
    let mut columns: Vec<(Column, u16)> = fixed
        .iter()
        .filter(|(column, _)| all_namespaces || *column != Namespace)
        .map(|(column, width)| match column {
            Name if !all_namespaces => (Name, width + namespace),
            column => (*column, *width),
        })
        .collect();
    let used: u16 = columns.iter().map(|(_, width)| width + GAP).sum();
    columns.push((Verdict, width.saturating_sub(used)));
    columns
}

fn ink(tone: Tone) -> Ink {
    match tone {
        Tone::Failing => Ink::Error,
        Tone::Limited => Ink::Warning,
        Tone::Moving => Ink::Lit,
        Tone::Resting => Ink::Dim,
        Tone::Fine => Ink::Ready,
    }
}

impl FleetScreen<'_> {
    fn cell(&self, entry: &Entry, column: Column) -> (Ink, String) {
        let row = &entry.row;
        match column {
            Column::Namespace => (Ink::Dim, row.namespace.clone()),
            Column::Name => (Ink::Value, row.name.clone()),
            Column::Reference => (Ink::Text, words::reference(row)),
            Column::Metric => (Ink::Text, words::winner(row)),
            Column::Replicas => (Ink::Text, words::sizes(row)),
            Column::Bounds => (Ink::Dim, words::bounds(row)),
            Column::Scaled => {
                let ago = row.last_scale.map(|time| age(words::elapsed(time, self.now)));
                (Ink::Dim, ago.unwrap_or_else(|| words::NO_VALUE.to_owned()))
            }
            Column::Sync => {
                let interval = entry.meter.interval().map(text::interval);
                (Ink::Dim, interval.unwrap_or_else(|| words::NO_VALUE.to_owned()))
            }
            Column::Verdict => (ink(row.verdict.tone()), words::verdict(row, self.now)),
        }
    }

    fn table(&self, buffer: &mut Buffer, area: Rect, visible: &[&Entry], chosen: usize) {
        let theme = self.theme;
        let columns = columns(area.width, self.fleet.namespace.is_none());
        // Only the rows on the screen become text.
        let height = usize::from(area.height.saturating_sub(1)).max(1);
        let first = (chosen + 1).saturating_sub(height);
        let rows = visible.iter().skip(first).take(height).map(|entry| {
            TableRow::new(columns.iter().map(|(column, width)| {
                let (ink, text) = self.cell(entry, *column);
                Line::from(span(theme, ink, fit(&text, usize::from(*width)).into_owned()))
            }))
        });
        let header = columns.iter().map(|(column, _)| Line::from(span(theme, Ink::Dim, column.title())));
        let widths = columns.iter().map(|(_, width)| Constraint::Length(*width));
        let table = Table::new(rows, widths)
            .header(TableRow::new(header))
            .column_spacing(GAP)
            .row_highlight_style(style(theme, Ink::Lit));
        let mut state = TableState::default().with_selected(Some(chosen - first));
        StatefulWidget::render(table, area, buffer, &mut state);
    }

    /// The right end of the title: the number, the place and the order, or the reason why the list is old.
    fn note(&self, shown: usize, room: usize) -> Vec<Span<'static>> {
        let (fleet, theme) = (self.fleet, self.theme);
        let mut note = Vec::new();
        if let Some(cause) = self.problem().filter(|_| fleet.is_listed) {
            return vec![span(theme, Ink::Error, fit(cause, room).into_owned())];
        }
        if !fleet.note.is_empty() {
            note.push(span(theme, Ink::Warning, format!("{}  ", fleet.note)));
        }
        if !fleet.is_empty() {
            let count = text::count(shown, fleet.len(), fleet.namespace.as_deref());
            note.push(span(theme, Ink::Dim, format!("{count}, {}", text::order(fleet.order))));
        }
        note
    }

    /// The chosen HPA with its whole verdict and the controller's message.
    fn details(&self, chosen: &Entry) -> Vec<Span<'static>> {
        let (row, theme) = (&chosen.row, self.theme);
        let name = format!("{}/{} → {}: ", row.namespace, row.name, words::reference(row));
        let mut details = vec![
            span(theme, Ink::Dim, name),
            span(theme, ink(row.verdict.tone()), words::verdict(row, self.now)),
        ];
        if let Some(message) = row.verdict.message().filter(|message| !message.is_empty()) {
            details.push(span(theme, Ink::Dim, text::message(message)));
        }
        details
    }

    /// The reason why the watch does not deliver.
    fn problem(&self) -> Option<&str> {
        match &self.fleet.state {
            Some(SourceState::Retrying { cause, .. } | SourceState::Unavailable(cause)) => Some(cause),
            _ => None,
        }
    }

    /// The sentences in place of an empty table.
    fn empty(&self, buffer: &mut Buffer, area: Rect) {
        let (fleet, theme) = (self.fleet, self.theme);
        let place = fleet.namespace.as_deref();
        let lines = match self.problem() {
            Some(cause) => vec![(Ink::Error, cause.to_owned())],
            None if !fleet.is_listed => vec![(Ink::Pending, text::READING.to_owned())],
            None if fleet.is_empty() => {
                vec![(Ink::Text, text::no_hpa(place)), (Ink::Dim, text::SANDBOX.to_owned())]
            }
            None => vec![(Ink::Dim, text::NO_MATCH.to_owned())],
        };
        for (index, (ink, text)) in (0..).zip(lines) {
            line(buffer, row(area, index), vec![span(theme, ink, text)]);
        }
    }
}

impl Widget for &FleetScreen<'_> {
    fn render(self, area: Rect, buffer: &mut Buffer) {
        let visible = self.fleet.visible(self.filter, self.now);
        let note = self.note(visible.len(), note_room(area.width, text::TITLE).into());
        let inside = panel(buffer, area, self.theme, text::TITLE, note);
        if visible.is_empty() {
            return self.empty(buffer, inside);
        }
        let chosen = self.fleet.position(&visible);
        let details = if inside.height >= HIGH { self.details(visible[chosen]) } else { Vec::new() };
        // The message may need a second row.
        let rows = if details.is_empty() { 0 } else { DETAIL_ROWS };
        let [table, below] = Layout::vertical([Constraint::Min(0), Constraint::Length(rows)]).areas(inside);
        self.table(buffer, table, &visible, chosen);
        let used = wrapped(buffer, below, &details, 0);
        if used < rows {
            line(buffer, row(below, used), vec![span(self.theme, Ink::Dim, self.reason)]);
        }
    }
}
