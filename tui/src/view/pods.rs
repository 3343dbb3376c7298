//! The screen Pods: the timeline of every worker, on the time axis of the chart.
//!
//! ```text
//! ── Workers ── ▄▄ busy   ── idle   ░░ pending  …  × killed ──────
//!        marks        ▼   ↑ •
//!  …c8b5-4kq2m ░▒───▄▄▄▄▄▄▄▄▄▄▄▄▄▄ busy 0123ab    4s   12 done
//!  …c8b5-9xh7t      ░▒▄▄▄▄▄▄▄×     killed         9s    3 done †1
//!        ↔ 90s    14:00:15     14:00:30     now   3 older above
//!
//!  pod-seconds  120 busy   14 idle (10 %)   9 not ready
//!  ● producer-7c9d8f6b5-x2x9p ready   ● rabbitmq-0 ready
//! ```

use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::Span;
use ratatui::widgets::Widget;

use super::chart::{Chart, GUTTER, Marks, TimeAxis, cursor, labels};
use super::draw::{
    Scroll, below, fitted, joined, line, line_right, lines, note_room, panel, row, set, span, top,
};
use super::fmt::{age, count, measured};
use super::pod_state::{look, pod_state};
use super::stale;
use super::strings::lists::filtered;
use super::strings::workers as text;
use super::theme::{Ink, style};
use super::wrap::{fit, fit_end};
use dashboard::data::Data;
use dashboard::reported::Source;
use dashboard::ui::appearance::Theme;
use dashboard::ui::filter::Filter;
use dashboard::ui::state::ChartView;
use dashboard::workers::sampling::MAX_FOLLOWED;
use dashboard::workers::timelines::{LaneMark, WorkerState, WorkerTimeline};
use explain::figure::Unit;
use observed::{Pod, Role};

/// Columns right of the timelines, in a wide window, a medium one and a small one. Restarts and aborted jobs have their own
/// columns only in the wide one.
const STATE: [u16; 3] = [40, 32, 30];

/// Columns of the names, in the same windows.
const NAME: [u16; 3] = [28, 20, 12];

/// Columns of restarts and aborted jobs.
const EXTRA: usize = 8;

/// Columns of the time, of the number of jobs, and the gaps.
const TIME_AND_JOBS: usize = 17;

/// Columns of the details without the name and the node, the least and the most columns of the name, and the columns of the
/// node in a wide window and in another one.
const DETAILS: usize = 60;
const NAME_OF_DETAILS: (usize, usize) = (8, 40);
const NODE: [usize; 2] = [20, 8];

/// The most pods of a role in the last row.
const MAX_OTHERS: usize = 6;

/// Columns of the name of another pod.
const OTHER_NAME: usize = 32;

/// The least and the most rows of the chart below the table.
const MIN_CHART: u16 = 14;
const MAX_CHART: u16 = 28;

/// The areas of the screen.
#[derive(Debug, Clone, Default)]
pub(super) struct Areas {
    title: Rect,
    marks: Rect,
    names: Rect,
    /// The timelines.
    pub(super) plot: Rect,
    state: Rect,
    clock: Rect,
    /// Free rows below the timelines.
    details: Rect,
    totals: Rect,
    others: Rect,
}

/// The screen.
pub(super) struct Pods<'a> {
    /// The observed data.
    pub(super) data: &'a Data,
    /// The filter of the workers.
    pub(super) filter: &'a Filter,
    /// The stretch of time.
    pub(super) lens: ChartView,
    /// The colours.
    pub(super) theme: Theme,
}

/// The sum of a resource over a pod's containers, as Kubernetes writes it; `None` without any.
fn sum<'a>(resource: &str, milli: impl Iterator<Item = &'a i64>) -> Option<String> {
    let sum = milli.copied().reduce(i64::saturating_add)?;
    let unit = if resource == "memory" { Unit::Bytes } else { Unit::Cores };
    Some(unit.format(sum))
}

/// The sum of a resource's requests of a pod's containers; `None` if none requests it.
fn request(pod: &hpa::Pod, resource: &str) -> Option<String> {
    sum(resource, pod.containers.iter().filter_map(|container| container.requests_milli.get(resource)))
}

/// The sum of a resource's usage of a pod's containers; `None` where the metrics API has none.
fn usage(data: &Data, pod: &str, resource: &str) -> Option<String> {
    let hpa::Reading::Resource(pods) = &data.usage.as_ref()?.reading else { return None };
    let found = pods.iter().find(|known| known.pod == pod)?;
    sum(resource, found.containers.iter().filter_map(|container| container.milli.get(resource)))
}

