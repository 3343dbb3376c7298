//! The bytes to the terminal: the difference between two frames and nothing else, so that a slow line keeps up.

use std::cell::Cell;
use std::io::{self, Write};
use std::rc::Rc;

use dashboard::scenes::World;
use tui::terminal::Terminal;

/// Counts the written bytes.
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

/// A terminal, and the bytes since the last read.
struct Line {
    terminal: Terminal<Count>,
    count: Count,
}

impl Line {
    fn new(size: (u16, u16)) -> Self {
        let count = Count::default();
        Self { terminal: Terminal::pretend(count.clone(), size), count }
    }

    fn draw(&mut self, world: &World) -> usize {
        self.count.0.set(0);
        let drawn = self.terminal.draw(|area, buffer| tui::view::draw(&world.model, area, buffer));
        drawn.expect("a counter takes everything");
        self.count.0.get()
    }
}

#[test]
fn the_same_model_drawn_again_writes_nothing() {
    for scene in dashboard::scenes::all() {
        let world = World::play(scene, 120, 40).expect("a scene of that name");
        let mut line = Line::new((120, 40));
        assert!(line.draw(&world) > 0, "{scene}: a first frame is written");
        assert_eq!(line.draw(&world), 0, "{scene}");
    }
}

#[test]
fn a_busy_frame_writes_a_small_part() {
    let mut world = World::play("draining", 240, 70).expect("a scene of that name");
    world.burst(200);
    let mut line = Line::new((240, 70));
    let whole = line.draw(&world);
    let (mut all, mut frames) = (0, 0);
    // Thirty seconds at five frames a second: bursts, samples, pods that come and go, a chart that moves.
    for _ in 0..150 {
        world.step();
        all += line.draw(&world);
        frames += 1;
    }
    let each = all / frames;
    assert!(each * 5 < whole, "{each} bytes a frame, {whole} for a whole one");
}

#[test]
fn a_size_key_writes_a_few_cells() {
    let mut world = World::play("scaled", 120, 40).expect("a scene of that name");
    let mut line = Line::new((120, 40));
    line.draw(&world);
    world.keys("2");
    let bytes = line.draw(&world);
    assert!((1..200).contains(&bytes), "{bytes} bytes");
}

#[test]
fn an_idle_picture_only_grows_at_its_end() {
    for (size, most) in [((80, 24), 1_500), ((120, 40), 2_000), ((200, 50), 2_000)] {
        let mut world = World::new(size.0, size.1);
        world.ready();
        // Long enough for a window of five minutes.
        world.run(400);
        let mut line = Line::new(size);
        line.draw(&world);
        // A minute, drawn as often as the idle dashboard wakes.
        let mut bytes = 0;
        for _ in 0..12 {
            world.run(5);
            bytes += line.draw(&world);
        }
        assert!(bytes < most, "{bytes} bytes a minute at {size:?}");
    }
}
