//! What ten hours cost in memory: every second a sample of everything, a burst every five minutes, workers that come and
//! go, their logs, and events.
//!
//! `cargo bench -p tui --bench memory`, on Linux: it reads its own resident memory from `/proc`.

#[path = "../tests/scenes/mod.rs"]
mod scenes;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use scenes::World;

/// Ten hours, in seconds.
const LENGTH: u64 = 36_000;
/// A burst every so many seconds.
const PERIOD: u64 = 300;

fn main() {
    let Some(before) = resident() else {
        println!("memory: no /proc here, not measured");
        return;
    };
    let mut world = World::new(240, 70);
    world.ready();
    for period in 0..LENGTH / PERIOD {
        world.burst(if period % 2 == 0 { 300 } else { 90 });
        world.run(PERIOD);
        // What was asked for is not part of the dashboard.
        world.effects.clear();
    }
    let model = grown(before);
    let area = Rect::new(0, 0, 240, 70);
    let mut buffer = Buffer::empty(area);
    tui::view::draw(&world.model, area, &mut buffer);
    println!("model of 10 h at 1 s       {model:8.1} MB more than an empty one");
    world.keys("p");
    println!("the same with a paused view{:8.1} MB", grown(before));
    println!("this process, all in all   {:8.1} MB resident", resident().unwrap_or(f64::NAN));
}

fn grown(before: f64) -> f64 {
    resident().unwrap_or(f64::NAN) - before
}

/// Resident memory of this process, in MB.
fn resident() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    Some(line.split_whitespace().nth(1)?.parse::<f64>().ok()? / 1024.0)
}
