//! The first screen: one time axis above, and below it what was decided, believed and done; or one of these alone.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::widgets::Widget;

use super::beliefs::Beliefs;
use super::chart::Chart;
use super::decision::Decision;
use super::events::Events;
use super::inspect::Inspect;
use super::pods::Pods;
use super::stale;
use super::stopwatch::Stopwatch;
use super::text::{below, put, put_right, row, set, span};
use super::theme::{Ink, style};
use dashboard::data::Data;
use dashboard::reported::Source;
use dashboard::ui::appearance::Theme;
use dashboard::ui::screen::{Focus, Panel};
use dashboard::ui::state::{ChartView, Ui, View};

/// The screen.
pub(super) struct Overview<'a> {
    /// What is shown.
    pub(super) data: &'a Data,
    /// What the keys did.
    pub(super) ui: &'a Ui,
    /// Which stretch of time, and how.
    pub(super) lens: ChartView,
    /// The colours.
    pub(super) theme: Theme,
}

/// How much a panel shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// A line or a few, without a title.
    Lines,
    /// A panel with a title.
    Panel,
    /// In its place, what was at the instant under the cursor.
    Instant,
}

impl Widget for &Overview<'_> {
    fn render(self, area: Rect, buffer: &mut Buffer) {
        if let Focus::Expanded(panel) = self.ui.focus {
            return self.alone(panel, area, buffer);
        }
        for (panel, place, form) in self.places(area) {
            self.panel(panel, place, form, buffer);
            self.is_now(panel, place, form, buffer);
            self.is_stale(panel, place, form, buffer);
            if self.ui.focus == Focus::On(panel) && place.x > 0 {
                set(buffer, place.x - 1, place.y, '»', style(self.theme, Ink::Lit));
            }
        }
    }
}

