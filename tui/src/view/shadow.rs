//! The shadow beside the real HPA: its score, what a burst would come to under both, and the dialog that chooses it.

use std::time::Duration;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Span;
use ratatui::widgets::Widget;

use super::dialog::frame;
use super::text::{coarse, fit, phrase, put, row, rule, span};
use super::theme::Ink;
use super::tune::{fields, keys, sentences};
use dashboard::autoscaler::shadow::rehearsal::Outcome;
use dashboard::autoscaler::shadow::{RunningShadow, Score, ShadowDialog};
use dashboard::data::Data;
use dashboard::ui::appearance::Theme;

/// Rows of the panel while a shadow decides.
pub(super) const ROWS: u16 = 9;

/// Columns of the dialog.
const WIDTH: u16 = 70;

/// The panel.
pub(super) struct Shadow<'a> {
    /// What is shown.
    pub(super) data: &'a Data,
    /// The colours.
    pub(super) theme: Theme,
}

impl Shadow<'_> {
    /// Rows that it wants.
    pub(super) fn rows(&self) -> u16 {
        if self.data.shadow.running().is_some() { ROWS } else { 2 }
    }

    /// The score in one line, for a window that has no room for the panel.
    pub(super) fn brief(&self, running: &RunningShadow, row: Rect, buffer: &mut Buffer) {
        let theme = self.theme;
        let real = self.data.workload.get().map_or(0, |workload| workload.spec_replicas);
        let wait = |score: &Score| {
            score.longest_wait.map_or_else(|| "-".to_owned(), |wait| format!("≈{}", coarse(wait)))
        };
        let pair = |shadow: String, real: String, unit: &str| {
            [span(theme, Ink::Text, shadow), span(theme, Ink::Dim, format!("{unit}, real {real}   "))]
        };
        let (shadow, real_score) = (&running.shadow, &running.real);
        let mut spans = vec![span(theme, Ink::Believed, "  ┄ shadow  ")];
        spans.extend(pair(running.size().to_string(), real.to_string(), " pods"));
        let seconds = |score: &Score| format!("{:.0}", score.pod_seconds);
        spans.extend(pair(seconds(shadow), seconds(real_score), " pod-s"));
        spans.extend(pair(wait(shadow), wait(real_score), " wait"));
        put(buffer, row, spans);
    }

    fn columns(&self, cells: [String; 6], ink: Ink) -> Vec<Span<'static>> {
        let theme = self.theme;
        let widths = [10, 9, 13, 14, 11, 16];
        cells
            .into_iter()
            .zip(widths)
            .enumerate()
            .map(|(index, (cell, width))| {
                let ink = if index == 0 { Ink::Dim } else { ink };
                let cell = fit(&cell, width - 1).into_owned();
                span(
                    theme,
                    ink,
                    if index == 0 { format!("    {cell:<width$}") } else { format!("{cell:>width$}") },
                )
            })
            .collect()
    }

    fn score(&self, name: &str, size: i32, score: &Score) -> Vec<Span<'static>> {
        let wait = score.longest_wait.map_or_else(|| "-".to_owned(), |wait| format!("≈{}", coarse(wait)));
        let cells = [
            name.to_owned(),
            size.to_string(),
            format!("{:.0}", score.pod_seconds),
            wait,
            format!("+{}", score.overshoot()),
            coarse(score.longest_short),
        ];
        self.columns(cells, Ink::Text)
    }

    fn rehearsed(&self, name: &str, outcome: Option<Outcome>) -> String {
        let Some(outcome) = outcome else { return format!("{name}: not simulated") };
        let drained = outcome.drained.map_or_else(
            || "not drained in half an hour".to_owned(),
            |drained| format!("drained in {}", coarse(drained + Duration::from_millis(500))),
        );
        format!("{name}: {drained}, peak {}, {} pod-s", outcome.peak, outcome.pod_seconds)
    }

    fn running(&self, running: &RunningShadow, area: Rect, buffer: &mut Buffer) {
        let theme = self.theme;
        let head =
            ["", "pods now", "pod-seconds", "longest wait", "overshoot", "short of pods"].map(str::to_owned);
        let real = self.data.workload.get().map_or(0, |workload| workload.spec_replicas);
        let size = self.data.load.size;
        let dim = |text: String| vec![span(theme, Ink::Dim, format!("    {text}"))];
        let real_outcome = self.rehearsed("real", running.rehearsal.real);
        let shadow_outcome = self.rehearsed("shadow", running.rehearsal.shadow);
        let lines = [
            self.columns(head, Ink::Dim),
            self.score("real", real, &running.real),
            self.score("shadow", running.size(), &running.shadow),
            dim("one measured queue for both: the shadow's pods would have changed it".to_owned()),
            dim("waits as if all pods were ready at once; all counted from its start on".to_owned()),
            vec![
                span(theme, Ink::Dim, format!("    simulated burst of {size}  ")),
                span(theme, Ink::Text, real_outcome),
            ],
            vec![
                span(theme, Ink::Dim, format!("    {:<width$}  ", "", width = 19 + size.to_string().len())),
                span(theme, Ink::Text, shadow_outcome),
            ],
        ];
        for (index, line) in (1..).zip(lines) {
            put(buffer, row(area, index), line);
        }
    }
}

impl Widget for &Shadow<'_> {
    fn render(self, area: Rect, buffer: &mut Buffer) {
        let theme = self.theme;
        let room = usize::from(area.width.saturating_sub(16));
        match self.data.shadow.running() {
            Some(running) => {
                let since = coarse(self.data.now.since(running.since));
                let text = format!("┄ {}, for {since}", running.in_short());
                let note = vec![span(theme, Ink::Believed, fit(&text, room).into_owned())];
                rule(buffer, row(area, 0), theme, "Shadow", note);
                self.running(running, area, buffer);
            }
            None => {
                rule(buffer, row(area, 0), theme, "Shadow", Vec::new());
                let text = "    w lets a second specification decide over the same queue";
                put(buffer, row(area, 1), vec![span(theme, Ink::Dim, text)]);
            }
        }
    }
}

/// The dialog.
pub(super) struct Choice<'a> {
    /// What it holds.
    pub(super) dialog: &'a ShadowDialog,
    /// The colours.
    pub(super) theme: Theme,
}

impl Widget for &Choice<'_> {
    fn render(self, area: Rect, buffer: &mut Buffer) {
        let theme = self.theme;
        let width = WIDTH.min(area.width.saturating_sub(6));
        let mut lines = fields(&self.dialog.form, theme, width, true);
        lines.push(Vec::new());
        if self.dialog.wrong.is_empty() {
            let text = phrase(
                &[
                    "decides over the measured queue and scales nothing; * differs",
                    "decides over the queue, scales nothing; * differs",
                ],
                usize::from(width),
            );
            lines.push(vec![span(theme, Ink::Dim, text)]);
        } else {
            let room = usize::from(area.height).saturating_sub(16).clamp(1, 6);
            lines.extend(sentences(theme, Ink::Warning, &self.dialog.wrong, width, room));
        }
        lines.push(Vec::new());
        let last =
            [("enter", "start"), ("↑ ↓", "field"), ("← →", "type"), ("del", "empty"), ("esc", "close")];
        lines.push(keys(theme, &last));
        if lines.len() + 3 > usize::from(area.height) {
            lines.retain(|line| !line.is_empty());
        }
        let height = u16::try_from(lines.len()).unwrap_or(u16::MAX);
        let inside = frame(buffer, area, theme, "Shadow: a second HPA", (width, height));
        for (index, spans) in (0..).zip(lines) {
            put(buffer, row(inside, index), spans);
        }
    }
}
