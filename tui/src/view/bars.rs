//! The title line and the line of keys.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Span;
use ratatui::widgets::Widget;

use super::text::{coarse, count, fit, fit_end, put, put_right, span, width};
use super::theme::Ink;
use super::{drill, forecast};
use crate::keys::{Action, Binding, TABLE, When};
use crate::model::filter::Filter;
use crate::model::target::State;
use crate::model::{Access, Confirm, Mode, Model, Screen};

/// Columns that the left end of the title keeps: the program and the beginning of what it watches, or that it is
/// read-only.
const NAME: u16 = 19;

/// The title line: program, target and why, screens, state.
pub(super) struct Title<'a>(pub(super) &'a Model);

/// The line of keys, with what the next burst and the load are.
pub(super) struct Footer<'a>(pub(super) &'a Model);

impl Title<'_> {
    /// The names of the screens with where each stands, from the right end of what `state` leaves. Where they do not all
    /// fit beside what must be said at the left, the shown one alone with its number.
    pub(super) fn tabs(&self, area: Rect) -> Vec<(Screen, String, Rect)> {
        let room = area.width.saturating_sub(self.state_width() + NAME);
        let shown = self.0.ui.screen;
        let name = |screen: &Screen, mark: &str| format!("{mark}{}", screen.title());
        let all: Vec<_> = Screen::ALL
            .iter()
            .map(|screen| (*screen, name(screen, if *screen == shown { "▪ " } else { "  " })))
            .collect();
        let columns = |tabs: &[(Screen, String)]| {
            // Our own words, a dozen of them at most.
            tabs.iter().map(|(_, text)| text.chars().count() as u16 + 1).sum::<u16>() + 1
        };
        let tabs = if columns(&all) <= room {
            all
        } else {
            let number = format!(" {}/{}", shown.index() + 1, Screen::ALL.len());
            vec![(shown, name(&shown, "▪ ") + &number)]
        };
        let mut x = area.right().saturating_sub(self.state_width() + columns(&tabs)).max(area.x);
        let place = |(screen, text): (Screen, String)| {
            let width = text.chars().count() as u16;
            let tab = Rect { x, width: width.min(area.right().saturating_sub(x)), height: 1, ..area };
            x = x.saturating_add(width + 1);
            (screen, text, tab)
        };
        tabs.into_iter().map(place).collect()
    }

    /// Columns of the state at the right end, with the blank after it.
    fn state_width(&self) -> u16 {
        width(&self.state()) + 1
    }

    fn state(&self) -> Vec<Span<'static>> {
        let theme = self.0.ui.theme;
        let stretch = self.0.ui.viewport.stretch(self.0.shown().now);
        let mut spans = vec![self.connection()];
        // Whatever stands still must not be taken for the present.
        if !stretch.is_live && self.0.paused_for().is_none() && self.0.data.watched.has_data() {
            let ago = self.0.data.now.since(stretch.end);
            let text =
                if ago.as_secs() == 0 { "◂ held".to_owned() } else { format!("◂ {} ago", coarse(ago)) };
            spans.insert(0, span(theme, Ink::Lit, format!("{text}, 0 for now  ")));
        }
        spans
    }

    fn connection(&self) -> Span<'static> {
        let theme = self.0.ui.theme;
        if let Some(paused) = self.0.paused_for() {
            return span(theme, Ink::Lit, format!("‖ paused {}", coarse(paused)));
        }
        match &self.0.data.watched.state {
            State::Looking(_) => span(theme, Ink::Pending, "○ looking"),
            State::Starting => span(theme, Ink::Pending, "◔ starting"),
            State::Ready => span(theme, Ink::Ready, "● live"),
            State::Failed { since, .. } => {
                let ago = coarse(self.0.data.now.since(*since));
                span(theme, Ink::Error, format!("✗ not reachable for {ago}"))
            }
        }
    }
}

impl Widget for &Title<'_> {
    fn render(self, area: Rect, buffer: &mut Buffer) {
        let theme = self.0.ui.theme;
        let mut state = self.state();
        state.push(Span::raw(" "));
        put_right(buffer, area, state);
        let tabs = self.tabs(area);
        let room = tabs.first().map_or(area.width, |(_, _, tab)| tab.x.saturating_sub(area.x + 1));
        for (screen, text, tab) in tabs {
            let ink = if screen == self.0.ui.screen { Ink::Value } else { Ink::Dim };
            put(buffer, tab, vec![span(theme, ink, text)]);
        }
        let mut left = vec![span(theme, Ink::Brand, " surge")];
        if self.0.ui.access == Access::ReadOnly {
            left.push(span(theme, Ink::Warning, "  read-only"));
        }
        if let Some(target) = &self.0.data.watched.target {
            left.push(span(theme, Ink::Value, format!("  {}", target.title)));
            if let Some(version) = &target.version {
                left.push(span(theme, Ink::Dim, format!("  {version}")));
            }
            if !target.reason.is_empty() {
                let used = width(&left);
                let room = usize::from(room.saturating_sub(used + 2));
                left.push(span(theme, Ink::Dim, format!("  {}", fit(&target.reason, room))));
            }
        }
        put(buffer, Rect { width: room, ..area }, left);
    }
}

