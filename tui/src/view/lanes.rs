//! The screen Pods: a lane for every worker, on the time axis of the chart.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Span;
use ratatui::widgets::Widget;

use super::axis::{GUTTER, TimeAxis, labels};
use super::chart::cursor;
use super::marks::Marks;
use super::pods::state;
use super::stale;
use super::text::{
    age, below, count, fit, fit_end, fitted, measured, parts, put, put_right, row, rule, set, span,
};
use super::theme::{Ink, style};
use dashboard::data::Data;
use dashboard::reported::Source;
use dashboard::ui::appearance::Theme;
use dashboard::ui::filter::Filter;
use dashboard::ui::state::ChartView;
use dashboard::workers::sampling::MAX_FOLLOWED;
use dashboard::workers::timelines::{LaneMark, WorkerState, WorkerTimeline};
use observed::Role;

/// Columns right of the lanes from which on restarts and thrown away work have a place of their own.
const WIDE_STATE: u16 = 40;

/// Columns of that place.
const EXTRA: u16 = 8;

/// Rows that are no lanes: title, marks, labels, and what stands at the foot.
const OTHER_ROWS: u16 = 6;

/// Columns of the names, the lanes, and what a worker does: what, since when, and how much it has done.
struct Columns {
    names: u16,
    cells: u16,
    state: u16,
}

impl Columns {
    fn of(width: u16) -> Self {
        let (names, state) = match width {
            150.. => (28, WIDE_STATE),
            100.. => (20, 32),
            _ => (12, 30),
        };
        Self { names, cells: width.saturating_sub(names + state), state }
    }
}

/// The screen.
pub(super) struct Lanes<'a> {
    /// What is shown.
    pub(super) data: &'a Data,
    /// Which of the workers.
    pub(super) filter: &'a Filter,
    /// Which stretch of time, and how.
    pub(super) lens: ChartView,
    /// Lanes below the screen; 0 shows the newest.
    pub(super) scroll: usize,
    /// The colours.
    pub(super) theme: Theme,
}

/// Symbol, word and ink of what a worker does.
fn look(doing: WorkerState) -> (char, &'static str, Ink) {
    match doing {
        WorkerState::Pending => ('░', "pending", Ink::Pending),
        WorkerState::Starting => ('▒', "starting", Ink::Pending),
        WorkerState::Idle => ('─', "idle", Ink::Ready),
        WorkerState::Busy => ('▆', "busy", Ink::Ready),
        WorkerState::NotSampled => ('┄', "not sampled", Ink::Dim),
        WorkerState::Finishing => ('▞', "finishing", Ink::Leaving),
        WorkerState::Terminating => ('▚', "terminating", Ink::Leaving),
        WorkerState::Failed => ('✗', "failed", Ink::Error),
        WorkerState::Gone => (' ', "gone", Ink::Dim),
    }
}

/// Symbol, word and ink of what happened to a worker.
fn mark_look(mark: LaneMark) -> (char, &'static str, Ink) {
    match mark {
        LaneMark::Restarted => ('↺', "restarted", Ink::Warning),
        LaneMark::Killed => ('✗', "killed", Ink::Error),
        LaneMark::Aborted => ('✂', "work thrown away", Ink::Warning),
    }
}

