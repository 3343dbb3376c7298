//! `surge doctor` on a sandbox that is broken in one way after another: each time the verdict and the one fix are those of
//! that breakage, and gone once it is mended.

#![cfg(feature = "sandbox")]
#![expect(clippy::unwrap_used, reason = "a test may end at the first surprise")]

use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use kube::Client;
use kube::config::{KubeConfigOptions, Kubeconfig};
use serde_json::{Value, json};

const SURGE: &str = env!("CARGO_BIN_EXE_surge");

/// How long a breakage may take to show, and to heal; the machine may be busy with other tests.
const LONG: Duration = Duration::from_secs(120);

const MERGE: &str = "application/merge-patch+json";
const APPLY: &str = "application/apply-patch+yaml";

const DEMO: &str = "autoscaling-demo";
const HPA: &str = "/apis/autoscaling/v2/namespaces/autoscaling-demo/horizontalpodautoscalers/worker-scaler";
const MONITOR: &str = "/apis/monitoring.coreos.com/v1/namespaces/autoscaling-demo/servicemonitors/rabbitmq";
const WORKER: &str = "/apis/apps/v1/namespaces/autoscaling-demo/deployments/worker";
const BROKER: &str = "/apis/apps/v1/namespaces/autoscaling-demo/statefulsets/rabbitmq";
const PROMETHEUS: &str = "/apis/apps/v1/namespaces/monitoring/statefulsets/prometheus-prometheus";
const RULES: &str = "/api/v1/namespaces/monitoring/configmaps/prometheus-adapter";
const API: &str = "/apis/apiregistration.k8s.io/v1/apiservices/v1beta1.external.metrics.k8s.io";

/// A sandbox with short intervals, and a client of it.
struct Sandbox {
    child: Child,
    folder: tempfile::TempDir,
    client: Client,
}

impl Sandbox {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let kubeconfig = folder.path().join("config");
        let mut child = Command::new(SURGE)
            .args(["sandbox", "--sync-period", "1s", "--work-duration", "200ms", "--kubeconfig"])
            .arg(&kubeconfig)
            .envs(["XDG_RUNTIME_DIR", "TMPDIR", "HOME"].map(|name| (name, folder.path())))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        assert!(line.starts_with("export KUBECONFIG="), "{line}");
        let config = Kubeconfig::read_from(&kubeconfig).unwrap();
        let mut config =
            kube::Config::from_custom_kubeconfig(config, &KubeConfigOptions::default()).await.unwrap();
        config.proxy_url = None;
        let sandbox = Self { child, folder, client: Client::try_from(config).unwrap() };
        sandbox.until_fine().await;
        sandbox
    }

    fn kubeconfig(&self) -> PathBuf {
        self.folder.path().join("config")
    }

    fn doctor(&self, arguments: &[&str]) -> (Option<i32>, Value) {
        doctor(&self.kubeconfig(), arguments)
    }

    async fn request(&self, method: http::Method, path: &str, kind: &str, body: &Value) -> Value {
        let request = http::Request::builder().method(method).uri(path).header("content-type", kind);
        self.client.request(request.body(body.to_string().into_bytes()).unwrap()).await.unwrap()
    }

    async fn get(&self, path: &str) -> Value {
        self.client.request(http::Request::get(path).body(Vec::new()).unwrap()).await.unwrap()
    }

    async fn patch(&self, path: &str, body: Value) {
        let _object = self.request(http::Method::PATCH, path, MERGE, &body).await;
    }

    async fn delete(&self, path: &str) {
        let _status = self.request(http::Method::DELETE, path, "application/json", &json!({})).await;
    }

    /// Makes an object anew that was there before.
    async fn create_again(&self, path: &str, mut object: Value) {
        for field in ["resourceVersion", "uid", "creationTimestamp", "managedFields", "generation"] {
            object["metadata"].as_object_mut().unwrap().remove(field);
        }
        let (collection, _) = path.rsplit_once('/').unwrap();
        let _object = self.request(http::Method::POST, collection, "application/json", &object).await;
    }

    /// Waits until the doctor's fix is for `check`, with a failure's exit code, and has these words.
    async fn until_told(&self, check: &str, words: &str) {
        self.until(check, |code, report| {
            let fix = &report["fix"];
            code == Some(1)
                && fix["check"] == check
                && fix["text"].as_str().is_some_and(|text| text.contains(words))
        })
        .await;
    }

    /// Waits until nothing is wrong any more.
    async fn until_fine(&self) {
        self.until("nothing to be wrong", |code, report| code == Some(0) && report["verdict"] == "ok").await;
    }

    /// Waits until nothing fails, and the line about several jobs says this.
    async fn until_counted_once(&self, words: &str) {
        self.until(words, |code, report| {
            let says = |line: &Value| {
                line["check"] == "counted-once"
                    && line["verdict"] == "ok"
                    && line["saw"].as_str().is_some_and(|saw| saw.contains(words))
            };
            code == Some(0) && report["lines"].as_array().is_some_and(|lines| lines.iter().any(says))
        })
        .await;
    }

    async fn until(&self, what: &str, condition: impl Fn(Option<i32>, &Value) -> bool) {
        let began = Instant::now();
        loop {
            let (code, report) = self.doctor(&[]);
            if condition(code, &report) {
                return;
            }
            assert!(
                began.elapsed() < LONG,
                "waited {LONG:?} for {what}, in vain; exit code {code:?}:\n{report:#}"
            );
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _status = self.child.wait();
    }
}