impl Overview<'_> {
    /// Says of a panel that it shows the present, while the chart beside it does not.
    fn is_now(&self, panel: Panel, place: Rect, form: Form, buffer: &mut Buffer) {
        let is_then = panel == Panel::Chart || form == Form::Instant || self.ui.view != View::Live;
        let has_title = buffer.cell((place.x, place.y)).is_some_and(|cell| cell.symbol() == "─");
        // Over the two dashes before the title, and the gap before them, in which a chosen panel has its sign.
        let is_free = place.x > 0 && self.ui.focus != Focus::On(panel);
        if !is_then && has_title && is_free && self.lens.stretch.instant().is_some() {
            let label = Rect { x: place.x - 1, width: 3, ..row(place, 0) };
            put(buffer, label, vec![span(self.theme, Ink::Lit, "now")]);
        }
    }

    /// Says of lines without a title that their source is stale; those with a title, and the beliefs, say it themselves.
    fn is_stale(&self, panel: Panel, place: Rect, form: Form, buffer: &mut Buffer) {
        let (source, line) = match (form, panel) {
            // Its first line is a title.
            (Form::Lines, Panel::Decision) => (Source::Hpa, row(place, 1)),
            (Form::Lines, Panel::Workers) => (Source::Pods, row(place, 0)),
            (Form::Lines, Panel::Events) => (Source::Events, row(place, 0)),
            _ => return,
        };
        if let Some(note) = stale::aside(self.data, self.theme, source, line.width / 2) {
            put_right(buffer, line, note);
        }
    }

    /// Where each panel stands, for drawing and for the mouse.
    pub(super) fn panels(&self, area: Rect) -> Vec<(Panel, Rect)> {
        if let Focus::Expanded(panel) = self.ui.focus {
            let chart = if panel == Panel::Chart { self.alone_parts(area).0 } else { area };
            return vec![(panel, chart)];
        }
        // What is shown at the cursor is no panel: it stands in the place of one that is not there then.
        let is_panel = |(_, _, form): &(Panel, Rect, Form)| *form != Form::Instant;
        self.places(area).into_iter().filter(is_panel).map(|(panel, place, _)| (panel, place)).collect()
    }

    /// The chart, for whoever must know what it draws where.
    pub(super) fn chart(&self) -> Chart<'_> {
        Chart { data: self.data, lens: self.lens, theme: self.theme }
    }

    fn panel(&self, panel: Panel, area: Rect, form: Form, buffer: &mut Buffer) {
        let (data, theme) = (self.data, self.theme);
        let events = Events { data, filter: &self.ui.filters.events, theme };
        match (panel, form) {
            (_, Form::Instant) => (&self.instant()).render(area, buffer),
            (Panel::Chart, _) => (&self.chart()).render(area, buffer),
            (Panel::Decision, Form::Lines) => Decision { data, theme }.short(buffer, area),
            (Panel::Decision, Form::Panel) => (&Decision { data, theme }).render(area, buffer),
            (Panel::Stopwatch, Form::Lines) => Stopwatch { data, theme }.line(buffer, row(area, 0)),
            (Panel::Stopwatch, Form::Panel) => (&Stopwatch { data, theme }).render(area, buffer),
            (Panel::Beliefs, Form::Lines) => Beliefs { data, theme }.line(buffer, row(area, 0)),
            (Panel::Beliefs, Form::Panel) => (&Beliefs { data, theme }).render(area, buffer),
            (Panel::Workers, Form::Lines) => Pods { data, theme }.line(buffer, row(area, 0)),
            (Panel::Workers, Form::Panel) => (&Pods { data, theme }).render(area, buffer),
            (Panel::Events, Form::Lines) => events.lines(buffer, area),
            (Panel::Events, Form::Panel) => (&events).render(area, buffer),
        }
    }

    /// One panel on the whole screen.
    fn alone(&self, panel: Panel, area: Rect, buffer: &mut Buffer) {
        let (data, theme) = (self.data, self.theme);
        match panel {
            Panel::Chart => {
                let (chart, instant) = self.alone_parts(area);
                self.chart().expanded(chart, buffer);
                (&self.instant()).render(instant, buffer);
            }
            Panel::Events => {
                let events = Events { data, filter: &self.ui.filters.events, theme };
                events.expanded(buffer, area, self.ui.scroll);
            }
            _ => self.panel(panel, area, Form::Panel, buffer),
        }
    }

    fn instant(&self) -> Inspect<'_> {
        Inspect { data: self.data, lens: self.lens, theme: self.theme }
    }

    fn is_inspecting(&self) -> bool {
        self.lens.stretch.cursor.is_some()
    }

    /// The chart alone, and below it the values at the cursor where there is one.
    fn alone_parts(&self, area: Rect) -> (Rect, Rect) {
        let rows = if self.is_inspecting() { self.instant().rows(area.width) } else { 0 };
        let chart = Rect { height: area.height.saturating_sub(rows.min(area.height / 2)), ..area };
        (chart, below(area, chart.height))
    }

    fn places(&self, area: Rect) -> Vec<(Panel, Rect, Form)> {
        match (area.width, area.height) {
            (150.., 38..) => self.wide(area),
            (100.., 30..) => self.medium(area),
            _ => self.small(area),
        }
    }

    /// Chart and the essential lines.
    fn small(&self, area: Rect) -> Vec<(Panel, Rect, Form)> {
        let lines = if area.height >= 20 { 8 } else { 4 + u16::from(self.is_inspecting()) };
        let chart = Rect { height: area.height.saturating_sub(lines), ..area };
        let rest = below(area, chart.height);
        if self.is_inspecting() {
            return vec![(Panel::Chart, chart, Form::Panel), (Panel::Beliefs, rest, Form::Instant)];
        }
        vec![
            (Panel::Chart, chart, Form::Panel),
            (Panel::Decision, Rect { height: rest.height.min(3), ..rest }, Form::Lines),
            (Panel::Beliefs, row(rest, 3), Form::Lines),
            (Panel::Workers, row(rest, 4), Form::Lines),
            (Panel::Stopwatch, row(rest, 5), Form::Lines),
            (Panel::Events, below(rest, 6), Form::Lines),
        ]
    }

    /// Chart above; decision, stopwatch, and beliefs over workers side by side below; events at the bottom.
    fn medium(&self, area: Rect) -> Vec<(Panel, Rect, Form)> {
        let events = 4 + (area.height - 28) / 6;
        let chart = Rect { height: area.height.saturating_sub(15 + events).max(11), ..area };
        let rest = below(area, chart.height);
        let middle = Rect { height: rest.height.saturating_sub(events), ..rest };
        let (decision, right) = halves(middle, middle.width * 43 / 100);
        let (stopwatch, right) = halves(right, 35);
        let (beliefs, form) = self.beliefs(right);
        vec![
            (Panel::Chart, chart, Form::Panel),
            (Panel::Decision, decision, Form::Panel),
            (Panel::Stopwatch, stopwatch, Form::Panel),
            (Panel::Beliefs, beliefs, form),
            (Panel::Workers, below(right, beliefs.height), Form::Panel),
            (Panel::Events, below(rest, middle.height), Form::Panel),
        ]
    }

    /// Chart at the left with workers and events below; decision, beliefs and stopwatch at the right.
    fn wide(&self, area: Rect) -> Vec<(Panel, Rect, Form)> {
        let (left, right) = halves(area, area.width - 66);
        let lower = 13.min(left.height / 3);
        let chart = Rect { height: left.height - lower, ..left };
        let (pods, events) = halves(below(left, chart.height), 52);
        let decision = Rect { height: 15.min(right.height), ..right };
        let right = below(right, 15);
        let (beliefs, form) = self.beliefs(right);
        vec![
            (Panel::Chart, chart, Form::Panel),
            (Panel::Decision, decision, Form::Panel),
            (Panel::Stopwatch, below(right, beliefs.height + 1), Form::Panel),
            (Panel::Beliefs, beliefs, form),
            (Panel::Workers, pods, Form::Panel),
            (Panel::Events, events, Form::Panel),
        ]
    }

    /// The beliefs at the top of an area; while an instant is looked at, what was believed then.
    fn beliefs(&self, area: Rect) -> (Rect, Form) {
        let (rows, form) = match self.is_inspecting() {
            true => (self.instant().rows(area.width), Form::Instant),
            false => (Beliefs { data: self.data, theme: self.theme }.rows(area.width), Form::Panel),
        };
        (Rect { height: rows.min(area.height), ..area }, form)
    }
}

/// Two parts side by side, the left one `width` columns, with a gap of two.
pub(super) fn halves(area: Rect, width: u16) -> (Rect, Rect) {
    let width = width.min(area.width);
    let left = Rect { width, ..area };
    let gap = 2.min(area.width - width);
    let right = Rect { x: area.x + width + gap, width: area.width - width - gap, ..area };
    (left, right)
}
