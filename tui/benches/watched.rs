//! The cost of watching: the dashboard and an API server with one pod, hundreds and thousands of pods in the namespace. All
//! figures come from outside: processor time, memory, bytes over the wire, and the time from a key to its frame.
//!
//! `cargo bench -p tui --bench watched` takes a sandbox; with `SURGE_E2E_KUBECONFIG` it takes that cluster too, in the same run,
//! in namespace `SURGE_BENCH_NAMESPACE` (the demo's own by default), where it makes up to 500 pods that never run and removes
//! them again.

mod measure;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use measure::crowd::Crowd;
use measure::relay::Relay;
use measure::{Sandbox, cpu_seconds, dashboard, megabytes, milliseconds, percentile, poll, row_from_bottom};
use testkit::pty::Pty;

/// Duration of each measurement.
const WATCHED: Duration = Duration::from_secs(30);
/// The window of every dashboard.
const SIZE: (u16, u16) = (200, 50);
/// Keys whose latency is measured.
const KEYS: usize = 300;
/// Pods that change every second during the measurement.
const CHANGES: u32 = 50;

fn main() {
    let folder = tempfile::tempdir().expect("a folder for kubeconfigs");
    let sandbox = folder.path().join("sandbox");
    let running = Sandbox::start(&sandbox, &[]);
    println!(
        "{:<28} {:>8} {:>8} {:>10} {:>10} {:>9}",
        "", "CPU %", "RSS MB", "read B/s", "sent B/s", "listed ms"
    );
    cluster("sandbox", &sandbox, contract::names::NAMESPACE, &[1, 500, 5_000]);
    drop(running);
    match std::env::var_os("SURGE_E2E_KUBECONFIG") {
        Some(kubeconfig) => {
            let namespace = std::env::var("SURGE_BENCH_NAMESPACE");
            let namespace = namespace.as_deref().unwrap_or(contract::names::NAMESPACE);
            cluster("cluster", &PathBuf::from(kubeconfig), namespace, &[1, 500]);
        }
        None => println!("cluster: not measured, SURGE_E2E_KUBECONFIG names none"),
    }
}

/// One API server, with these numbers of pods in addition to the demo's; the first figure is the demo alone.
fn cluster(what: &str, kubeconfig: &Path, namespace: &str, sizes: &[usize]) {
    let folder = tempfile::tempdir().expect("a folder for the kubeconfig");
    let mut crowd = Crowd::new(kubeconfig, namespace);
    for pods in sizes.iter().copied() {
        // The demo's own worker is the first.
        crowd.grow(pods - 1);
        let through = folder.path().join("through");
        let relay = Relay::start(kubeconfig, &through);
        let start = Instant::now();
        let mut pty = dashboard(&through, &["--namespace", namespace, "--read-only"], SIZE);
        let listed = poll("the first list of pods", || {
            let screen = pty.screen();
            (screen.contains("Workers") && screen.contains("(avg)") && !screen.contains("not listed yet"))
                .then(Instant::now)
        });
        // The rest of the start is not idle time.
        std::thread::sleep(Duration::from_secs(5));
        line(&format!("{what}, {pods} pods"), &pty, &relay, Some(listed - start));
        if pods > 1 {
            let changes = crowd.change(CHANGES);
            std::thread::sleep(Duration::from_secs(1));
            line(&format!("the same, {CHANGES} change a second"), &pty, &relay, None);
            latency(&mut pty);
            drop(changes);
        } else {
            latency(&mut pty);
        }
    }
}

/// The cost of an idle dashboard.
fn line(what: &str, pty: &Pty, relay: &Relay, listed: Option<Duration>) {
    let pid = pty.pid().expect("it has a process id");
    let look = || (cpu_seconds(pid), relay.read(), relay.written());
    let (cpu, read, written) = look();
    std::thread::sleep(WATCHED);
    let (cpu_after, read_after, written_after) = look();
    let seconds = WATCHED.as_secs_f64();
    let cpu = cpu.zip(cpu_after).map_or(f64::NAN, |(before, after)| (after - before) / seconds * 100.0);
    let rate = |before: u64, after: u64| (after - before) as f64 / seconds;
    println!(
        "{what:<28} {cpu:8.2} {:8.1} {:10.0} {:10.0} {:>9}",
        megabytes(pid, "VmRSS:").unwrap_or(f64::NAN),
        rate(read, read_after),
        rate(written, written_after),
        listed.map_or_else(String::new, |listed| format!("{:.0}", milliseconds(listed))),
    );
}

/// From a key to the frame that shows it: the keys choose burst sizes in turn.
fn latency(pty: &mut Pty) {
    let mut taken: Vec<f64> = (0..KEYS)
        .map(|key| {
            let (key, shown) = if key % 2 == 0 { ("2", "burst 10 ") } else { ("3", "burst 50 ") };
            // Keys come at any time between two frames.
            std::thread::sleep(Duration::from_millis(20 + (taken_at() % 37)));
            let start = Instant::now();
            pty.send(key).expect("the terminal takes a key");
            let at =
                poll("the size in the footer", || row_from_bottom(pty, 0).contains(shown).then(Instant::now));
            milliseconds(at - start)
        })
        .collect();
    taken.sort_by(f64::total_cmp);
    println!(
        "    a key shows after {:.1} ms (median of {KEYS}), 99 % within {:.1} ms, the slowest {:.1} ms",
        percentile(&taken, 50),
        percentile(&taken, 99),
        percentile(&taken, 100)
    );
}

/// A text that differs each time.
fn taken_at() -> u64 {
    std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |now| u64::from(now.subsec_nanos()) / 1_000)
}
