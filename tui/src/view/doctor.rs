//! The screen Doctor: the report about the metric chain, with the one fix first, and then hop by hop.
//!
//! ```text
//! ── Doctor ─────────────────── checked 12s ago, r again ─
//! 1 failure, 1 warning: …
//!
//! Prometheus ignores ServiceMonitor rabbitmq: …
//! Fix: give the monitor the label
//!   kubectl label servicemonitor rabbitmq …
//!
//! Cluster              ok       Kubernetes v1.34.4
//! Rights               no right you may not get secrets …
//! ```

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Span;
use ratatui::widgets::Widget;

use super::draw::{lines, panel, span, wrapped};
use super::fmt::{age, coarse};
use super::strings::doctor as text;
use super::theme::Ink;
use super::wrap::{fit, wrap, wrap_spans};
use dashboard::chart::history::MarkKind;
use dashboard::data::Data;
use dashboard::ui::appearance::Theme;
use dashboard::ui::drills;
use diagnosis::{Report, Verdict};

/// Columns of the name of a hop.
const HOP: usize = 21;

/// Columns of a verdict.
const VERDICT: usize = 9;

/// The most rows of a fix. The command prints all of it.
const MAX_FIX: usize = 12;

/// The screen.
pub(super) struct Doctor<'a> {
    /// The observed data.
    pub(super) data: &'a Data,
    /// The number of rows above the screen.
    pub(super) scroll: usize,
    /// The colours.
    pub(super) theme: Theme,
}

/// The word and the ink of a verdict.
fn verdict(verdict: Verdict) -> (&'static str, Ink) {
    match verdict {
        Verdict::Ok => (text::OK, Ink::Ready),
        Verdict::Warning => (text::WARNING, Ink::Warning),
        Verdict::Failure => (text::FAILURE, Ink::Error),
        Verdict::NotApplicable => (text::NOT_APPLICABLE, Ink::Dim),
        Verdict::NotPermitted => (text::NOT_PERMITTED, Ink::Pending),
    }
}

