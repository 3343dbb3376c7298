//! Complete text: the essential values are visible at every size, and a panel alone shows all of its text.

use crossterm::event::KeyCode;
use dashboard::model::Model;
use dashboard::scenes::World;
use dashboard::ui::screen::{Panel, Screen};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use tui::view::ScreenLayout;

/// The usual sizes of windows, and some between them.
const SIZES: [(u16, u16); 6] = [(60, 15), (80, 24), (100, 30), (120, 40), (160, 45), (200, 50)];

fn area(model: &Model) -> Rect {
    let (columns, rows) = model.ui.size;
    Rect::new(0, 0, columns, rows)
}

fn rows(world: &World) -> Vec<String> {
    let area = area(&world.model);
    let mut buffer = Buffer::empty(area);
    tui::view::draw(&world.model, area, &mut buffer);
    // Without the margins, in which the scrollbar is.
    let row = |y| (1..area.width - 1).map(|x| buffer[(x, y)].symbol()).collect();
    (0..area.height).map(row).collect()
}

/// All text of a list that scrolls, without blanks: line breaks must not matter.
fn scrolled_text(world: &mut World) -> String {
    let max_scroll = ScreenLayout::new(&world.model, area(&world.model)).max_scroll();
    let mut all = String::new();
    for scroll in 0..=max_scroll {
        world.model.ui.scroll = scroll;
        all.push_str(&rows(world).concat());
    }
    without_blanks(&all)
}

fn without_blanks(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace()).collect()
}

#[test]
fn essential_values_are_visible_at_every_size() {
    let mut missing = Vec::new();
    for (scene, values) in [
        ("idle", ["0 messages", "0/20 (avg)", "1 ready", "1 desired", "believed|Who believes"]),
        ("scaled", ["153 messages", "17/20 (avg)", "10 ready", "10 desired", "kept at 10|kept 10"]),
        ("draining", ["19 messages", "7/20 (avg)", "4 ready", "4 desired", "4 → 3, stab|› 3 in"]),
        (
            "shadow",
            ["Next sync|more rows", "final", "controller|more rows", "Forecast|more rows", "hadow|more rows"],
        ),
        (
            "decision_busy",
            ["Next sync", "123 in all", "kept at 10", "controller|more rows", "Forecast|more rows"],
        ),
        ("lanes_busy", ["marks", "busy", "pod-seconds", "now", "done"]),
        ("runs_calm", ["#", "drained", "jobs", "►", "◊"]),
        ("doctor_failing", ["FAILURE|ServiceMonitor", "Fix:", "kubectl label", "release=prometheus", "ago"]),
        ("tune", ["Tune worker-scaler", "max replicas|maximum", "8", "enter", "esc"]),
        ("confirm", ["Fire this burst?", "2,000 requests", "sandbox", "Cancel", "[ Fire ]"]),
        ("kill", ["Kill which worker?", "► worker-6f7d9c8b5-4kq2m", "redelivers", "[ Cancel ]", "Kill"]),
    ] {
        for (columns, height) in SIZES {
            let world = World::play(scene, columns, height).unwrap();
            let screen = rows(&world).join("\n");
            for value in values {
                if !value.split('|').any(|form| screen.contains(form)) {
                    missing.push(format!("{scene} {columns}x{height}: {value:?}"));
                }
            }
        }
    }
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}

#[test]
fn events_alone_show_whole_messages() {
    for (columns, height) in SIZES {
        let mut world = dashboard::scenes::states::alone(Panel::Events, "failing", columns, height).unwrap();
        let shown = scrolled_text(&mut world);
        for entry in world.model.data.events.iter() {
            let text = without_blanks(&format!("{}{}", entry.object, entry.message));
            assert!(shown.contains(&text), "{text} at {columns}x{height}");
        }
    }
}

#[test]
fn the_doctor_shows_whole_findings() {
    for (columns, height) in SIZES {
        let mut world = World::play("doctor_failing", columns, height).unwrap();
        let shown = scrolled_text(&mut world);
        let found = world.model.data.doctor.found().unwrap().report.clone();
        for finding in &found.findings {
            // In a narrow window a line break is followed by the blank columns of the hop only.
            let text = without_blanks(&finding.detail);
            assert!(shown.contains(&text), "{text} at {columns}x{height}");
        }
    }
}

#[test]
fn logs_show_whole_lines() {
    for (columns, height) in SIZES {
        let mut world = World::play("logs", columns, height).unwrap();
        world.press(KeyCode::End);
        assert_eq!(world.model.ui.screen, Screen::Logs);
        let shown = scrolled_text(&mut world);
        for line in world.model.data.logs.iter().filter(|line| !line.text.contains("job")) {
            assert!(shown.contains(&without_blanks(&line.text)), "{} at {columns}x{height}", line.text);
        }
    }
}
