//! The layout of a frame, computed once from the model and the window's area. It serves drawing, scrolling and the mouse.
//!
//! Only `update` changes the model. What it needs to know of the layout reaches it as data: the runtime sends
//! `Event::Drawn` with [`ScreenLayout::max_scroll`] after each frame, and each mouse event carries the [`HitTarget`] that
//! [`ScreenLayout::hit_test`] finds in the layout of the frame that the user saw.

use ratatui::layout::{Constraint, Layout, Margin, Rect};

use super::chart::{GUTTER, TimeAxis};
use super::decision::History;
use super::dialog::HelpPage;
use super::doctor::Doctor;
use super::draw::{Scroll, below, right_of};
use super::events::Events;
use super::header::{self, Tab};
use super::logs::Logs;
use super::overview::{self, Place};
use super::pod_table::PodTables;
use super::pods::{self, Pods};
use super::startup;
use super::theme::Ink;
use dashboard::clock::At;
use dashboard::message::HitTarget;
use dashboard::model::Model;
use dashboard::ui::screen::{Focus, Panel, Screen};
use dashboard::ui::state::Mode;

/// The smallest window that shows a screen, in columns and rows. A smaller one shows a message.
pub const SMALLEST_WINDOW: (u16, u16) = (60, 15);

/// Windows with fewer rows show one line of the banner, to keep room for the screen.
const LOW_WINDOW: u16 = 30;

/// The most lines of the banner.
const BANNER_LINES: usize = 5;

/// The layout of one frame.
#[derive(Debug, Clone, Default)]
pub struct ScreenLayout {
    content: Content,
    targets: Vec<(Rect, Target)>,
    pub(super) header: Rect,
    /// The names of the screens in the header.
    pub(super) tabs: Vec<Tab>,
    /// All between header and footer.
    pub(super) inside: Rect,
    /// The lines above the body that say why the target cannot be reached.
    pub(super) banner: Vec<(Ink, String)>,
    /// The screen's own area.
    pub(super) body: Rect,
    pub(super) footer: Rect,
    /// The scroll position of the screen's list.
    pub(super) scroll: Scroll,
    /// The help, while it is open.
    pub(super) help: Option<HelpPage>,
}

/// The content of the body, with the areas of its parts where more than the drawing needs them.
#[derive(Debug, Clone, Default)]
pub(super) enum Content {
    #[default]
    TooSmall,
    Startup,
    Overview(Vec<Place>),
    /// The timelines, where a queue is followed or nothing counts pods, and the area of the tables.
    Pods {
        timelines: Option<pods::Areas>,
        tables: Rect,
    },
    Decision,
    /// The decision history alone.
    History,
    Runs,
    Doctor,
    Logs,
    Fleet,
}

/// The kind of an area of the screen.
#[derive(Debug, Clone, Copy)]
enum Target {
    Tab(Screen),
    Panel(Panel),
    /// The columns of a time axis, up to the present.
    Axis(TimeAxis, At),
    List,
}

impl ScreenLayout {
    /// Computes the layout of the model's screen in a window of that area.
    #[must_use]
    pub fn new(model: &Model, area: Rect) -> Self {
        if area.width < SMALLEST_WINDOW.0 || area.height < SMALLEST_WINDOW.1 {
            return Self::default();
        }
        let rows = Layout::vertical([Constraint::Length(1), Constraint::Min(0), Constraint::Length(1)]);
        let [header, middle, footer] = rows.areas(area);
        let inside = middle.inner(Margin::new(1, 0));
        let data = model.shown();
        let mut layout = Self { header, footer, inside, ..Self::default() };
        layout.tabs = header::tabs(model, header);
        layout.targets.extend(layout.tabs.iter().map(|tab| (tab.area, Target::Tab(tab.screen))));
        if let Mode::Help(top) = model.ui.mode {
            let target = data.watched.target.as_ref();
            let (screen, is_replay) = (model.ui.screen, model.session.replay().is_some());
            layout.help = Some(HelpPage::new(screen, target, is_replay, top, model.ui.theme, inside));
        }
        if !data.watched.has_data() {
            layout.content = Content::Startup;
            return layout;
        }
        if let Some(problem) = data.watched.problem() {
            layout.banner = startup::sentences(problem, data, usize::from(inside.width.saturating_sub(2)));
            layout.banner.truncate(if area.height < LOW_WINDOW { 1 } else { BANNER_LINES });
        }
        // At most `BANNER_LINES`.
        layout.body = below(inside, layout.banner.len() as u16);
        layout.lay_out(model);
        layout
    }

