//! The title line.
//!
//! ```text
//!  surge  read-only  ■ broker off  /filter  target  v1.34  reason    ▪ Overview   Pods   Decision   …  ● live
//! ```
//!
//! From the right: the connection, or the time that is shown; the names of the screens; and left of them what fits of the
//! badges and the target.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Span;
use ratatui::widgets::Widget;
use unicode_width::UnicodeWidthStr;

use super::draw::{line, line_right, span, width};
use super::fmt::coarse;
use super::strings::general as text;
use super::strings::scenarios;
use super::theme::Ink;
use super::wrap::{fit, phrase};
use dashboard::chain::explanation::{self as chain, ChainState};
use dashboard::data::{Data, Presence};
use dashboard::model::Model;
use dashboard::reported::{Source, SourceState};
use dashboard::session::{Recorder, Session};
use dashboard::strings::names;
use dashboard::strings::sentences::size;
use dashboard::target::TargetState;
use dashboard::ui::appearance::Theme;
use dashboard::ui::drills;
use dashboard::ui::filter::Filter;
use dashboard::ui::screen::Screen;
use dashboard::ui::state::{Access, Mode};

/// The most columns of a filter.
const MAX_FILTER: usize = 18;

/// Columns that the target's name keeps before all names of screens are shown.
const MIN_TARGET: u16 = 12;

/// With fewer columns the reason for the target says nothing.
const MIN_REASON: u16 = 16;

/// From this width on the title has the name of a replay.
const WIDE: u16 = 100;

/// Columns of the brand and the gap behind it.
const BRAND: u16 = 8;

/// The name of a screen in the title line.
#[derive(Debug, Clone)]
pub(super) struct Tab {
    pub(super) screen: Screen,
    pub(super) text: String,
    pub(super) area: Rect,
}

/// Lays out the names of the screens, left of the state. Where they do not all fit: the shown one with its number, or its
/// number alone.
pub(super) fn tabs(model: &Model, area: Rect) -> Vec<Tab> {
    let shown = model.ui.screen;
    let is_fleet = shown == Screen::Fleet;
    // The fleet is above the screens of one HPA: it has a name only while it is shown.
    let fleet = is_fleet.then_some(&shown).into_iter();
    let of_hpa = Screen::ALL.iter().filter(|_| !model.fleet.is_alone);
    let all = fleet.chain(of_hpa).map(|screen| {
        let mark = if *screen == shown { "▪ " } else { "  " };
        (*screen, format!("{mark}{}", screen.title()))
    });
    let number =
        if is_fleet { String::new() } else { format!("{}/{}", shown.index() + 1, Screen::ALL.len()) };
    let forms: [Vec<(Screen, String)>; 2] =
        [all.collect(), vec![(shown, format!("▪ {} {number}", shown.title()).trim_end().to_owned())]];
    // A dozen fixed names.
    let columns =
        |tabs: &[(Screen, String)]| tabs.iter().map(|(_, text)| text.width() as u16 + 1).sum::<u16>() + 1;
    let state = width(&state(model, area)) + 1;
    let room = area.width.saturating_sub(state);
    let badges = width(&badges(model)) + BRAND;
    let title =
        model.data.watched.target.as_ref().map_or(0, |target| target.title.chars().count() as u16 + 2);
    let fits = |(tabs, left): &(&Vec<_>, u16)| columns(tabs) + left <= room;
    let tabs = forms
        .iter()
        .zip([badges + title.min(MIN_TARGET), badges])
        .find(fits)
        .map_or_else(|| vec![(shown, number)], |(tabs, _)| tabs.clone());
    let mut x = area.right().saturating_sub(state + columns(&tabs)).max(area.x);
    let place = |(screen, text): (Screen, String)| {
        let width = text.width() as u16;
        let tab = Rect { x, width: width.min(area.right().saturating_sub(x)), ..area };
        x = x.saturating_add(width + 1);
        Tab { screen, text, area: tab }
    };
    tabs.into_iter().map(place).collect()
}

