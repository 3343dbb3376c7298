//! Prints a screen of the dashboard with its colours, from a recorded scene, without a cluster.
//!
//! `cargo run -p tui --example frames -- [SCENE] [COLUMNSxROWS] [dark|light|mono]`

use std::io::Write;

use dashboard::scenes::World;
use dashboard::ui::appearance::Theme;
use ratatui::backend::{Backend, CrosstermBackend};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

fn main() -> std::io::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let scene = arguments.next().unwrap_or_else(|| "scaled".to_owned());
    let size = arguments.next().unwrap_or_else(|| "120x40".to_owned());
    let (columns, rows) =
        size.split_once('x').and_then(|(c, r)| Some((c.parse().ok()?, r.parse().ok()?))).unwrap_or((120, 40));
    let Some(mut world) = World::play(&scene, columns, rows) else {
        let scenes = dashboard::scenes::all();
        eprintln!("unknown scene {scene}; the scenes are: {}", scenes.join(", "));
        std::process::exit(2);
    };
    world.model.ui.theme = match arguments.next().as_deref() {
        Some("light") => Theme::Light,
        Some("mono") => Theme::Mono,
        _ => Theme::Dark,
    };
    let area = Rect::new(0, 0, columns, rows);
    let mut buffer = Buffer::empty(area);
    tui::view::draw(&world.model, area, &mut buffer);
    let mut out = std::io::stdout().lock();
    for y in 0..rows {
        let mut line = Vec::new();
        let cells = (0..columns).map(|x| (x, 0, &buffer[(x, y)]));
        CrosstermBackend::new(&mut line).draw(cells)?;
        // A pager or a file cannot position the cursor, so the output starts without that sequence.
        let text = String::from_utf8_lossy(&line).replacen("\u{1b}[1;1H", "", 1);
        writeln!(out, "{text}")?;
    }
    Ok(())
}
