//! The title line: the program, what is unusual about it, what it watches, the screens, and which time is shown.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Span;
use ratatui::widgets::Widget;

use super::drill;
use super::text::{coarse, fit, phrase, put, put_right, span, width};
use super::theme::Ink;
use dashboard::data::{Data, Presence};
use dashboard::model::Model;
use dashboard::reported::Source;
use dashboard::target::TargetState;
use dashboard::ui::filter::Filter;
use dashboard::ui::screen::Screen;
use dashboard::ui::state::{Access, Mode};

/// Columns of a filter in the line, at most.
const FILTER: usize = 18;

/// Columns that the target's name gets before the screens' names do.
const TARGET: u16 = 12;

/// Fewer columns than that say nothing about why a target was chosen.
const REASON: u16 = 16;

/// The title line.
pub(super) struct Header<'a>(pub(super) &'a Model);

impl Header<'_> {
    /// The names of the screens with where each stands, from the right end of what the state leaves. Where they do not all
    /// fit beside what must be said at the left, the shown one alone with its number, or its number alone.
    pub(super) fn tabs(&self, area: Rect) -> Vec<(Screen, String, Rect)> {
        let shown = self.0.ui.screen;
        let all = || {
            let mark = |screen| if screen == shown { "▪ " } else { "  " };
            Screen::ALL
                .iter()
                .map(|screen| (*screen, format!("{}{}", mark(*screen), screen.title())))
                .collect()
        };
        let number = format!("{}/{}", shown.index() + 1, Screen::ALL.len());
        let forms: [Vec<(Screen, String)>; 2] =
            [all(), vec![(shown, format!("▪ {} {number}", shown.title()))]];
        // Our own words, a dozen of them at most.
        let columns = |tabs: &[(Screen, String)]| {
            tabs.iter().map(|(_, text)| text.chars().count() as u16 + 1).sum::<u16>() + 1
        };
        let room = area.width.saturating_sub(self.state_width(area));
        let badges = width(&self.badges()) + 8;
        let target =
            self.0.data.watched.target.as_ref().map_or(0, |target| target.title.chars().count() as u16 + 2);
        let left = [badges + target.min(TARGET), badges];
        let fits = |(tabs, left): &(&Vec<_>, u16)| columns(tabs) + left <= room;
        let tabs =
            forms.iter().zip(left).find(fits).map_or_else(|| vec![(shown, number)], |(tabs, _)| tabs.clone());
        let mut x = area.right().saturating_sub(self.state_width(area) + columns(&tabs)).max(area.x);
        let place = |(screen, text): (Screen, String)| {
            let width = text.chars().count() as u16;
            let tab = Rect { x, width: width.min(area.right().saturating_sub(x)), height: 1, ..area };
            x = x.saturating_add(width + 1);
            (screen, text, tab)
        };
        tabs.into_iter().map(place).collect()
    }

    /// Columns of the state at the right end, with the blank after it.
    fn state_width(&self, area: Rect) -> u16 {
        width(&self.state(area)) + 1
    }

    /// What makes this dashboard another than usual, the weightiest first: each with a blank before it.
    fn badges(&self) -> Vec<Span<'static>> {
        let (model, theme) = (self.0, self.0.ui.theme);
        let mut badges = Vec::new();
        if model.ui.access == Access::ReadOnly {
            badges.push(span(theme, Ink::Warning, "  read-only"));
        }
        if let Some(stopped) = drill::reminder(&model.data) {
            badges.push(span(theme, Ink::Lit, format!("  ■ {stopped}")));
        }
        // While it is typed it stands in the footer.
        let filter = model.ui.filters.on(model.ui.screen).filter(|filter| !filter.is_empty());
        if let Some(text) = filter.map(Filter::text).filter(|_| model.ui.mode != Mode::Filter) {
            badges.push(span(theme, Ink::Lit, format!("  /{}", fit(text.trim(), FILTER))));
        }
        badges
    }

    /// Which time is shown, and whether what is watched can be reached. Whatever stands still must not be taken for the
    /// present, so nothing is called live then.
    fn state(&self, area: Rect) -> Vec<Span<'static>> {
        let (model, theme) = (self.0, self.0.ui.theme);
        let shown = model.shown();
        let mut spans = Vec::new();
        let stretch = model.ui.viewport.stretch(shown.now);
        if let Some(at) =
            stretch.instant().filter(|_| model.data.watched.has_data() && model.ui.screen.has_axis())
        {
            let (clock, ago) = (shown.day.time_of_day(at), coarse(shown.now.since(at)));
            let ago = if shown.now.since(at).as_secs() == 0 { "now".to_owned() } else { format!("−{ago}") };
            let words = match stretch.cursor {
                Some(_) => [format!("◂ inspect {clock} ({ago})"), format!("◂ inspect {clock}")],
                None => [format!("◂ until {clock} ({ago}), 0 for now"), format!("◂ until {clock} ({ago})")],
            };
            spans.push(span(theme, Ink::Lit, phrase(&words, usize::from(area.width) * 2 / 5)));
        }
        let connection = match (&model.data.watched.state, model.paused_for()) {
            (_, Some(paused)) => Some(span(theme, Ink::Lit, format!("‖ paused {}", coarse(paused)))),
            (TargetState::Ready, None) if !spans.is_empty() => None,
            (TargetState::Ready, None) if is_being_read(shown) => {
                Some(span(theme, Ink::Pending, "◔ reading"))
            }
            (TargetState::Ready, None) => Some(span(theme, Ink::Ready, "● live")),
            (TargetState::Looking(_), None) => Some(span(theme, Ink::Pending, "○ looking")),
            (TargetState::Starting, None) => Some(span(theme, Ink::Pending, "◔ starting")),
            (TargetState::Failed { since, .. }, None) => {
                let ago = coarse(model.data.now.since(*since));
                Some(span(theme, Ink::Error, format!("✗ not reachable for {ago}")))
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

    /// What is watched and why, as much as there is room for.
    fn target(&self, room: u16) -> Vec<Span<'static>> {
        let theme = self.0.ui.theme;
        let mut spans = Vec::new();
        let Some(target) = &self.0.data.watched.target else { return spans };
        if room < 6 {
            return spans;
        }
        spans.push(span(theme, Ink::Value, format!("  {}", fit(&target.title, usize::from(room) - 2))));
        let left = |spans: &[Span<'_>]| room.saturating_sub(width(spans) + 2);
        if let Some(version) =
            target.version.as_ref().filter(|v| v.chars().count() <= usize::from(left(&spans)))
        {
            spans.push(span(theme, Ink::Dim, format!("  {version}")));
        }
        let left = left(&spans);
        if !target.reason.is_empty() && left >= REASON {
            spans.push(span(theme, Ink::Dim, format!("  {}", fit(&target.reason, left.into()))));
        }
        spans
    }
}

/// Whether the first words of the watches are still awaited: then nothing that is shown is the present.
fn is_being_read(data: &Data) -> bool {
    let is_awaited = |source| data.health(source).is_starting();
    (data.hpa == Presence::Unknown && is_awaited(Source::Hpa))
        || (data.workload == Presence::Unknown && is_awaited(Source::Workload))
        || (!data.pods.is_listed() && is_awaited(Source::Pods))
}

impl Widget for &Header<'_> {
    fn render(self, area: Rect, buffer: &mut Buffer) {
        let theme = self.0.ui.theme;
        let mut state = self.state(area);
        state.push(Span::raw(" "));
        put_right(buffer, area, state);
        let tabs = self.tabs(area);
        let room = tabs.first().map_or(area.width, |(_, _, tab)| tab.x.saturating_sub(area.x + 1));
        for (screen, text, tab) in tabs {
            let ink = if screen == self.0.ui.screen { Ink::Value } else { Ink::Dim };
            put(buffer, tab, vec![span(theme, ink, text)]);
        }
        let mut left = vec![span(theme, Ink::Brand, " surge")];
        for badge in self.badges() {
            if width(&left) + width(std::slice::from_ref(&badge)) <= room {
                left.push(badge);
            }
        }
        left.extend(self.target(room.saturating_sub(width(&left))));
        put(buffer, Rect { width: room, ..area }, left);
    }
}
