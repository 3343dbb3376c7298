//! Install, status and uninstall on an empty sandbox, with the real helm and the built-in chart.

#![cfg(feature = "sandbox")]
#![expect(clippy::unwrap_used, reason = "a test may end at the first surprise")]

mod helm_chart;
mod helm_stack;
#[expect(dead_code, reason = "the other target uses the rest")]
mod sandboxed;

use std::path::PathBuf;
use std::process::Command;

use sandboxed::{Said, Sandbox, generations, versions};

/// The sandbox's images.
const HERE: [&str; 10] = [
    "--skip-stack",
    "--yes",
    "--image",
    concat!("producer=surge.local/producer:", env!("CARGO_PKG_VERSION")),
    "--image",
    concat!("worker=surge.local/worker:", env!("CARGO_PKG_VERSION")),
    "--image",
    concat!("rabbitmq=surge.local/rabbitmq:", env!("CARGO_PKG_VERSION")),
    "--timeout",
    "120s",
];

const NEEDS: &str = "helm on PATH";

/// The real helm's folder, and nothing else.
fn path() -> PathBuf {
    let paths = std::env::var_os("PATH").unwrap();
    let found = std::env::split_paths(&paths).find(|folder| folder.join("helm").is_file());
    found.unwrap_or_else(|| panic!("this test needs {NEEDS}"))
}

fn up(sandbox: &Sandbox, more: &[&str]) -> Command {
    sandbox.surge(&path(), &[&["up"], &HERE[..], more].concat())
}

#[tokio::test]
#[ignore = "needs helm on PATH"]
async fn up_twice_status_and_down() {
    let sandbox = Sandbox::empty();
    let client = sandbox.client().await;
    let before = versions(&client).await;

    let first = Said::by(&mut up(&sandbox, &[])).fine();
    assert!(first.out.contains("rabbitmq_queue_length answers: 0"), "{}", first.out);
    assert!(first.out.contains("next: surge\n      surge doctor\n"), "{}", first.out);
    let (objects, workloads) = (versions(&client).await, generations(&client, "autoscaling-demo").await);
    assert!(objects.len() > before.len() + 8, "{objects:?}");

    let second = Said::by(&mut up(&sandbox, &[])).fine();
    assert!(second.out.contains("0 created, 0 changed, "), "{}", second.out);
    assert_eq!(versions(&client).await, objects);
    assert_eq!(generations(&client, "autoscaling-demo").await, workloads);

    // Until the autoscaler has read the metric, its line is no success.
    testkit::wait::until_blocking("the autoscaler to have read the metric", || {
        let status = Said::by(&mut sandbox.surge(&path(), &["status"]));
        (status.code == Some(0)).then_some(())
    });
    let status = Said::by(&mut sandbox.surge(&path(), &["status"])).fine();
    assert_eq!(status.out.lines().count(), 11, "{}", status.out);
    assert!(status.out.contains("ok hpa         0/20 (avg), replicas 1"), "{}", status.out);
    let json = Said::by(&mut sandbox.surge(&path(), &["status", "--output", "json"])).fine();
    let json: serde_json::Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!((&json["fine"], json["lines"].as_array().unwrap().len()), (&true.into(), 10));

    Said::by(&mut sandbox.surge(&path(), &["down", "--yes", "--namespaces"])).fine();
    assert_eq!(versions(&client).await, before, "the state from before the install");
    let status = Said::by(&mut sandbox.surge(&path(), &["status"]));
    assert_eq!(status.code, Some(1), "{}", status.out);
    let nothing = Said::by(&mut sandbox.surge(&path(), &["down", "--yes"])).fine();
    assert!(nothing.out.contains("surge up installed nothing here"), "{}", nothing.out);
}

/// A chart of one object, named like an upstream chart.
fn stub(sandbox: &Sandbox, name: &str, data: &str) -> String {
    let folder = sandbox.path().join(name);
    std::fs::create_dir_all(folder.join("templates")).unwrap();
    std::fs::write(folder.join("Chart.yaml"), format!("apiVersion: v2\nname: {name}\nversion: 1.2.3\n"))
        .unwrap();
    let object = format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\n{data}");
    std::fs::write(folder.join("templates/stub.yaml"), object).unwrap();
    folder.to_str().unwrap().to_owned()
}