impl Footer<'_> {
    /// What the next burst and the load are, and the filter that hides something.
    fn state(&self) -> Vec<Span<'static>> {
        let (model, theme) = (self.0, self.0.ui.theme);
        let load = &model.data.load;
        let mut spans = Vec::new();
        let filter = model.ui.filters.on(model.ui.screen);
        if let Some(filter) = filter.filter(|filter| !filter.is_empty()) {
            spans.push(span(theme, Ink::Lit, format!("/{}  ", fit(filter.text(), 16))));
        }
        if let Some(stopped) = drill::reminder(&model.data) {
            spans.push(span(theme, Ink::Lit, format!("{stopped}  ")));
        }
        let rate = format!("{}/s", load.rate);
        spans.push(span(theme, Ink::Dim, "burst "));
        spans.push(span(theme, Ink::Value, format!("{} ", count(load.size.into()))));
        if let Some(warning) = forecast::warning(&model.data) {
            spans.push(span(theme, Ink::Warning, format!("{warning} ")));
        }
        // Where there is little room, what does not run need not be said.
        if load.is_on() {
            spans.push(span(theme, Ink::Dim, " load "));
            spans.push(span(theme, Ink::Lit, format!("{rate} on ")));
        } else if model.ui.size.0 >= 72 {
            spans.push(span(theme, Ink::Dim, " load "));
            spans.push(span(theme, Ink::Text, format!("{rate} off ")));
        }
        if load.failures() > 0 {
            spans.push(span(theme, Ink::Error, format!("{} failed ", count(load.failures() as f64))));
        }
        spans
    }

    /// What the footer says about a key where the keys go to now; `None` leaves it out.
    fn word(&self, binding: &Binding) -> Option<&'static str> {
        let footer = binding.footer?;
        let shows = match (&self.0.ui.mode, binding.when) {
            (Mode::Normal, when) => when == When::Screen,
            (Mode::Help(_), When::Dialog) if binding.means(Action::No) => return Some("close"),
            (Mode::Help(_), When::Dialog) if binding.means(Action::Up) => return Some("scroll"),
            (Mode::Help(_) | Mode::Sheet(_), _) => false,
            (Mode::Confirm(Confirm::Kill { .. }, _), when) => when == When::Dialog,
            (Mode::Confirm(..), when) => when == When::Dialog && !binding.means(Action::Up),
            (Mode::Legend(_), when) => when == When::Legend,
            (Mode::Filter, when) => when == When::Filter,
        };
        shows.then_some(footer)
    }

    /// The keys, as many as fit. The last two say how to get help and how to get out: they stay, whatever else must go.
    fn keys(&self, room: u16) -> Vec<Span<'static>> {
        let theme = self.0.ui.theme;
        let one = |key: Ink, shown: &'static str, word: &'static str| {
            [span(theme, key, shown), span(theme, Ink::Dim, format!(" {word}  "))]
        };
        let mut shown: Vec<[Span<'_>; 2]> = Vec::new();
        if self.0.ui.mode == Mode::Normal && self.0.ui.viewport.is_inspecting() {
            shown.push(one(Ink::Key, "← →", "move"));
            shown.push(one(Ink::Key, "esc", "leave"));
            shown.push(one(Ink::Key, "↑ ↓", "marks"));
        }
        for binding in TABLE {
            let Some(word) = self.word(binding) else { continue };
            let is_off = self.0.ui.access == Access::ReadOnly && binding.drives();
            // What may not be done is dim, and a sign says so where there is no dim.
            shown.push(if is_off {
                one(Ink::Dim, binding.shown, "off")
            } else {
                one(Ink::Key, binding.shown, word)
            });
        }
        while shown.len() > 2 && shown.iter().map(|keys| width(keys)).sum::<u16>() > room {
            shown.remove(shown.len() - 3);
        }
        shown.into_iter().flatten().collect()
    }
}

impl Widget for &Footer<'_> {
    fn render(self, area: Rect, buffer: &mut Buffer) {
        let (model, theme) = (self.0, self.0.ui.theme);
        if let Some(notice) = model.ui.notice(model.data.now) {
            let text = fit(notice, usize::from(area.width.saturating_sub(4))).into_owned();
            put(buffer, area, vec![span(theme, Ink::Warning, format!(" ! {text}"))]);
            return;
        }
        let mut left = vec![Span::raw(" ")];
        if model.ui.mode == Mode::Filter {
            let text = model.ui.filters.on(model.ui.screen).map_or("", Filter::text);
            left.push(span(theme, Ink::Lit, format!("/{}", fit_end(text, 30))));
            left.push(span(theme, Ink::Lit, "▏  "));
            left.extend(self.keys(area.width.saturating_sub(width(&left))));
            put(buffer, area, left);
            return;
        }
        let right = self.state();
        let room = area.width.saturating_sub(width(&right) + 1);
        put_right(buffer, area, right);
        left.extend(self.keys(room));
        put(buffer, Rect { width: room, ..area }, left);
    }
}
