//! The command: exit codes, the examined HPA, and the cluster of the fixes.

use std::process::Command;

use serde_json::json;

use crate::doctor::sandbox::{SURGE, Sandbox, doctor};

#[tokio::test]
async fn missing_objects_and_unknown_users() {
    let sandbox = Sandbox::start().await;

    let (code, report) = sandbox.doctor(&["--namespace", "nowhere"]);
    assert_eq!((code, &report["fix"]["check"]), (Some(1), &json!("namespace")), "{report:#}");
    let (code, report) = sandbox.doctor(&["--hpa", "another"]);
    assert_eq!((code, &report["fix"]["check"]), (Some(1), &json!("hpa")), "{report:#}");
    assert!(report["fix"]["text"].as_str().unwrap().contains("--hpa worker-scaler"), "{report:#}");

    // The fix names the cluster too.
    let kubeconfig = sandbox.kubeconfig();
    let (_, report) = sandbox.doctor(&["--hpa", "another", "--kubeconfig", kubeconfig.to_str().unwrap()]);
    let fix = report["fix"]["text"].as_str().unwrap();
    assert!(fix.ends_with(&format!(" --kubeconfig {}", kubeconfig.display())), "{fix}");

    // An unknown token.
    let text = std::fs::read_to_string(sandbox.kubeconfig()).unwrap();
    let stranger: String = text
        .lines()
        .map(|line| match line.split_once("token:") {
            Some((before, _)) => format!("{before}token: stranger\n"),
            None => format!("{line}\n"),
        })
        .collect();
    assert_ne!(stranger, text);
    let path = sandbox.folder.path().join("stranger");
    std::fs::write(&path, stranger).unwrap();
    let (code, report) = doctor(&path, &[]);
    assert_eq!((code, &report["fix"]["check"]), (Some(1), &json!("api-server")), "{report:#}");
}

#[test]
fn a_missing_cluster_is_unreachable() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config");
    assert_eq!(doctor(&path, &[]).0, Some(3), "there is no kubeconfig");
    // A port without a listener.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let config = json!({"apiVersion": "v1", "kind": "Config", "current-context": "c",
        "clusters": [{"name": "c", "cluster": {"server": format!("https://127.0.0.1:{port}")}}],
        "users": [{"name": "u", "user": {"token": "t"}}],
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}]});
    std::fs::write(&path, config.to_string()).unwrap();
    let (code, report) = doctor(&path, &[]);
    assert_eq!((code, &report["reachable"]), (Some(3), &json!(false)), "{report:#}");
}

#[test]
fn invalid_arguments_are_refused() {
    let run = |arguments: &[&str]| Command::new(SURGE).arg("doctor").args(arguments).output().unwrap();
    for wrong in [&["--output", "xml"][..], &["--prometheus", "here"], &["--nonsense"]] {
        assert_eq!(run(wrong).status.code(), Some(2), "{wrong:?}");
    }
}

#[test]
fn a_dry_run_prints_requests() {
    let output = Command::new(SURGE)
        .args(["doctor", "--dry-run", "--context", "far", "--namespace", "demo", "--hpa", "scaler"])
        .env("KUBECONFIG", "/nowhere")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    for expected in [
        "kubectl get --raw /apis/autoscaling/v2/namespaces/demo/horizontalpodautoscalers/scaler --context far\n",
        "#   GET /api/queues of demo/rabbitmq:15672\n",
    ] {
        assert!(text.contains(expected), "{expected:?} is not in {text}");
    }
}
