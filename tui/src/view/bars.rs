//! The title line and the line of keys.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Span;
use ratatui::widgets::Widget;

use super::text::{coarse, count, fit, put, put_right, span, width};
use super::theme::Ink;
use crate::keys::{Action, Binding, TABLE, When};
use crate::model::target::State;
use crate::model::{Confirm, Mode, Model, Screen};

/// The title line: program, target and why, screens, state.
pub(super) struct Title<'a>(pub(super) &'a Model);

/// The line of keys, with what the next burst and the load are.
pub(super) struct Footer<'a>(pub(super) &'a Model);

impl Title<'_> {
    fn state(&self) -> Span<'static> {
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
        let mut right = Vec::new();
        for screen in Screen::ALL {
            let ink = if screen == self.0.ui.screen { Ink::Value } else { Ink::Dim };
            let mark = if screen == self.0.ui.screen { "▪ " } else { "  " };
            right.push(span(theme, ink, format!("{mark}{}  ", screen.title())));
        }
        right.push(self.state());
        right.push(Span::raw(" "));
        let room = area.width.saturating_sub(width(&right) + 2);
        put_right(buffer, area, right);
        let mut left = vec![span(theme, Ink::Brand, " surge")];
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

impl Widget for &Footer<'_> {
    fn render(self, area: Rect, buffer: &mut Buffer) {
        let theme = self.0.ui.theme;
        let load = &self.0.data.load;
        let rate = format!("{}/s", load.rate);
        let mut right = vec![
            span(theme, Ink::Dim, "burst "),
            span(theme, Ink::Value, count(load.size.into())),
            span(theme, Ink::Dim, "  load "),
        ];
        right.push(if load.is_on() {
            span(theme, Ink::Lit, format!("{rate} on "))
        } else {
            span(theme, Ink::Text, format!("{rate} off "))
        });
        if load.failures() > 0 {
            right.push(span(theme, Ink::Error, format!("{} failed ", count(load.failures() as f64))));
        }
        let room = area.width.saturating_sub(width(&right) + 1);
        put_right(buffer, area, right);
        let mode = &self.0.ui.mode;
        let footer = |binding: &Binding| {
            let footer = binding.footer?;
            let shows = match (mode, binding.when) {
                (Mode::Normal, when) => when == When::Screen,
                (Mode::Help, When::Dialog) if binding.means(Action::No) => return Some("close"),
                (Mode::Confirm(Confirm::Kill { .. }), when) => when == When::Dialog,
                (Mode::Confirm(_), when) => when == When::Dialog && !binding.means(Action::Up),
                (Mode::Help, _) => false,
            };
            shows.then_some(footer)
        };
        let mut shown: Vec<[Span<'_>; 2]> = TABLE
            .iter()
            .filter_map(|binding| {
                let footer = footer(binding)?;
                Some([span(theme, Ink::Key, binding.shown), span(theme, Ink::Dim, format!(" {footer}  "))])
            })
            .collect();
        // The last two say how to get help and how to get out: they stay, whatever else must go.
        while shown.len() > 2 && shown.iter().map(|keys| width(keys)).sum::<u16>() > room {
            shown.remove(shown.len() - 3);
        }
        let mut left = vec![Span::raw(" ")];
        left.extend(shown.into_iter().flatten());
        put(buffer, Rect { width: room, ..area }, left);
    }
}
