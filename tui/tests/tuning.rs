//! What changes a cluster by hand, tuning and drills, against an API server: the sandbox's, whose validation, versions and
//! managed fields are those of Kubernetes.

#![cfg(feature = "sandbox")]
#![expect(clippy::unwrap_used, reason = "a test may end at the first surprise")]

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use hpa::spec::Direction;
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use kube::api::{Patch, PatchParams};
use kube::{Api, Client};
use serde_json::json;
use testkit::pty::Pty;
use tui::event::{
    Applied, Change, Drill, DrillEvent, DrillRequest, Edit, Event, Refusal, Scaled, ScaledKind, TargetKind,
    TuneEvent, TuneRequest,
};
use tui::source::cluster::{Flags, load};
use tui::source::drill::Drills;
use tui::source::tune::carry_out;

const NAMESPACE: &str = "autoscaling-demo";
const HPA: &str = "worker-scaler";

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
        let flags = Flags { kubeconfig: Some(kubeconfig.clone()), context: None };
        let client = load(&flags).await.unwrap().client;
        Self { child, client, kubeconfig, place }
    }

    fn api(&self) -> Api<HorizontalPodAutoscaler> {
        Api::namespaced(self.client.clone(), NAMESPACE)
    }

    async fn object(&self) -> HorizontalPodAutoscaler {
        self.api().get(HPA).await.unwrap()
    }

    async fn spec(&self) -> hpa::Spec {
        let mut spec = hpa::Spec::try_from(&self.object().await.spec.unwrap()).unwrap();
        hpa::defaults::default_spec(&mut spec);
        spec
    }

    /// Somebody else changes the specification.
    async fn somebody(&self, spec: serde_json::Value) {
        let patch = Patch::Merge(json!({"spec": spec}));
        self.api().patch(HPA, &PatchParams::default(), &patch).await.unwrap();
    }

    async fn ask(&self, request: TuneRequest) -> TuneEvent {
        match carry_out(self.client.clone(), NAMESPACE.to_owned(), HPA.to_owned(), request).await {
            Event::Tune(answer) => answer,
            other => panic!("an answer: {other:?}"),
        }
    }

    async fn apply(&self, seen: hpa::Spec, edits: Vec<Edit>) -> Result<Applied, Refusal> {
        let change = Change { number: 7, seen: Box::new(seen), edits };
        match self.ask(TuneRequest::Apply(change)).await {
            TuneEvent::Applied { number: 7, result } => result,
            other => panic!("the answer to an application: {other:?}"),
        }
    }

    async fn undo(&self, applied: Applied) -> Result<Vec<tui::event::Difference>, Refusal> {
        let (forward, back) = (applied.forward, applied.back);
        match self.ask(TuneRequest::Undo { number: 9, forward, back }).await {
            TuneEvent::Undone { number: 9, result } => result,
            other => panic!("the answer to taking back: {other:?}"),
        }
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _status = self.child.wait();
    }
}

#[tokio::test]
async fn a_change_is_tried_made_and_taken_back() {
    let sandbox = Sandbox::start().await;
    assert_eq!(sandbox.ask(TuneRequest::Rights).await, TuneEvent::Rights(Ok(())));
    let before = sandbox.object().await;
    let seen = sandbox.spec().await;
    let edits = vec![
        Edit::Max(7),
        Edit::Target { metric: 0, kind: TargetKind::Value, quantity: "40".to_owned() },
        Edit::Window { direction: Direction::Up, seconds: Some(30) },
    ];

    let change = Change { number: 3, seen: Box::new(seen.clone()), edits: edits.clone() };
    let TuneEvent::Tried { number: 3, result: Ok(tried) } = sandbox.ask(TuneRequest::Try(change)).await
    else {
        panic!("a dry run")
    };
    let paths: Vec<&str> = tried.iter().map(|difference| difference.path.as_str()).collect();
    assert!(paths.contains(&"spec.maxReplicas"), "{paths:?}");
    assert!(paths.contains(&"spec.metrics[0].external.target.type"), "{paths:?}");
    assert!(paths.contains(&"spec.behavior.scaleUp.stabilizationWindowSeconds"), "{paths:?}");
    assert_eq!(sandbox.spec().await, seen, "a dry run stores nothing");

    let applied = sandbox.apply(seen.clone(), edits).await.unwrap();
    assert_eq!(applied.differences, tried, "what was made is what was shown");
    let now = sandbox.object().await;
    assert_eq!(now.spec.as_ref().unwrap().max_replicas, 7);
    assert_eq!(now.metadata.labels, before.metadata.labels);
    assert_eq!(now.metadata.annotations, before.metadata.annotations);
    let managers: Vec<String> = now
        .metadata
        .managed_fields
        .unwrap_or_default()
        .into_iter()
        .filter_map(|entry| entry.manager)
        .collect();
    assert!(managers.contains(&"surge".to_owned()), "{managers:?}");

    let undone = sandbox.undo(applied).await.unwrap();
    assert_eq!(undone.len(), tried.len());
    assert_eq!(sandbox.object().await.spec, before.spec, "to the field");
}

