//! Every symbol that a screen draws is in that screen's help.

use std::collections::{BTreeMap, BTreeSet};

use dashboard::scenes::World;
use dashboard::ui::appearance::Markers;
use dashboard::ui::state::Mode;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

/// Frames, axes and scrollbars.
const LINES: &str = "─│┤├┬┴┼╭╮╰╯█";

/// Signs of arithmetic and punctuation, which mean on the screen what they mean elsewhere.
const PLAIN: &str = "·–−→←↑↓×÷≤≥=°µ↔";

/// The sizes at which the screens are drawn, the largest first. The help has room for all its rows.
const SIZES: [(u16, u16); 2] = [(160, 46), (80, 24)];
const HELP: (u16, u16) = (200, 200);

fn draw(world: &World, (columns, rows): (u16, u16)) -> Buffer {
    let area = Rect::new(0, 0, columns, rows);
    let mut buffer = Buffer::empty(area);
    tui::view::draw(&world.model, area, &mut buffer);
    buffer
}

fn is_symbol(c: char) -> bool {
    let is_braille = ('\u{2800}'..='\u{28ff}').contains(&c);
    !c.is_ascii() && !c.is_alphanumeric() && !is_braille && !LINES.contains(c) && !PLAIN.contains(c)
}

/// The text between the borders of the help.
fn help(world: &mut World) -> String {
    world.model.ui.mode = Mode::Help(0);
    let buffer = draw(world, HELP);
    let line = |y: u16| (0..HELP.0).map(|x| buffer[(x, y)].symbol()).collect::<String>();
    let lines: Vec<String> = (0..HELP.1).map(line).collect();
    let top = lines.iter().position(|line| line.contains("╭ Help")).unwrap();
    let from = lines[top].split_once("╭ Help").unwrap().0.chars().count();
    let until = lines[top].chars().position(|c| c == '╮').unwrap();
    let below = lines[top..].iter().position(|line| line.chars().nth(from) == Some('╰')).unwrap();
    let rows = &lines[top + 1..top + below];
    rows.iter()
        .map(|line| line.chars().skip(from + 1).take(until - from - 1).collect::<String>() + "\n")
        .collect()
}

#[test]
fn every_symbol_is_in_the_help_of_its_screen() {
    let mut missing: BTreeMap<(String, char), Vec<&str>> = BTreeMap::new();
    for scene in dashboard::scenes::all() {
        let mut world = World::play(scene, SIZES[0].0, SIZES[0].1).unwrap();
        // With blocks and ASCII instead of braille dots, the help describes the usual characters.
        let ui = &world.model.ui;
        if ui.mode != Mode::Normal || ui.markers != Markers::Braille || !world.model.data.watched.has_data() {
            continue;
        }
        let mut shown = BTreeSet::new();
        for size in SIZES {
            let buffer = draw(&world, size);
            shown.extend(
                buffer.content.iter().flat_map(|cell| cell.symbol().chars()).filter(|c| is_symbol(*c)),
            );
        }
        let screen = world.model.ui.screen.title().to_owned();
        let help = help(&mut world);
        for symbol in shown.into_iter().filter(|symbol| !help.contains(*symbol)) {
            missing.entry((screen.clone(), symbol)).or_default().push(scene);
        }
    }
    assert!(missing.is_empty(), "not in the help: {missing:#?}");
}