impl Lanes<'_> {
    /// The lanes that have a row, oldest first. Those that are gone have one while the axis still reaches to their end.
    fn shown(&self) -> Vec<&WorkerTimeline> {
        let oldest = self.lens.stretch.from();
        let is_shown = |lane: &&WorkerTimeline| {
            (lane.now() != WorkerState::Gone || lane.since() >= oldest) && self.filter.takes(&[&lane.name])
        };
        self.data.lanes.iter().filter(is_shown).collect()
    }

    /// How many lanes can lie below the screen.
    pub(super) fn max_scroll(&self, area: Rect) -> usize {
        self.shown().len().saturating_sub(area.height.saturating_sub(OTHER_ROWS).into())
    }

    fn legend(&self, room: u16) -> Vec<Span<'static>> {
        let all = [
            WorkerState::Busy,
            WorkerState::Idle,
            WorkerState::Pending,
            WorkerState::Starting,
            WorkerState::Finishing,
            WorkerState::Terminating,
            WorkerState::NotSampled,
        ];
        let one = |doing| {
            let (symbol, word, ink) = look(doing);
            let sample = format!("{symbol}{symbol} ");
            vec![span(self.theme, ink, sample), span(self.theme, Ink::Text, word)]
        };
        let marks = [LaneMark::Killed, LaneMark::Restarted, LaneMark::Aborted].map(|mark| {
            let (symbol, word, ink) = mark_look(mark);
            vec![span(self.theme, ink, format!("{symbol} ")), span(self.theme, Ink::Text, word)]
        });
        parts(all.map(one).into_iter().chain(marks), room)
    }

    fn lane(
        &self,
        buffer: &mut Buffer,
        line: Rect,
        columns: &Columns,
        axis: &TimeAxis,
        lane: &WorkerTimeline,
    ) {
        let theme = self.theme;
        let name = fit_end(&lane.name, usize::from(columns.names.saturating_sub(1)));
        let is_gone = lane.now() == WorkerState::Gone;
        let ink = if is_gone { Ink::Dim } else { Ink::Text };
        put(buffer, Rect { width: columns.names, ..line }, vec![span(theme, ink, name.into_owned())]);
        for cell in 0..columns.cells.min(axis.begun_cells()) {
            let Some(doing) = lane.at(axis.end_of_cell(cell)) else { continue };
            let (symbol, _, ink) = look(doing);
            if symbol != ' ' {
                set(buffer, line.x + columns.names + cell, line.y, symbol, style(theme, ink));
            }
        }
        let mut taken = None;
        for (at, mark) in lane.marks() {
            let (symbol, _, ink) = mark_look(mark);
            // Who was killed with a job in hand has two marks, side by side.
            let cell = axis.cell(at).map(|cell| if taken == Some(cell) { cell + 1 } else { cell });
            if let Some(cell) = cell.filter(|cell| *cell < columns.cells) {
                set(buffer, line.x + columns.names + cell, line.y, symbol, style(theme, ink));
                taken = Some(cell);
            }
        }
        // Where an instant is looked at, what was done then; else what is done now.
        let (doing, job, since) = match self.lens.stretch.cursor {
            Some(at) => match lane.at(at) {
                Some(doing) => (doing, lane.job_at(at), None),
                None => return,
            },
            None => (lane.now(), lane.job(), Some(lane.since())),
        };
        let (_, word, ink) = look(doing);
        let word = if doing == WorkerState::Starting && lane.was_ready() { "not ready" } else { word };
        let from = columns.names + columns.cells;
        let rest =
            Rect { x: line.x + from, width: columns.state.min(line.width.saturating_sub(from)), ..line };
        let job = job.map_or_else(String::new, |job| format!(" {job}"));
        let since = since.map_or_else(String::new, |since| age(self.data.now.since(since)));
        let done = format!("{} done", count(lane.done.into()));
        let words = usize::from(columns.state) - 17;
        let word = fit(&format!("{word}{job}"), words).into_owned();
        let mut spans = vec![
            span(theme, ink, format!(" {word:<words$}")),
            span(theme, Ink::Dim, format!("{since:>5}")),
            span(theme, Ink::Text, format!("{done:>10}")),
        ];
        if columns.state >= WIDE_STATE {
            let many = |mark, times| if times > 0 { format!(" {mark}{times}") } else { String::new() };
            let (thrown, restarts) = (many('✂', lane.aborted), many('↺', lane.restarts));
            let room = usize::from(columns.state - WIDE_STATE + EXTRA);
            spans[0] = span(theme, ink, format!(" {:<width$}", word, width = words - room));
            spans.push(span(theme, Ink::Warning, format!("{thrown}{restarts}")));
        }
        put(buffer, rest, spans);
    }

    /// What the workers did with their time, all together.
    fn totals(&self, buffer: &mut Buffer, area: Rect) {
        let (data, theme) = (self.data, self.theme);
        let time = data.lanes.time(data.now);
        let seconds = |time: std::time::Duration| count(time.as_secs_f64());
        let mut facts = vec![vec![
            span(theme, Ink::Dim, "pod-seconds  "),
            span(theme, Ink::Value, seconds(time.busy)),
            span(theme, Ink::Text, " busy"),
        ]];
        let share = time.idle_share().map_or_else(String::new, |share| format!(" ({:.0} %)", 100.0 * share));
        facts.push(vec![
            span(theme, Ink::Value, seconds(time.idle)),
            span(theme, Ink::Text, format!(" idle{share}")),
        ]);
        facts.push(vec![span(theme, Ink::Text, format!("{} not ready", seconds(time.other)))]);
        if !time.not_sampled.is_zero() {
            facts.push(vec![span(theme, Ink::Warning, format!("{} not sampled", seconds(time.not_sampled)))]);
        }
        let unsampled = data.sampling.unsampled();
        if unsampled > 0 {
            let text = format!("{unsampled} workers not sampled: the logs of {MAX_FOLLOWED} are read");
            facts.push(vec![span(theme, Ink::Warning, text)]);
        }
        if data.jobs.aborted > 0 {
            let work = measured(data.jobs.aborted_work);
            let jobs = if data.jobs.aborted == 1 { "job" } else { "jobs" };
            let text = format!("✂ {} {jobs} thrown away, {work} of work", count(data.jobs.aborted as f64));
            facts.push(vec![span(theme, Ink::Warning, text)]);
        }
        if data.lanes.dropped() > 0 {
            facts.push(vec![span(
                theme,
                Ink::Warning,
                format!("{} workers not counted", data.lanes.dropped()),
            )]);
        }
        put(buffer, area, fitted(&facts, theme, area.width));
    }

    /// The pods that are no workers, in one line.
    fn others(&self, buffer: &mut Buffer, area: Rect) {
        let theme = self.theme;
        let mut spans = Vec::new();
        for role in [Role::Producer, Role::Broker, Role::Other] {
            for known in self.data.pods.of(role).into_iter().take(6) {
                let (symbol, word, ink) = state(self.data, known);
                spans.push(vec![
                    span(theme, ink, format!("{symbol} ")),
                    span(theme, Ink::Text, fit_end(&known.pod.name, 32).into_owned()),
                    span(theme, Ink::Dim, format!(" {word}")),
                ]);
            }
        }
        put(buffer, area, parts(spans, area.width));
    }
}

