//! The panel Shadow: a second HPA over the same queue, its score, and a simulated burst under both.
//!
//! ```text
//! ── Shadow ─────────────────────────── ┄ 20 in all, 1..10, for 1m10s ─
//!               pods now  pod-seconds  longest wait  overshoot   short of pods
//!     real            10          530          ≈18 s         +2            12 s
//!     shadow           6          390          ≈31 s         +0            34 s
//!     both read the real queue: the shadow's pods would have changed it
//!     simulated burst of 200  real: drained in 1m43s, peak 10, 830 pod-s
//!                             shadow: drained in 2m20s, peak 6, 700 pod-s
//! ```

use std::time::Duration;

use ratatui::buffer::Buffer;
use ratatui::layout::{Alignment, Constraint, Layout, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Row, Table, Widget};

use super::draw::{line, lines, note_room, panel, row, span};
use super::fmt::coarse;
use super::strings::forecast as text;
use super::theme::Ink;
use super::wrap::fit;
use dashboard::autoscaler::shadow::rehearsal::Outcome;
use dashboard::autoscaler::shadow::{RunningShadow, Score};
use dashboard::data::Data;
use dashboard::ui::appearance::Theme;

/// Rows of the panel while a shadow runs.
const ROWS: u16 = 9;

/// Columns of the score.
const WIDTHS: [u16; 6] = [14, 9, 13, 14, 11, 16];

/// The panel.
pub(super) struct Shadow<'a> {
    /// The observed data.
    pub(super) data: &'a Data,
    /// The colours.
    pub(super) theme: Theme,
}

fn wait(score: &Score) -> String {
    score.longest_wait.map_or_else(|| "-".to_owned(), |wait| format!("≈{}", coarse(wait)))
}

fn simulated(name: &str, outcome: Option<Outcome>) -> String {
    let Some(outcome) = outcome else { return text::not_simulated(name) };
    let drained = outcome.drained.map(|time| coarse(time + Duration::from_millis(500)));
    text::simulated(name, drained, outcome.peak, outcome.pod_seconds)
}

impl Shadow<'_> {
    /// The rows of the panel.
    pub(super) fn rows(&self) -> u16 {
        if self.data.shadow.running().is_some() { ROWS } else { 2 }
    }

    fn real_size(&self) -> i32 {
        self.data.workload.get().map_or(0, |workload| workload.spec_replicas)
    }

    /// Draws the score in one row.
    pub(super) fn summary(&self, running: &RunningShadow, row: Rect, buffer: &mut Buffer) {
        let theme = self.theme;
        let seconds = |score: &Score| format!("{:.0}", score.pod_seconds);
        let (shadow, real) = (&running.shadow, &running.real);
        let mut spans = vec![span(theme, Ink::Believed, text::SUMMARY)];
        for (own, other, unit) in [
            (running.size().to_string(), self.real_size().to_string(), text::PODS),
            (seconds(shadow), seconds(real), text::POD_SECONDS),
            (wait(shadow), wait(real), text::WAIT),
        ] {
            spans.push(span(theme, Ink::Text, own));
            spans.push(span(theme, Ink::Dim, text::real(&other, unit)));
        }
        line(buffer, row, spans);
    }

    fn row(&self, cells: [String; 6], ink: Ink) -> Row<'static> {
        Row::new(cells.into_iter().zip(WIDTHS).enumerate().map(|(index, (cell, width))| {
            let text = fit(&cell, usize::from(width) - 1).into_owned();
            match index {
                0 => Line::from(span(self.theme, Ink::Dim, format!("    {text}"))),
                _ => Line::from(span(self.theme, ink, text)).alignment(Alignment::Right),
            }
        }))
    }

    fn score(&self, name: &str, size: i32, score: &Score) -> Row<'static> {
        let cells = [
            name.to_owned(),
            size.to_string(),
            format!("{:.0}", score.pod_seconds),
            wait(score),
            format!("+{}", score.overshoot()),
            coarse(score.longest_short),
        ];
        self.row(cells, Ink::Text)
    }

    fn running(&self, running: &RunningShadow, area: Rect, buffer: &mut Buffer) {
        let theme = self.theme;
        let [table, rest] = Layout::vertical([Constraint::Length(3), Constraint::Min(0)]).areas(area);
        let rows = [
            self.score(text::REAL_ROW, self.real_size(), &running.real),
            self.score(text::SHADOW_ROW, running.size(), &running.shadow),
        ];
        let head = self.row(text::COLUMNS.map(str::to_owned), Ink::Dim);
        let score = Table::new(rows, WIDTHS.map(Constraint::Length)).header(head).column_spacing(0);
        Widget::render(score, table, buffer);
        let name = text::simulated_burst(self.data.load.size);
        let blank = " ".repeat(name.len());
        let note = |text: &str| vec![span(theme, Ink::Dim, format!("    {text}"))];
        let outcome = |name: &str, text: String| {
            vec![span(theme, Ink::Dim, format!("    {name}  ")), span(theme, Ink::Text, text)]
        };
        let real = simulated(text::REAL_ROW, running.rehearsal.real);
        let shadow = simulated(text::SHADOW_ROW, running.rehearsal.shadow);
        let notes =
            [note(text::ONE_QUEUE), note(text::POD_START), outcome(&name, real), outcome(&blank, shadow)];
        lines(buffer, rest, notes);
    }
}

impl Widget for &Shadow<'_> {
    fn render(self, area: Rect, buffer: &mut Buffer) {
        let theme = self.theme;
        let note: Option<Span<'_>> = self.data.shadow.running().map(|running| {
            let text = text::running(&running.in_short(), &coarse(self.data.now.since(running.since)));
            let room = note_room(area.width, text::SHADOW);
            span(theme, Ink::Believed, fit(&text, room.into()).into_owned())
        });
        let inside = panel(buffer, area, theme, text::SHADOW, note.into_iter().collect());
        match self.data.shadow.running() {
            Some(running) => self.running(running, inside, buffer),
            None => {
                line(buffer, row(inside, 0), vec![span(theme, Ink::Dim, text::SHADOW_HINT)]);
            }
        }
    }
}