/// Badges for an unusual state of the dashboard, the most important first.
fn badges(model: &Model) -> Vec<Span<'static>> {
    let theme = model.ui.theme;
    let mut badges = Vec::new();
    if model.ui.access == Access::ReadOnly {
        badges.push(span(theme, Ink::Lit, format!("  {}", text::READ_ONLY)));
    }
    if let Session::Live(recorder) = &model.session {
        match recorder {
            Recorder::Off => {}
            Recorder::On { bytes } => {
                badges.push(span(theme, Ink::Error, format!("  {}", text::recording(&size(*bytes)))));
            }
            Recorder::Failed => badges.push(span(theme, Ink::Error, format!("  {}", text::NOT_RECORDED))),
        }
    }
    let run = model.data.scenario.as_ref();
    if let Some((run, progress)) = run.and_then(|run| Some((run, run.engine.progress(model.data.now.0)?))) {
        let name = fit(&run.engine.scenario().name, MAX_FILTER).into_owned();
        let badge = scenarios::badge(&name, progress.step, progress.steps);
        badges.push(span(theme, Ink::Lit, format!("  {badge}")));
    }
    let mut stopped = model.data.drills.iter().map(|(drill, _)| drills::title(drill));
    if let Some(first) = stopped.next() {
        badges.push(span(theme, Ink::Warning, format!("  {}", text::drilled(first, stopped.count()))));
    }
    // While it is typed, the footer shows the filter.
    let filter = model.ui.filters.on(model.ui.screen).filter(|filter| !filter.is_empty());
    if let Some(filter) = filter.map(Filter::text).filter(|_| model.ui.mode != Mode::Filter) {
        badges.push(span(theme, Ink::Lit, format!("  /{}", fit(filter.trim(), MAX_FILTER))));
    }
    badges
}

/// The time that is shown, and the connection. A frozen view must not be taken for the present, so it is never called live.
fn state(model: &Model, area: Rect) -> Vec<Span<'static>> {
    let (theme, shown) = (model.ui.theme, model.shown());
    let mut spans = Vec::new();
    let stretch = model.ui.viewport.stretch(shown.now);
    let has_axis = model.data.watched.has_data() && model.ui.screen.has_axis();
    if let Some(at) = stretch.instant().filter(|_| has_axis) {
        let (clock, ago) = (shown.day.time_of_day(at), shown.now.since(at));
        let ago = if ago.as_secs() == 0 { text::NOW.to_owned() } else { format!("−{}", coarse(ago)) };
        let words = match stretch.cursor {
            Some(_) => text::inspecting(&clock, &ago),
            None => text::panned(&clock, &ago),
        };
        spans.push(span(theme, Ink::Lit, phrase(&words, usize::from(area.width) * 2 / 5)));
    }
    if let Some(replay) = model.session.replay() {
        if !spans.is_empty() {
            spans.push(Span::raw("  "));
        }
        let words = text::replay(replay, area.width >= WIDE);
        spans.push(span(theme, Ink::Lit, words));
        return spans;
    }
    let connection = match (&model.data.watched.state, model.paused_for()) {
        (_, Some(paused)) => Some(span(theme, Ink::Lit, text::paused(&coarse(paused)))),
        (TargetState::Ready, None) if !spans.is_empty() => None,
        (TargetState::Ready, None) if model.fleet.is_alone => Some(match &model.fleet.state {
            Some(SourceState::Retrying { .. } | SourceState::Unavailable(_)) => {
                span(theme, Ink::Error, text::NOT_READ)
            }
            _ if model.fleet.is_listed => span(theme, Ink::Ready, text::LIVE),
            _ => span(theme, Ink::Pending, text::READING),
        }),
        (TargetState::Ready, None) if is_loading(shown) => Some(span(theme, Ink::Pending, text::READING)),
        (TargetState::Ready, None) => Some(sources(shown, theme)),
        (TargetState::Looking(_), None) => Some(span(theme, Ink::Pending, text::LOOKING)),
        (TargetState::Starting, None) => Some(span(theme, Ink::Pending, text::STARTING)),
        (TargetState::Failed { since, .. }, None) => {
            let time = coarse(model.data.now.since(*since));
            Some(span(theme, Ink::Error, text::unreachable(&time)))
        }
    };
    if let Some(connection) = connection {
        if !spans.is_empty() {
            spans.push(Span::raw("  "));
        }
        spans.push(connection);
    }
    spans
}