/// The adapter's rules, as its chart makes them from its values.
const RULES: &str = "{{- with .Values.rules }}
data:
  config.yaml: |
    externalRules:
    {{- toYaml .external | nindent 4 }}
{{- end }}
";

#[tokio::test]
#[ignore = "needs helm on PATH"]
async fn the_stack_is_installed_kept_and_removed() {
    let sandbox = Sandbox::empty();
    let client = sandbox.client().await;
    let before = versions(&client).await;
    let operator = stub(&sandbox, "kube-prometheus-stack", "");
    let adapter = stub(&sandbox, "prometheus-adapter", RULES);
    // The sandbox serves external metrics itself: as if an earlier `surge up` had installed the adapter.
    let mut helm = Command::new(path().join("helm"));
    helm.args(["install", "prometheus-adapter", &adapter, "--namespace", "monitoring"]);
    helm.args(["--labels", "app.kubernetes.io/managed-by=surge"]);
    Said::by(helm.env("KUBECONFIG", sandbox.kubeconfig()).env("HOME", sandbox.path())).fine();

    let charts = [format!("kube-prometheus-stack={operator}"), format!("prometheus-adapter={adapter}")];
    let mut words = vec!["up"];
    words.extend(&HERE[1..]);
    for chart in &charts {
        words.extend(["--chart", chart]);
    }
    let first = Said::by(&mut sandbox.surge(&path(), &words)).fine();
    for line in
        ["install kube-prometheus-stack 1.2.3 (release prometheus", "upgrade prometheus-adapter 1.2.3"]
    {
        assert!(first.out.contains(line), "{}", first.out);
    }
    let objects = versions(&client).await;
    let second = Said::by(&mut sandbox.surge(&path(), &words)).fine();
    for chart in ["kube-prometheus-stack", "prometheus-adapter"] {
        assert!(second.out.contains(&format!("keep {chart} 1.2.3 ")), "{}", second.out);
    }
    assert_eq!(versions(&client).await, objects, "with helm's own records");
    let status = Said::by(&mut sandbox.surge(&path(), &["status"]));
    assert!(status.out.contains("prometheus-adapter-1.2.3 deployed"), "{}", status.out);

    let down = Said::by(&mut sandbox.surge(&path(), &["down", "--yes", "--namespaces"])).fine();
    let place = |text: &str| down.out.find(text).unwrap_or_else(|| panic!("{text:?} is not in {}", down.out));
    let order = ["APIService v1beta1", "release prometheus-adapter in", "release prometheus in"].map(place);
    assert!(order.is_sorted(), "{}", down.out);
    assert_eq!(versions(&client).await, before);
}

#[tokio::test]
#[ignore = "needs helm on PATH"]
async fn a_dry_run_changes_nothing_and_shows_no_password() {
    let sandbox = Sandbox::empty();
    let client = sandbox.client().await;
    let before = versions(&client).await;
    let said = Said::by(&mut up(&sandbox, &["--dry-run"])).fine();
    assert_eq!(versions(&client).await, before);
    assert!(
        said.out.contains("kind: StatefulSet") && said.out.contains("password: (hidden)"),
        "{}",
        said.out
    );
}

#[tokio::test]
#[ignore = "needs helm on PATH"]
async fn a_value_changes_one_object() {
    let sandbox = Sandbox::empty();
    let client = sandbox.client().await;
    Said::by(&mut up(&sandbox, &[])).fine();
    let said = Said::by(&mut up(&sandbox, &["--set", "hpa.maxReplicas=4"])).fine();
    assert!(said.out.contains("HorizontalPodAutoscaler worker-scaler changed"), "{}", said.out);
    assert!(said.out.contains("0 created, 1 changed, "), "{}", said.out);
    let scalers: kube::Api<k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler> =
        kube::Api::namespaced(client, "autoscaling-demo");
    let scaler = scalers.get("worker-scaler").await.unwrap();
    assert_eq!(scaler.spec.unwrap().max_replicas, 4);
}

#[tokio::test]
#[ignore = "needs helm on PATH"]
async fn a_value_of_the_wrong_type_changes_nothing() {
    let sandbox = Sandbox::empty();
    let client = sandbox.client().await;
    let before = versions(&client).await;
    let said = Said::by(&mut up(&sandbox, &["--set", "hpa.maxReplicas=many"]));
    said.failed(2, &["the chart rejects these values", "maxReplicas"]);
    assert_eq!(versions(&client).await, before);
}
