//! The time of a frame: drawing with an hour of history, a second in which everything moves, five thousand pods, and handling a
//! sample. Also the bytes of a frame, and the bytes that ratatui's crossterm backend would write for the same frames.
//!
//! `cargo bench -p tui --bench frame`

use std::cell::Cell;
use std::io::{self, Write};
use std::rc::Rc;
use std::time::Duration;

use dashboard::clock::At;
use dashboard::message::{Event, Timestamped};
use dashboard::scenes::World;
use dashboard::update::update;
use observed::{DepthSample, Pod, PodPhase, PodsEvent, Role};
use ratatui::backend::{Backend, CrosstermBackend};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use tui::terminal::Terminal;

/// The window of the larger figures.
const LARGE: (u16, u16) = (240, 70);
/// Pods in the watched namespace.
const MANY: u32 = 5_000;

fn main() {
    bytes();
    divan::main();
}

/// An hour with a burst every two minutes. The chart shows `window` seconds of it.
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

/// A whole frame of 240 by 70.
#[divan::bench(args = [300, 3_600, 36_000])]
fn draw_240x70(bencher: divan::Bencher<'_, '_>, window: u64) {
    draw(bencher, &an_hour(window), LARGE);
}

/// A whole frame with the cursor and the values there.
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

/// A frame of 200 by 50, compared with an equal one: nothing is written.
#[divan::bench]
fn unchanged_frame_200x50(bencher: divan::Bencher<'_, '_>) {
    let world = an_hour(3_600);
    let mut terminal = Terminal::pretend(std::io::sink(), (200, 50));
    bencher.bench_local(|| {
        terminal
            .draw(|area, buffer| tui::view::draw(&world.model, area, buffer))
            .expect("a sink accepts all bytes");
    });
}

/// A second in which everything moves, with ten frames of 240 by 70: a hundredth of it is the share of a core in percent. It
/// includes the arithmetic of the played loop.
#[divan::bench(sample_count = 30, sample_size = 1)]
fn a_second_of_ten_frames_240x70(bencher: divan::Bencher<'_, '_>) {
    let mut world = an_hour(3_600);
    let mut terminal = Terminal::pretend(std::io::sink(), LARGE);
    world.burst(300);
    bencher.bench_local(|| moving_second(&mut world, &mut terminal));
}

/// Plays five steps, each with two frames: one for its events, one for the passing of time.
fn moving_second<W: Write>(world: &mut World, terminal: &mut Terminal<W>) {
    for _ in 0..5 {
        world.step();
        for ms in [0, 100] {
            world.tick(ms);
            terminal
                .draw(|area, buffer| tui::view::draw(&world.model, area, buffer))
                .expect("a sink accepts all bytes");
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
        ..Pod::default()
    }
}

/// A world with thousands of other pods in its namespace.
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

/// All pods are listed again, as after a lost watch.
#[divan::bench(args = [Role::Other, Role::Worker], sample_count = 20, sample_size = 1)]
fn list_5000_pods(bencher: divan::Bencher<'_, '_>, role: Role) {
    let mut world = crowded(role);
    let pods: Vec<Pod> = (0..MANY).map(|number| pod(number, role, PodPhase::Ready)).collect();
    bencher.with_inputs(|| pods.clone()).bench_local_values(|pods| {
        world.send(Event::Pods(PodsEvent::Listed(pods)));
        world.effects.clear();
    });
}

/// A frame with all these pods.
#[divan::bench(args = [Role::Other, Role::Worker])]
fn draw_240x70_with_5000_pods(bencher: divan::Bencher<'_, '_>, role: Role) {
    draw(bencher, &crowded(role), LARGE);
}

/// Counts the bytes that are written.
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

/// Prints the bytes that go to the terminal while everything moves at ten frames a second, and those of ratatui's backend.
fn bytes() {
    const SECONDS: usize = 60;
    let count = Count::default();
    let mut terminal = Terminal::pretend(count.clone(), LARGE);
    let mut world = an_hour(3_600);
    world.burst(300);
    let ratatui = Count::default();
    let mut backend = CrosstermBackend::new(ratatui.clone());
    let mut shown = Buffer::empty(Rect::new(0, 0, LARGE.0, LARGE.1));
    let mut frame = |world: &World| {
        let draw = |area, buffer: &mut Buffer| tui::view::draw(&world.model, area, buffer);
        terminal.draw(draw).expect("a counter accepts all bytes");
        let mut next = Buffer::empty(shown.area);
        draw(shown.area, &mut next);
        let cells = shown.diff(&next);
        if !cells.is_empty() {
            backend.draw(cells.into_iter()).expect("a counter accepts all bytes");
        }
        shown = next;
    };
    frame(&world);
    let whole = [count.0.replace(0), ratatui.0.replace(0)];
    for _ in 0..SECONDS {
        for _ in 0..5 {
            world.step();
            for ms in [0, 100] {
                world.tick(ms);
                frame(&world);
            }
        }
        world.effects.clear();
    }
    let moving = [count.0.get() / SECONDS, ratatui.0.get() / SECONDS];
    println!("{:<30}{:>10}{:>20}", "bytes at 240x70", "surge", "ratatui's backend");
    println!("{:<30}{:>10}{:>20}", "a whole frame", whole[0], whole[1]);
    println!("{:<30}{:>10}{:>20}", "ten moving frames a second", moving[0], moving[1]);
}
