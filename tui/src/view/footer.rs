//! The footer: the keys that matter most here, as many as fit, and the size of the next burst and the load.
//!
//! ```text
//!  space burst  1..6 size  tab screen  ? help  q quit                      burst 50 too small, 70 would do  load 5/s off
//! ```

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Span;
use ratatui::widgets::Widget;

use super::draw::{line, line_right, span, width};
use super::fmt::count;
use super::forecast;
use super::strings::general as text;
use super::theme::Ink;
use super::wrap::{fit, fit_end};
use dashboard::keys::{Action, Binding, KeyContext, TABLE};
use dashboard::model::Model;
use dashboard::ui::filter::Filter;
use dashboard::ui::screen::{Focus, Panel, Screen};
use dashboard::ui::state::{Access, Confirm, Mode};

/// The keys that stay longest in a narrow window, the most important first.
const RANKS: [Action; 13] = [
    Action::Help,
    Action::Quit,
    Action::Fire,
    Action::NextScreen,
    Action::Size(0),
    Action::Inspect,
    Action::ZoomIn,
    Action::Tune,
    Action::Load,
    Action::Expand,
    Action::Filter,
    Action::Kill,
    Action::Pause,
];

/// The general keys of the screen Fleet.
const ON_FLEET: [Action; 3] = [Action::Help, Action::Quit, Action::NextScreen];

/// The keys of the screen come after that many of `RANKS`.
const SCREEN_KEYS_RANK: usize = 3;

/// The same while the cursor is on: it is moved more often than a burst is fired.
const CURSOR_KEYS_RANK: usize = 2;

/// The keys of a replay come after help and quit.
const REPLAY_KEYS_RANK: usize = 2;

/// From this width on the rate of a load that is off is shown too.
const WIDE: u16 = 100;

/// The most columns of the filter while it is typed.
const MAX_FILTER: usize = 30;

/// The line.
pub(super) struct Footer<'a>(pub(super) &'a Model);

