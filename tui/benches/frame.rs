//! How long a frame takes: drawing with an hour of history, and folding in a sample.
//!
//! `cargo bench -p tui --bench frame`

#[path = "../tests/scenes/mod.rs"]
mod scenes;

use std::time::Duration;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use scenes::World;
use tui::event::{At, DepthSample, Event, Stamped};
use tui::terminal::Terminal;
use tui::update::update;

fn main() {
    divan::main();
}

/// An hour with a burst every two minutes, of which the chart shows so many seconds.
fn an_hour(window: u64) -> World {
    let mut world = World::new(200, 50);
    world.ready();
    for minute in 0..30 {
        world.burst(if minute % 2 == 0 { 150 } else { 40 });
        world.run(120);
    }
    world.model.ui.viewport.set_width(window);
    world
}

/// A whole frame of 200 by 50 into a buffer.
#[divan::bench(args = [300, 3_600])]
fn draw_200x50(bencher: divan::Bencher<'_, '_>, window: u64) {
    let world = an_hour(window);
    let area = Rect::new(0, 0, 200, 50);
    let mut buffer = Buffer::empty(area);
    bencher.bench_local(|| {
        buffer.reset();
        tui::view::draw(&world.model, area, divan::black_box(&mut buffer));
    });
}

/// The same, with the comparison to the frame before and nothing to write.
#[divan::bench]
fn unchanged_frame_200x50(bencher: divan::Bencher<'_, '_>) {
    let world = an_hour(3_600);
    let mut terminal = Terminal::pretend(std::io::sink(), (200, 50));
    bencher.bench_local(|| {
        terminal
            .draw(|area, buffer| tui::view::draw(&world.model, area, buffer))
            .expect("a sink takes everything");
    });
}

/// One sample of the queue.
#[divan::bench]
fn update_sample(bencher: divan::Bencher<'_, '_>) {
    let mut world = an_hour(300);
    let mut ms = 3_600_000;
    bencher.bench_local(|| {
        ms += 200;
        let sample = DepthSample { ready: ms % 97, unacked: 3, consumers: None, staleness: Duration::ZERO };
        update(&mut world.model, Stamped { at: At(Duration::from_millis(ms)), event: Event::Depth(sample) })
    });
}
