//! Manual changes of a cluster, tuning and drills, against an API server: the sandbox's, whose validation, versions and managed
//! fields are those of Kubernetes.

#![expect(clippy::unwrap_used, reason = "a test may end at the first surprise")]

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use cluster::connect::{ConnectFlags, load};
use dashboard::message::Event;
use dashboard::reported::{Drill, DrillEvent, DrillRequest, ScaledKind, ScaledWorkload};
use k8s_openapi::api::apps::v1::StatefulSet;
use kube::{Api, Client};
use testkit::pty::Pty;
use tui::source::drill::Drills;

const NAMESPACE: &str = "autoscaling-demo";

/// `surge sandbox` that is ready, and a client for it.
struct Sandbox {
    child: Child,
    client: Client,
    kubeconfig: std::path::PathBuf,
    place: tempfile::TempDir,
}

impl Sandbox {
    async fn start() -> Self {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().to_str().unwrap();
        let kubeconfig = place.path().join("config");
        let mut child = Command::new(env!("CARGO_BIN_EXE_surge"))
            .args(["sandbox", "--sync-period", "1s", "--kubeconfig"])
            .arg(&kubeconfig)
            .envs([("XDG_RUNTIME_DIR", folder), ("TMPDIR", folder), ("HOME", folder), ("KUBECONFIG", "")])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let flags = ConnectFlags { kubeconfig: Some(kubeconfig.clone()), context: None };
        let client = load(&flags).await.unwrap().client;
        Self { child, client, kubeconfig, place }
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _status = self.child.wait();
    }
}

#[tokio::test]
async fn a_change_is_tried_applied_and_undone() {
    let sandbox = Sandbox::start().await;
    let place = crate::scenarios::tuning::Place::new(sandbox.client.clone(), NAMESPACE);
    crate::scenarios::tuning::a_change_is_tried_applied_and_undone(&place).await;
}

#[tokio::test]
async fn an_invalid_or_conflicting_change_is_refused() {
    let sandbox = Sandbox::start().await;
    let place = crate::scenarios::tuning::Place::new(sandbox.client.clone(), NAMESPACE);
    crate::scenarios::tuning::an_invalid_or_conflicting_change_is_refused(&place).await;
}

async fn seen(drills: &Drills) -> Vec<(Drill, Result<ScaledWorkload, String>)> {
    match drills.carry_out(DrillRequest::Find).await {
        Event::Drill(DrillEvent::Found(seen)) => seen,
        other => panic!("what there is: {other:?}"),
    }
}

/// Replicas in the spec of the broker's StatefulSet.
async fn brokers(client: &Client) -> i32 {
    let api: Api<StatefulSet> = Api::namespaced(client.clone(), NAMESPACE);
    api.get_scale("rabbitmq").await.unwrap().spec.unwrap().replicas.unwrap_or_default()
}

#[tokio::test]
async fn a_drill_stops_the_broker_and_the_end_restores_it() {
    let sandbox = Sandbox::start().await;
    let drills = Drills::new(sandbox.client.clone(), NAMESPACE.to_owned());
    let found = seen(&drills).await;
    let [(Drill::Exporter, Err(why)), (Drill::Prometheus, Ok(prometheus)), (Drill::Broker, Ok(broker))] =
        found.as_slice()
    else {
        panic!("{found:?}")
    };
    assert!(why.contains("the broker's own plugin is scraped"), "{why}");
    assert_eq!((prometheus.namespace.as_str(), prometheus.replicas), ("monitoring", 1));
    assert_eq!(
        (broker.kind, broker.name.as_str(), broker.replicas),
        (ScaledKind::StatefulSet, "rabbitmq", 1)
    );

    for (drill, scaled) in [(Drill::Prometheus, prometheus), (Drill::Broker, broker)] {
        let answer = drills.carry_out(DrillRequest::Stop(drill, scaled.clone())).await;
        assert_eq!(answer, Event::Drill(DrillEvent::Stopped(drill, scaled.clone())));
    }
    assert_eq!(brokers(&sandbox.client).await, 0);
    let answer = drills.carry_out(DrillRequest::PutBack(Drill::Prometheus, prometheus.clone())).await;
    assert_eq!(answer, Event::Drill(DrillEvent::PutBack(Drill::Prometheus, prometheus.clone())));
    assert_eq!(drills.put_all_back().await, [""; 0]);
    assert_eq!(brokers(&sandbox.client).await, 1);
    // A restored part is left alone from then on.
    assert_eq!(drills.put_all_back().await, [""; 0]);
}

#[tokio::test]
async fn an_ending_dashboard_restores_its_drills() {
    let sandbox = Sandbox::start().await;
    let (folder, kubeconfig) = (sandbox.place.path().to_str().unwrap(), sandbox.kubeconfig.to_str().unwrap());
    let environment = [("HOME", folder), ("TMPDIR", folder), ("KUBECONFIG", kubeconfig)];
    let mut pty = Pty::spawn(env!("CARGO_BIN_EXE_surge"), &[], &environment, (160, 50)).unwrap();
    pty.wait_for("the cluster", |screen| screen.contains("● live"));
    pty.send("D").unwrap();
    pty.wait_for("what there is to stop", |screen| screen.contains("StatefulSet rabbitmq, 1"));
    // Down to the last one, the broker.
    pty.send("jj\r").unwrap();
    pty.wait_for("the question", |screen| screen.contains("Stop it?"));
    pty.send("y").unwrap();
    pty.wait_for("the reminder", |screen| screen.contains("broker off"));
    assert_eq!(brokers(&sandbox.client).await, 0);
    pty.send("q").unwrap();
    assert_eq!(pty.exit_code(), 0);
    assert_eq!(brokers(&sandbox.client).await, 1);
}
