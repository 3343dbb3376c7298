//! The stopwatch against the truth: a burst on the sandbox, watched by the dashboard without a terminal and by an observer of the
//! test. Every step must be where the observer found it, within one poll interval.

#![expect(clippy::unwrap_used, reason = "a test may end at the first surprise")]

mod truth;

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use dashboard::bursts::burst::Burst;
use dashboard::bursts::job_outcomes::LostJobs;
use dashboard::bursts::stopwatch::{Provenance, Stage};
use dashboard::clock::At;
use dashboard::clock::Clock;
use dashboard::reported::Source;
use testkit::wait;
use truth::{Bound, Truth};
use tui::headless::{self, Dashboard};

/// A generous limit for the whole loop.
const LONG: Duration = Duration::from_secs(150);

/// The longest poll interval of the dashboard: once a second while nothing happens.
const POLL: Duration = Duration::from_secs(1);

/// Allowed distance of two readings of this machine's clocks: lines and samples have milliseconds, and a process may wait between
/// reading the clock and writing the line.
const EARLY: Duration = Duration::from_millis(30);

/// Jobs of the burst.
const JOBS: usize = 50;

/// `surge sandbox`, with short intervals.
struct Sandbox(Child);

impl Sandbox {
    fn start(folder: &Path) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_surge"))
            .args(["sandbox", "--kubeconfig", folder.join("config").to_str().unwrap()])
            .args([
                "--sync-period",
                "1s",
                "--scale-down-window",
                "3s",
                "--work-duration",
                "300ms",
                "--max",
                "3",
            ])
            .envs([("XDG_RUNTIME_DIR", folder), ("TMPDIR", folder), ("HOME", folder)])
            .env("KUBECONFIG", "")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        // It prints this once everything is ready, or ends.
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        assert!(line.starts_with("export KUBECONFIG="), "{line:?}");
        Self(child)
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        // Its reaper ends the pods with it.
        let _ended = self.0.kill();
        let _status = self.0.wait();
    }
}

/// Returns true if every source delivers, and the clock is compared.
fn is_settled(dashboard: &Dashboard) -> bool {
    dashboard.read(|model| {
        let delivers =
            |source| model.data.sources.get(source).is_some_and(|status| status.last_delivery.is_some());
        let asked = [
            Source::Hpa,
            Source::Workload,
            Source::Pods,
            Source::Broker,
            Source::Prometheus,
            Source::ExternalMetric,
        ];
        let ahead = model.data.offset.ahead(&model.data.day, model.data.now);
        asked.iter().all(delivers)
            && model.data.depth.is_some_and(|depth| depth.total() == 0)
            && model.data.sampling.followed().count() == 1
            && ahead.is_some_and(|(_, uncertain)| uncertain < Duration::from_millis(300))
    })
}

/// The fault of a step, if it has one: `rounding_error` is what this machine's lateness excuses.
fn fault(burst: &Burst, stage: Stage, bound: Bound, rounding_error: Duration) -> Option<String> {
    let Some(seen) = burst.watch.get(stage).seen() else {
        return Some(format!("{stage:?} has no time: {:?}", burst.watch.get(stage)));
    };
    let earliest = At(seen.at.0.saturating_sub(seen.uncertainty));
    let line = format!(
        "{stage:?}: seen at {:?} ± {:?} ({:?}), truth {bound:?}",
        seen.at, seen.uncertainty, seen.provenance
    );
    match () {
        // No step counts before it happened. A time from another process' clock has milliseconds.
        () if seen.at.0 + EARLY + sample_margin(seen.provenance, seen.uncertainty + rounding_error)
            < bound.after.0 =>
        {
            Some(format!("too early: {line}"))
        }
        () if earliest.0 > bound.by.0 + rounding_error => Some(format!("too late: {line}")),
        () if seen.uncertainty > POLL + rounding_error => Some(format!("too vague: {line}")),
        () if seen.caveat.is_some() => Some(format!("in doubt: {line}")),
        () => None,
    }
}

/// Only a time that was computed back from an age may be early: a sample has the time at which its scrape began, and a late
/// machine reads the queue after that.
fn sample_margin(how: Provenance, margin: Duration) -> Duration {
    if how == Provenance::Sample { margin } else { Duration::ZERO }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_step_lies_where_it_happened() {
    let folder = tempfile::tempdir().unwrap();
    let kubeconfig = folder.path().join("config");
    let sandbox = Sandbox::start(folder.path());
    let clock = Clock::start();
    let dashboard = Dashboard::start(headless::client(&kubeconfig).await.unwrap(), clock);
    dashboard.ready().await;
    let looks = async || is_settled(&dashboard).then_some(());
    wait::until_within(LONG, "the dashboard to read everything", looks).await;
    let truth = Truth::new(clock);
    truth.watch(&headless::client(&kubeconfig).await.unwrap()).await;

    let pressed_after = clock.now();
    dashboard.keys("3 ").await;
    let over = async || {
        let is_over = |burst: &Burst| burst.watch.is_over() && !burst.job_tracker.are_open();
        dashboard.read(|model| model.data.bursts.newest().is_some_and(is_over)).then_some(())
    };
    wait::until_within(LONG, "the burst to be over", over).await;
    let known =
        async || Stage::ALL[1..].iter().all(|stage| truth.bound(*stage, JOBS).is_some()).then_some(());
    wait::until_within(wait::DEADLINE, "the truth to be known", known).await;

    let burst = dashboard.read(|model| model.data.bursts.newest().unwrap().clone());
    // A quarter of a second for the hand-over between several processes, and the worst delay of this machine.
    let rounding_error = Duration::from_millis(250) + 4 * truth.lateness();
    assert!(burst.pressed >= pressed_after);
    let faults: Vec<String> = Stage::ALL[1..]
        .iter()
        .filter_map(|stage| fault(&burst, *stage, truth.bound(*stage, JOBS).unwrap(), rounding_error))
        .collect();
    assert!(faults.is_empty(), "rounding_error {rounding_error:?}\n{}", faults.join("\n"));

    // The objects' own seconds agree with the times of arrival.
    for stage in [Stage::Scheduled, Stage::Started, Stage::PodReady] {
        let seen = burst.watch.get(stage).seen().unwrap();
        let (own, margin) = seen.object_time.unwrap();
        let apart = own.0.abs_diff(seen.at.0);
        assert!(apart <= margin + rounding_error, "{stage:?}: {own:?} ± {margin:?}, seen at {:?}", seen.at);
    }
    // Everything is on one machine: its clock is not ahead of itself.
    let (ahead, uncertain) =
        dashboard.read(|model| model.data.offset.ahead(&model.data.day, model.data.now)).unwrap();
    assert!(ahead.abs() <= (uncertain + EARLY).as_secs_f64(), "{ahead} ± {uncertain:?}");

    assert_eq!((burst.accepted, burst.done(), burst.lost()), (50, 50, LostJobs::Jobs(0)));
    let (_, time) = burst.ended.unwrap();
    let time = time.since(&burst.pod_time_before());
    // Fifty jobs of 0.3 s. A worker's first job may start before the pod is known to be ready, and counts from there on.
    let least = Duration::from_secs(15).saturating_sub(3 * rounding_error);
    assert!(time.busy >= least && time.not_sampled.is_zero(), "{time:?}, rounding_error {rounding_error:?}");
    drop(sandbox);
}
