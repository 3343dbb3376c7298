//! The faults that `tests/cluster/` tries on a real Kubernetes, on the sandbox, which needs only this machine: a proxy that
//! fails on demand sits before the sandbox's API server.

#![expect(clippy::unwrap_used, reason = "a test may end at the first surprise")]

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use crate::scenarios::dashboard::SURGE;
use crate::scenarios::site::Site;
use crate::scenarios::{clock, metric, objects, restarts, tunnels, watching};
use k8s_openapi::api::core::v1::Pod;
use rustix::process::{Pid, Signal, kill_process};

/// `surge sandbox` with short intervals; dropping the value ends it.
struct Sandbox {
    child: Child,
    site: Site,
    _folder: tempfile::TempDir,
}

impl Sandbox {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let kubeconfig = folder.path().join("config");
        let place = folder.path().to_str().unwrap();
        let mut child = Command::new(SURGE)
            .args(["sandbox", "--kubeconfig", kubeconfig.to_str().unwrap()])
            .args(["--sync-period", "1s", "--scale-down-window", "3s", "--work-duration", "400ms"])
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
        site.wait_for_rest();
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

#[test]
fn ended_watches_come_back() {
    watching::ended_watches_come_back(&Sandbox::start().site);
}

#[test]
fn a_watch_resumes_from_its_bookmark() {
    watching::a_watch_resumes_from_its_bookmark(&Sandbox::start().site);
}

#[test]
fn a_lost_failing_or_slow_server_is_survived() {
    let sandbox = Sandbox::start();
    watching::nothing_is_asked_for_twice(&sandbox.site);
    watching::a_lost_server_is_awaited(&sandbox.site);
    watching::a_failing_server_is_quoted_and_polled_less(&sandbox.site);
    watching::a_slow_server_is_borne(&sandbox.site);
}

#[test]
fn a_silent_server_or_network_is_noticed() {
    let sandbox = Sandbox::start();
    watching::a_hanging_server_differs_from_an_idle_one(&sandbox.site);
    watching::silently_dead_connections_are_replaced(&sandbox.site);
}

#[test]
fn pods_behind_tunnels_come_and_go() {
    let sandbox = Sandbox::start();
    tunnels::a_producer_that_goes_is_replaced(&sandbox.site);
    tunnels::cut_tunnels_are_opened_again(&sandbox.site);
    tunnels::a_burst_waits_for_a_ready_producer(&sandbox.site);
    tunnels::two_producers_share_a_burst(&sandbox.site);
    tunnels::a_pod_that_is_not_ready_gets_nothing(&sandbox.site);
}

/// The sandbox names a container by its process: `process://PID`.
fn end_process(_site: &Site, pod: &Pod) {
    let status = &pod.status.as_ref().unwrap().container_statuses.as_ref().unwrap()[0];
    let id = status.container_id.as_ref().unwrap().strip_prefix("process://").unwrap();
    let pid = Pid::from_raw(id.parse().unwrap()).unwrap();
    kill_process(pid, Signal::TERM).unwrap();
}

#[test]
fn restarted_programs_are_reconnected() {
    let sandbox = Sandbox::start();
    restarts::a_restarted_producer_is_reached(&sandbox.site, end_process);
    restarts::a_restarted_worker_keeps_its_lane(&sandbox.site, end_process);
    restarts::a_restarted_broker_is_polled(&sandbox.site, end_process);
}

#[test]
fn objects_and_the_metric_come_and_go() {
    let sandbox = Sandbox::start();
    metric::each_metric_failure_is_shown_as_such(&sandbox.site);
    objects::a_recreated_hpa_is_watched(&sandbox.site);
    objects::a_recreated_namespace_is_watched(&sandbox.site);
}

#[test]
#[cfg_attr(not(debug_assertions), ignore = "only debug builds take a wrong clock on demand")]
fn a_wrong_clock_shifts_no_stage() {
    clock::a_wrong_clock_shifts_no_stage(&Sandbox::start().site);
}
