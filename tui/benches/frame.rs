//! How long a frame takes: drawing with an hour of history, a second in which everything moves, five thousand pods, and
//! folding in a sample.
//!
//! `cargo bench -p tui --bench frame`

#[path = "../tests/scenes/mod.rs"]
mod scenes;

use std::cell::Cell;
use std::io::{self, Write};
use std::rc::Rc;
use std::time::Duration;

use dashboard::clock::At;
use dashboard::message::{Event, Timestamped};
use dashboard::update::update;
use observed::{DepthSample, Pod, PodPhase, PodsEvent, Role};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use scenes::World;
use tui::terminal::Terminal;

/// The window of the larger figures.
const LARGE: (u16, u16) = (240, 70);
/// Pods in the watched namespace.
const MANY: u32 = 5_000;

fn main() {
    bytes();
    divan::main();
}

/// An hour with a burst every two minutes, of which the chart shows so many seconds.
fn an_hour(window: u64) -> World {
    let mut world = World::new(LARGE.0, LARGE.1);
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
    draw(bencher, &an_hour(window), (200, 50));
}

/// The same at 240 by 70.
#[divan::bench(args = [300, 3_600, 36_000])]
fn draw_240x70(bencher: divan::Bencher<'_, '_>, window: u64) {
    draw(bencher, &an_hour(window), LARGE);
}

/// The same with the cursor and all its values.
#[divan::bench]
fn draw_240x70_inspecting(bencher: divan::Bencher<'_, '_>) {
    let mut world = an_hour(3_600);
    world.keys("v");
    draw(bencher, &world, LARGE);
}

fn draw(bencher: divan::Bencher<'_, '_>, world: &World, (columns, rows): (u16, u16)) {
    let area = Rect::new(0, 0, columns, rows);
    let mut buffer = Buffer::empty(area);
    bencher.bench_local(|| {
        buffer.reset();
        tui::view::draw(&world.model, area, divan::black_box(&mut buffer));
    });
}

/// The same as at 200 by 50, with the comparison to the frame before and nothing to write.
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

/// A second in which everything moves, with ten frames of 240 by 70 compared and written: a hundredth of it is the share
/// of a core in percent. The played loop's own arithmetic is part of it.
#[divan::bench(sample_count = 30, sample_size = 1)]
fn a_second_of_ten_frames_240x70(bencher: divan::Bencher<'_, '_>) {
    let mut world = an_hour(3_600);
    let mut terminal = Terminal::pretend(std::io::sink(), LARGE);
    world.burst(300);
    bencher.bench_local(|| moving_second(&mut world, &mut terminal));
}

/// Five steps of the played world, each with two frames: one for what happened, one for the time that goes by.
fn moving_second<W: Write>(world: &mut World, terminal: &mut Terminal<W>) {
    for _ in 0..5 {
        world.step();
        for ms in [0, 100] {
            world.tick(ms);
            terminal
                .draw(|area, buffer| tui::view::draw(&world.model, area, buffer))
                .expect("a sink takes everything");
        }
    }
    world.effects.clear();
}

/// One sample of the queue.
#[divan::bench]
fn update_sample(bencher: divan::Bencher<'_, '_>) {
    let mut world = an_hour(300);
    let mut ms = 3_600_000;
    bencher.bench_local(|| {
        ms += 200;
        let sample = DepthSample { ready: ms % 97, unacked: 3, consumers: None, staleness: Duration::ZERO };
        update(
            &mut world.model,
            Timestamped { at: At(Duration::from_millis(ms)), event: Event::Depth(sample) },
        )
    });
}

fn pod(number: u32, role: Role, phase: PodPhase) -> Pod {
    Pod {
        name: format!("worker-6f7d9c8b5-{number:05}"),
        uid: format!("0b5a7d6e-0000-4000-8000-{number:012}"),
        role,
        status: "Running".to_owned(),
        phase,
        restarts: 0,
        created: None,
        scheduled: None,
        started: None,
        ready_since: None,
        last_exit: None,
    }
}

/// A world beside which the namespace holds thousands of pods.
fn crowded(role: Role) -> World {
    let mut world = World::new(LARGE.0, LARGE.1);
    world.ready();
    world.run(20);
    world.burst(200);
    world.run(45);
    for number in 0..MANY {
        world.send(Event::Pods(PodsEvent::Applied(Box::new(pod(number, role, PodPhase::Ready)))));
    }
    world
}

/// One pod of thousands changes, as in a rollout.
#[divan::bench(args = [Role::Other, Role::Worker])]
fn update_one_of_5000_pods(bencher: divan::Bencher<'_, '_>, role: Role) {
    let mut world = crowded(role);
    let mut number = 0;
    bencher.bench_local(|| {
        number += 1;
        let phase = if (number / MANY).is_multiple_of(2) { PodPhase::Starting } else { PodPhase::Ready };
        world.send(Event::Pods(PodsEvent::Applied(Box::new(pod(number % MANY, role, phase)))));
        world.effects.clear();
    });
}

/// All of them are listed anew, as after a watch was lost.
#[divan::bench(args = [Role::Other, Role::Worker], sample_count = 20, sample_size = 1)]
fn list_5000_pods(bencher: divan::Bencher<'_, '_>, role: Role) {
    let mut world = crowded(role);
    let pods: Vec<Pod> = (0..MANY).map(|number| pod(number, role, PodPhase::Ready)).collect();
    bencher.with_inputs(|| pods.clone()).bench_local_values(|pods| {
        world.send(Event::Pods(PodsEvent::Listed(pods)));
        world.effects.clear();
    });
}

/// A frame with all of them.
#[divan::bench(args = [Role::Other, Role::Worker])]
fn draw_240x70_with_5000_pods(bencher: divan::Bencher<'_, '_>, role: Role) {
    draw(bencher, &crowded(role), LARGE);
}

/// Counts what is written.
#[derive(Clone, Default)]
struct Count(Rc<Cell<usize>>);

impl Write for Count {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.set(self.0.get() + bytes.len());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What goes to the terminal while everything moves at ten frames a second.
fn bytes() {
    let count = Count::default();
    let mut terminal = Terminal::pretend(count.clone(), LARGE);
    let mut world = an_hour(3_600);
    world.burst(300);
    terminal
        .draw(|area, buffer| tui::view::draw(&world.model, area, buffer))
        .expect("a counter takes everything");
    let whole = count.0.replace(0);
    const SECONDS: usize = 60;
    (0..SECONDS).for_each(|_| moving_second(&mut world, &mut terminal));
    println!("a whole frame of 240x70       {whole:8} bytes");
    println!("ten moving frames a second    {:8} bytes a second", count.0.get() / SECONDS);
}
