//! Prints the dashboard's screens with their colours, from a played loop: to look at them without a cluster.
//!
//! `cargo run -p tui --example frames -- [SCENE] [COLUMNSxROWS] [dark|light|mono]`

#[path = "../tests/scenes/mod.rs"]
mod scenes;

use std::io::Write;

use ratatui::backend::{Backend, CrosstermBackend};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use scenes::World;
use tui::event::{Problem, StepState, TargetEvent};
use tui::model::Theme;

fn play(scene: &str, columns: u16, rows: u16) -> Option<World> {
    let mut world = World::new(columns, rows);
    match scene {
        "starting" => world.starting([
            StepState::Ready,
            StepState::Starting("the pod rabbitmq-0 is not ready".to_owned()),
            StepState::Waiting,
            StepState::Waiting,
        ]),
        "idle" => {
            world.ready();
            world.run(40);
        }
        "burst" => {
            world.ready();
            world.run(20);
            world.burst(50);
            world.run(4);
        }
        "scaled" => {
            world.ready();
            world.run(20);
            world.burst(200);
            world.run(45);
        }
        "draining" => {
            world.ready();
            world.run(20);
            world.burst(200);
            world.run(100);
            world.burst(50);
            world.run(70);
        }
        "done" => {
            world.ready();
            world.run(20);
            world.burst(200);
            world.run(240);
        }
        "lost" => {
            world.ready();
            world.run(20);
            world.burst(100);
            world.run(30);
            world.lose_broker();
            world.run(12);
        }
        "problem" => world.send(tui::event::Event::Target(TargetEvent::Failed(Problem {
            what: "context kind-demo: the API server at https://127.0.0.1:6443 could not be reached: connection refused".to_owned(),
            advice: "Is the cluster running? Try: kubectl --context kind-demo version".to_owned(),
            retry: Some(tui::event::At(std::time::Duration::from_secs(4))),
        }))),
        "help" => {
            world.ready();
            world.run(20);
            world.keys("?");
        }
        "kill" => {
            world.ready();
            world.run(20);
            world.burst(200);
            world.run(45);
            world.keys("K");
        }
        _ => return None,
    }
    Some(world)
}

fn main() -> std::io::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let scene = arguments.next().unwrap_or_else(|| "scaled".to_owned());
    let size = arguments.next().unwrap_or_else(|| "120x40".to_owned());
    let (columns, rows) =
        size.split_once('x').and_then(|(c, r)| Some((c.parse().ok()?, r.parse().ok()?))).unwrap_or((120, 40));
    let Some(mut world) = play(&scene, columns, rows) else {
        eprintln!("unknown scene {scene}");
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
        // Lines, not places on a screen: the first positions the cursor, which a pager or a file cannot.
        let text = String::from_utf8_lossy(&line).replacen("\u{1b}[1;1H", "", 1);
        writeln!(out, "{text}")?;
    }
    Ok(())
}
