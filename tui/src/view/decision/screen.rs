//! The screen Decision: the arithmetic of the last and the next sync, the controller's own reason, forecast, shadow and the
//! decision history.
//!
//! ```text
//! from 150 columns on                          from 110 on               narrower
//! ┌───────────────────────────────────────┐   ┌───────────────────┐   ┌───────────────────┐
//! │ title: sync every 15 s                │   │ title             │   │ title             │
//! │ name │ last sync    │ next sync       │   │ name │ last │ next│   │ last sync         │
//! │ controller: its size and reason       │   │ controller        │   │ next sync         │
//! │ chart             │ decision history  │   │ forecast          │   │ controller        │
//! │                   │                   │   │ shadow, if on     │   │ forecast          │
//! │ forecast          │ shadow            │   │ history, chart    │   │ shadow, one line  │
//! └───────────────────────────────────────┘   └───────────────────┘   └───────────────────┘
//! ```
//!
//! With the cursor on, the two syncs are those around the cursor, and what belongs to the present is left out.

use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Row, Table, Widget};

use super::columns::{Column, last_sync, next_sync, syncs_around};
use super::gates::{Gate, reason};
use super::history::{self, History};
use super::messages;
use super::panel::title_note;
use crate::view::chart::{Chart, GUTTER, Marks, Replicas, TimeAxis, cursor, labels};
use crate::view::draw::{below, hidden_rows, line, lines, note_room, panel, row, span, top};
use crate::view::forecast::{self, Forecast};
use crate::view::shadow::Shadow;
use crate::view::strings::decision as text;
use crate::view::strings::decision::gate;
use crate::view::theme::Ink;
use crate::view::wrap::{fit, phrase, wrap};
use dashboard::autoscaler::estimate::{Agreement, PeriodBasis};
use dashboard::data::{Data, Presence};
use dashboard::ui::appearance::Theme;
use dashboard::ui::state::ChartView;
use observed::Hpa;

/// From this width on the two syncs are side by side.
const SIDE_BY_SIDE: u16 = 110;

/// From this width on forecast and shadow are side by side at the bottom.
const WIDE: u16 = 150;

/// Columns of the names of the steps, side by side and one below the other.
const NAME: u16 = 16;
const NARROW_NAME: u16 = 12;

/// Columns before the controller's reason.
const CONTROLLER: usize = 20;

/// An area with fewer rows shows only the steps of the last sync that decided it.
const LOW_AREA: u16 = 26;

/// The most sentences about the next change.
const MAX_NEEDS: usize = 4;

/// The most rows of the chart.
const MAX_CHART: u16 = 34;

/// From this height on the chart has the queue too.
const WITH_QUEUE: u16 = 14;

/// The screen.
pub(in crate::view) struct DecisionScreen<'a> {
    /// The observed data.
    pub(in crate::view) data: &'a Data,
    /// The stretch of time and the curves.
    pub(in crate::view) lens: ChartView,
    /// The index of the chosen drain time of the forecast.
    pub(in crate::view) asked: usize,
    /// The colours.
    pub(in crate::view) theme: Theme,
}

impl Widget for &DecisionScreen<'_> {
    fn render(self, area: Rect, buffer: &mut Buffer) {
        let theme = self.theme;
        let hpa = match &self.data.hpa {
            Presence::Here(hpa) => hpa,
            Presence::Missing => return self.empty(area, buffer, Ink::Warning, text::NO_HPA),
            Presence::Unknown => return self.empty(area, buffer, Ink::Dim, text::WAITING_FOR_HPA),
        };
        let room = note_room(area.width, text::TITLE);
        let note = title_note(self.data, theme, room).unwrap_or_else(|| {
            vec![span(theme, Ink::Dim, fit(&self.sync_period(), room.into()).into_owned())]
        });
        let inside = panel(buffer, area, theme, text::TITLE, note);
        let is_past = self.lens.stretch.cursor.is_some();
        let mut used = if is_past { 0 } else { self.missing_reading(inside, buffer) };
        let cursor = self.lens.stretch.cursor;
        let [last, next] = match cursor {
            Some(at) => syncs_around(self.data, at),
            None => [last_sync(self.data, hpa), next_sync(self.data)],
        };
        let rest = below(inside, used);
        used += if area.width >= SIDE_BY_SIDE {
            self.side_by_side(rest, buffer, &last, &next)
        } else {
            self.stacked(rest, buffer, &last, &next)
        };
        if cursor.is_some() {
            return self.past(below(inside, used + 1), buffer);
        }
        used += self.controller(below(inside, used), buffer, hpa);
        used += self.needs(below(inside, used), buffer);
        self.outlook(below(inside, used), buffer);
        let forecast = if area.width < WIDE { self.forecast_rows() } else { 0 };
        hidden_rows(buffer, area, theme, 1 + used + forecast);
    }
}