/// Symbol, word and ink of a mark on a timeline.
fn mark_look(mark: LaneMark) -> (char, &'static str, Ink) {
    match mark {
        LaneMark::Restarted => ('↨', text::RESTARTED, Ink::Warning),
        LaneMark::Killed => ('×', text::KILLED, Ink::Error),
        LaneMark::Aborted => ('†', text::ABORTED, Ink::Warning),
    }
}

impl Pods<'_> {
    /// Lays out the screen. The rows below the timelines move up where there are few workers.
    pub(super) fn areas(&self, area: Rect) -> Areas {
        let window = match area.width {
            150.. => 0,
            100.. => 1,
            _ => 2,
        };
        // A blank row is above the totals.
        let one = Constraint::Length(1);
        let rows = [one, one, Constraint::Min(0), one, one, one, one];
        let [title, marks, timelines, clock, _, totals, others] = Layout::vertical(rows).areas(area);
        let lanes = u16::try_from(self.lanes().len().max(1)).unwrap_or(u16::MAX);
        let timelines = top(timelines, lanes);
        let clock = Rect { y: timelines.bottom(), ..clock };
        let free = totals.y.saturating_sub(clock.bottom() + 2);
        let details = Rect { y: clock.bottom() + 1, height: free, ..area };
        let widths =
            [Constraint::Length(NAME[window]), Constraint::Min(0), Constraint::Length(STATE[window])];
        let [names, plot, state] = Layout::horizontal(widths).areas(timelines);
        // Marks and clock have a gutter at their left, as in the chart. Here it is in the names' columns.
        let shared =
            |line: Rect| Rect { x: plot.x.saturating_sub(GUTTER), width: plot.width + GUTTER, ..line };
        Areas {
            title,
            marks: shared(marks),
            names,
            plot,
            state,
            clock: shared(clock),
            details,
            totals,
            others,
        }
    }

    /// The workers with a row, oldest first. A worker that is gone has one while the axis reaches back to its end.
    fn lanes(&self) -> Vec<&WorkerTimeline> {
        let oldest = self.lens.stretch.from();
        let is_shown = |lane: &&WorkerTimeline| {
            (lane.now() != WorkerState::Gone || lane.since() >= oldest) && self.filter.takes(&[&lane.name])
        };
        self.data.lanes.iter().filter(is_shown).collect()
    }

    /// The scroll range of the timelines, in rows.
    pub(super) fn max_scroll(&self, areas: &Areas) -> usize {
        self.lanes().len().saturating_sub(areas.plot.height.into())
    }

    /// The filter while it is on, else the meaning of the symbols.
    fn note(&self, room: u16) -> Vec<Span<'static>> {
        if self.filter.is_empty() {
            return self.legend(room);
        }
        let (shown, all) = (self.lanes().len(), self.data.lanes.iter().count());
        let words = filtered(self.filter.text().trim(), shown, all);
        vec![span(self.theme, Ink::Lit, fit(&words, room.into()).into_owned())]
    }

    fn legend(&self, room: u16) -> Vec<Span<'static>> {
        let theme = self.theme;
        let states = [
            WorkerState::Busy,
            WorkerState::Idle,
            WorkerState::Pending,
            WorkerState::Starting,
            WorkerState::Finishing,
            WorkerState::Terminating,
            WorkerState::NotSampled,
        ];
        let states = states.map(|doing| {
            let (symbol, word, ink) = look(doing);
            vec![span(theme, ink, format!("{symbol}{symbol} ")), span(theme, Ink::Text, word)]
        });
        let marks = [LaneMark::Killed, LaneMark::Restarted, LaneMark::Aborted].map(|mark| {
            let (symbol, word, ink) = mark_look(mark);
            vec![span(theme, ink, format!("{symbol} ")), span(theme, Ink::Text, word)]
        });
        joined(states.into_iter().chain(marks), room)
    }

    /// Draws a worker's row: its name, its timeline, and its state.
    fn lane(&self, buffer: &mut Buffer, areas: &Areas, index: u16, axis: &TimeAxis, lane: &WorkerTimeline) {
        let theme = self.theme;
        let names = row(areas.names, index);
        let name = fit_end(&lane.name, usize::from(names.width.saturating_sub(1)));
        let ink = if lane.now() == WorkerState::Gone { Ink::Dim } else { Ink::Text };
        line(buffer, names, vec![span(theme, ink, name)]);
        let plot = row(areas.plot, index);
        for cell in 0..plot.width.min(axis.begun_cells()) {
            let Some(doing) = lane.at(axis.end_of_cell(cell)) else { continue };
            let (symbol, _, ink) = look(doing);
            if symbol != ' ' {
                set(buffer, plot.x + cell, plot.y, symbol, style(theme, ink));
            }
        }
        let mut taken = None;
        for (at, mark) in lane.marks() {
            let (symbol, _, ink) = mark_look(mark);
            // A worker that was killed during a job has two marks, side by side.
            let cell = axis.cell(at).map(|cell| if taken == Some(cell) { cell + 1 } else { cell });
            if let Some(cell) = cell.filter(|cell| *cell < plot.width) {
                set(buffer, plot.x + cell, plot.y, symbol, style(theme, ink));
                taken = Some(cell);
            }
        }
        let state = self.state(lane, areas.state.width);
        line(buffer, row(areas.state, index), state);
    }

    /// The worker's state and job, since when, and its number of jobs. With the cursor in the past, the state then.
    fn state(&self, lane: &WorkerTimeline, width: u16) -> Vec<Span<'static>> {
        let theme = self.theme;
        let (doing, job, since) = match self.lens.stretch.cursor {
            Some(at) => match lane.at(at) {
                Some(doing) => (doing, lane.job_at(at), None),
                None => return Vec::new(),
            },
            None => (lane.now(), lane.job(), Some(lane.since())),
        };
        let (_, word, ink) = look(doing);
        let word = if doing == WorkerState::Starting && lane.was_ready() { text::NOT_READY } else { word };
        let job = job.map_or_else(String::new, |job| format!(" {job}"));
        let since = since.map_or_else(String::new, |since| age(self.data.now.since(since)));
        let is_wide = width >= STATE[0];
        let columns = usize::from(width).saturating_sub(TIME_AND_JOBS);
        let word_columns = columns.saturating_sub(if is_wide { EXTRA } else { 0 });
        let word = fit(&format!("{word}{job}"), columns).into_owned();
        let mut spans = vec![
            span(theme, ink, format!(" {word:<word_columns$}")),
            span(theme, Ink::Dim, format!("{since:>5}")),
            span(theme, Ink::Text, format!("{:>10}", text::done(&count(lane.done.into())))),
        ];
        if is_wide {
            let many = |mark, times| if times > 0 { format!(" {mark}{times}") } else { String::new() };
            let extra = format!("{}{}", many('†', lane.aborted), many('↨', lane.restarts));
            spans.push(span(theme, Ink::Warning, extra));
        }
        spans
    }

    /// Draws where each worker runs, for how long, and what it requests, if there are rows for all of them.
    /// Returns the number of rows.
    pub(super) fn details(&self, buffer: &mut Buffer, area: Rect) -> u16 {
        let theme = self.theme;
        let workers = self.data.pods.of(Role::Worker);
        let workers = workers.into_iter().filter(|known| self.filter.takes(&[&known.pod.name]));
        let workers: Vec<_> = workers.collect();
        let height = workers.len() as u16 + 2;
        if workers.is_empty() || area.height < height {
            return 0;
        }
        let inside = panel(buffer, area, theme, text::DETAILS, Vec::new());
        let node_width = NODE[usize::from(area.width < 100)];
        let room = usize::from(area.width).saturating_sub(DETAILS + node_width);
        let name_width = room.clamp(NAME_OF_DETAILS.0, NAME_OF_DETAILS.1);
        let head = text::details(text::DETAIL_COLUMNS.map(str::to_owned), name_width, node_width);
        let rows = workers.iter().map(|known| {
            let pod = &known.pod;
            let age = self.pod_age(pod);
            let used_of = |resource| {
                text::used_of(usage(self.data, &pod.name, resource), request(&pod.calculated, resource))
            };
            let exit = pod.last_exit.clone().unwrap_or_default();
            let cells = [
                fit_end(&pod.name, name_width).into_owned(),
                fit(pod.node.as_deref().unwrap_or("-"), node_width).into_owned(),
                age,
                pod.restarts.to_string(),
                used_of("cpu"),
                used_of("memory"),
                exit,
            ];
            vec![span(theme, Ink::Text, text::details(cells, name_width, node_width))]
        });
        lines(buffer, inside, [vec![span(theme, Ink::Dim, head)]].into_iter().chain(rows));
        height
    }

    /// The time since a pod was created, by the cluster's clock.
    fn pod_age(&self, pod: &Pod) -> String {
        let Some(created) = pod.created else { return "-".to_owned() };
        let now = i128::from(self.data.start_on_cluster()) + self.data.now.0.as_millis() as i128;
        let ms = u64::try_from(now - i128::from(created.as_millisecond())).unwrap_or(0);
        age(std::time::Duration::from_millis(ms))
    }

    /// The pod-seconds of all workers, and what is missing in them.
    fn totals(&self) -> Vec<Vec<Span<'static>>> {
        let (data, theme) = (self.data, self.theme);
        let time = data.lanes.time(data.now);
        let seconds = |time: std::time::Duration| count(time.as_secs_f64());
        let mut facts = vec![
            vec![
                span(theme, Ink::Dim, text::POD_SECONDS),
                span(theme, Ink::Value, seconds(time.busy)),
                span(theme, Ink::Text, text::BUSY_SECONDS),
            ],
            vec![
                span(theme, Ink::Value, seconds(time.idle)),
                span(theme, Ink::Text, text::idle_seconds(time.idle_share().map(|share| 100.0 * share))),
            ],
            vec![span(theme, Ink::Text, text::seconds_not_ready(&seconds(time.other)))],
        ];
        let mut warn = |text: String| facts.push(vec![span(theme, Ink::Warning, text)]);
        if !time.not_sampled.is_zero() {
            warn(text::seconds_not_sampled(&seconds(time.not_sampled)));
        }
        let unsampled = data.sampling.unsampled();
        if unsampled > 0 {
            warn(text::workers_not_sampled(unsampled, MAX_FOLLOWED));
        }
        if data.jobs.aborted > 0 {
            let (jobs, work) = (count(data.jobs.aborted as f64), measured(data.jobs.aborted_work));
            warn(text::aborted_jobs(data.jobs.aborted, &jobs, &work));
        }
        if data.lanes.dropped() > 0 {
            warn(text::workers_not_counted(data.lanes.dropped()));
        }
        facts
    }

    /// The pods that are no workers.
    fn others(&self, room: u16) -> Vec<Span<'static>> {
        let theme = self.theme;
        let mut pods = Vec::new();
        for role in [Role::Producer, Role::Broker, Role::Other] {
            for known in self.data.pods.of(role).into_iter().take(MAX_OTHERS) {
                let (symbol, word, ink) = pod_state(self.data, known);
                pods.push(vec![
                    span(theme, ink, format!("{symbol} ")),
                    span(theme, Ink::Text, fit_end(&known.pod.name, OTHER_NAME).into_owned()),
                    span(theme, Ink::Dim, format!(" {word}")),
                ]);
            }
        }
        joined(pods, room)
    }

    /// Draws the screen. Scrolling goes up from the newest worker, at the bottom.
    pub(super) fn draw(&self, areas: &Areas, scroll: Scroll, buffer: &mut Buffer) {
        let (data, theme) = (self.data, self.theme);
        let room = note_room(areas.title.width, text::TITLE);
        let note = stale::note(data, theme, Source::Pods, room).unwrap_or_else(|| self.note(room));
        panel(buffer, areas.title, theme, text::TITLE, note);
        let axis = TimeAxis::new(self.lens.stretch, areas.plot.width);
        (&Marks { data, axis: &axis, theme }).render(areas.marks, buffer);
        let lanes = self.lanes();
        let above = scroll.max - scroll.offset;
        for (index, lane) in (0..areas.plot.height).zip(lanes.iter().skip(above)) {
            self.lane(buffer, areas, index, &axis, lane);
        }
        if lanes.is_empty() {
            let text = match () {
                () if !data.pods.is_listed() => text::NOT_LISTED,
                () if self.filter.is_empty() => text::NO_WORKER,
                () => text::NO_MATCH,
            };
            let first = row(Rect { x: areas.names.x, width: areas.title.width, ..areas.plot }, 0);
            line(buffer, first, vec![span(theme, Ink::Dim, text)]);
        }
        labels(buffer, areas.clock, theme, &axis, data);
        if let Some(cell) = axis.cursor() {
            let plots = Rect { y: areas.marks.y, height: areas.plot.height + 1, ..areas.plot };
            cursor(buffer, plots, areas.plot.x + cell, theme);
        }
        if scroll.max > 0 {
            let place = Rect { y: areas.clock.y, height: 1, ..areas.state };
            let text = format!("↑↓ {}", text::hidden(above, scroll.offset));
            let text = fit(&text, place.width.into()).into_owned();
            line_right(buffer, place, vec![span(theme, Ink::Lit, text)]);
        }
        let used = self.details(buffer, areas.details);
        let rest = below(areas.details, used + 1);
        if used > 0 && rest.height >= MIN_CHART {
            (&Chart { data, lens: self.lens, theme }).render(top(rest, MAX_CHART), buffer);
        }
        line(buffer, areas.totals, fitted(&self.totals(), theme, areas.totals.width));
        line(buffer, areas.others, self.others(areas.others.width));
    }
}
