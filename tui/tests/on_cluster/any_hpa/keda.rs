//! HPAs that KEDA makes, for triggers of three types.

use serde_json::{Value, json};

use super::objects::{self, NAMESPACE};
use super::{API, Shell, agrees_with_kubectl, apply, is_right, observe};
use crate::on_cluster::handles;

/// The syncs of KEDA's HPAs that are compared at least.
const SYNCS: usize = 40;

/// Seconds between two bursts into the demo's queue.
const BURST_EVERY: u32 = 90;

#[test]
#[ignore = "needs a cluster with KEDA"]
fn hpas_of_keda_are_reconstructed_and_predicted() {
    let shell = Shell::found();
    let owner = shell.run(&format!(
        "kubectl get apiservice {API} --ignore-not-found -o 'jsonpath={{.spec.service.name}}'"
    ));
    assert!(owner.contains("keda"), "not run: it needs KEDA, and {API} is served by {owner:?}");
    let image = handles::perl_image();

    let _namespace = shell.namespace(NAMESPACE);
    let demo = &shell.run("kubectl get scaledobject worker-scaler -n NS -o json");
    let demo: Value = serde_json::from_str(demo).unwrap();
    let triggers = [
        ("cron", cron()),
        ("prometheus", prometheus(&shell)),
        ("rabbitmq", demo["spec"]["triggers"][0].clone()),
    ];
    let login = &triggers[2].1["authenticationRef"]["name"];
    copy_login(&shell, login.as_str().unwrap());
    for (name, trigger) in &triggers {
        apply(&shell, &objects::idle(name, &image));
        apply(&shell, &scaled_object(name, trigger));
    }
    let names: Vec<String> = triggers.iter().map(|(name, _)| format!("keda-hpa-{name}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut seconds = 0;
    let producer = format!("{}:{}", contract::names::PRODUCER, contract::names::PRODUCER_HTTP.name);
    let tally = observe(&names, SYNCS, || {
        if seconds % BURST_EVERY == 0 {
            let path = format!("services/{producer}/proxy{}?count=60", contract::routes::GENERATE);
            let namespace = &shell.namespace;
            shell.run(&format!("kubectl get --raw '/api/v1/namespaces/{namespace}/{path}'"));
        }
        seconds += 1;
    });
    agrees_with_kubectl(&shell, &names);
    // KEDA's finalizer keeps the namespace until its operator has seen the deletion.
    shell.run(&format!("kubectl delete scaledobjects --all -n {NAMESPACE} --timeout=120s"));
    is_right(&tally, SYNCS);
}

/// On for two minutes, then off for two.
fn cron() -> Value {
    let every_four = |first: u32| {
        let minutes: Vec<String> = (first..60).step_by(4).map(|minute| minute.to_string()).collect();
        format!("{} * * * *", minutes.join(","))
    };
    json!({"type": "cron", "metadata": {"timezone": "Etc/UTC", "start": every_four(0), "end": every_four(2),
        "desiredReplicas": "3"}})
}

/// A wave of two minutes that Prometheus computes by itself.
fn prometheus(shell: &Shell) -> Value {
    let found = shell.run(
        "kubectl get service -A -l operated-prometheus=true -o 'jsonpath={.items[0].metadata.name}.{.items[0].metadata.namespace}'",
    );
    json!({"type": "prometheus", "metadata": {"serverAddress": format!("http://{found}.svc:9090"),
        "query": "30 + 30 * sin(vector(time() / 19))", "threshold": "15"}})
}

/// The demo's TriggerAuthentication and its Secret, in the namespace of the test.
fn copy_login(shell: &Shell, name: &str) {
    let text = shell.run(&format!("kubectl get triggerauthentication {name} -n NS -o json"));
    let login: Value = serde_json::from_str(&text).unwrap();
    let mut secrets: Vec<&str> = login["spec"]["secretTargetRef"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|entry| entry["name"].as_str())
        .collect();
    secrets.dedup();
    for secret in secrets {
        let text = shell.run(&format!("kubectl get secret {secret} -n NS -o json"));
        let found: Value = serde_json::from_str(&text).unwrap();
        apply(
            shell,
            &json!({"apiVersion": "v1", "kind": "Secret", "data": found["data"],
            "metadata": {"name": secret, "namespace": NAMESPACE}}),
        );
    }
    apply(
        shell,
        &json!({"apiVersion": login["apiVersion"], "kind": login["kind"], "spec": login["spec"],
        "metadata": {"name": name, "namespace": NAMESPACE}}),
    );
}

fn scaled_object(name: &str, trigger: &Value) -> Value {
    json!({"apiVersion": "keda.sh/v1alpha1", "kind": "ScaledObject", "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {"scaleTargetRef": {"name": name}, "minReplicaCount": 1, "maxReplicaCount": 4, "pollingInterval": 5,
            "advanced": {"horizontalPodAutoscalerConfig": {"behavior": {"scaleDown": {"stabilizationWindowSeconds": 10}}}},
            "triggers": [trigger]}})
}
