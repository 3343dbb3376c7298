//! The line of keys: those that matter most where one is, as many as fit, and what the next burst and the load are.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Span;
use ratatui::widgets::Widget;

use super::forecast;
use super::text::{count, fit, fit_end, put, put_right, span, width};
use super::theme::Ink;
use dashboard::keys::{Action, Binding, KeyContext, TABLE};
use dashboard::model::Model;
use dashboard::ui::filter::Filter;
use dashboard::ui::screen::{Focus, Panel, Screen};
use dashboard::ui::state::{Access, Confirm, Mode};

/// Which keys of the screen go last when there is little room, from the first to stay on.
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

/// So many of them come before what only holds where one is now: the ways out, and the burst.
const BEFORE_HERE: usize = 3;

/// The same while an instant is looked at: the cursor is moved more often than a burst is fired.
const BEFORE_CURSOR: usize = 2;

/// From this width on it is said what the load would be while it is off.
const WIDE: u16 = 100;

/// The line.
pub(super) struct Footer<'a>(pub(super) &'a Model);

/// A key with a word about it.
struct Hint {
    spans: [Span<'static>; 2],
    rank: usize,
}

impl Hint {
    fn width(&self) -> u16 {
        width(&self.spans)
    }
}

impl Footer<'_> {
    /// What the next burst and the load are.
    fn state(&self, area: Rect) -> Vec<Span<'static>> {
        let (model, theme) = (self.0, self.0.ui.theme);
        let load = &model.data.load;
        let mut spans = vec![
            span(theme, Ink::Dim, "burst "),
            span(theme, Ink::Value, format!("{} ", count(load.size.into()))),
        ];
        if let Some(warning) = forecast::warning(&model.data) {
            spans.push(span(theme, Ink::Warning, format!("{warning} ")));
        }
        let rate = format!("{}/s", load.rate);
        if load.is_on() {
            spans.push(span(theme, Ink::Dim, " load "));
            spans.push(span(theme, Ink::Lit, format!("{rate} on ")));
        } else if area.width >= WIDE {
            spans.push(span(theme, Ink::Dim, " load "));
            spans.push(span(theme, Ink::Text, format!("{rate} off ")));
        }
        if load.failures() > 0 {
            spans.push(span(theme, Ink::Error, format!("{} failed ", count(load.failures() as f64))));
        }
        spans
    }

    fn hint(&self, ink: Ink, key: &'static str, word: &'static str, rank: usize) -> Hint {
        let theme = self.0.ui.theme;
        Hint { spans: [span(theme, ink, key), span(theme, Ink::Dim, format!(" {word}  "))], rank }
    }

    /// What the keys do only here.
    fn here(&self) -> &'static [(&'static str, &'static str)] {
        let ui = &self.0.ui;
        match (&ui.mode, ui.screen, ui.focus) {
            (Mode::Help(_), ..) => &[("esc", "close"), ("↑ ↓", "scroll")],
            (Mode::Normal, ..) if ui.viewport.is_inspecting() => {
                &[("← →", "move"), ("esc", "leave"), ("↑ ↓", "marks")]
            }
            (Mode::Normal, Screen::Overview, Focus::Expanded(Panel::Events)) => {
                &[("esc", "back"), ("↑ ↓", "scroll")]
            }
            (Mode::Normal, Screen::Overview, Focus::Expanded(_)) => &[("esc", "back")],
            (Mode::Normal, Screen::Overview, Focus::On(_)) => &[("← →", "choose"), ("enter", "expand")],
            (Mode::Normal, Screen::Runs, _) => &[("↑ ↓", "choose"), ("x", "compare")],
            (Mode::Normal, Screen::Doctor, _) => &[("r", "look again"), ("↑ ↓", "scroll")],
            (Mode::Normal, Screen::Decision, _) => &[("w", "shadow"), ("a", "drain time")],
            (Mode::Normal, Screen::Logs, _) => &[("/", "filter"), ("↑ ↓", "scroll")],
            (Mode::Normal, Screen::Pods, _) => &[("/", "filter")],
            _ => &[],
        }
    }

    /// What the footer says about a key where the keys go to now; `None` leaves it out.
    fn word(&self, binding: &Binding) -> Option<&'static str> {
        let footer = binding.footer?;
        let shows = match (&self.0.ui.mode, binding.when) {
            (Mode::Normal, when) => {
                let is_said = self.here().iter().any(|(key, _)| *key == binding.shown);
                let is_done = binding.means(Action::Inspect) && self.0.ui.viewport.is_inspecting();
                when == KeyContext::Screen && !is_said && !is_done
            }
            (Mode::Help(_) | Mode::Dialog(_), _) => false,
            (Mode::Confirm(Confirm::Kill { .. }, _), when) => when == KeyContext::Dialog,
            (Mode::Confirm(..), when) => when == KeyContext::Dialog && !binding.means(Action::Up),
            (Mode::Legend(_), when) => when == KeyContext::Legend,
            (Mode::Filter, when) => when == KeyContext::Filter,
        };
        shows.then_some(footer)
    }

    /// The keys, as many as fit, the most important ones before the others. The last two say how to get help and how to
    /// get out: they stay, whatever else must go.
    fn keys(&self, room: u16) -> Vec<Span<'static>> {
        let here = if self.0.ui.viewport.is_inspecting() { BEFORE_CURSOR } else { BEFORE_HERE };
        let mut hints: Vec<Hint> =
            self.here().iter().map(|(key, word)| self.hint(Ink::Key, key, word, here)).collect();
        for binding in TABLE {
            let Some(word) = self.word(binding) else { continue };
            let rank = RANKS.iter().position(|action| binding.means(*action)).unwrap_or(RANKS.len());
            let rank = if rank < here { rank } else { rank + 1 };
            let is_off = self.0.ui.access == Access::ReadOnly && binding.drives();
            // What may not be done is dim, and a word says so where there is no dim. One such key says it for all.
            hints.push(match is_off {
                true if binding.means(Action::Fire) => self.hint(Ink::Dim, binding.shown, "off", rank),
                true => self.hint(Ink::Dim, binding.shown, "off", rank + RANKS.len()),
                false => self.hint(Ink::Key, binding.shown, word, rank),
            });
        }
        let mut order: Vec<usize> = (0..hints.len()).collect();
        order.sort_by_key(|index| hints[*index].rank);
        let mut left = room;
        let mut fitting = Vec::new();
        for index in order {
            // A shorter one further down may not overtake: what is shown would change with every letter.
            let Some(rest) = left.checked_sub(hints[index].width()) else { break };
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
        let right = self.state(area);
        let room = area.width.saturating_sub(width(&right) + 1);
        put_right(buffer, area, right);
        // The blanks behind the last key need no room.
        left.extend(self.keys(room + 1));
        put(buffer, Rect { width: room, ..area }, left);
    }
}
