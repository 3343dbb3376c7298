//! The first screen: the chart, and the panels around it; or one panel alone.
//!
//! ```text
//! from 150x38 on                    from 100x30 on                  smaller
//! ┌────────────────┬───────────┐   ┌─────────────────────────┐   ┌────────────────┐
//! │ chart          │ decision  │   │ chart                   │   │ chart          │
//! │                ├───────────┤   ├─────────┬─────┬─────────┤   │                │
//! │                │ hops      │   │ decision│ stop│ hops    │   ├────────────────┤
//! ├─────────┬──────┼───────────┤   │         │watch├─────────┤   │ decision, hops,│
//! │ workers │events│ stopwatch │   │         │     │ workers │   │ workers, stop- │
//! │         │      │           │   ├─────────┴─────┴─────────┤   │ watch, events  │
//! └─────────┴──────┴───────────┘   │ events                  │   │ in a few lines │
//!                                  └─────────────────────────┘   └────────────────┘
//! ```
//!
//! With the cursor on, the values at the cursor take the place of the hops, or of all lines in a small window.

use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::widgets::Widget;

use super::chart::Chart;
use super::decision::{Decision, History};
use super::draw::{below, line, line_right, row, set, span, top};
use super::events::Events;
use super::hops::Hops;
use super::instant::Instant;
use super::pods::Pods;
use super::runs::chart_of;
use super::stale;
use super::stopwatch::Stopwatch;
use super::strings::chart as text;
use super::theme::{Ink, style};
use super::workers::Workers;
use dashboard::data::Data;
use dashboard::reported::Source;
use dashboard::ui::appearance::Theme;
use dashboard::ui::screen::{Focus, Panel};
use dashboard::ui::state::{Access, ChartView, Ui, View};
use observed::Role;

/// The least columns and rows of the wide layout, and of the medium one.
const WIDE: (u16, u16) = (150, 38);
const MEDIUM: (u16, u16) = (100, 30);

/// Rows of the panels Decision and Stopwatch with all that they have.
const EXPANDED_DECISION: u16 = 22;
const EXPANDED_STOPWATCH: u16 = 22;

/// The least rows below an expanded panel for more of its subject.
const MIN_MORE: u16 = 6;

/// The least columns left of the decision in which the workers have long timelines: the events need the room more.
const ROOMY_LOWER: u16 = 110;

/// The screen.
pub(super) struct Overview<'a> {
    /// The observed data.
    pub(super) data: &'a Data,
    /// The state of the user interface.
    pub(super) ui: &'a Ui,
    /// The stretch of time and the curves.
    pub(super) lens: ChartView,
    /// The panels, laid out.
    pub(super) places: &'a [Place],
    /// The number of events below the panel Events, alone.
    pub(super) scroll: usize,
    /// The rights of the keys that drive the target.
    pub(super) access: Access,
    /// The colours.
    pub(super) theme: Theme,
}

/// The area of a panel.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    content: Content,
    pub(super) area: Rect,
}

/// The content of an area.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Content {
    /// A panel with its title.
    Panel(Panel),
    /// A panel in one line or a few.
    Summary(Panel),
    /// A panel that has the screen for itself.
    Alone(Panel),
    /// More of the subject of an expanded panel, in the rows below it.
    More(Panel),
    /// The values at the cursor.
    Instant,
}

impl Place {
    /// The panel in the area, if there is one.
    pub(super) fn panel(&self) -> Option<Panel> {
        match self.content {
            Content::Panel(panel) | Content::Summary(panel) | Content::Alone(panel) => Some(panel),
            Content::Instant | Content::More(_) => None,
        }
    }
}

/// Lays out the panels.
pub(super) fn places(data: &Data, ui: &Ui, lens: ChartView, area: Rect) -> Vec<Place> {
    let theme = ui.theme;
    let instant = lens.stretch.cursor.map(|_| Instant { data, lens, theme });
    let instant_rows = |width| instant.as_ref().map(|instant| instant.rows(width));
    let hops = |area: Rect| match instant_rows(area.width) {
        Some(rows) => (Content::Instant, rows),
        None => (Content::Panel(Panel::Beliefs), Hops { data, theme }.rows(area.width)),
    };
    if let Focus::Expanded(panel) = ui.focus {
        let rows = match panel {
            Panel::Chart | Panel::Events => area.height,
            Panel::Decision => EXPANDED_DECISION,
            Panel::Beliefs => 1 + Hops { data, theme }.rows(area.width),
            Panel::Workers => 2 + data.pods.of(Role::Worker).len() as u16,
            Panel::Stopwatch => EXPANDED_STOPWATCH,
        };
        return alone(panel, rows, area, instant_rows(area.width));
    }
    // Without a queue and without a burst there is nothing to time.
    let has_stopwatch = data.has_queue() || data.bursts.newest().is_some();
    match (area.width, area.height) {
        (columns, rows) if columns >= WIDE.0 && rows >= WIDE.1 => wide(area, has_stopwatch, hops),
        (columns, rows) if columns >= MEDIUM.0 && rows >= MEDIUM.1 => medium(area, has_stopwatch, hops),
        _ => small(area, has_stopwatch, instant.is_some()),
    }
}