impl Doctor<'_> {
    /// The age of the report, and the number of rows below the screen.
    fn note(&self, below: usize) -> Vec<Span<'static>> {
        let (theme, now) = (self.theme, self.data.now);
        let mut note = Vec::new();
        if below > 0 {
            note.push(span(theme, Ink::Lit, text::more_lines(below)));
        }
        if let Some(running) = self.data.doctor.looking(now) {
            note.push(span(theme, Ink::Pending, text::running(&coarse(running))));
            return note;
        }
        let mut again = text::RUNS;
        if let Some(found) = self.data.doctor.found() {
            let is_drill = |kind| matches!(kind, MarkKind::Drill | MarkKind::DrillOver);
            let later = now.since(found.at);
            if self.data.history.marks(found.at, later).any(|mark| is_drill(mark.kind)) {
                note.push(span(theme, Ink::Warning, text::BEFORE_DRILL));
            }
            note.push(span(theme, Ink::Dim, text::checked(&age(now.since(found.at)))));
            again = text::RUNS_AGAIN;
        }
        note.extend([span(theme, Ink::Key, text::RUN_KEY), span(theme, Ink::Dim, again)]);
        note
    }

    /// The parts that a drill of this dashboard has stopped.
    fn drills(&self, width: usize) -> impl Iterator<Item = Vec<Span<'static>>> {
        let stopped = self.data.drills.iter().flat_map(move |(drill, open)| {
            let age = age(self.data.now.since(open.since));
            wrap(&text::stopped_by_drill(drills::title(drill), &age), width)
        });
        stopped.map(|text| vec![span(self.theme, Ink::Lit, text)])
    }

    /// The first finding with a fix, and the fix.
    fn fix(&self, report: &Report, width: usize) -> Vec<Vec<Span<'static>>> {
        let theme = self.theme;
        let Some((finding, fix)) = report.fix() else { return Vec::new() };
        let (_, ink) = verdict(finding.verdict);
        let mut rows = vec![Vec::new()];
        rows.extend(wrap(&finding.detail, width).into_iter().map(|text| vec![span(theme, ink, text)]));
        let what = wrap(&text::fix(&fix.what), width).into_iter();
        rows.extend(what.map(|text| vec![span(theme, Ink::Text, text)]));
        let room = width.saturating_sub(2);
        let command = fix.command.as_ref().map(ToString::to_string).unwrap_or_default();
        let command = command.lines().flat_map(|line| wrap(line, room));
        let yaml = fix.yaml.iter().flat_map(|yaml| yaml.lines());
        let all: Vec<String> = command.chain(yaml.map(|line| fit(line, room).into_owned())).collect();
        let more = all.len().saturating_sub(MAX_FIX);
        let shown = all.into_iter().take(MAX_FIX);
        rows.extend(shown.map(|text| vec![span(theme, Ink::Key, format!("  {text}"))]));
        if more > 0 {
            rows.push(vec![span(theme, Ink::Dim, text::more_of_fix(more))]);
        }
        rows
    }

    /// The findings, hop by hop.
    fn findings(&self, report: &Report, width: usize) -> Vec<Vec<Span<'static>>> {
        let theme = self.theme;
        let mut rows = Vec::new();
        let mut hop = None;
        for finding in &report.findings {
            let (mut word, ink) = verdict(finding.verdict);
            let mut title = if hop == Some(finding.hop) { "" } else { finding.hop.title() };
            hop = Some(finding.hop);
            let is_fine = matches!(finding.verdict, Verdict::Ok | Verdict::NotApplicable);
            let text_ink = if is_fine { Ink::Dim } else { Ink::Text };
            for text in wrap(&finding.detail, width.saturating_sub(HOP + VERDICT).max(2)) {
                rows.push(vec![
                    span(theme, Ink::Title, format!("{title:<HOP$}")),
                    span(theme, ink, format!("{word:<VERDICT$}")),
                    span(theme, text_ink, text),
                ]);
                (title, word) = ("", "");
            }
        }
        rows
    }

    /// The questions without an answer.
    fn asked(&self) -> impl Iterator<Item = Vec<Span<'static>>> {
        let running = self.data.doctor.looking(self.data.now).unwrap_or_default();
        self.data.doctor.asked().iter().map(move |asked| {
            let time = coarse(running.saturating_sub(asked.after));
            vec![
                span(
                    self.theme,
                    Ink::Pending,
                    format!("{:>width$}{:<VERDICT$}", "", text::ASKED, width = HOP),
                ),
                span(self.theme, Ink::Dim, text::asked(&asked.part.title(), &time)),
            ]
        })
    }

    fn rows(&self, width: usize) -> Vec<Vec<Span<'static>>> {
        let Some(report) = self.data.doctor.report() else { return self.asked().collect() };
        let (_, ink) = verdict(report.verdict());
        let mut rows = wrap_spans(&[span(self.theme, ink, report.summary())], width, 0);
        rows.extend(self.drills(width));
        rows.extend(self.fix(report, width));
        rows.push(Vec::new());
        rows.extend(self.findings(report, width));
        rows.extend(self.asked());
        rows
    }

    /// The scroll range of the screen, in rows.
    pub(super) fn max_scroll(&self, area: Rect) -> usize {
        let rows = self.rows(area.width.into()).len();
        rows.saturating_sub(area.height.saturating_sub(1).into())
    }
}

impl Widget for &Doctor<'_> {
    fn render(self, area: Rect, buffer: &mut Buffer) {
        let rows = self.rows(area.width.into());
        if rows.is_empty() {
            let inside = panel(buffer, area, self.theme, text::TITLE, self.note(0));
            wrapped(buffer, inside, &[span(self.theme, Ink::Dim, text::INTRODUCTION)], 0);
            return;
        }
        let below = rows.len().saturating_sub(self.scroll + usize::from(area.height.saturating_sub(1)));
        let inside = panel(buffer, area, self.theme, text::TITLE, self.note(below));
        lines(buffer, inside, rows.into_iter().skip(self.scroll));
    }
}
