//! The panel Workers: how many are in which state, and a row for each.
//!
//! ```text
//! ── Workers ──────── 2 busy, 1 idle   1 redelivered ─
//! ■ worker-6f7d9c8b5-4kq2m  busy             4s
//! ● worker-6f7d9c8b5-9xh7t  idle             3s  ↨1 OOMKilled
//!   and 7 more
//! ```

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Span;
use ratatui::widgets::Widget;
use unicode_width::UnicodeWidthStr;

use super::chart::TimeAxis;
use super::draw::{fitted, line, lines, note_room, panel, span, width};
use super::fmt::age;
use super::pod_state::{look, pod_state};
use super::stale;
use super::strings::workers as text;
use super::theme::Ink;
use super::wrap::fit_end;
use dashboard::clock::At;
use dashboard::data::Data;
use dashboard::reported::Source;
use dashboard::ui::appearance::Theme;
use dashboard::ui::state::ChartView;
use dashboard::workers::pods::PodHistory;
use dashboard::workers::timelines::{WorkerState, WorkerTimeline};
use observed::Role;

/// The most workers with a symbol in the line of a small window.
const MAX_SYMBOLS: usize = 20;

/// Columns of the state and of the time.
const STATE: usize = 11;
const TIME: usize = 8;

/// Width from which on each worker has a timeline of at least this number of cells, and the end of its name.
const WITH_LANES: u16 = 44;
const MIN_LANE: u16 = 14;
const SHORT_NAME: usize = 6;

/// The least and the most columns of a name.
const NAME: (usize, usize) = (6, 40);

/// The panel.
pub(super) struct Workers<'a> {
    /// The observed data.
    pub(super) data: &'a Data,
    /// The stretch of time of the timelines.
    pub(super) lens: ChartView,
    /// The colours.
    pub(super) theme: Theme,
}

