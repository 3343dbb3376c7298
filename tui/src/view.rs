//! The screens: one file a panel, each drawn from `&Model` and nothing else.

mod ascii;
mod axis;
mod beliefs;
mod chart;
mod decision;
mod dialog;
mod doctor;
mod drill;
mod events;
mod footer;
mod forecast;
mod header;
mod help;
mod hit_test;
mod inspect;
mod lanes;
mod legend;
mod logs;
mod marks;
mod overview;
mod plot;
mod pods;
mod queue;
mod replicas;
mod runs;
mod shadow;
mod stale;
mod startup;
mod steps;
mod stopwatch;
mod text;
pub mod theme;
mod tune;
mod words;

use std::borrow::Cow;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::widgets::Widget;

pub use self::hit_test::hit_test;
use ::text::clean;
use dashboard::model::Model;
use dashboard::ui::appearance::Markers;
use dashboard::ui::dialog::Dialog;
use dashboard::ui::screen::{Focus, Panel, Screen};
use dashboard::ui::state::Mode;

/// A window smaller than this shows only that it is too small: columns and rows.
pub const SMALLEST: (u16, u16) = (60, 15);

/// Draws the whole frame.
pub fn draw(model: &Model, area: Rect, buffer: &mut Buffer) {
    if is_too_small(area) {
        too_small(model, area, buffer);
    } else {
        screen(model, area, buffer);
    }
    gate(model.ui.markers, buffer);
}

/// How far what the keys go to can be scrolled in the model's window: the help, else what the screen shows.
#[must_use]
pub fn max_scroll(model: &Model) -> usize {
    let (columns, rows) = model.ui.size;
    let area = Rect::new(0, 0, columns, rows);
    if is_too_small(area) {
        return 0;
    }
    let (data, ui, theme, scroll) = (model.shown(), &model.ui, model.ui.theme, 0);
    if let Mode::Help(top) = ui.mode {
        return help::Help { target: data.watched.target.as_ref(), top, theme }.max_scroll(inside(area));
    }
    let area = body(model, area);
    match (ui.screen, ui.focus) {
        (Screen::Logs, _) => logs::Logs { data, filter: &ui.filters.logs, scroll, theme }.max_scroll(area),
        (Screen::Pods, _) => {
            let (filter, lens) = (&ui.filters.pods, ui.chart_view(data.now));
            lanes::Lanes { data, filter, lens, scroll, theme }.max_scroll(area)
        }
        (Screen::Doctor, _) => doctor::Doctor { data, scroll, theme }.max_scroll(area),
        (Screen::Overview, Focus::Expanded(Panel::Events)) => {
            events::Events { data, filter: &ui.filters.events, theme }.max_scroll(area)
        }
        _ => 0,
    }
}

fn is_too_small(area: Rect) -> bool {
    area.width < SMALLEST.0 || area.height < SMALLEST.1
}

fn screen(model: &Model, area: Rect, buffer: &mut Buffer) {
    let (data, theme) = (model.shown(), model.ui.theme);
    (&header::Header(model)).render(text::row(area, 0), buffer);
    (&footer::Footer(model)).render(text::row(area, area.height - 1), buffer);
    let lens = model.ui.chart_view(data.now);
    let ui = &model.ui;
    let whole = inside(area);
    if data.watched.has_data() {
        let body = body(model, area);
        banner(model, whole, body, buffer);
        match ui.screen {
            Screen::Overview => (&overview::Overview { data, ui, lens, theme }).render(body, buffer),
            Screen::Logs => {
                let (filter, scroll) = (&ui.filters.logs, ui.scroll);
                (&logs::Logs { data, filter, scroll, theme }).render(body, buffer);
            }
            Screen::Pods => {
                let (filter, scroll) = (&ui.filters.pods, ui.scroll);
                (&lanes::Lanes { data, filter, lens, scroll, theme }).render(body, buffer);
            }
            Screen::Decision => {
                (&decision::Screen { data, lens, asked: ui.drain_time, theme }).render(body, buffer);
            }
            Screen::Runs => (&runs::Runs { data, chosen: ui.runs, theme }).render(body, buffer),
            Screen::Doctor => (&doctor::Doctor { data, scroll: ui.scroll, theme }).render(body, buffer),
        }
    } else {
        (&startup::Startup { data, theme }).render(whole, buffer);
    }
    match &ui.mode {
        Mode::Normal | Mode::Filter => {}
        Mode::Help(top) => {
            let target = data.watched.target.as_ref();
            (&help::Help { target, top: *top, theme }).render(whole, buffer);
        }
        Mode::Confirm(confirm, answer) => {
            (&dialog::Question { confirm, answer: *answer, data, theme }).render(whole, buffer);
        }
        Mode::Dialog(sheet) => match &**sheet {
            Dialog::Tune(dialog) => (&tune::Tune { dialog, data, theme }).render(whole, buffer),
            Dialog::Drills(dialog) => (&drill::Drills { dialog, data, theme }).render(whole, buffer),
            Dialog::Shadow(dialog) => (&shadow::Choice { dialog, theme }).render(whole, buffer),
        },
        Mode::Legend(chosen) => (&legend::Legend { lens, chosen: *chosen, theme }).render(whole, buffer),
    }
}

/// What lies between title and footer.
fn inside(area: Rect) -> Rect {
    Rect { x: area.x + 1, y: area.y + 1, width: area.width - 2, height: area.height - 2 }
}

/// What a screen gets of the window: what lies below the banner.
fn body(model: &Model, area: Rect) -> Rect {
    let inside = inside(area);
    text::below(inside, banner_lines(model, inside).len() as u16)
}

/// What is wrong with the target, as lines over what is still shown of it; at most five.
fn banner_lines(model: &Model, area: Rect) -> Vec<(theme::Ink, String)> {
    let data = model.shown();
    let Some(problem) = data.watched.problem() else { return Vec::new() };
    let mut lines = startup::sentences(problem, data, usize::from(area.width.saturating_sub(2)));
    // The small window keeps what it shows anyway; one line says what is wrong.
    lines.truncate(if area.height < 30 { 1 } else { 5 });
    lines
}

fn banner(model: &Model, area: Rect, body: Rect, buffer: &mut Buffer) {
    let rows = body.y - area.y;
    for (index, (ink, text)) in (0..rows).zip(banner_lines(model, area)) {
        text::put(buffer, text::row(area, index), vec![text::span(model.ui.theme, ink, format!(" {text}"))]);
    }
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

/// The last gate: whatever a panel wrote, no cell holds a character that could drive the terminal, nor one that it does
/// not have.
fn gate(markers: Markers, buffer: &mut Buffer) {
    if markers == Markers::Ascii {
        for cell in &mut buffer.content {
            if let Some(plain) = ascii::plain(cell.symbol()) {
                cell.set_char(plain);
            }
        }
    }
    for cell in &mut buffer.content {
        let clean = match clean::symbol(cell.symbol()) {
            Cow::Borrowed(_) => continue,
            Cow::Owned(clean) if clean.is_empty() => " ".to_owned(),
            Cow::Owned(clean) => clean,
        };
        cell.set_symbol(&clean);
    }
}