#[tokio::test]
async fn what_is_not_valid_or_not_as_it_was_seen_is_not_made() {
    let sandbox = Sandbox::start().await;
    let seen = sandbox.spec().await;

    let refusal = sandbox.apply(seen.clone(), vec![Edit::Max(0)]).await.unwrap_err();
    let Refusal::Invalid(words) = refusal else { panic!("the server's words: {refusal:?}") };
    assert!(words.contains("spec.maxReplicas: Invalid value: 0: must be greater than 0"), "{words}");

    // Somebody is faster: nothing of theirs is lost, and what they did is told.
    sandbox.somebody(json!({"minReplicas": 2})).await;
    let refusal = sandbox.apply(seen, vec![Edit::Max(6)]).await.unwrap_err();
    let Refusal::Conflict { theirs, now } = refusal else { panic!("a conflict: {refusal:?}") };
    let told: Vec<_> = theirs.iter().map(|d| (d.path.as_str(), d.after.as_deref())).collect();
    assert_eq!(told, [("spec.minReplicas", Some("2"))]);
    assert_eq!(*now, sandbox.spec().await);

    // On what is there now it goes through, and is not taken back over somebody's newer word.
    let applied = sandbox.apply(*now, vec![Edit::Max(6)]).await.unwrap();
    sandbox.somebody(json!({"maxReplicas": 9})).await;
    let refusal = sandbox.undo(applied.clone()).await.unwrap_err();
    let Refusal::Conflict { theirs, .. } = refusal else { panic!("a conflict: {refusal:?}") };
    let told: Vec<_> =
        theirs.iter().map(|d| (d.path.as_str(), d.before.as_deref(), d.after.as_deref())).collect();
    assert_eq!(told, [("spec.maxReplicas", Some("6"), Some("9"))]);
    assert_eq!(sandbox.spec().await.max_replicas, 9);

    // A change elsewhere does not stand in the way.
    sandbox.somebody(json!({"maxReplicas": 6, "minReplicas": 1})).await;
    sandbox.undo(applied).await.unwrap();
    let spec = sandbox.spec().await;
    assert_eq!((spec.max_replicas, spec.min()), (10, 1));
}

async fn seen(drills: &Drills) -> Vec<(Drill, Result<Scaled, String>)> {
    match drills.carry_out(DrillRequest::Look).await {
        Event::Drill(DrillEvent::Seen(seen)) => seen,
        other => panic!("what there is: {other:?}"),
    }
}

/// Replicas of the broker, as its StatefulSet asks for them.
async fn brokers(client: &Client) -> i32 {
    let api: Api<StatefulSet> = Api::namespaced(client.clone(), NAMESPACE);
    api.get_scale("rabbitmq").await.unwrap().spec.unwrap().replicas.unwrap_or_default()
}

#[tokio::test]
async fn a_drill_stops_the_broker_and_the_end_puts_it_back() {
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
    // What is put back already is left alone from then on.
    assert_eq!(drills.put_all_back().await, [""; 0]);
}

#[tokio::test]
async fn a_dashboard_that_ends_puts_back_what_it_stopped() {
    let sandbox = Sandbox::start().await;
    let (folder, kubeconfig) = (sandbox.place.path().to_str().unwrap(), sandbox.kubeconfig.to_str().unwrap());
    let environment = [("HOME", folder), ("TMPDIR", folder), ("KUBECONFIG", kubeconfig)];
    let mut pty = Pty::spawn(env!("CARGO_BIN_EXE_surge"), &[], &environment, (160, 50)).unwrap();
    pty.wait_for("the cluster", |screen| screen.contains("● live"));
    pty.send("D").unwrap();
    pty.wait_for("what there is to stop", |screen| screen.contains("StatefulSet rabbitmq, 1"));
    // Down twice, to the broker.
    pty.send("jj\r").unwrap();
    pty.wait_for("the question", |screen| screen.contains("Stop it?"));
    pty.send("y").unwrap();
    pty.wait_for("the reminder", |screen| screen.contains("broker stopped"));
    assert_eq!(brokers(&sandbox.client).await, 0);
    pty.send("q").unwrap();
    assert_eq!(pty.exit_code(), 0);
    assert_eq!(brokers(&sandbox.client).await, 1);
}
