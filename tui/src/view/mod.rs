//! The screens: one file a panel, each drawn from `&Model` and nothing else.

mod axis;
mod bars;
mod beliefs;
mod decision;
mod dialog;
mod events;
mod lanes;
mod logs;
mod marks;
mod overview;
mod plot;
mod pods;
mod queue;
mod replicas;
mod stale;
mod startup;
mod stopwatch;
mod text;
pub mod theme;

use std::borrow::Cow;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::widgets::Widget;

use crate::clean;
use crate::model::{Mode, Model, Screen};

/// A window smaller than this shows only that it is too small: columns and rows.
pub const SMALLEST: (u16, u16) = (60, 15);

/// Draws the whole frame.
pub fn draw(model: &Model, area: Rect, buffer: &mut Buffer) {
    if area.width < SMALLEST.0 || area.height < SMALLEST.1 {
        too_small(model, area, buffer);
    } else {
        screen(model, area, buffer);
    }
    gate(buffer);
}

fn screen(model: &Model, area: Rect, buffer: &mut Buffer) {
    let (data, theme) = (model.shown(), model.ui.theme);
    (&bars::Title(model)).render(text::row(area, 0), buffer);
    (&bars::Footer(model)).render(text::row(area, area.height - 1), buffer);
    let body = Rect { x: area.x + 1, y: area.y + 1, width: area.width - 2, height: area.height - 2 };
    if data.watched.has_data() {
        let body = banner(model, body, buffer);
        let window = model.ui.window(data.now);
        match model.ui.screen {
            Screen::Overview => (&overview::Overview { data, window, theme }).render(body, buffer),
            Screen::Logs => (&logs::Logs { data, theme }).render(body, buffer),
            Screen::Pods => (&lanes::Lanes { data, window, theme }).render(body, buffer),
            Screen::Decision => (&decision::Screen { data, window, theme }).render(body, buffer),
        }
    } else {
        (&startup::Startup { data, theme }).render(body, buffer);
    }
    match &model.ui.mode {
        Mode::Normal => {}
        Mode::Help => (&dialog::Help { theme }).render(body, buffer),
        Mode::Confirm(confirm) => (&dialog::Question { confirm, data, theme }).render(body, buffer),
    }
}

/// What is wrong with the target, over what is still shown of it. Returns what is left of the area.
fn banner(model: &Model, area: Rect, buffer: &mut Buffer) -> Rect {
    let data = model.shown();
    let Some(problem) = data.watched.problem() else { return area };
    let width = usize::from(area.width.saturating_sub(2));
    let lines = startup::sentences(problem, data, width);
    // The small window keeps what it shows anyway; one line says what is wrong.
    let rows = if area.height < 30 { 1 } else { lines.len().min(5) as u16 };
    for (index, (ink, text)) in (0..rows).zip(lines) {
        text::put(buffer, text::row(area, index), vec![text::span(model.ui.theme, ink, format!(" {text}"))]);
    }
    text::below(area, rows)
}

fn too_small(model: &Model, area: Rect, buffer: &mut Buffer) {
    let (columns, rows) = SMALLEST;
    let lines = [
        "surge needs a larger window".to_owned(),
        format!("{}x{} here, {columns}x{rows} at least", area.width, area.height),
        "q quits".to_owned(),
    ];
    for (index, line) in (0..).zip(lines) {
        let spans = vec![text::span(model.ui.theme, theme::Ink::Text, line)];
        text::put(buffer, text::row(area, index), spans);
    }
}

/// The last gate: whatever a panel wrote, no cell holds a character that could drive the terminal.
fn gate(buffer: &mut Buffer) {
    for cell in &mut buffer.content {
        let clean = match clean::symbol(cell.symbol()) {
            Cow::Borrowed(_) => continue,
            Cow::Owned(clean) if clean.is_empty() => " ".to_owned(),
            Cow::Owned(clean) => clean,
        };
        cell.set_symbol(&clean);
    }
}