    /// The screen's own parts.
    fn lay_out(&mut self, model: &Model) {
        let (data, ui, theme, body) = (model.shown(), &model.ui, model.ui.theme, self.body);
        let lens = ui.chart_view(data.now);
        let mut max_scroll = 0;
        self.content = match ui.screen {
            Screen::Fleet => {
                self.targets.push((body, Target::List));
                Content::Fleet
            }
            Screen::Overview => {
                let places = overview::places(data, ui, lens, body);
                for place in &places {
                    self.targets.extend(place.panel().map(|panel| (place.area, Target::Panel(panel))));
                    if place.panel() == Some(Panel::Chart) {
                        let plot = right_of(place.area, GUTTER);
                        let axis = TimeAxis::new(lens.stretch, plot.width);
                        self.targets.push((plot, Target::Axis(axis, data.now)));
                    }
                }
                if ui.focus == Focus::Expanded(Panel::Events) {
                    max_scroll = Events { data, filter: &ui.filters.events, theme }.max_scroll(body);
                    self.targets.push((body, Target::List));
                }
                Content::Overview(places)
            }
            Screen::Pods => {
                self.targets.push((body, Target::List));
                let found = PodTables::new(data, &ui.filters.pods, theme);
                if let Some(found) = found.as_ref().filter(|_| !data.has_queue()) {
                    max_scroll = found.max_scroll(body);
                    Content::Pods { timelines: None, tables: body }
                } else {
                    // Both kinds of metrics: half of the rows each.
                    let rows = if found.is_some() { body.height / 2 } else { 0 };
                    let [upper, tables] =
                        Layout::vertical([Constraint::Min(0), Constraint::Length(rows)]).areas(body);
                    let pods = Pods { data, filter: &ui.filters.pods, lens, theme };
                    let areas = pods.areas(upper);
                    max_scroll = pods.max_scroll(&areas);
                    let plot = Rect { x: areas.plot.x, width: areas.plot.width, ..upper };
                    let axis = TimeAxis::new(lens.stretch, plot.width);
                    self.targets.push((plot, Target::Axis(axis, data.now)));
                    Content::Pods { timelines: Some(areas), tables }
                }
            }
            Screen::Decision if ui.focus == Focus::Expanded(Panel::Decision) => {
                let cursor = lens.stretch.cursor;
                max_scroll = History { data, cursor, skipped: 0, theme }.max_scroll(body);
                self.targets.push((body, Target::List));
                Content::History
            }
            Screen::Decision => Content::Decision,
            Screen::Runs => Content::Runs,
            Screen::Doctor => {
                max_scroll = Doctor { data, scroll: 0, theme }.max_scroll(body);
                Content::Doctor
            }
            Screen::Logs => {
                max_scroll = Logs { data, filter: &ui.filters.logs, scroll: 0, theme }.max_scroll(body);
                self.targets.push((body, Target::List));
                Content::Logs
            }
        };
        self.scroll = Scroll::new(ui.scroll, max_scroll);
    }

    pub(super) fn content(&self) -> &Content {
        &self.content
    }

    /// True if the list scrolls up from its newest entry, at the bottom.
    pub(super) fn counts_from_below(&self) -> bool {
        !matches!(self.content, Content::Doctor | Content::History | Content::Pods { timelines: None, .. })
    }

    /// The scroll range of the text that the keys scroll: the help while it is open, else the screen's list. In rows or
    /// entries; 0 where nothing scrolls.
    #[must_use]
    pub fn max_scroll(&self) -> usize {
        self.help.as_ref().map_or(self.scroll.max, HelpPage::max_scroll)
    }

    /// Returns what is drawn at a column and row of the window.
    #[must_use]
    pub fn hit_test(&self, (column, row): (u16, u16)) -> HitTarget {
        // Later targets lie over earlier ones.
        let hit = self.targets.iter().rev().find(|(area, _)| area.contains((column, row).into()));
        match hit {
            None => HitTarget::Nothing,
            Some((_, Target::Tab(screen))) => HitTarget::Tab(*screen),
            Some((_, Target::Panel(panel))) => HitTarget::Panel(*panel),
            Some((area, Target::Axis(axis, now))) => {
                HitTarget::Axis(axis.end_of_cell(column - area.x).min(*now))
            }
            Some((_, Target::List)) => HitTarget::List,
        }
    }
}