/// Where marks, lanes and labels stand on the screen. Marks and labels keep a gutter of their own at the left, as the chart
/// has one; here the names are the gutter.
pub(super) fn plot(area: Rect) -> Rect {
    let Columns { names, cells, .. } = Columns::of(area.width);
    Rect {
        x: area.x + names - GUTTER,
        width: (cells + GUTTER).min(area.width.saturating_sub(names - GUTTER)),
        ..below(area, 1)
    }
}

impl Widget for &Lanes<'_> {
    fn render(self, area: Rect, buffer: &mut Buffer) {
        let theme = self.theme;
        let room = stale::room(area.width, "Workers");
        let note = stale::note(self.data, theme, Source::Pods, room).unwrap_or_else(|| self.legend(room));
        rule(buffer, row(area, 0), theme, "Workers", note);
        let columns = Columns::of(area.width);
        let (names, cells) = (columns.names, columns.cells);
        let axis = TimeAxis::new(self.lens.stretch, cells);
        let shared = plot(area);
        (&Marks { data: self.data, axis: &axis, theme }).render(shared, buffer);
        let rows = area.height.saturating_sub(OTHER_ROWS);
        let lanes = self.shown();
        let hidden = self.max_scroll(area);
        // The newest stand at the bottom; scrolling goes up from there.
        let below_view = self.scroll.min(hidden);
        let above = hidden - below_view;
        let mut line = 0;
        for (index, lane) in (0..rows).zip(lanes.into_iter().skip(above)) {
            self.lane(buffer, row(below(area, 2), index), &columns, &axis, lane);
            line = index + 1;
        }
        if line == 0 {
            let text = match () {
                () if !self.data.pods.is_listed() => "not listed yet",
                () if self.filter.is_empty() => "no worker yet",
                () => "no worker that the filter takes",
            };
            put(buffer, row(below(area, 2), 0), vec![span(theme, Ink::Dim, text)]);
            line = 1;
        }
        labels(buffer, Rect { y: area.y + 2 + line, height: 1, ..shared }, theme, &axis, self.data);
        if let Some(cell) = self.lens.stretch.cursor.and_then(|at| axis.cell(at)) {
            cursor(buffer, Rect { height: line + 1, ..below(area, 1) }, area.x + names + cell, theme);
        }
        if hidden > 0 {
            let newer = if below_view > 0 { format!(", {below_view} newer below") } else { String::new() };
            let text = format!("↑↓ {above} older above{newer}");
            let room = area.width.saturating_sub(names + cells);
            let place = Rect { y: area.y + 2 + line, height: 1, ..area };
            put_right(buffer, place, vec![span(theme, Ink::Lit, fit(&text, room.into()).into_owned())]);
        }
        self.totals(buffer, row(area, area.height.saturating_sub(2)));
        self.others(buffer, row(area, area.height.saturating_sub(1)));
    }
}
