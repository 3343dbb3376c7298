//! Bytes a second to the terminal, the load of a slow line: idle in a run's first minute, while a burst runs, idle again, and
//! idle once the window is full; compared with `top` and, if installed, `watch kubectl get`.
//!
//! `cargo bench -p tui --bench wire`; the whole takes eight minutes, because a window takes five to fill.

mod measure;

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use measure::{Sandbox, dashboard, text};
use testkit::pty::Pty;

/// Windows: the smallest common one, and a large one.
const SIZES: [(u16, u16); 2] = [(80, 24), (200, 50)];
/// Duration of each phase.
const WATCHED: Duration = Duration::from_secs(30);
/// The time at which a window of five minutes is full.
const FULL: Duration = Duration::from_secs(310);
/// The start of a frame.
const FRAME: &[u8] = b"\x1b[?2026h";

fn main() {
    let folder = tempfile::tempdir().expect("a folder for the kubeconfig");
    let kubeconfig = folder.path().join("config");
    let _sandbox = Sandbox::start(&kubeconfig, &["--work-duration", "1s"]);
    let start = Instant::now();
    let mut dashboards: Vec<Pty> = SIZES.iter().map(|size| dashboard(&kubeconfig, &[], *size)).collect();
    for pty in &dashboards {
        pty.wait_for("the target", |screen| screen.contains("0/20 (avg)"));
    }
    // The rest of the start is not idle time.
    std::thread::sleep(Duration::from_secs(5));
    phase("idle, in the first minute", &dashboards);
    // One of them fires, all of them show it.
    dashboards[1].send("4 ").expect("the terminal takes a key");
    dashboards[1].wait_for("the question", |screen| screen.contains("Fire this burst?"));
    dashboards[1].send("y").expect("the terminal takes a key");
    phase("a burst of 100, the workers scale", &dashboards);
    std::thread::sleep(FULL.saturating_sub(start.elapsed()));
    phase("idle, the window is full", &dashboards);
    drop(dashboards);
    peers(&kubeconfig);
}

/// The bytes of other programs that people leave open, in the same time.
fn peers(kubeconfig: &Path) {
    let all = |program: &str, arguments: &[&str]| -> Vec<Pty> {
        let spawn = |size: &(u16, u16)| Pty::spawn(program, arguments, &[], *size).expect("it starts");
        SIZES.iter().map(spawn).collect()
    };
    let get =
        ["kubectl", "--kubeconfig", text(kubeconfig), "-n", contract::names::NAMESPACE, "get", "hpa,pods"];
    let watch = [&["-n", "1"], &get[..]].concat();
    for (what, programs, arguments) in [
        ("top -d 1", &["top"][..], &["-d", "1"][..]),
        ("watch -n 1 kubectl get hpa,pods", &["watch", "kubectl"], &watch),
    ] {
        if programs.iter().all(|program| is_there(program)) {
            let running = all(programs[0], arguments);
            std::thread::sleep(Duration::from_secs(5));
            phase(what, &running);
        } else {
            println!("{what}: not at hand, not measured");
        }
    }
}

fn is_there(program: &str) -> bool {
    let which = Command::new("sh").args(["-c", "command -v \"$0\"", program]).stdout(Stdio::null()).status();
    which.is_ok_and(|status| status.success())
}

/// The bytes of each program in a phase.
fn phase(what: &str, running: &[Pty]) {
    let before: Vec<usize> = running.iter().map(|pty| pty.bytes().len()).collect();
    std::thread::sleep(WATCHED);
    for ((pty, size), before) in running.iter().zip(SIZES).zip(before) {
        let written = pty.bytes().split_off(before);
        let frames = written.windows(FRAME.len()).filter(|window| *window == FRAME).count();
        let seconds = WATCHED.as_secs_f64();
        println!(
            "{what:<34} {:>3}x{:<3} {:8.0} bytes a second, {:5.1} frames a second",
            size.0,
            size.1,
            written.len() as f64 / seconds,
            frames as f64 / seconds
        );
    }
}
