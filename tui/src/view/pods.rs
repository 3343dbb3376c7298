//! The workers: how many are in which state, and one line for each.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Span;
use ratatui::widgets::Widget;

use super::stale;
use super::text::{age, fit_end, fitted, put, row, rule, span, width};
use super::theme::Ink;
use dashboard::data::Data;
use dashboard::reported::Source;
use dashboard::ui::appearance::Theme;
use dashboard::workers::pods::PodHistory;
use dashboard::workers::timelines::WorkerTimeline;
use observed::{PodPhase, Role};

/// The panel.
pub(super) struct Pods<'a> {
    /// What is shown.
    pub(super) data: &'a Data,
    /// The colours.
    pub(super) theme: Theme,
}

/// Symbol, word and ink of a pod's state; a ready worker is idle or busy.
pub(super) fn state(data: &Data, known: &PodHistory) -> (char, &'static str, Ink) {
    match known.pod.phase {
        PodPhase::Pending => ('○', "pending", Ink::Pending),
        PodPhase::Starting if known.ready_at.is_some() => ('◔', "not ready", Ink::Pending),
        PodPhase::Starting => ('◔', "starting", Ink::Pending),
        PodPhase::Ready if known.pod.role != Role::Worker => ('●', "ready", Ink::Ready),
        PodPhase::Ready if data.jobs.in_hand(&known.pod.name).is_some() => ('◉', "busy", Ink::Ready),
        PodPhase::Ready if !data.sampling.is_followed(&known.pod.name) => ('◎', "not sampled", Ink::Ready),
        PodPhase::Ready => ('●', "idle", Ink::Ready),
        PodPhase::Terminating => ('◌', "terminating", Ink::Leaving),
        PodPhase::Failed => ('✗', "failed", Ink::Error),
        PodPhase::Completed => ('·', "completed", Ink::Dim),
    }
}

impl Pods<'_> {
    /// One line: `workers ◉◉●○  2 busy, 1 idle, 1 pending`.
    pub(super) fn line(&self, buffer: &mut Buffer, area: Rect) {
        let workers = self.data.pods.of(Role::Worker);
        let mut spans = vec![span(self.theme, Ink::Dim, "workers   ")];
        for known in workers.iter().take(20) {
            let (symbol, _, ink) = state(self.data, known);
            spans.push(span(self.theme, ink, symbol.to_string()));
        }
        if workers.len() > 20 {
            spans.push(span(self.theme, Ink::Dim, "…"));
        }
        spans.push(span(self.theme, Ink::Text, "  "));
        let mut facts = vec![vec![span(self.theme, Ink::Text, self.summary(&workers))]];
        facts.extend(self.trouble());
        let room = area.width.saturating_sub(width(&spans));
        spans.extend(fitted(&facts, self.theme, room));
        put(buffer, area, spans);
    }

    /// What went wrong with jobs, the worst first.
    fn trouble(&self) -> Vec<Vec<Span<'static>>> {
        let (jobs, theme) = (&self.data.jobs, self.theme);
        let unsampled = self.data.sampling.unsampled() as u64;
        [
            (Ink::Error, jobs.lost, "lost"),
            (Ink::Warning, jobs.redelivered, "redelivered"),
            (Ink::Warning, jobs.aborted, "thrown away"),
            (Ink::Warning, jobs.dead, "dead"),
            (Ink::Dim, unsampled, "not sampled"),
        ]
        .into_iter()
        .filter(|(_, number, _)| *number > 0)
        .map(|(ink, number, word)| vec![span(theme, ink, format!("{number} {word}"))])
        .collect()
    }

    fn summary(&self, workers: &[&PodHistory]) -> String {
        if !self.data.pods.is_listed() {
            return "not listed yet".to_owned();
        }
        let mut counts: Vec<(&str, usize)> = Vec::new();
        for known in workers {
            let (_, word, _) = state(self.data, known);
            match counts.iter_mut().find(|(counted, _)| *counted == word) {
                Some((_, count)) => *count += 1,
                None => counts.push((word, 1)),
            }
        }
        if counts.is_empty() {
            return "none".to_owned();
        }
        counts.iter().map(|(word, count)| format!("{count} {word}")).collect::<Vec<_>>().join(", ")
    }
}

impl Widget for &Pods<'_> {
    fn render(self, area: Rect, buffer: &mut Buffer) {
        let workers = self.data.pods.of(Role::Worker);
        let room = stale::room(area.width, "Workers");
        let note = stale::note(self.data, self.theme, Source::Pods, room).unwrap_or_else(|| {
            let mut facts = vec![vec![span(self.theme, Ink::Dim, self.summary(&workers))]];
            facts.extend(self.trouble());
            fitted(&facts, self.theme, room)
        });
        rule(buffer, row(area, 0), self.theme, "Workers", note);
        let rows = usize::from(area.height.saturating_sub(1));
        for (index, known) in workers.iter().take(rows).enumerate() {
            // Below the panel's height.
            let line = row(area, index as u16 + 1);
            if index + 1 == rows && workers.len() > rows {
                let more = format!("  and {} more", workers.len() - index);
                put(buffer, line, vec![span(self.theme, Ink::Dim, more)]);
                break;
            }
            let (symbol, word, ink) = state(self.data, known);
            let restarts = match known.pod.restarts {
                0 => String::new(),
                restarts => format!("  ↺{restarts}"),
            };
            // Symbol, state, time and restarts take what they need; the name gets the rest.
            let others = 23 + restarts.chars().count();
            let name_width = usize::from(line.width).saturating_sub(others).clamp(6, 40);
            let name = fit_end(&known.pod.name, name_width);
            let lane = self.data.lanes.iter().rev().find(|lane| lane.uid == known.pod.uid);
            let since = age(self.data.now.since(lane.map_or(known.phase_since, WorkerTimeline::since)));
            let mut spans = vec![
                span(self.theme, ink, format!("{symbol} ")),
                span(self.theme, Ink::Text, format!("{name:<name_width$} ")),
                span(self.theme, ink, format!("{word:<11}")),
                span(self.theme, Ink::Dim, format!("{since:>8}")),
            ];
            if !restarts.is_empty() {
                spans.push(span(self.theme, Ink::Warning, restarts));
            }
            // The events have it too.
            if let Some(exit) = &known.pod.last_exit
                && width(&spans) + 1 + exit.chars().count() as u16 <= line.width
            {
                spans.push(span(self.theme, Ink::Warning, format!(" {exit}")));
            }
            put(buffer, line, spans);
        }
    }
}