fn doctor(kubeconfig: &std::path::Path, arguments: &[&str]) -> (Option<i32>, Value) {
    let output = Command::new(SURGE)
        .args(["doctor", "--output", "json"])
        .args(arguments)
        .env("KUBECONFIG", kubeconfig)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let report = serde_json::from_slice(&output.stdout).unwrap_or(Value::Null);
    (output.status.code(), report)
}

/// Another queue for the HPA to ask for.
fn queue(name: &str) -> Value {
    json!({"spec": {"metrics": [{"type": "External", "external": {
        "metric": {"name": "rabbitmq_queue_length", "selector": {"matchLabels": {"queue": name}}},
        "target": {"type": "AverageValue", "averageValue": "20"}}}]}})
}

#[tokio::test]
async fn what_is_between_the_broker_and_the_metrics_api() {
    let sandbox = Sandbox::start().await;

    sandbox.patch(PROMETHEUS, json!({"spec": {"replicas": 0}})).await;
    sandbox
        .until_told(
            "prometheus",
            "kubectl scale statefulset/prometheus-prometheus --replicas=1 -n monitoring",
        )
        .await;
    sandbox.patch(PROMETHEUS, json!({"spec": {"replicas": 1}})).await;
    sandbox.until_fine().await;

    sandbox.patch(MONITOR, json!({"metadata": {"labels": {"release": "another"}}})).await;
    let label = "kubectl label servicemonitor rabbitmq -n autoscaling-demo release=prometheus";
    sandbox.until_told("monitor-selected", label).await;
    sandbox.patch(MONITOR, json!({"metadata": {"labels": {"release": "prometheus"}}})).await;
    sandbox.until_fine().await;

    let monitor = sandbox.get(MONITOR).await;
    let endpoints = |change: &dyn Fn(&mut Value)| {
        let mut endpoints = monitor["spec"]["endpoints"].clone();
        change(&mut endpoints[0]);
        json!({"spec": {"endpoints": endpoints}})
    };
    let restore = || json!({"spec": {"endpoints": monitor["spec"]["endpoints"], "selector": monitor["spec"]["selector"]}});

    sandbox.patch(MONITOR, endpoints(&|endpoint| endpoint["port"] = "prometheus".into())).await;
    sandbox.until_told("monitor-port", r#""path":"/spec/endpoints/0/port","value":"metrics""#).await;

    sandbox.patch(MONITOR, endpoints(&|endpoint| endpoint["scrapeTimeout"] = "10s".into())).await;
    sandbox.until_told("monitor-rejected", r#""path":"/spec/endpoints/0/scrapeTimeout","value":"1s""#).await;

    // The path that has the whole node's figures and no queue's.
    sandbox.patch(MONITOR, endpoints(&|endpoint| endpoint["path"] = "/metrics".into())).await;
    sandbox.until_told("endpoint-series", "path: /metrics/detailed").await;

    sandbox
        .patch(
            MONITOR,
            json!({"spec": {"endpoints": monitor["spec"]["endpoints"],
        "selector": {"matchLabels": {"app.kubernetes.io/name": "rabbit"}}}}),
        )
        .await;
    sandbox.until_told("monitor-selector", r#"{"matchLabels":{"app.kubernetes.io/name":"rabbitmq"}}"#).await;
    sandbox.patch(MONITOR, restore()).await;
    sandbox.until_fine().await;

    sandbox.delete(MONITOR).await;
    sandbox.until_told("monitor", "kind: ServiceMonitor").await;
    sandbox.create_again(MONITOR, monitor.clone()).await;
    sandbox.until_fine().await;

    let rules = sandbox.get(RULES).await;
    let text = rules["data"]["config.yaml"].as_str().unwrap();
    sandbox.patch(RULES, json!({"data": {"config.yaml": text.replace("externalRules", "rules")}})).await;
    sandbox.until_told("rule", "externalRules:").await;
    sandbox.patch(RULES, json!({"data": {"config.yaml": text}})).await;
    sandbox.until_fine().await;

    twice_the_queue(&sandbox, &monitor, text).await;

    let unguarded = format!("{}{}", text.split(" or ").next().unwrap(), " or vector(0)'\n");
    sandbox.patch(RULES, json!({"data": {"config.yaml": unguarded}})).await;
    sandbox
        .until("the fallback to be told", |code, report| {
            code == Some(0) && report["fix"]["check"] == "rule-fallback"
        })
        .await;
    sandbox.patch(RULES, json!({"data": {"config.yaml": text}})).await;
    sandbox.until_fine().await;

    let api = sandbox.get(API).await;
    sandbox.delete(API).await;
    sandbox.until_told("apiservice", "surge up").await;
    sandbox.create_again(API, api).await;
    sandbox.until_fine().await;
}

/// A second monitor scrapes the same endpoint as another job. The rule that came takes one of them; a plain sum adds them
/// up, until it is the doctor's rule, or until the second monitor is gone.
async fn twice_the_queue(sandbox: &Sandbox, monitor: &Value, rules: &str) {
    let again = MONITOR.replace("servicemonitors/rabbitmq", "servicemonitors/again");
    let mut second = monitor.clone();
    second["metadata"]["name"] = "again".into();
    second["spec"]["jobLabel"] = "app.kubernetes.io/component".into();
    sandbox.create_again(&again, second).await;
    sandbox.until_counted_once("takes one of them").await;

    let sum = rules.replace("max by (namespace, vhost, queue) ", "");
    assert_ne!(sum, rules, "the rule takes the greatest of several jobs");
    sandbox.patch(RULES, json!({"data": {"config.yaml": sum}})).await;
    sandbox.until_told("counted-once", r#"vhost="/",job="broker""#).await;

    let (_, report) = sandbox.doctor(&[]);
    let fix = report["fix"]["text"].as_str().unwrap();
    let (before, _) = sum.split_once("metricsQuery:").unwrap();
    sandbox.patch(RULES, json!({"data": {"config.yaml": format!("{before}{fix}\n")}})).await;
    sandbox.until_counted_once("takes one of them").await;

    sandbox.patch(RULES, json!({"data": {"config.yaml": sum}})).await;
    sandbox.until_told("counted-once", "metricsQuery:").await;
    sandbox.delete(&again).await;
    sandbox.until_counted_once("comes from one place").await;
    sandbox.patch(RULES, json!({"data": {"config.yaml": rules}})).await;
    sandbox.until_fine().await;
}

#[tokio::test]
async fn what_is_around_the_autoscaler() {
    let sandbox = Sandbox::start().await;

    // The rule's guard answers 0 for it, so that the autoscaler is content.
    sandbox.patch(HPA, queue("orders")).await;
    sandbox.until_told("queue", r#""matchLabels":{"queue":"Orders"}"#).await;
    let (_, report) = sandbox.doctor(&[]);
    let lines = report["lines"].as_array().unwrap();
    let verdict =
        |check: &str| lines.iter().find(|line| line["check"] == check).map(|line| line["verdict"].clone());
    assert_eq!(verdict("value"), Some(json!("ok")), "the silence that only the broker breaks: {report:#}");

    sandbox.patch(HPA, queue("Parcels")).await;
    sandbox.until_told("queue", "kubectl patch hpa worker-scaler").await;
    sandbox.patch(HPA, queue("Orders")).await;
    sandbox.until_fine().await;

    let hpa = sandbox.get(HPA).await;
    let mut second = hpa.clone();
    second["metadata"]["name"] = "second".into();
    sandbox.create_again(HPA, second).await;
    sandbox.until_told("two-autoscalers", "kubectl delete hpa second -n autoscaling-demo").await;
    sandbox.delete(&HPA.replace("worker-scaler", "second")).await;
    sandbox.until_fine().await;

    sandbox.delete(HPA).await;
    sandbox.until_told("hpa", "surge up").await;
    sandbox.create_again(HPA, hpa).await;
    sandbox.until_fine().await;

    let apply = json!({"apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "worker", "namespace": DEMO}, "spec": {"replicas": 1}});
    let path = format!("{WORKER}?fieldManager=gitops&force=true");
    let _object = sandbox.request(http::Method::PATCH, &path, APPLY, &apply).await;
    sandbox
        .until("the applier to be told", |code, report| {
            code == Some(0) && report["fix"]["check"] == "replicas" && report["fix"]["form"] == "yaml"
        })
        .await;
}

#[tokio::test]
async fn what_runs_in_pods() {
    let sandbox = Sandbox::start().await;

    sandbox.patch(BROKER, json!({"spec": {"replicas": 0}})).await;
    sandbox
        .until_told("workload", "kubectl scale statefulset/rabbitmq --replicas=1 -n autoscaling-demo")
        .await;
    sandbox.patch(BROKER, json!({"spec": {"replicas": 1}})).await;
    sandbox.until_fine().await;

    let worker = sandbox.get(WORKER).await;
    let container = |field: &str, value: Value| {
        let mut containers = worker["spec"]["template"]["spec"]["containers"].clone();
        containers[0][field] = value;
        json!({"spec": {"strategy": {"type": "Recreate", "rollingUpdate": null},
            "template": {"spec": {"containers": containers}}}})
    };
    sandbox.patch(WORKER, container("args", json!(["--no-such-flag"]))).await;
    sandbox.until_told("workload", "-c worker -n autoscaling-demo --previous").await;
    sandbox.patch(WORKER, container("image", json!("nowhere/worker:0"))).await;
    sandbox
        .until_told("workload", "kubectl set image deployment/worker worker=IMAGE:TAG -n autoscaling-demo")
        .await;
    sandbox.patch(WORKER, container("args", Value::Null)).await;
    sandbox.until_fine().await;

    let (code, report) = sandbox.doctor(&["--namespace", "nowhere"]);
    assert_eq!((code, &report["fix"]["check"]), (Some(1), &json!("namespace")), "{report:#}");
    let (code, report) = sandbox.doctor(&["--hpa", "another"]);
    assert_eq!((code, &report["fix"]["check"]), (Some(1), &json!("hpa")), "{report:#}");
    assert!(report["fix"]["text"].as_str().unwrap().contains("--hpa worker-scaler"), "{report:#}");

    // A cluster that was asked for by name is named in the fix too.
    let kubeconfig = sandbox.kubeconfig();
    let (_, report) = sandbox.doctor(&["--hpa", "another", "--kubeconfig", kubeconfig.to_str().unwrap()]);
    let fix = report["fix"]["text"].as_str().unwrap();
    assert!(fix.starts_with(&format!("surge doctor --kubeconfig {} --", kubeconfig.display())), "{fix}");

    // A token that nobody knows.
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
fn a_cluster_that_is_not_there_is_not_reachable() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config");
    assert_eq!(doctor(&path, &[]).0, Some(3), "there is no kubeconfig");
    // A port that was free a moment ago, and that nobody listens on.
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
fn the_words_of_the_command_line_are_checked() {
    let run = |arguments: &[&str]| Command::new(SURGE).arg("doctor").args(arguments).output().unwrap();
    for wrong in [&["--output", "xml"][..], &["--prometheus", "here"], &["--nonsense"]] {
        assert_eq!(run(wrong).status.code(), Some(2), "{wrong:?}");
    }
}
