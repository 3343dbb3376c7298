//! Twin autoscalers: the same bursts, through real queues, on the cluster and on a sandbox on this machine.
//!
//! Each side gets a new HPA with the cluster's specification, so both start with an empty memory. Each burst is fired at the
//! same moment between two syncs. Then
//!
//! - `crates/hpa` must predict every sync of each side from that side's readings: size, conditions, messages, events;
//! - both sides must show the same result. A controller does not control what happens between two syncs. So the comparison leaves
//!   out how often a state repeats, and the sizes on the way down where a period works off more than one target of jobs.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test may end at the first surprise")]

mod record;
mod syncs;
mod twin;

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use hpa::recorded::{RecordedHpa, Recording, replay};
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscalerSpec;

use crate::on_cluster::handles;
use crate::scenarios::dashboard::SURGE;
use crate::scenarios::site::Site;
use record::{Side, follow};
use twin::Way;

/// `surge sandbox` with the cluster's period and work; dropping the value ends it.
struct Sandbox {
    child: Child,
    site: Site,
    _folder: tempfile::TempDir,
}

impl Sandbox {
    fn start(period: Duration, work: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let kubeconfig = folder.path().join("config");
        let place = folder.path().to_str().unwrap();
        let mut child = Command::new(SURGE)
            .args(["sandbox", "--kubeconfig", kubeconfig.to_str().unwrap()])
            .args(["--sync-period", &format!("{}s", period.as_secs()), "--work-duration", work])
            .envs([("XDG_RUNTIME_DIR", place), ("TMPDIR", place), ("HOME", place), ("KUBECONFIG", "")])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        assert!(line.starts_with("export "), "the sandbox said that it is ready: {line:?}");
        let site = Site::new(&kubeconfig, contract::names::NAMESPACE);
        Self { child, site, _folder: folder }
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        // Its reaper ends the pods when the sandbox is gone.
        let _ended = self.child.kill();
        let _status = self.child.wait();
    }
}

/// Duration of one job on the cluster.
fn work(site: &Site) -> String {
    let worker = site.run(site.deployments().get(contract::names::WORKER)).unwrap();
    let containers = worker.spec.and_then(|spec| spec.template.spec).map(|spec| spec.containers);
    let mut variables = containers.into_iter().flatten().filter_map(|container| container.env).flatten();
    let found = variables.find(|variable| variable.name == contract::settings::WORK_DURATION);
    found.and_then(|variable| variable.value).unwrap_or("5s".to_owned())
}

/// Asserts that every sync of a side is predicted.
fn predicted(side: &str, kubernetes: String, period: Duration, autoscaler: &RecordedHpa) {
    let recording = Recording {
        about: side.to_owned(),
        kubernetes,
        period_seconds: i64::try_from(period.as_secs()).unwrap(),
        autoscalers: vec![autoscaler.clone()],
    };
    let outcome = replay(&recording).unwrap();
    println!("{side}: {} syncs are as predicted: {:?}", outcome.agreed, outcome.kinds);
    println!("{side}: {}", twin::reported(autoscaler));
    assert!(
        outcome.differences.is_empty(),
        "{side}: {} syncs are as predicted, these are not:\n{}",
        outcome.agreed,
        outcome.differences.join("\n")
    );
}

/// Fires a burst of `jobs` on both sides and compares.
fn both(jobs: u32, way: Way) {
    let real = handles::demo();
    let period = handles::sync_period();
    let sandbox = Sandbox::start(period, &work(&real));
    sandbox.site.wait_for_rest();
    let spec: HorizontalPodAutoscalerSpec =
        real.run(real.hpas().get(contract::names::HPA)).unwrap().spec.unwrap();
    let side = |site: &Site| Side {
        client: site.client.clone(),
        namespace: site.namespace.clone(),
        spec: spec.clone(),
        period,
        jobs,
    };
    let on_the_cluster = real.spawn(follow(side(&real)));
    let ours = sandbox.site.run(follow(side(&sandbox.site)));
    let theirs = real.run(on_the_cluster).unwrap();
    let version = |site: &Site| site.run(site.client.apiserver_version()).unwrap().git_version;
    predicted("the cluster", version(&real), period, &theirs);
    predicted("the sandbox", version(&sandbox.site), period, &ours);
    let differences = twin::compare(&theirs, &ours, way);
    assert!(differences.is_empty(), "the sandbox does otherwise:\n{}", differences.join("\n"));
    real.wait_for_rest();
}

/// One more worker for a while. The readings leave one result, whatever the phase.
#[test]
#[ignore = "needs a cluster"]
fn a_burst_of_30_scales_both_autoscalers_alike() {
    both(30, Way::Same);
}

/// Limited by the policy on the way up. A period works off at most one target of jobs, so each size appears on the way down.
#[test]
#[ignore = "needs a cluster"]
fn a_burst_of_110_scales_both_autoscalers_alike() {
    both(110, Way::Same);
}

/// To the maximum; ten workers work off more than one target of jobs within a period.
#[test]
#[ignore = "needs a cluster"]
fn a_burst_of_400_scales_both_autoscalers_alike() {
    both(400, Way::DownAsRead);
}
