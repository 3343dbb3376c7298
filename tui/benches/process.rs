//! The cost of the whole process: first frame, first data, the sandbox's start, an idle dashboard, the reaction to a key, a
//! hundred workers.
//!
//! `cargo bench -p tui --bench process` builds the release binary and prints one line a figure. Everything is read from
//! outside: a pseudo-terminal's output, and `/proc` (so CPU and memory are measured on Linux only).

mod measure;

use std::path::Path;
use std::time::{Duration, Instant};

use measure::{Sandbox, cpu_seconds, megabytes, milliseconds, poll, report};
use testkit::pty::Pty;

/// Runs of the short measurements.
const ROUNDS: usize = 11;
/// Duration of the idle measurement.
const IDLE: Duration = Duration::from_secs(30);
/// The terminal of every run.
const SIZE: (u16, u16) = (200, 50);

fn main() {
    // Cargo passes `--bench`; anything else is a filter that this program has no use for.
    let folder = tempfile::tempdir().expect("a folder for the kubeconfig");
    let kubeconfig = folder.path().join("config");
    let missing = folder.path().join("missing");

    report("sandbox ready", "ms", &mut (0..5).map(|_| sandbox_ready(folder.path())).collect::<Vec<_>>());

    let sandbox = Sandbox::start(&kubeconfig, &[]);
    let config = kubeconfig.to_str().expect("a path of ours is text");
    let nowhere = missing.to_str().expect("a path of ours is text");
    report("first frame", "ms", &mut (0..ROUNDS).map(|_| first_frame(nowhere)).collect::<Vec<_>>());
    report("first data", "ms", &mut (0..ROUNDS).map(|_| first_data(config)).collect::<Vec<_>>());
    idle(config);
    drop(sandbox);
    reaction(folder.path());
    hundred_workers(folder.path());
}

fn sandbox_ready(folder: &Path) -> f64 {
    let start = Instant::now();
    let sandbox = Sandbox::start(&folder.join("once"), &[]);
    let taken = start.elapsed();
    drop(sandbox);
    milliseconds(taken)
}

fn first_frame(kubeconfig: &str) -> f64 {
    let start = Instant::now();
    let pty = dashboard(kubeconfig);
    let at = poll("the first frame", || {
        let drawn = pty.alternate() && !pty.screen().trim().is_empty();
        drawn.then(Instant::now)
    });
    milliseconds(at - start)
}

fn first_data(kubeconfig: &str) -> f64 {
    let start = Instant::now();
    let pty = dashboard(kubeconfig);
    let at = poll("the target", || pty.screen().contains("/20 (avg)").then(Instant::now));
    milliseconds(at - start)
}

fn dashboard(kubeconfig: &str) -> Pty {
    measure::dashboard(Path::new(kubeconfig), &[], SIZE)
}

/// The stopwatch's times of a burst of 50, five times: from the key press to the first and the last confirm, and to the depth
/// that the broker reports.
fn reaction(folder: &Path) {
    let kubeconfig = folder.join("quick");
    // Each burst is drained before the next, so that the depth belongs to one burst.
    let _sandbox = Sandbox::start(&kubeconfig, &["--work-duration", "100ms"]);
    let mut pty = dashboard(kubeconfig.to_str().expect("a path of ours is text"));
    pty.wait_for("the target", |screen| screen.contains("0/20 (avg)"));
    let stages = ["first accepted", "last accepted", "in the broker"];
    let mut figures = [const { Vec::new() }; 3];
    for burst in 1..=5 {
        pty.send(" ").expect("the terminal takes a key");
        if burst == 1 {
            // The dashboard sees the sandbox as a foreign cluster.
            pty.wait_for("the question", |screen| screen.contains("Fire this burst?"));
            pty.send("y").expect("the terminal takes a key");
        }
        let title = format!("#{burst} ");
        let screen = pty.wait_for("the stages of the burst", |screen| {
            screen.contains(&title) && stages.iter().chain(&["drained"]).all(|s| elapsed(screen, s).is_some())
        });
        for (stage, figures) in stages.iter().zip(&mut figures) {
            figures.extend(elapsed(&screen, stage));
        }
    }
    for (stage, figures) in stages.iter().zip(&mut figures) {
        report(&format!("key to {stage}"), "ms", figures);
    }
}

/// The time behind a stage's name, in milliseconds; `None` while it is still running.
fn elapsed(screen: &str, stage: &str) -> Option<f64> {
    // The summary of a burst has some of the words too.
    screen.lines().filter_map(|line| line.split_once(stage)).find_map(|(_, rest)| {
        let mut words = rest.split_whitespace();
        let number: f64 = words.next()?.parse().ok()?;
        match words.next()? {
            "ms" => Some(number),
            "s" => Some(number * 1000.0),
            _ => None,
        }
    })
}

/// A sandbox whose HPA wants a hundred workers: the time until all are ready, and their memory.
fn hundred_workers(folder: &Path) {
    let start = Instant::now();
    let kubeconfig = folder.join("hundred");
    let sandbox = Sandbox::start(&kubeconfig, &["--min", "100", "--max", "100"]);
    let pty = dashboard(kubeconfig.to_str().expect("a path of ours is text"));
    let at = poll("a hundred workers", || pty.screen().contains("100 ready").then(Instant::now));
    println!("100 workers ready   {:8.1} s after the sandbox's start", (at - start).as_secs_f64());
    let workers = workers(sandbox.pid());
    // The program's own pages are in memory once and count in each worker's resident set; the rest is private.
    for (name, field) in [("worker resident", "VmRSS:"), ("of it its own", "RssAnon:")] {
        let mut sizes: Vec<f64> = workers.iter().filter_map(|pid| megabytes(*pid, field)).collect();
        if sizes.is_empty() {
            println!("{name}: no /proc here, not measured");
        } else {
            report(name, "MB", &mut sizes);
        }
    }
}

/// Process ids of the workers that the sandbox `parent` runs.
fn workers(parent: u32) -> Vec<u32> {
    let ours = |pid: &u32| {
        let read = |file: &str| std::fs::read_to_string(format!("/proc/{pid}/{file}")).unwrap_or_default();
        let parent_of =
            read("stat").rsplit_once(')').and_then(|(_, rest)| rest.split_whitespace().nth(1)?.parse().ok());
        parent_of == Some(parent) && read("cmdline").contains("pod\0worker")
    };
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).filter(ours).collect()
}

fn idle(kubeconfig: &str) {
    let pty = dashboard(kubeconfig);
    pty.wait_for("the target", |screen| screen.contains("/20 (avg)"));
    let pid = pty.pid().expect("it has a process id");
    // The rest of the start is not idle time.
    std::thread::sleep(Duration::from_secs(5));
    let (cpu, bytes) = (cpu_seconds(pid), pty.bytes().len());
    std::thread::sleep(IDLE);
    let (Some(before), Some(after)) = (cpu, cpu_seconds(pid)) else {
        println!("idle: no /proc here, CPU and memory not measured");
        return;
    };
    println!(
        "idle CPU            {:8.3} % of a core over {IDLE:?}",
        (after - before) / IDLE.as_secs_f64() * 100.0
    );
    println!("idle output         {:8} bytes over {IDLE:?}", pty.bytes().len() - bytes);
    println!("resident            {:8.1} MB", megabytes(pid, "VmRSS:").unwrap_or(f64::NAN));
}