/// The state of the worst source. One that was read before and is not now needs the user.
fn sources(data: &Data, theme: Theme) -> Span<'static> {
    if let ChainState::Stopped { hop, since } = chain::state(data) {
        let others = data.stale_sources().filter(|(source, _)| *source != hop.source()).count();
        let time = coarse(data.now.since(since));
        return span(
            theme,
            Ink::Warning,
            text::source_stopped(names::source_word(hop.source()), &time, others),
        );
    }
    let mut stale = data.stale_sources();
    match stale.next() {
        Some((source, since)) => {
            let time = coarse(data.now.since(since));
            span(theme, Ink::Warning, text::source_stopped(names::source_word(source), &time, stale.count()))
        }
        None => span(theme, Ink::Ready, text::LIVE),
    }
}

/// Returns true until each watch has listed its objects once.
fn is_loading(data: &Data) -> bool {
    let is_starting = |source| data.health(source).is_starting();
    (data.hpa == Presence::Unknown && is_starting(Source::Hpa))
        || (data.workload == Presence::Unknown && is_starting(Source::Workload))
        || (!data.pods.is_listed() && is_starting(Source::Pods))
}

/// The target, its version and the reason for it, as far as they fit.
fn target(model: &Model, room: u16) -> Vec<Span<'static>> {
    let theme = model.ui.theme;
    let mut spans = Vec::new();
    let Some(target) = &model.data.watched.target else { return spans };
    if room < 6 {
        return spans;
    }
    spans.push(span(theme, Ink::Value, format!("  {}", fit(&target.title, usize::from(room) - 2))));
    let left = |spans: &[Span<'_>]| room.saturating_sub(width(spans) + 2);
    let version = target.version.as_ref().filter(|version| version.width() <= usize::from(left(&spans)));
    if let Some(version) = version {
        spans.push(span(theme, Ink::Dim, format!("  {version}")));
    }
    let left = left(&spans);
    if !target.reason.is_empty() && left >= MIN_REASON {
        spans.push(span(theme, Ink::Dim, format!("  {}", fit(&target.reason, left.into()))));
    }
    spans
}

/// The title line.
pub(super) struct Header<'a> {
    /// The model.
    pub(super) model: &'a Model,
    /// The names of the screens, laid out.
    pub(super) tabs: &'a [Tab],
}

impl Widget for &Header<'_> {
    fn render(self, area: Rect, buffer: &mut Buffer) {
        let theme = self.model.ui.theme;
        let mut state = state(self.model, area);
        state.push(Span::raw(" "));
        line_right(buffer, area, state);
        for tab in self.tabs {
            let ink = if tab.screen == self.model.ui.screen { Ink::Value } else { Ink::Dim };
            line(buffer, tab.area, vec![span(theme, ink, tab.text.as_str())]);
        }
        let room = self.tabs.first().map_or(area.width, |tab| tab.area.x.saturating_sub(area.x + 1));
        let mut left = vec![span(theme, Ink::Brand, text::BRAND)];
        for badge in badges(self.model) {
            if width(&left) + width(std::slice::from_ref(&badge)) <= room {
                left.push(badge);
            }
        }
        left.extend(target(self.model, room.saturating_sub(width(&left))));
        line(buffer, Rect { width: room, ..area }, left);
    }
}
