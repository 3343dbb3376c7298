//! The screens: [`draw`] draws a frame from `&Model` and nothing else.
//!
//! [`ScreenLayout`] is computed first, once a frame. It holds the rectangles that are drawn into, how far the shown list
//! scrolls, and what a mouse click means; the runtime keeps it until the next frame.
//!
//! ```text
//! ┌──────────────────────────────────────────────────────────────┐
//! │ surge  badges  target    ▪ Overview  Pods  …          ● live │ header
//! │  the target cannot be reached: …                             │ banner, only while something is wrong
//! │  ┌────────────────────────────────────────────────────────┐  │
//! │  │ overview, pods, decision, runs, doctor or logs         │  │ body
//! │  │          ╭─ a dialog, in the middle ─╮                 │  │
//! │  └────────────────────────────────────────────────────────┘  │
//! │ space burst  1..6 size  …            burst 50  load 5/s off  │ footer
//! └──────────────────────────────────────────────────────────────┘
//! ```
//!
//! Every panel is a plain struct of references with `impl Widget for &Panel`. The modules, from the bottom up: `theme`, `fmt`,
//! `wrap`, `draw` (helpers), `strings` (all text), `stale` (notes about sources), the panels, the screens that arrange them,
//! `dialog`, and `layout` on top.

mod ascii;
mod chart;
mod decision;
mod dialog;
mod doctor;
mod draw;
mod events;
mod fleet;
mod fmt;
mod footer;
mod forecast;
mod header;
mod hops;
mod instant;
mod layout;
mod logs;
mod metric_hops;
mod overview;
mod pod_state;
mod pod_table;
mod pods;
mod runs;
mod shadow;
mod stale;
mod startup;
mod steps;
mod stopwatch;
mod strings;
pub mod theme;
mod workers;
mod wrap;

use std::borrow::Cow;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::widgets::Widget;

use self::layout::Content;
pub use self::layout::{SMALLEST_WINDOW, ScreenLayout};
use self::strings::general as text;
use self::theme::Ink;
use ::text::clean;
use dashboard::model::Model;
use dashboard::ui::appearance::Markers;
use dashboard::ui::dialog::Dialog;
use dashboard::ui::state::{Access, Greeting, Mode};

/// Draws a frame. Returns its layout, which tells what the mouse points at and how far the list scrolls.
pub fn draw(model: &Model, area: Rect, buffer: &mut Buffer) -> ScreenLayout {
    let layout = ScreenLayout::new(model, area);
    match layout.content() {
        Content::TooSmall => too_small(model, area, buffer),
        content => {
            frame(model, &layout, buffer);
            body(model, content, &layout, buffer);
            dialog(model, &layout, buffer);
        }
    }
    clean_cells(model.ui.markers, buffer);
    layout
}

fn too_small(model: &Model, area: Rect, buffer: &mut Buffer) {
    let sizes = text::window_sizes((area.width, area.height), SMALLEST_WINDOW);
    let lines = [text::WINDOW_TOO_SMALL, sizes.as_str(), text::QUIT_HINT];
    draw::lines(buffer, area, lines.map(|line| vec![draw::span(model.ui.theme, Ink::Text, line)]));
}

/// The lines around the body.
fn frame(model: &Model, layout: &ScreenLayout, buffer: &mut Buffer) {
    (&header::Header { model, tabs: &layout.tabs }).render(layout.header, buffer);
    (&footer::Footer(model)).render(layout.footer, buffer);
    let banner = layout.banner.iter();
    let lines = banner.map(|(ink, text)| vec![draw::span(model.ui.theme, *ink, format!(" {text}"))]);
    draw::lines(buffer, layout.inside, lines);
}

/// The rights of the keys: no recording can be driven.
fn access(model: &Model) -> Access {
    if model.session.replay().is_some() { Access::ReadOnly } else { model.ui.access }
}