/// A key and a word about it.
struct Hint {
    spans: [Span<'static>; 2],
    rank: usize,
}

impl Footer<'_> {
    /// The size of the next burst, and the load.
    fn state(&self, area: Rect) -> Vec<Span<'static>> {
        let (model, theme) = (self.0, self.0.ui.theme);
        let load = &model.data.load;
        let mut spans = vec![
            span(theme, Ink::Dim, text::BURST_SIZE),
            span(theme, Ink::Value, format!("{} ", count(load.size.into()))),
        ];
        if let Some(warning) = forecast::warning(&model.data) {
            spans.push(span(theme, Ink::Warning, format!("{warning} ")));
        }
        if load.is_on() || area.width >= WIDE {
            let ink = if load.is_on() { Ink::Lit } else { Ink::Text };
            spans.push(span(theme, Ink::Dim, text::LOAD));
            spans.push(span(theme, ink, text::load_rate(load.rate, load.is_on())));
        }
        if load.failures() > 0 {
            spans.push(span(theme, Ink::Error, text::failed_requests(&count(load.failures() as f64))));
        }
        spans
    }

    fn hint(&self, ink: Ink, key: &'static str, word: &'static str, rank: usize) -> Hint {
        let theme = self.0.ui.theme;
        Hint { spans: [span(theme, ink, key), span(theme, Ink::Dim, format!(" {word}  "))], rank }
    }

    /// The keys that do something else here than elsewhere.
    fn screen_keys(&self) -> text::keys::Keys {
        let ui = &self.0.ui;
        match (&ui.mode, ui.screen, ui.focus) {
            (Mode::Help(_), ..) => text::keys::HELP,
            (Mode::Normal, Screen::Fleet, _) => text::keys::FLEET,
            (Mode::Normal, ..) if ui.viewport.is_inspecting() => text::keys::CURSOR,
            (Mode::Normal, Screen::Overview, Focus::Expanded(Panel::Events)) => text::keys::EVENTS_ALONE,
            (Mode::Normal, Screen::Overview, Focus::Expanded(_)) => text::keys::PANEL_ALONE,
            (Mode::Normal, Screen::Overview, Focus::On(_)) => text::keys::PANEL_CHOSEN,
            (Mode::Normal, Screen::Runs, _) => text::keys::RUNS,
            (Mode::Normal, Screen::Doctor, _) => text::keys::DOCTOR,
            (Mode::Normal, Screen::Decision, _) => text::keys::DECISION,
            (Mode::Normal, Screen::Logs, _) => text::keys::LOGS,
            (Mode::Normal, Screen::Pods, _) => text::keys::PODS,
            _ => &[],
        }
    }

    /// The footer's word for a key in this mode; `None` leaves the key out.
    fn word(&self, binding: &Binding) -> Option<&'static str> {
        let footer = binding.footer?;
        let is_shown = match (&self.0.ui.mode, binding.when) {
            (Mode::Normal, when) => {
                let is_screen_key = self.screen_keys().iter().any(|(key, _)| *key == binding.shown);
                let is_on = binding.means(Action::Inspect) && self.0.ui.viewport.is_inspecting();
                let is_for_hpa =
                    self.0.ui.screen == Screen::Fleet && !ON_FLEET.iter().any(|key| binding.means(*key));
                let is_replay = self.0.session.replay().is_some();
                let is_here = when == KeyContext::Screen || when == KeyContext::Replay;
                is_here && binding.is_listed(is_replay) && !is_screen_key && !is_on && !is_for_hpa
            }
            (Mode::Help(_) | Mode::Dialog(_), _) => false,
            (Mode::Confirm(Confirm::Kill { .. }, _), when) => when == KeyContext::Dialog,
            (Mode::Confirm(..), when) => when == KeyContext::Dialog && !binding.means(Action::Up),
            (Mode::Legend(_), when) => when == KeyContext::Legend,
            (Mode::Filter, when) => when == KeyContext::Filter,
        };
        is_shown.then_some(footer)
    }

    /// The keys that fit, in the order of the table; the least important ones go first.
    fn keys(&self, room: u16) -> Vec<Span<'static>> {
        let screen_rank =
            if self.0.ui.viewport.is_inspecting() { CURSOR_KEYS_RANK } else { SCREEN_KEYS_RANK };
        let screen_keys = self.screen_keys().iter();
        let mut hints: Vec<Hint> =
            screen_keys.map(|(key, word)| self.hint(Ink::Key, key, word, screen_rank)).collect();
        for binding in TABLE {
            let Some(word) = self.word(binding) else { continue };
            let rank = RANKS.iter().position(|action| binding.means(*action)).unwrap_or(RANKS.len());
            let rank = match binding.when {
                KeyContext::Replay => REPLAY_KEYS_RANK,
                _ if rank < screen_rank => rank,
                _ => rank + 1,
            };
            let is_off = self.0.ui.access == Access::ReadOnly && binding.drives();
            // Keys that are off are dim; without colours the word says so. One such key is enough.
            hints.push(match is_off {
                true if binding.means(Action::Fire) => {
                    self.hint(Ink::Dim, binding.shown, text::KEY_OFF, rank)
                }
                true => self.hint(Ink::Dim, binding.shown, text::KEY_OFF, rank + RANKS.len()),
                false => self.hint(Ink::Key, binding.shown, word, rank),
            });
        }
        let mut order: Vec<usize> = (0..hints.len()).collect();
        order.sort_by_key(|index| hints[*index].rank);
        let mut left = room;
        let mut fitting = Vec::new();
        for index in order {
            // A shorter, less important key must not take the place of a longer one: the keys would change with every letter.
            let Some(rest) = left.checked_sub(width(&hints[index].spans)) else { break };
            left = rest;
            fitting.push(index);
        }
        let shown = hints.into_iter().enumerate().filter(|(index, _)| fitting.contains(index));
        shown.flat_map(|(_, hint)| hint.spans).collect()
    }
}

impl Widget for &Footer<'_> {
    fn render(self, area: Rect, buffer: &mut Buffer) {
        let (model, theme) = (self.0, self.0.ui.theme);
        if let Some(notice) = model.ui.notice(model.data.now) {
            let text = fit(notice, usize::from(area.width.saturating_sub(4))).into_owned();
            line(buffer, area, vec![span(theme, Ink::Warning, format!(" ! {text}"))]);
            return;
        }
        let mut left = vec![Span::raw(" ")];
        if model.ui.mode == Mode::Filter {
            let text = model.ui.filters.on(model.ui.screen).map_or("", Filter::text);
            left.push(span(theme, Ink::Lit, format!("/{}▌ ", fit_end(text, MAX_FILTER))));
            left.extend(self.keys(area.width.saturating_sub(width(&left))));
            line(buffer, area, left);
            return;
        }
        let is_fleet = model.ui.screen == Screen::Fleet && !model.data.load.is_on();
        let right = if is_fleet || model.session.replay().is_some() { Vec::new() } else { self.state(area) };
        let room = area.width.saturating_sub(width(&right) + 1);
        line_right(buffer, area, right);
        // The blanks behind the last key may be cut.
        left.extend(self.keys(room + 1));
        line(buffer, Rect { width: room, ..area }, left);
    }
}