fn place(content: Content, area: Rect) -> Place {
    Place { content, area }
}

/// One panel alone, with more of its subject in the rows that it does not need. Below the chart are the values at the cursor.
fn alone(panel: Panel, rows: u16, area: Rect, instant_rows: Option<u16>) -> Vec<Place> {
    match instant_rows.filter(|_| panel == Panel::Chart) {
        Some(rows) => {
            let rows = [Constraint::Min(0), Constraint::Length(rows.min(area.height / 2))];
            let [chart, instant] = Layout::vertical(rows).areas(area);
            vec![place(Content::Alone(panel), chart), place(Content::Instant, instant)]
        }
        None if area.height >= rows + MIN_MORE => {
            let more = place(Content::More(panel), below(area, rows));
            vec![place(Content::Alone(panel), top(area, rows)), more]
        }
        None => vec![place(Content::Alone(panel), area)],
    }
}

/// The chart, and the most important lines.
fn small(area: Rect, has_stopwatch: bool, is_inspecting: bool) -> Vec<Place> {
    let lines = match area.height {
        20.. => 8 + u16::from(is_inspecting),
        _ => 4 + 2 * u16::from(is_inspecting),
    };
    let [chart, rest] = Layout::vertical([Constraint::Min(0), Constraint::Length(lines)]).areas(area);
    let chart = place(Content::Panel(Panel::Chart), chart);
    if is_inspecting {
        return vec![chart, place(Content::Instant, rest)];
    }
    let summaries = [
        (Panel::Decision, 0, 3),
        (Panel::Beliefs, 3, 1),
        (Panel::Workers, 4, 1),
        (Panel::Stopwatch, 5, u16::from(has_stopwatch)),
        (Panel::Events, 5 + u16::from(has_stopwatch), u16::MAX),
    ];
    let summaries = summaries
        .into_iter()
        .filter(|(.., rows)| *rows > 0)
        .map(|(panel, from, rows)| place(Content::Summary(panel), top(below(rest, from), rows)));
    [chart].into_iter().chain(summaries).collect()
}

/// The chart at the top; decision, stopwatch, and hops over workers side by side; events at the bottom.
fn medium(area: Rect, has_stopwatch: bool, hops: impl Fn(Rect) -> (Content, u16)) -> Vec<Place> {
    // The chart has 11 rows at least; further rows go to the chart and the events.
    let events = 4 + (area.height - 28) / 6;
    let rows = [Constraint::Min(11), Constraint::Length(15), Constraint::Length(events)];
    let [chart, middle, events] = Layout::vertical(rows).areas(area);
    let percent = if has_stopwatch { 43 } else { 55 };
    let watch = if has_stopwatch { 35 } else { 0 };
    let widths =
        [Constraint::Length(middle.width * percent / 100), Constraint::Length(watch), Constraint::Min(0)];
    let spacing = if has_stopwatch { 2 } else { 1 };
    let [decision, stopwatch, right] = Layout::horizontal(widths).spacing(spacing).areas(middle);
    let (content, rows) = hops(right);
    let [hops, workers] = Layout::vertical([Constraint::Length(rows), Constraint::Min(0)]).areas(right);
    [
        place(Content::Panel(Panel::Chart), chart),
        place(Content::Panel(Panel::Decision), decision),
        place(Content::Panel(Panel::Stopwatch), stopwatch),
        place(content, hops),
        place(Content::Panel(Panel::Workers), workers),
        place(Content::Panel(Panel::Events), events),
    ]
    .into_iter()
    .filter(|place| !place.area.is_empty())
    .collect()
}

/// The chart at the left over workers and events; decision, hops and stopwatch at the right.
fn wide(area: Rect, has_stopwatch: bool, hops: impl Fn(Rect) -> (Content, u16)) -> Vec<Place> {
    let [left, right] =
        Layout::horizontal([Constraint::Min(0), Constraint::Length(64)]).spacing(2).areas(area);
    let lower = 13.min(left.height / 3);
    let [chart, lower] = Layout::vertical([Constraint::Min(0), Constraint::Length(lower)]).areas(left);
    let workers = if lower.width < ROOMY_LOWER { 44 } else { 52 };
    let [workers, events] =
        Layout::horizontal([Constraint::Length(workers), Constraint::Min(0)]).spacing(2).areas(lower);
    let (content, rows) = hops(right);
    let rows = match has_stopwatch {
        true => [Constraint::Length(15), Constraint::Length(rows), Constraint::Length(1), Constraint::Min(0)],
        false => {
            [Constraint::Min(15), Constraint::Length(rows), Constraint::Length(0), Constraint::Length(0)]
        }
    };
    let [decision, hops, _, stopwatch] = Layout::vertical(rows).areas(right);
    [
        place(Content::Panel(Panel::Chart), chart),
        place(Content::Panel(Panel::Decision), decision),
        place(Content::Panel(Panel::Stopwatch), stopwatch),
        place(content, hops),
        place(Content::Panel(Panel::Workers), workers),
        place(Content::Panel(Panel::Events), events),
    ]
    .into_iter()
    .filter(|place| !place.area.is_empty())
    .collect()
}

