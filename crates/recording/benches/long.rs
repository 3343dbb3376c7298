//! The cost of a recording of ten hours: `cargo bench -p recording`.

use std::io::Cursor;
use std::sync::LazyLock;
use std::time::Duration;

use dashboard::clock::{At, DayClock};
use dashboard::message::Timestamped;
use dashboard::scenes::World;
use divan::Bencher;
use divan::counter::BytesCount;
use jiff::tz::TimeZone;
use recording::memory::Memory;
use recording::player::Player;
use recording::reader::Recording;
use recording::writer::{Lines, Settings};

fn main() {
    // The benchmarks share it.
    println!("{} events, {} bytes", EVENTS.len(), text(&EVENTS).len());
    divan::main();
}

/// The events of ten hours with a burst of 200 jobs every ten minutes.
static EVENTS: LazyLock<Vec<Timestamped>> = LazyLock::new(|| {
    let mut world = World::new(120, 40);
    world.ready();
    for _ in 0..60 {
        world.burst(200);
        world.run(600);
    }
    world.recorded
});

static TEXT: LazyLock<String> = LazyLock::new(|| text(&EVENTS));

fn settings() -> Settings {
    Settings::new("2026-03-04T14:00:00Z".parse().unwrap_or_default(), "0.1.0")
}

fn text(events: &[Timestamped]) -> String {
    let mut lines = Lines::new(settings());
    let mut text: String = events.iter().map(|stamped| lines.take(stamped)).collect();
    text.push_str(&lines.release());
    text
}

fn recording() -> Recording {
    Recording::of(Cursor::new(TEXT.as_str())).expect("the text is a recording")
}

fn player() -> Player {
    let recording = recording();
    let day = DayClock::new(recording.header.started, TimeZone::UTC);
    Player::new(recording, "run".to_owned(), day, 1.0)
}

fn hours(hours: u64) -> At {
    At(Duration::from_secs(3_600 * hours))
}

/// The recorder: lines for the file, and the compressed memory.
#[divan::bench(sample_count = 3, sample_size = 1)]
fn record(bencher: Bencher<'_, '_>) {
    bencher.bench_local(|| {
        let (mut lines, mut memory, mut bytes) = (Lines::new(settings()), Memory::new(settings()), 0);
        for stamped in EVENTS.iter() {
            bytes += lines.take(stamped).len();
            memory.take(stamped);
        }
        (bytes, memory.bytes())
    });
}

/// From text to events.
#[divan::bench(sample_count = 3, sample_size = 1)]
fn read(bencher: Bencher<'_, '_>) {
    bencher.counter(BytesCount::new(TEXT.len())).bench_local(recording);
}

/// The first jump to the end plays everything.
#[divan::bench(sample_count = 3, sample_size = 1)]
fn first_jump_to_the_end(bencher: Bencher<'_, '_>) {
    bencher.with_inputs(player).bench_local_values(|mut player| {
        player.jump(hours(10));
        player
    });
}

/// Later jumps begin at a copy: the worst one is just before the next copy.
#[divan::bench(sample_count = 20, sample_size = 1)]
fn jump_back(bencher: Bencher<'_, '_>) {
    let mut player = player();
    player.jump(hours(10));
    bencher.bench_local(|| {
        player.jump(At(hours(5).0 + Duration::from_secs(24 * 60)));
        player.jump(hours(10))
    });
}

/// A minute at speed 1, as the source of a replay asks for it: ten times a second.
#[divan::bench(sample_count = 20, sample_size = 1)]
fn play_a_minute(bencher: Bencher<'_, '_>) {
    let mut player = player();
    player.jump(hours(5));
    bencher.bench_local(|| (0..600).map(|_| player.advance(Duration::from_millis(100)).len()).sum::<usize>());
}
