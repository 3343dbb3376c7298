//! Compares events, phases, conditions and numbers of one scenario with those of a real Kubernetes.

use std::collections::BTreeSet;
use std::time::Duration;

use kube::ResourceExt as _;
use kube::api::{Api, DeleteParams, DynamicObject, ListParams, Patch, PatchParams};
use kube::core::{ApiResource, GroupVersionKind};
use sandbox::{Argv, WorkloadKind};
use serde_json::{Value, json};
use testkit::wait;

use crate::rig::{Rig, config};

const NAMESPACE: &str = "golden";
/// Time limit of the scenario, which has restarts with back-off.
const TIMEOUT: Duration = Duration::from_secs(90);

/// Prefix of facts that appear later: a slow machine may see them, and the test does not wait for them.
const LATER: &str = "later ";

#[tokio::test(flavor = "multi_thread")]
async fn the_sandbox_equals_a_real_cluster() {
    let lines = include_str!("../golden/kubernetes-1.34.txt").lines();
    let (later, golden): (BTreeSet<&str>, BTreeSet<&str>) = lines
        .filter(|line| !line.starts_with('#') && !line.is_empty())
        .partition(|line| line.starts_with(LATER));
    let mut config = config();
    config.images.insert("surge.local/debian:12".to_owned(), Argv::new("/bin/sh", [] as [&str; 0]).into());
    config.autoscaling.sync_period = Duration::from_millis(300);
    let rig = Rig::start(config).await;
    let objects = sandbox::parse_manifests(include_str!("../golden/scenario.yaml")).unwrap();
    rig.sandbox.apply(NAMESPACE, &objects).await.unwrap();
    let workload = |kind, name: &str| sandbox::Workload {
        kind,
        namespace: NAMESPACE.to_owned(),
        name: name.to_owned(),
        title: name.to_owned(),
    };
    let web = workload(WorkloadKind::Deployment, "web");
    let db = workload(WorkloadKind::StatefulSet, "db");
    rig.sandbox.ready(&[web.clone(), db], wait::DEADLINE).await.unwrap();

    let deployments = api(&rig, "apps", "Deployment");
    for change in [
        json!({"spec": {"replicas": 1}}),
        json!({"spec": {"template": {"spec": {"containers": [{"name": "web", "env": [{"name": "X", "value": "Y"}]}]}}}}),
    ] {
        deployments.patch("web", &PatchParams::default(), &Patch::Strategic(change)).await.unwrap();
        rig.sandbox.ready(std::slice::from_ref(&web), wait::DEADLINE).await.unwrap();
        let pods = api(&rig, "", "Pod");
        wait::until("one pod of web", || async {
            let pods = pods.list(&ListParams::default().labels("app=web")).await.unwrap().items;
            (pods.len() == 1).then_some(())
        })
        .await;
    }
    api(&rig, "", "Pod").delete("db-1", &DeleteParams::default()).await.unwrap();

    let matches = |golden: &str, ours: &str| match golden.strip_suffix('*') {
        Some(beginning) => ours.starts_with(beginning),
        None => golden == ours,
    };
    // Intermediate facts may appear; the final facts must be the golden ones.
    let last = std::sync::Mutex::new((Vec::new(), Vec::new()));
    let settled = wait::until_within(2 * TIMEOUT, "the same as on a real cluster", || async {
        let ours = facts(&rig).await;
        let missing: Vec<String> = golden
            .iter()
            .filter(|golden| !ours.iter().any(|ours| matches(golden, ours)))
            .map(|line| (*line).to_owned())
            .collect();
        let is_allowed = |ours: &str| {
            let later = later.iter().filter_map(|line| line.strip_prefix(LATER));
            golden.iter().copied().chain(later).any(|golden| matches(golden, ours))
        };
        let more: Vec<String> = ours.into_iter().filter(|ours| !is_allowed(ours)).collect();
        let done = missing.is_empty() && more.is_empty();
        *last.lock().unwrap() = (missing, more);
        done.then_some(())
    });
    let settled = tokio::time::timeout(TIMEOUT, settled).await;
    let (missing, more) = last.into_inner().unwrap();
    assert!(
        settled.is_ok(),
        "only a real cluster has:\n{}\n\nonly the sandbox has:\n{}",
        missing.join("\n"),
        more.join("\n")
    );
}

fn api(rig: &Rig, group: &str, kind: &str) -> Api<DynamicObject> {
    let version = if group == "autoscaling" { "v2" } else { "v1" };
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind));
    Api::namespaced_with(rig.client.clone(), NAMESPACE, &resource)
}

async fn list(rig: &Rig, group: &str, kind: &str) -> Vec<DynamicObject> {
    api(rig, group, kind).list(&ListParams::default()).await.unwrap().items
}

async fn facts(rig: &Rig) -> BTreeSet<String> {
    let mut facts = BTreeSet::new();
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    for event in list(rig, "", "Event").await {
        let (data, about) = (&event.data, &event.data["involvedObject"]);
        let part = about["fieldPath"].as_str().unwrap_or_default();
        facts.insert(format!(
            "event {} {} {part} {} {} {}: {}",
            text(&about["kind"]),
            text(&about["name"]),
            text(&data["type"]),
            text(&data["reason"]),
            text(&data["reportingComponent"]),
            text(&data["message"]),
        ));
    }
    for (short, group, kind) in [
        ("pod", "", "Pod"),
        ("deploy", "apps", "Deployment"),
        ("hpa", "autoscaling", "HorizontalPodAutoscaler"),
    ] {
        for object in list(rig, group, kind).await {
            let name = object.name_any();
            let status = &object.data["status"];
            if kind == "Pod" {
                facts.insert(format!("pod {name} phase {}", text(&status["phase"])));
            }
            for condition in status["conditions"].as_array().into_iter().flatten() {
                let mut line = format!(
                    "{short} {name} condition {} {}",
                    text(&condition["type"]),
                    text(&condition["status"])
                );
                for more in ["reason", "message"] {
                    if let Some(more) = condition[more].as_str() {
                        line.push(' ');
                        line.push_str(more);
                    }
                }
                facts.insert(line);
            }
        }
    }
    let numbers = |object: &DynamicObject, fields: &[&str]| {
        let status = &object.data["status"];
        fields.iter().map(|field| format!("{field}={}", status[field])).collect::<Vec<_>>().join(" ")
    };
    for object in list(rig, "apps", "StatefulSet").await {
        let fields = [
            "availableReplicas",
            "currentReplicas",
            "observedGeneration",
            "readyReplicas",
            "replicas",
            "updatedReplicas",
        ];
        facts.insert(format!("sts {} status {}", object.name_any(), numbers(&object, &fields)));
    }
    for object in list(rig, "apps", "Deployment").await {
        let fields =
            ["availableReplicas", "observedGeneration", "readyReplicas", "replicas", "updatedReplicas"];
        facts.insert(format!("deploy {} status {}", object.name_any(), numbers(&object, &fields)));
    }
    facts.iter().map(|line| normalize(line)).collect()
}

/// Replaces the parts of a line that change from run to run.
fn normalize(line: &str) -> String {
    let rules = [
        (r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "UID"),
        (r"10\.\d+\.\d+\.\d+", "IP"),
        (r"\bweb-[a-z0-9]{6,10}-[a-z0-9]{5}\b", "web-HASH-POD"),
        (r"\bweb-[a-z0-9]{6,10}\b", "web-HASH"),
        (r"\bsurge$", "NODE"),
    ];
    rules.iter().fold(line.to_owned(), |line, (pattern, word)| {
        regex::Regex::new(pattern).unwrap().replace_all(&line, *word).into_owned()
    })
}