impl Overview<'_> {
    /// Draws the panels into their places.
    pub(super) fn draw(&self, buffer: &mut Buffer) {
        for place in self.places {
            self.content(place, buffer);
            self.now(place, buffer);
            self.stale(place, buffer);
            let is_focused = place.panel().is_some_and(|panel| self.ui.focus == Focus::On(panel));
            if is_focused && place.area.x > 0 {
                set(buffer, place.area.x - 1, place.area.y, '»', style(self.theme, Ink::Lit));
            }
        }
    }

    fn content(&self, place: &Place, buffer: &mut Buffer) {
        let (data, lens, theme, area) = (self.data, self.lens, self.theme, place.area);
        let events = Events { data, filter: &self.ui.filters.events, theme };
        match place.content {
            Content::Instant => (&Instant { data, lens, theme }).render(area, buffer),
            Content::Alone(Panel::Chart) => Chart { data, lens, theme }.expanded(area, buffer),
            Content::Alone(Panel::Events) => events.expanded(buffer, area, self.scroll),
            Content::Panel(Panel::Chart) | Content::Summary(Panel::Chart) => {
                (&Chart { data, lens, theme }).render(area, buffer);
            }
            Content::Summary(Panel::Decision) => Decision { data, theme }.summary(buffer, area),
            Content::Summary(Panel::Stopwatch) => {
                Stopwatch { data, access: self.access, theme }.summary(buffer, row(area, 0));
            }
            Content::Summary(Panel::Beliefs) => Hops { data, theme }.summary(buffer, row(area, 0)),
            Content::Summary(Panel::Workers) => Workers { data, lens, theme }.summary(buffer, row(area, 0)),
            Content::Summary(Panel::Events) => events.summary(buffer, area),
            Content::Panel(Panel::Decision) | Content::Alone(Panel::Decision) => {
                (&Decision { data, theme }).render(area, buffer);
            }
            Content::Panel(Panel::Stopwatch) | Content::Alone(Panel::Stopwatch) => {
                (&Stopwatch { data, access: self.access, theme }).render(area, buffer);
            }
            Content::Panel(Panel::Beliefs) | Content::Alone(Panel::Beliefs) => {
                (&Hops { data, theme }).render(area, buffer);
            }
            Content::Panel(Panel::Workers) | Content::Alone(Panel::Workers) => {
                (&Workers { data, lens, theme }).render(area, buffer);
            }
            Content::Panel(Panel::Events) => (&events).render(area, buffer),
            Content::More(panel) => self.more(panel, area, buffer),
        }
    }

    /// Draws more of the subject of an expanded panel: the syncs before, the numbers over time, the run, the pods.
    fn more(&self, panel: Panel, area: Rect, buffer: &mut Buffer) {
        let (data, lens, theme) = (self.data, self.lens, self.theme);
        match panel {
            Panel::Decision => {
                let cursor = lens.stretch.cursor;
                (&History { data, cursor, skipped: 0, theme }).render(area, buffer);
            }
            Panel::Beliefs => (&Chart { data, lens, theme }).render(area, buffer),
            Panel::Stopwatch => {
                if let Some(burst) = data.bursts.newest() {
                    chart_of(burst, data, lens, theme, buffer, area);
                }
            }
            Panel::Workers => {
                let filter = &self.ui.filters.pods;
                let used = Pods { data, filter, lens, theme }.details(buffer, area);
                (&Chart { data, lens, theme }).render(below(area, used + 1), buffer);
            }
            Panel::Chart | Panel::Events => {}
        }
    }

    /// Marks a panel that shows the present while the chart shows the past.
    fn now(&self, place: &Place, buffer: &mut Buffer) {
        let Content::Panel(panel) = place.content else { return };
        let is_past = panel != Panel::Chart && self.lens.stretch.instant().is_some();
        let is_live = self.ui.view == View::Live;
        // Over the lines before the title, and the gap before them. A focused panel has its sign there.
        if is_past && is_live && self.ui.focus != Focus::On(panel) && place.area.x > 0 {
            let label = Rect { x: place.area.x - 1, width: 3, ..row(place.area, 0) };
            line(buffer, label, vec![span(self.theme, Ink::Lit, text::NOW)]);
        }
    }

    /// Marks a summary whose source is stale. The title of a panel, and the hops, say it themselves.
    fn stale(&self, place: &Place, buffer: &mut Buffer) {
        let Content::Summary(panel) = place.content else { return };
        let (source, line) = match panel {
            // Below its title.
            Panel::Decision => (Source::Hpa, row(place.area, 1)),
            Panel::Workers => (Source::Pods, row(place.area, 0)),
            Panel::Events => (Source::Events, row(place.area, 0)),
            Panel::Chart | Panel::Stopwatch | Panel::Beliefs => return,
        };
        if let Some(note) = stale::line_note(self.data, self.theme, source, line.width / 2) {
            line_right(buffer, line, note);
        }
    }
}
