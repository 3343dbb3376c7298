//! Shared parts of the process benchmarks: a sandbox, a dashboard in a terminal, and figures of `/proc`.

#![allow(dead_code, reason = "each benchmark needs others of them")]

pub(crate) mod crowd;
pub(crate) mod relay;

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use testkit::pty::Pty;

/// The program.
pub(crate) const SURGE: &str = env!("CARGO_BIN_EXE_surge");
/// A figure that takes longer is a failure.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);

/// `surge sandbox`, ended by SIGTERM when dropped.
pub(crate) struct Sandbox {
    child: Child,
}

impl Sandbox {
    /// Starts it and waits until it is ready.
    pub(crate) fn start(kubeconfig: &Path, arguments: &[&str]) -> Self {
        let mut child = Command::new(SURGE)
            .arg("sandbox")
            .arg("--kubeconfig")
            .arg(kubeconfig)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the sandbox starts");
        let stdout = child.stdout.take().expect("its standard output is a pipe");
        let ready = BufReader::new(stdout).lines().map_while(Result::ok).any(|l| l.starts_with("export "));
        assert!(ready, "the sandbox said that it is ready");
        Self { child }
    }

    /// Its process id.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        let _gone_already = Command::new("kill").arg(self.child.id().to_string()).status();
        let _reaped = self.child.wait();
    }
}

/// The dashboard on the cluster of a kubeconfig, in a terminal of that size.
pub(crate) fn dashboard(kubeconfig: &Path, arguments: &[&str], size: (u16, u16)) -> Pty {
    let mut all = vec!["--kubeconfig", text(kubeconfig)];
    all.extend(arguments);
    Pty::spawn(SURGE, &all, &[], size).expect("the dashboard starts")
}

/// A path of this repository.
pub(crate) fn text(path: &Path) -> &str {
    path.to_str().expect("a path of ours is text")
}

/// Poll interval, long enough that polling adds little to the figures.
pub(crate) fn poll<T>(what: &str, mut condition: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(value) = condition() {
            return value;
        }
        assert!(start.elapsed() < DEADLINE, "waited {DEADLINE:?} for {what}, without success");
        std::thread::sleep(Duration::from_micros(200));
    }
}

/// A row of the screen, counted from the bottom.
pub(crate) fn row_from_bottom(pty: &Pty, row: u16) -> String {
    pty.with_screen(|screen| {
        let (rows, columns) = screen.size();
        screen.rows(0, columns.get()).nth(usize::from(rows.get() - 1 - row)).unwrap_or_default()
    })
}

/// User and system time; clock ticks are a hundredth of a second on every Linux that Rust's standard library knows.
pub(crate) fn cpu_seconds(pid: u32) -> Option<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = |index: usize| fields.get(index)?.parse::<f64>().ok();
    Some((ticks(11)? + ticks(12)?) / 100.0)
}

/// A field of `/proc/PID/status` that is in kB, such as `VmRSS:`.
pub(crate) fn megabytes(pid: u32, field: &str) -> Option<f64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with(field))?;
    Some(line.split_whitespace().nth(1)?.parse::<f64>().ok()? / 1024.0)
}

/// In milliseconds.
pub(crate) fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

/// Prints the median of some figures, with the least and the greatest.
pub(crate) fn report(name: &str, unit: &str, figures: &mut [f64]) {
    figures.sort_by(f64::total_cmp);
    let (first, last) = (figures[0], figures[figures.len() - 1]);
    println!(
        "{name:<19} {:8.1} {unit} (median of {}; {first:.1} to {last:.1})",
        figures[figures.len() / 2],
        figures.len()
    );
}

/// The value below which `percent` of the sorted figures lie.
pub(crate) fn percentile(sorted: &[f64], percent: usize) -> f64 {
    sorted[((sorted.len() * percent).div_ceil(100)).clamp(1, sorted.len()) - 1]
}
