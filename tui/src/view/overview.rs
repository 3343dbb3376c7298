//! The first screen: one time axis above, and below it what was decided, believed and done; or one of these alone.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::widgets::Widget;

use super::beliefs::Beliefs;
use super::chart::Chart;
use super::decision::Decision;
use super::events::Events;
use super::pods::Pods;
use super::stopwatch::Stopwatch;
use super::text::{below, row, set};
use super::theme::{Ink, style};
use crate::model::{Data, Focus, Lens, Panel, Theme, Ui};

/// The screen.
pub(super) struct Overview<'a> {
    /// What is shown.
    pub(super) data: &'a Data,
    /// What the keys did.
    pub(super) ui: &'a Ui,
    /// Which stretch of time, and how.
    pub(super) lens: Lens,
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
}

impl Widget for &Overview<'_> {
    fn render(self, area: Rect, buffer: &mut Buffer) {
        if let Focus::Expanded(panel) = self.ui.focus {
            return self.alone(panel, area, buffer);
        }
        for (panel, place, form) in self.places(area) {
            self.panel(panel, place, form, buffer);
            if self.ui.focus == Focus::On(panel) && place.x > 0 {
                set(buffer, place.x - 1, place.y, '»', style(self.theme, Ink::Lit));
            }
        }
    }
}

impl Overview<'_> {
    /// Where each panel stands, for drawing and for the mouse.
    pub(super) fn panels(&self, area: Rect) -> Vec<(Panel, Rect)> {
        if let Focus::Expanded(panel) = self.ui.focus {
            return vec![(panel, area)];
        }
        self.places(area).into_iter().map(|(panel, place, _)| (panel, place)).collect()
    }

    /// The chart, for whoever must know what it draws where.
    pub(super) fn chart(&self) -> Chart<'_> {
        Chart { data: self.data, lens: self.lens, theme: self.theme }
    }

    fn panel(&self, panel: Panel, area: Rect, form: Form, buffer: &mut Buffer) {
        let (data, theme) = (self.data, self.theme);
        let events = Events { data, filter: &self.ui.filters.events, theme };
        match (panel, form) {
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
            Panel::Chart => self.chart().expanded(area, buffer),
            Panel::Events => {
                let events = Events { data, filter: &self.ui.filters.events, theme };
                events.expanded(buffer, area, self.ui.scroll);
            }
            _ => self.panel(panel, area, Form::Panel, buffer),
        }
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
        let lines = if area.height >= 20 { 8 } else { 4 };
        let chart = Rect { height: area.height.saturating_sub(lines), ..area };
        let rest = below(area, chart.height);
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
        let rows = Beliefs { data: self.data, theme: self.theme }.rows(right.width).min(right.height);
        [
            (Panel::Chart, chart),
            (Panel::Decision, decision),
            (Panel::Stopwatch, stopwatch),
            (Panel::Beliefs, Rect { height: rows, ..right }),
            (Panel::Workers, below(right, rows)),
            (Panel::Events, below(rest, middle.height)),
        ]
        .map(|(panel, place)| (panel, place, Form::Panel))
        .to_vec()
    }

    /// Chart at the left with workers and events below; decision, beliefs and stopwatch at the right.
    fn wide(&self, area: Rect) -> Vec<(Panel, Rect, Form)> {
        let (left, right) = halves(area, area.width - 66);
        let lower = 13.min(left.height / 3);
        let chart = Rect { height: left.height - lower, ..left };
        let (pods, events) = halves(below(left, chart.height), 52);
        let decision = Rect { height: 15.min(right.height), ..right };
        let right = below(right, 15);
        let rows = Beliefs { data: self.data, theme: self.theme }.rows(right.width).min(right.height);
        [
            (Panel::Chart, chart),
            (Panel::Decision, decision),
            (Panel::Stopwatch, below(right, rows + 1)),
            (Panel::Beliefs, Rect { height: rows, ..right }),
            (Panel::Workers, pods),
            (Panel::Events, events),
        ]
        .map(|(panel, place)| (panel, place, Form::Panel))
        .to_vec()
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