impl Workers<'_> {
    /// Draws the panel in one line: `workers   ■■●○  2 busy, 1 idle, 1 starting`.
    pub(super) fn summary(&self, buffer: &mut Buffer, area: Rect) {
        let theme = self.theme;
        let workers = self.data.pods.of(Role::Worker);
        let mut spans = vec![span(theme, Ink::Dim, text::LINE)];
        for known in workers.iter().take(MAX_SYMBOLS) {
            let (symbol, _, ink) = pod_state(self.data, known);
            spans.push(span(theme, ink, symbol.to_string()));
        }
        if workers.len() > MAX_SYMBOLS {
            spans.push(span(theme, Ink::Dim, "…"));
        }
        spans.push(Span::raw("  "));
        let room = area.width.saturating_sub(width(&spans));
        spans.extend(fitted(&self.facts(Ink::Text, &workers), theme, room));
        line(buffer, area, spans);
    }

    /// The states of the workers, and what went wrong with jobs, the worst first.
    fn facts(&self, ink: Ink, workers: &[&PodHistory]) -> Vec<Vec<Span<'static>>> {
        let (jobs, theme) = (&self.data.jobs, self.theme);
        let unsampled = self.data.sampling.unsampled() as u64;
        let troubles = [
            (Ink::Error, jobs.lost, text::LOST),
            (Ink::Warning, jobs.redelivered, text::REDELIVERED),
            (Ink::Warning, jobs.aborted, text::JOBS_ABORTED),
            (Ink::Warning, jobs.dead, text::DEAD),
            (Ink::Dim, unsampled, text::NOT_SAMPLED),
        ];
        let troubles = troubles.into_iter().filter(|(_, count, _)| *count > 0);
        let troubles = troubles.map(|(ink, count, word)| vec![span(theme, ink, text::count_of(count, word))]);
        [vec![span(theme, ink, self.states(workers))]].into_iter().chain(troubles).collect()
    }

    /// The number of workers in each state.
    fn states(&self, workers: &[&PodHistory]) -> String {
        if !self.data.pods.is_listed() {
            return text::NOT_LISTED.to_owned();
        }
        let mut counts: Vec<(&str, usize)> = Vec::new();
        for known in workers {
            let (_, word, _) = pod_state(self.data, known);
            match counts.iter_mut().find(|(counted, _)| *counted == word) {
                Some((_, count)) => *count += 1,
                None => counts.push((word, 1)),
            }
        }
        if counts.is_empty() {
            return text::NONE.to_owned();
        }
        let counts: Vec<String> = counts.iter().map(|(word, count)| text::count_of(count, word)).collect();
        counts.join(", ")
    }

    /// The timeline of a worker in that number of cells, on the stretch of time of the chart.
    fn timeline(&self, lane: Option<&WorkerTimeline>, cells: u16) -> Vec<Span<'static>> {
        let axis = TimeAxis::new(self.lens.stretch, cells);
        let cell = |cell: u16| {
            let doing = (cell < axis.begun_cells()).then(|| lane?.at(axis.end_of_cell(cell))).flatten();
            let (symbol, ink) = doing.map_or((' ', Ink::Text), |doing| {
                let (symbol, _, ink) = look(doing);
                (symbol, ink)
            });
            span(self.theme, ink, symbol.to_string())
        };
        (0..cells).map(cell).collect()
    }

    fn worker(&self, known: &PodHistory, room: u16) -> Vec<Span<'static>> {
        let lane = self.data.lanes.iter().rev().find(|lane| lane.uid == known.pod.uid);
        let since = lane.map_or(known.phase_since, WorkerTimeline::since);
        let restarts = match known.pod.restarts {
            0 => String::new(),
            restarts => text::restarts(restarts),
        };
        let mut spans = self.row(pod_state(self.data, known), &known.pod.name, lane, since, &restarts, room);
        // The events have the reason too.
        if let Some(exit) = &known.pod.last_exit {
            let exit = span(self.theme, Ink::Warning, format!(" {exit}"));
            if width(&spans) + width(std::slice::from_ref(&exit)) <= room {
                spans.push(exit);
            }
        }
        spans
    }

    /// The workers that are gone and still have a timeline on the chart's stretch of time, the newest first.
    fn gone(&self) -> impl Iterator<Item = &WorkerTimeline> {
        let oldest = self.lens.stretch.from();
        let is_shown =
            move |lane: &&WorkerTimeline| lane.now() == WorkerState::Gone && lane.since() >= oldest;
        self.data.lanes.iter().rev().filter(is_shown)
    }

    /// The row of a worker: its state as symbol and word, its name, its timeline, and since when.
    fn row(
        &self,
        (symbol, word, ink): (char, &'static str, Ink),
        name: &str,
        lane: Option<&WorkerTimeline>,
        since: At,
        restarts: &str,
        room: u16,
    ) -> Vec<Span<'static>> {
        let theme = self.theme;
        // The symbol, the state, the time and the restarts keep their columns; the name gets the rest.
        let others = 2 + 1 + STATE + TIME + 1 + restarts.width();
        // Names differ in their ends: from `WITH_LANES` columns on, a timeline is worth more than the rest of them.
        let cells = if room >= WITH_LANES { room - WITH_LANES + MIN_LANE } else { 0 };
        let name_width = match cells {
            0 => usize::from(room).saturating_sub(others).clamp(NAME.0, NAME.1),
            _ => SHORT_NAME,
        };
        let name = fit_end(name, name_width);
        let since = age(self.data.now.since(since));
        let mut spans = vec![
            span(theme, ink, format!("{symbol} ")),
            span(theme, Ink::Text, format!("{name:<name_width$} ")),
        ];
        if cells > 0 {
            spans.extend(self.timeline(lane, cells));
            spans.push(Span::raw(" "));
        }
        spans.extend([
            span(theme, ink, format!("{word:<STATE$}")),
            span(theme, Ink::Dim, format!("{since:>TIME$}")),
        ]);
        if !restarts.is_empty() {
            spans.push(span(theme, Ink::Warning, restarts.to_owned()));
        }
        spans
    }
}

impl Widget for &Workers<'_> {
    fn render(self, area: Rect, buffer: &mut Buffer) {
        let theme = self.theme;
        let workers = self.data.pods.of(Role::Worker);
        let room = note_room(area.width, text::TITLE);
        let note = stale::note(self.data, theme, Source::Pods, room)
            .unwrap_or_else(|| fitted(&self.facts(Ink::Dim, &workers), theme, room));
        let inside = panel(buffer, area, theme, text::TITLE, note);
        let height = usize::from(inside.height);
        let shown = if workers.len() > height { height.saturating_sub(1) } else { workers.len() };
        let hidden = workers.len() - shown;
        let more = (hidden > 0).then(|| vec![span(theme, Ink::Dim, text::more_workers(hidden))]);
        let rows = workers.iter().take(shown).map(|known| self.worker(known, inside.width));
        // Rows that no worker needs show those that are gone.
        let gone = self
            .gone()
            .map(|lane| self.row(look(lane.now()), &lane.name, Some(lane), lane.since(), "", inside.width));
        lines(buffer, inside, rows.chain(more).chain(gone));
    }
}