impl DecisionScreen<'_> {
    fn empty(&self, area: Rect, buffer: &mut Buffer, ink: Ink, text: &str) {
        let inside = panel(buffer, area, self.theme, text::TITLE, Vec::new());
        line(buffer, row(inside, 0), vec![span(self.theme, ink, format!("    {text}"))]);
    }

    /// The time between two syncs, and its source.
    fn sync_period(&self) -> String {
        let (period, basis) = self.data.estimate.schedule().period();
        text::sync_period(
            period.as_secs_f64(),
            match basis {
                PeriodBasis::Assumed => text::PERIOD_ASSUMED,
                PeriodBasis::Seen => text::PERIOD_SEEN,
                PeriodBasis::Configured => text::PERIOD_CONFIGURED,
            },
        )
    }

    fn gate(&self, gate: Option<&Gate>, width: u16) -> Vec<Span<'static>> {
        let theme = self.theme;
        let Some(gate) = gate else { return vec![span(theme, Ink::Dim, "    -")] };
        vec![
            span(theme, Ink::Lit, if gate.binds { "► " } else { "  " }),
            span(theme, gate.certainty.ink(), gate.certainty.mark()),
            span(theme, gate.ink(), gate.fitting(usize::from(width.saturating_sub(5)))),
        ]
    }

    /// Says above all else that the reading is missing, and why. Returns the number of rows.
    fn missing_reading(&self, area: Rect, buffer: &mut Buffer) -> u16 {
        let Some(gone) = messages::missing_reading(self.data) else { return 0 };
        let (theme, room) = (self.theme, usize::from(area.width.saturating_sub(6)));
        let [sentence, _] = messages::nothing_to_calculate(self.data, gone);
        let mut rows: Vec<Vec<Span<'_>>> = Vec::new();
        for text in wrap(&sentence, room) {
            let mark = if rows.is_empty() { "  ► " } else { "    " };
            rows.push(vec![span(theme, Ink::Warning, format!("{mark}{text}"))]);
        }
        let cause = messages::lines(&gone.why, room, 2).into_iter();
        rows.extend(cause.map(|text| vec![span(theme, Ink::Warning, format!("    {text}"))]));
        draw(buffer, area, rows)
    }

    /// Draws both syncs as a table. Returns the number of rows.
    fn side_by_side(&self, area: Rect, buffer: &mut Buffer, last: &Column, next: &Column) -> u16 {
        let theme = self.theme;
        let width = area.width.saturating_sub(NAME) / 2;
        let head = |column: &Column| {
            Line::from(span(
                theme,
                Ink::Title,
                fit(&format!("    {}", column.head), width.into()).into_owned(),
            ))
        };
        let names = gate::OF_A_SYNC.into_iter().flat_map(|name| {
            let count = last.count(name).max(next.count(name)).max(1);
            (0..count).map(move |nth| (name, nth))
        });
        let rows = names.filter_map(|(name, nth)| match (last.get(name, nth), next.get(name, nth)) {
            (None, None) => None,
            (last, next) => Some(Row::new([
                Line::from(span(theme, Ink::Dim, format!("    {name}"))),
                Line::from(self.gate(last, width)),
                Line::from(self.gate(next, width)),
            ])),
        });
        let rows: Vec<Row<'_>> = rows.collect();
        let used = u16::try_from(rows.len() + 1).unwrap_or(u16::MAX);
        let widths = [NAME, width, width].map(Constraint::Length);
        let head = Row::new([Line::default(), head(last), head(next)]);
        Widget::render(Table::new(rows, widths).header(head).column_spacing(0), area, buffer);
        used
    }

    /// Draws the last sync, and below it the next one. Returns the number of rows.
    fn stacked(&self, area: Rect, buffer: &mut Buffer, last: &Column, next: &Column) -> u16 {
        let theme = self.theme;
        let is_low = area.height < LOW_AREA;
        let has_shadow = self.data.shadow.running().is_some();
        let is_essential = |gate: &Gate| match gate.name {
            gate::FINAL | gate::METRIC => true,
            // The line of the shadow needs a row.
            gate::READING => !has_shadow || gate.binds,
            _ => gate.binds,
        };
        let mut rows = Vec::new();
        for (column, is_past) in [(last, true), (next, false)] {
            rows.push(vec![span(theme, Ink::Title, format!("  {}", column.head))]);
            for gate in column.lines.iter().filter(|gate| !(is_past && is_low) || is_essential(gate)) {
                let mut row = vec![span(theme, Ink::Dim, format!("  {:<10}", gate.name))];
                row.extend(self.gate(Some(gate), area.width.saturating_sub(NARROW_NAME)));
                rows.push(row);
            }
        }
        draw(buffer, area, rows)
    }

    /// Draws the controller's size and reason, and whether they are as calculated. Returns the number of rows.
    fn controller(&self, area: Rect, buffer: &mut Buffer, hpa: &Hpa) -> u16 {
        let theme = self.theme;
        let mut head = vec![span(theme, Ink::Dim, format!("    {:<16}", text::CONTROLLER))];
        head.push(match hpa.wanted() {
            Some(desired) => span(theme, Ink::Value, desired.to_string()),
            None if hpa.has_synced() => span(theme, Ink::Dim, text::NO_DESIRED),
            None => span(theme, Ink::Pending, text::NOT_SYNCED),
        });
        let room = usize::from(area.width).saturating_sub(CONTROLLER + 4);
        let mut rows = Vec::new();
        if let Some(last) = self.data.estimate.last() {
            let rescale = last.reported.last_scale.map(|time| self.data.day.of(time));
            let words = text::controller_reason(&last.reported.reason, rescale.as_deref());
            head.push(span(theme, Ink::Text, phrase(&words, room)));
            let (ink, text) = match last.agreement() {
                Agreement::Same => (Ink::Dim, text::AS_CALCULATED.to_owned()),
                Agreement::OtherGate => {
                    (Ink::Text, text::other_reason(reason(&last.trace), &last.reported.reason))
                }
                Agreement::OtherSize(cause) => {
                    (Ink::Warning, text::other_size(last.trace.desired, last.reported.desired, cause))
                }
            };
            rows = wrap(&text, room).into_iter().map(|text| (ink, "  ", text)).collect();
        }
        if let Some(message) = messages::false_condition(hpa) {
            // A low area needs its rows for other things.
            let left = usize::from(area.height).saturating_sub(rows.len() + 1);
            let lines = messages::lines(&message, room, if left < 12 { 2 } else { 4 });
            let marks = ["! "].into_iter().chain(std::iter::repeat("  "));
            rows.extend(marks.zip(lines).map(|(mark, text)| (Ink::Warning, mark, text)));
        }
        let rows = rows.into_iter().map(|(ink, mark, text)| {
            vec![Span::raw(" ".repeat(CONTROLLER - 2)), span(theme, ink, mark), span(theme, ink, text)]
        });
        draw(buffer, area, [head].into_iter().chain(rows).collect())
    }

    /// Draws what the next change needs, and the release whose rules were applied. Returns the number of rows.
    fn needs(&self, area: Rect, buffer: &mut Buffer) -> u16 {
        let theme = self.theme;
        let mut sentences = messages::outlook(self.data);
        sentences.push(self.data.rules().name());
        // A low area needs its rows for other things.
        let is_low = self.data.has_queue() && area.height < LOW_AREA / 2;
        let most = if is_low { 1 } else { MAX_NEEDS };
        let room = usize::from(area.width).saturating_sub(CONTROLLER + 2);
        let names = [text::NEEDS].into_iter().chain(std::iter::repeat(""));
        let rows = sentences.into_iter().take(most).zip(names).map(|(sentence, name)| {
            let name = span(theme, Ink::Dim, format!("    {name:<16}"));
            vec![name, span(theme, Ink::Text, fit(&sentence, room).into_owned())]
        });
        draw(buffer, area, rows.collect())
    }

    /// The rows of the forecast, which needs a queue.
    fn forecast_rows(&self) -> u16 {
        if self.data.has_queue() { forecast::ROWS } else { 0 }
    }

    /// The decision history, with the sync at the cursor.
    fn history(&self) -> History<'_> {
        History { data: self.data, cursor: self.lens.stretch.cursor, skipped: 0, theme: self.theme }
    }

    /// Draws chart and history, side by side or the history first, as far as there is room.
    fn past(&self, area: Rect, buffer: &mut Buffer) {
        if area.width >= WIDE {
            let widths = [Constraint::Min(0), Constraint::Length(history::WIDTH)];
            let [chart, history] = Layout::horizontal(widths).spacing(2).areas(area);
            self.chart(chart, buffer);
            return (&self.history()).render(history, buffer);
        }
        if area.height < history::MIN_ROWS {
            return;
        }
        // Title and head, and a row a sync.
        let rows =
            u16::try_from(self.data.estimate.past.iter().len().max(1)).unwrap_or(u16::MAX).saturating_add(2);
        let rows = rows.min(if area.height < 2 * history::MIN_ROWS { area.height } else { area.height / 2 });
        (&self.history()).render(top(area, rows), buffer);
        self.chart(below(area, rows), buffer);
    }

    /// Draws forecast, shadow, the decision history and the chart, as far as there is room.
    fn outlook(&self, area: Rect, buffer: &mut Buffer) {
        let (data, theme) = (self.data, self.theme);
        let (forecast, shadow) = (Forecast { data, asked: self.asked, theme }, Shadow { data, theme });
        if area.width >= WIDE {
            let height = self.forecast_rows().max(shadow.rows());
            let rows = [Constraint::Length(1), Constraint::Min(0), Constraint::Length(1)];
            let [upper, lower] =
                Layout::vertical([Constraint::Min(0), Constraint::Length(height)]).areas(area);
            let [_, past, _] = Layout::vertical(rows).areas(upper);
            self.past(past, buffer);
            if self.forecast_rows() == 0 {
                return (&shadow).render(lower, buffer);
            }
            let [left, right] = Layout::horizontal([Constraint::Fill(1); 2]).spacing(2).areas(lower);
            (&forecast).render(left, buffer);
            (&shadow).render(right, buffer);
            return;
        }
        let mut rest = area;
        let running = data.shadow.running();
        if let Some(running) = running.filter(|_| area.height < self.forecast_rows() + shadow.rows()) {
            shadow.summary(running, row(area, 0), buffer);
            rest = below(area, 1);
        }
        if self.forecast_rows() > 0 {
            (&forecast).render(top(rest, forecast::ROWS), buffer);
        }
        rest = below(rest, self.forecast_rows() + 1);
        // Without a shadow the history is worth more than the hint that there could be one.
        if running.is_some() {
            (&shadow).render(top(rest, shadow.rows()), buffer);
            rest = below(rest, shadow.rows());
        }
        self.past(rest, buffer);
    }

    /// Draws the chart; in a low area the replicas alone.
    fn chart(&self, area: Rect, buffer: &mut Buffer) {
        if area.height >= WITH_QUEUE {
            let (data, lens, theme) = (self.data, self.lens, self.theme);
            return (&Chart { data, lens, theme }).render(top(area, MAX_CHART), buffer);
        }
        if area.height < 6 {
            return;
        }
        let (data, theme) = (self.data, self.theme);
        let axis = TimeAxis::new(self.lens.stretch, area.width.saturating_sub(GUTTER));
        let rows = [Constraint::Min(0), Constraint::Length(1), Constraint::Length(1)];
        let [replicas, marks, clock] = Layout::vertical(rows).areas(area);
        (&Replicas { data, axis: &axis, lens: self.lens, theme }).render(replicas, buffer);
        (&Marks { data, axis: &axis, theme }).render(marks, buffer);
        labels(buffer, clock, theme, &axis, data);
        if let Some(cell) = axis.cursor() {
            let plots = Rect { height: replicas.height, ..below(area, 1) };
            cursor(buffer, plots, area.x + GUTTER + cell, theme);
        }
    }
}

/// Draws rows. Returns their number.
fn draw(buffer: &mut Buffer, area: Rect, rows: Vec<Vec<Span<'_>>>) -> u16 {
    let used = u16::try_from(rows.len()).unwrap_or(u16::MAX);
    lines(buffer, area, rows);
    used
}
