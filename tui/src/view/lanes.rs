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
use super::text::{age, below, count, fit_end, parts, put, put_right, row, rule, set, span};
use super::theme::{Ink, style};
use crate::event::{Role, Source};
use crate::model::filter::Filter;
use crate::model::lanes::{Doing, Lane};
use crate::model::{Data, Lens, Theme};

/// Columns right of the lanes, for what a worker does now, since when, and how much it has done.
const STATE: u16 = 28;

/// The screen.
pub(super) struct Lanes<'a> {
    /// What is shown.
    pub(super) data: &'a Data,
    /// Which of the workers.
    pub(super) filter: &'a Filter,
    /// Which stretch of time, and how.
    pub(super) lens: Lens,
    /// The colours.
    pub(super) theme: Theme,
}

/// Symbol, word and ink of what a worker does.
fn look(doing: Doing) -> (char, &'static str, Ink) {
    match doing {
        Doing::Pending => ('░', "pending", Ink::Pending),
        Doing::Starting => ('▒', "starting", Ink::Pending),
        Doing::Idle => ('─', "idle", Ink::Ready),
        Doing::Busy => ('▆', "busy", Ink::Ready),
        Doing::NotSampled => ('┄', "not sampled", Ink::Dim),
        Doing::Finishing => ('▞', "finishing", Ink::Leaving),
        Doing::Terminating => ('▚', "terminating", Ink::Leaving),
        Doing::Failed => ('✗', "failed", Ink::Error),
        Doing::Gone => (' ', "gone", Ink::Dim),
    }
}

impl Lanes<'_> {
    fn legend(&self, room: u16) -> Vec<Span<'static>> {
        let all =
            [Doing::Pending, Doing::Starting, Doing::Idle, Doing::Busy, Doing::Terminating, Doing::Failed];
        let one = |doing| {
            let (symbol, word, ink) = look(doing);
            let sample = format!("{symbol}{symbol} ");
            vec![span(self.theme, ink, sample), span(self.theme, Ink::Text, word)]
        };
        parts(all.map(one), room)
    }

    fn lane(&self, buffer: &mut Buffer, line: Rect, names: u16, axis: &TimeAxis, lane: &Lane) {
        let theme = self.theme;
        let name = fit_end(&lane.name, usize::from(names.saturating_sub(1)));
        let is_gone = lane.now() == Doing::Gone;
        let ink = if is_gone { Ink::Dim } else { Ink::Text };
        put(buffer, Rect { width: names, ..line }, vec![span(theme, ink, name.into_owned())]);
        let cells = line.width.saturating_sub(names + STATE);
        for cell in 0..cells {
            let Some(doing) = lane.at(axis.end_of_cell(cell)) else { continue };
            let (symbol, _, ink) = look(doing);
            if symbol != ' ' {
                set(buffer, line.x + names + cell, line.y, symbol, style(theme, ink));
            }
        }
        let (_, word, ink) = look(lane.now());
        let rest = Rect { x: line.x + names + cells, width: STATE.min(line.width), ..line };
        let since = age(self.data.now.since(lane.since()));
        let done = format!("{} done", count(lane.done.into()));
        put(
            buffer,
            rest,
            vec![
                span(theme, ink, format!(" {word:<11}")),
                span(theme, Ink::Dim, format!("{since:>5}")),
                span(theme, Ink::Text, format!("{done:>11}")),
            ],
        );
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

impl Widget for &Lanes<'_> {
    fn render(self, area: Rect, buffer: &mut Buffer) {
        let theme = self.theme;
        let room = stale::room(area.width, "Workers");
        let note = stale::note(self.data, theme, Source::Pods, room).unwrap_or_else(|| self.legend(room));
        rule(buffer, row(area, 0), theme, "Workers", note);
        let names = if area.width >= 100 { 28 } else { 12 };
        let cells = area.width.saturating_sub(names + STATE);
        let axis = TimeAxis::new(self.lens.stretch, cells);
        // Marks and labels keep a gutter of their own at the left; here the names are the gutter.
        let shared = Rect {
            x: area.x + names - GUTTER,
            width: (cells + GUTTER).min(area.width.saturating_sub(names - GUTTER)),
            ..below(area, 1)
        };
        (&Marks { data: self.data, axis: &axis, theme }).render(shared, buffer);
        let rows = area.height.saturating_sub(5);
        // Those that are gone are shown while the axis still reaches to their end.
        let oldest = self.lens.stretch.from();
        let is_shown = |lane: &&Lane| {
            (lane.now() != Doing::Gone || lane.since() >= oldest) && self.filter.takes(&[&lane.name])
        };
        let lanes: Vec<&Lane> = self.data.lanes.iter().filter(is_shown).collect();
        let hidden = lanes.len().saturating_sub(usize::from(rows));
        let mut line = 0;
        for (index, lane) in (0..rows).zip(lanes.into_iter().skip(hidden)) {
            self.lane(buffer, row(below(area, 2), index), names, &axis, lane);
            line = index + 1;
        }
        if line == 0 {
            let text =
                if self.filter.is_empty() { "no worker yet" } else { "no worker that the filter takes" };
            put(buffer, row(below(area, 2), 0), vec![span(theme, Ink::Dim, text)]);
            line = 1;
        }
        labels(buffer, Rect { y: area.y + 2 + line, height: 1, ..shared }, theme, &axis, self.data);
        if let Some(cell) = self.lens.stretch.cursor.and_then(|at| axis.cell(at)) {
            cursor(buffer, Rect { height: line + 1, ..below(area, 1) }, area.x + names + cell, theme);
        }
        if hidden > 0 {
            let text = format!("{hidden} older not shown");
            let place = Rect { y: area.y + 2 + line, height: 1, ..area };
            put_right(buffer, place, vec![span(theme, Ink::Dim, text)]);
        }
        self.others(buffer, row(area, area.height.saturating_sub(1)));
    }
}
