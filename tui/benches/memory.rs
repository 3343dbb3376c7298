//! The memory of ten hours: every second a sample of everything, a burst every five minutes, workers that come and
//! go, their logs, and events.
//!
//! `cargo bench -p tui --bench memory`, on Linux: it reads resident memory from `/proc`. First the model alone; then a whole
//! dashboard, which is this program once more in a terminal, with the dashboard's own loop and sources on a sandbox and those
//! ten hours behind it.

mod measure;
use std::path::{Path, PathBuf};
use std::time::Duration;

use dashboard::clock::Clock;
use dashboard::message::Event;
use dashboard::scenes::World;
use measure::{Sandbox, megabytes, text};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use testkit::pty::Pty;
use tokio::sync::mpsc;
use tui::source::event_sender::EventSender;
use tui::source::load::plan::LoadPlan;
use tui::source::session;
use tui::source::session::Settings;
use tui::source::target;
use tui::source::target::TargetOptions;
use tui::terminal::Terminal;

/// Ten hours, in seconds.
const LENGTH: u64 = 36_000;
/// Seconds between two bursts.
const PERIOD: u64 = 300;
/// More lines than are kept.
const LINES: usize = 1_500;
/// The window.
const SIZE: (u16, u16) = (240, 70);
/// Makes this program the dashboard that is measured.
const WHOLE: &str = "whole";

fn main() {
    let mut arguments = std::env::args().skip(1);
    if let (Some(WHOLE), Some(kubeconfig)) = (arguments.next().as_deref(), arguments.next()) {
        return whole(PathBuf::from(kubeconfig));
    }
    let Some(before) = resident() else {
        println!("memory: no /proc here, not measured");
        return;
    };
    let mut world = ten_hours();
    let model = resident().unwrap_or(f64::NAN) - before;
    let area = Rect::new(0, 0, SIZE.0, SIZE.1);
    let mut buffer = Buffer::empty(area);
    tui::view::draw(&world.model, area, &mut buffer);
    println!("model of 10 h at 1 s       {model:8.1} MB more than an empty one");
    world.keys("p");
    println!("the same with a paused view{:8.1} MB", resident().unwrap_or(f64::NAN) - before);
    drop(world);
    dashboards();
}

/// The model after ten hours; it drops what exceeds its bounds.
fn ten_hours() -> World {
    let mut world = World::new(SIZE.0, SIZE.1);
    world.ready();
    for period in 0..LENGTH / PERIOD {
        world.burst(if period % 2 == 0 { 300 } else { 90 });
        world.run(PERIOD);
        // The requested effects are not part of the dashboard.
        world.effects.clear();
    }
    for number in 0..LINES {
        let line = format!(
            "a line of some worker's log, number {number}, as long as such lines are: about a hundred characters"
        );
        world.send(Event::Log { pod: "worker-6f7d9c8b5-4kq2m".to_owned(), line });
    }
    world
}

/// The program as it starts, and the same with ten hours behind it: each after all its screens were drawn.
fn dashboards() {
    let folder = tempfile::tempdir().expect("a folder for the kubeconfig");
    let kubeconfig = folder.path().join("config");
    let _sandbox = Sandbox::start(&kubeconfig, &[]);
    dashboard("surge, just started", measure::dashboard(&kubeconfig, &[], SIZE));
    let this = std::env::current_exe().expect("this program has a path");
    let ten_hours = Pty::spawn(text(&this), &[WHOLE, text(&kubeconfig)], &[], SIZE);
    dashboard("10 h behind it", ten_hours.expect("this program starts"));
}

fn dashboard(what: &str, mut pty: Pty) {
    let pid = pty.pid().expect("it has a process id");
    measure::poll("live data", || {
        let screen = pty.screen();
        (screen.contains("● live") && screen.contains("0/20 (avg)")).then_some(())
    });
    let print = |pty: &Pty, when: &str| {
        let field = |field| megabytes(pid, field).unwrap_or(f64::NAN);
        let (rss, own, peak) = (field("VmRSS:"), field("RssAnon:"), field("VmHWM:"));
        println!("{what:<20} {when:<28} {rss:8.1} MB resident, of it {own:.1} its own; {peak:.1} at most");
        assert!(pty.alternate(), "{what}: it is still there");
    };
    print(&pty, "live");
    // Every screen, every width up to ten hours, the cursor with all values, and a paused view, which is a copy.
    for keys in ["\t", "\t", "\t", "\t", "\t", "\t", "Z", "Z", "Z", "Z", "Z", "v", "v", "?", "\x1b"] {
        pty.send(keys).expect("the terminal takes a key");
        std::thread::sleep(Duration::from_millis(400));
    }
    print(&pty, "after every screen");
    pty.send("p").expect("the terminal takes a key");
    std::thread::sleep(Duration::from_secs(10));
    print(&pty, "with a paused view, 10 s later");
}

/// The dashboard as the command runs it, with ten hours behind it.
fn whole(kubeconfig: PathBuf) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let mut world = ten_hours();
        let clock = Clock::started_before(Duration::from_secs(LENGTH));
        let mut terminal = Terminal::enter(true).expect("a terminal");
        let (events, received) = mpsc::channel(1_024);
        let (effects, wanted) = mpsc::channel(64);
        let outbox = EventSender::new(events, clock);
        tokio::spawn(async move {
            let wish = wish(&kubeconfig);
            let Some(running) = target::choose(wish, &outbox).await else { return };
            let settings = Settings {
                flags: cluster::connect::ConnectFlags::default(),
                prometheus: None,
                load: LoadPlan::Jobs,
                read_only: true,
            };
            session::run(running, settings, outbox, clock, wanted).await;
        });
        let ended = tui::runtime::run(
            &mut terminal,
            &mut world.model,
            received,
            effects,
            clock,
            &tui::source::recorder::Tap::closed(),
        )
        .await;
        terminal.leave();
        ended.expect("it runs until it is killed");
    });
}

fn wish(kubeconfig: &Path) -> TargetOptions {
    TargetOptions {
        flags: cluster::connect::ConnectFlags { kubeconfig: Some(kubeconfig.to_owned()), context: None },
        namespace: None,
        hpa: Some(contract::names::HPA.to_owned()),
        fallback: None,
        straight_to_fallback: false,
    }
}

/// Resident memory of this process, in MB.
fn resident() -> Option<f64> {
    megabytes(std::process::id(), "VmRSS:")
}
