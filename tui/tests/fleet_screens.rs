//! The screen Fleet and its dialogs as text: busy at each size, and each other state at one size.

use dashboard::scenes::{World, fleet::SCENES};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

fn text(scene: &str, columns: u16, rows: u16) -> String {
    let world = World::play(scene, columns, rows).unwrap();
    let area = Rect::new(0, 0, columns, rows);
    let mut buffer = Buffer::empty(area);
    tui::view::draw(&world.model, area, &mut buffer);
    let mut text = String::new();
    for y in 0..rows {
        let line: String = (0..columns).map(|x| buffer[(x, y)].symbol()).collect();
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

fn snapshot(name: &str, text: &str) {
    insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!(name, text);
    });
}

#[test]
fn fleet_at_each_size() {
    for (columns, rows) in [(80, 24), (120, 40), (200, 50)] {
        snapshot(&format!("screen_fleet_{columns}x{rows}"), &text("fleet", columns, rows));
    }
}

#[test]
fn fleet_in_each_state() {
    for (scene, _) in SCENES.iter().filter(|(scene, _)| *scene != "fleet") {
        snapshot(&format!("scene_{scene}"), &text(scene, 80, 24));
    }
}