fn body(model: &Model, content: &Content, layout: &ScreenLayout, buffer: &mut Buffer) {
    let (data, ui, theme) = (model.shown(), &model.ui, model.ui.theme);
    let (area, scroll, lens) = (layout.body, layout.scroll, ui.chart_view(data.now));
    match content {
        Content::TooSmall => {}
        Content::Startup => (&startup::Startup { data, theme }).render(layout.inside, buffer),
        Content::Overview(places) => {
            let access = access(model);
            overview::Overview { data, ui, lens, places, scroll: scroll.offset, access, theme }.draw(buffer);
        }
        Content::Pods { timelines, tables } => {
            let filter = &ui.filters.pods;
            // The tables scroll where they have the screen to themselves, the timelines elsewhere.
            let skipped = if timelines.is_some() { 0 } else { scroll.offset };
            if let Some(areas) = timelines {
                pods::Pods { data, filter, lens, theme }.draw(areas, scroll, buffer);
            }
            if let Some(found) = pod_table::PodTables::new(data, filter, theme) {
                found.draw(buffer, *tables, skipped);
            }
        }
        Content::Decision => {
            (&decision::DecisionScreen { data, lens, asked: ui.drain_time, theme }).render(area, buffer);
        }
        Content::History => {
            let (cursor, skipped) = (lens.stretch.cursor, scroll.offset);
            (&decision::History { data, cursor, skipped, theme }).render(area, buffer);
        }
        Content::Runs => {
            (&runs::Runs { data, chosen: ui.runs, lens, access: access(model), theme }).render(area, buffer);
        }
        Content::Doctor => (&doctor::Doctor { data, scroll: scroll.offset, theme }).render(area, buffer),
        Content::Fleet => {
            let (filter, now) = (&ui.filters.fleet, model.data.day.timestamp(model.data.now));
            let target = data.watched.target.as_ref().filter(|_| model.fleet.is_alone);
            let reason = target.map_or("", |target| target.reason.as_str());
            (&fleet::FleetScreen { fleet: &model.fleet, filter, now, reason, theme }).render(area, buffer);
        }
        Content::Logs => {
            let filter = &ui.filters.logs;
            (&logs::Logs { data, filter, scroll: scroll.offset, theme }).render(area, buffer);
        }
    }
    // In the margin right of the body.
    let list = Rect { width: area.width + 1, ..draw::below(area, 1) };
    let top = if layout.counts_from_below() { scroll.max - scroll.offset } else { scroll.offset };
    draw::scrollbar(buffer, list, theme, top, scroll.max);
}

fn dialog(model: &Model, layout: &ScreenLayout, buffer: &mut Buffer) {
    let (data, ui, theme, area) = (model.shown(), &model.ui, model.ui.theme, layout.inside);
    match &ui.mode {
        // For beginners: on a sandbox that this program started.
        Mode::Normal
            if ui.greeting == Greeting::Shown
                && data.watched.has_data()
                && data.watched.target.as_ref().is_some_and(|target| target.first_burst.is_some()) =>
        {
            (&dialog::Greeting { data, theme }).render(area, buffer);
        }
        Mode::Normal | Mode::Filter => {}
        Mode::Help(_) => {
            if let Some(page) = &layout.help {
                page.draw(area, buffer);
            }
        }
        Mode::Confirm(confirm, answer) => {
            (&dialog::Question { confirm, answer: *answer, data, theme }).render(area, buffer);
        }
        Mode::Dialog(sheet) => match &**sheet {
            Dialog::Tune(dialog) => (&dialog::Tune { dialog, data, theme }).render(area, buffer),
            Dialog::Drills(dialog) => (&dialog::Drills { dialog, data, theme }).render(area, buffer),
            Dialog::Shadow(dialog) => (&dialog::ShadowForm { dialog, theme }).render(area, buffer),
            Dialog::Places(dialog) => (&dialog::Places { dialog, theme }).render(area, buffer),
            Dialog::Mark(note) => (&dialog::Mark { note, theme }).render(area, buffer),
            // A run goes on behind a paused view.
            Dialog::Scenarios(dialog) => {
                (&dialog::Scenarios { dialog, data: &model.data, theme }).render(area, buffer);
            }
        },
        Mode::Legend(chosen) => {
            let lens = ui.chart_view(data.now);
            (&dialog::Legend { lens, chosen: *chosen, theme }).render(area, buffer);
        }
    }
}

/// Replaces every character that could drive the terminal, or that it does not have, whatever a panel wrote.
fn clean_cells(markers: Markers, buffer: &mut Buffer) {
    if markers == Markers::Ascii {
        for cell in &mut buffer.content {
            if let Some(plain) = ascii::nearest(cell.symbol()) {
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
