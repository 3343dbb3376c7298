//! A sandbox to break, the doctor's report about it, and an interpreter for the printed fixes.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use kube::Client;
use kube::config::{KubeConfigOptions, Kubeconfig};
use serde_json::{Value, json};

pub(crate) const SURGE: &str = env!("CARGO_BIN_EXE_surge");

/// Timeout for a breakage to appear or to disappear; other tests may keep the machine busy.
const LONG: Duration = Duration::from_secs(120);

const MERGE: &str = "application/merge-patch+json";
const JSON: &str = "application/json-patch+json";
pub(crate) const APPLY: &str = "application/apply-patch+yaml";

pub(crate) const DEMO: &str = "autoscaling-demo";
pub(crate) const HPA: &str =
    "/apis/autoscaling/v2/namespaces/autoscaling-demo/horizontalpodautoscalers/worker-scaler";
pub(crate) const MONITOR: &str =
    "/apis/monitoring.coreos.com/v1/namespaces/autoscaling-demo/servicemonitors/rabbitmq";
pub(crate) const WORKER: &str = "/apis/apps/v1/namespaces/autoscaling-demo/deployments/worker";
pub(crate) const BROKER: &str = "/apis/apps/v1/namespaces/autoscaling-demo/statefulsets/rabbitmq";
pub(crate) const PROMETHEUS: &str = "/apis/apps/v1/namespaces/monitoring/statefulsets/prometheus-prometheus";
pub(crate) const SERVICE: &str = "/api/v1/namespaces/autoscaling-demo/services/rabbitmq";
pub(crate) const RULES: &str = "/api/v1/namespaces/monitoring/configmaps/prometheus-adapter";
pub(crate) const API: &str = "/apis/apiregistration.k8s.io/v1/apiservices/v1beta1.external.metrics.k8s.io";

/// A sandbox with short intervals, and a client of it.
pub(crate) struct Sandbox {
    child: Child,
    pub(crate) folder: tempfile::TempDir,
    config: kube::Config,
    client: Client,
}

impl Sandbox {
    pub(crate) async fn start() -> Self {
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
        let client = Client::try_from(config.clone()).unwrap();
        let sandbox = Self { child, folder, config, client };
        sandbox.until_healthy().await;
        sandbox
    }

    /// The configuration of its API server.
    pub(crate) fn config(&self) -> kube::Config {
        self.config.clone()
    }

    pub(crate) fn kubeconfig(&self) -> PathBuf {
        self.folder.path().join("config")
    }

    pub(crate) fn doctor(&self, arguments: &[&str]) -> (Option<i32>, Value) {
        doctor(&self.kubeconfig(), arguments)
    }

    pub(crate) async fn request(&self, method: http::Method, path: &str, kind: &str, body: &Value) -> Value {
        let request = http::Request::builder().method(method).uri(path).header("content-type", kind);
        self.client.request(request.body(body.to_string().into_bytes()).unwrap()).await.unwrap()
    }

    pub(crate) async fn get(&self, path: &str) -> Value {
        self.client.request(http::Request::get(path).body(Vec::new()).unwrap()).await.unwrap()
    }

    pub(crate) async fn patch(&self, path: &str, body: Value) {
        let _object = self.request(http::Method::PATCH, path, MERGE, &body).await;
    }

    pub(crate) async fn delete(&self, path: &str) {
        let _status = self.request(http::Method::DELETE, path, "application/json", &json!({})).await;
    }

    /// Deletes an object that may not exist.
    pub(crate) async fn delete_if_there(&self, path: &str) {
        let request = http::Request::delete(path).body(Vec::new()).unwrap();
        let _outcome: Result<Value, kube::Error> = self.client.request(request).await;
    }

    /// Creates an object again.
    pub(crate) async fn recreate(&self, path: &str, mut object: Value) {
        for field in ["resourceVersion", "uid", "creationTimestamp", "managedFields", "generation"] {
            object["metadata"].as_object_mut().unwrap().remove(field);
        }
        let (collection, _) = path.rsplit_once('/').unwrap();
        let _object = self.request(http::Method::POST, collection, "application/json", &object).await;
    }

    /// Waits for a failure whose fix is for `check` and contains `words`.
    pub(crate) async fn until_failure(&self, check: &str, words: &str) -> Value {
        self.until(check, |code, report| code == Some(1) && is_fix(report, check, words)).await
    }

    /// Waits for a warning without failures whose fix is for `check` and contains `words`.
    pub(crate) async fn until_warning(&self, check: &str, words: &str) -> Value {
        self.until(check, |code, report| code == Some(0) && is_fix(report, check, words)).await
    }

    /// The body of a response as text.
    pub(crate) async fn text(&self, path: &str) -> String {
        self.client.request_text(http::Request::get(path).body(Vec::new()).unwrap()).await.unwrap()
    }

    /// Carries out the printed fix of a report: its command, then its YAML.
    pub(crate) async fn carry_out(&self, report: &Value) {
        let fix = &report["fix"];
        if let Some(command) = fix["command"].as_str() {
            self.run_fix(command).await;
        }
        if let Some(yaml) = fix["yaml"].as_str() {
            let object: Value = serde_saphyr::from_str(yaml).unwrap();
            let field = |name: &str| object["metadata"][name].as_str().unwrap().to_owned();
            let kind = object["kind"].as_str().unwrap().to_lowercase();
            let path = path(&kind, &field("namespace"), &field("name"));
            let path = format!("{path}?fieldManager=fix&force=true");
            let _object = self.request(http::Method::PATCH, &path, APPLY, &object).await;
        }
    }

    /// Waits for the failure, runs its printed fix, and waits until nothing is wrong and the HPA reads what the broker has.
    pub(crate) async fn repaired(&self, check: &str, words: &str) {
        let report = self.until_failure(check, words).await;
        self.is_repaired_by(&report).await;
    }

    /// Waits for the warning, runs its printed fix, and waits until nothing is wrong and the HPA reads what the broker has.
    pub(crate) async fn repaired_warning(&self, check: &str, words: &str) {
        let report = self.until_warning(check, words).await;
        self.is_repaired_by(&report).await;
    }

    /// The property of every printed fix: the finding is gone, nothing else fails, and the HPA's readings are true.
    async fn is_repaired_by(&self, report: &Value) {
        self.carry_out(report).await;
        self.until_healthy().await;
        self.until_true().await;
    }

    /// Waits until the HPA's reading of each queue is the broker's number of messages.
    async fn until_true(&self) {
        let metrics_path = format!(
            "/api/v1/namespaces/{DEMO}/services/rabbitmq:15692/proxy/metrics/detailed?family=queue_coarse_metrics"
        );
        testkit::wait::until_within(LONG, "the HPA to read what the broker has", async || {
            let (hpa, exposed) = (self.get(HPA).await, self.text(&metrics_path).await);
            let metrics = hpa["spec"]["metrics"].as_array().unwrap();
            let is_true = |(index, metric): (usize, &Value)| {
                let queue = &metric["external"]["metric"]["selector"]["matchLabels"]["queue"];
                queue.as_str().is_none_or(|queue| is_reading(&hpa, index, messages(&exposed, queue)))
            };
            metrics.iter().enumerate().all(is_true).then_some(())
        })
        .await;
    }

    /// Waits until the total that the HPA reads of a metric is `expected`.
    pub(crate) async fn until_reading(&self, index: usize, expected: f64) {
        testkit::wait::until("the HPA's reading", async || {
            is_reading(&self.get(HPA).await, index, expected).then_some(())
        })
        .await;
    }

    /// Runs a command line as a shell with `kubectl` does: with the real one if it is installed, or else the commands patch,
    /// scale, label and delete of one object.
    async fn run_fix(&self, command: &str) {
        if has_kubectl() {
            let kubeconfig = self.kubeconfig();
            let status =
                Command::new("sh").args(["-ec", command]).env("KUBECONFIG", kubeconfig).status().unwrap();
            assert!(status.success(), "{command}");
            return;
        }
        let words = words(command);
        for words in words.split(|word| word == "&&") {
            self.run_words(words, command).await;
        }
    }

    async fn run_words(&self, words: &[String], command: &str) {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        match words.as_slice() {
            ["kubectl", "patch", kind, name, "-n", namespace, "--type", how, "-p", body] => {
                let how = if *how == "json" { JSON } else { MERGE };
                let body = serde_json::from_str(body).unwrap();
                let path = path(kind, namespace, name);
                let _object = self.request(http::Method::PATCH, &path, how, &body).await;
            }
            ["kubectl", "scale", target, replicas, "-n", namespace] => {
                let (kind, name) = target.split_once('/').unwrap();
                let replicas: i32 = replicas.strip_prefix("--replicas=").unwrap().parse().unwrap();
                self.patch(&path(kind, namespace, name), json!({"spec": {"replicas": replicas}})).await;
            }
            ["kubectl", "label", kind, name, "-n", namespace, label, "--overwrite"] => {
                let (key, value) = label.split_once('=').unwrap();
                self.patch(&path(kind, namespace, name), json!({"metadata": {"labels": {key: value}}})).await;
            }
            ["kubectl", "delete", kind, name, "-n", namespace] => {
                self.delete(&path(kind, namespace, name)).await;
            }
            _ => panic!("unknown command {command:?}"),
        }
    }

    /// Waits until nothing is wrong.
    pub(crate) async fn until_healthy(&self) {
        self.until("nothing to be wrong", |code, report| code == Some(0) && report["verdict"] == "ok").await;
    }

    /// Waits until nothing fails and the finding about several jobs contains `words`.
    pub(crate) async fn until_counted_once(&self, words: &str) {
        self.until(words, |code, report| {
            let says = |line: &Value| {
                line["check"] == "counted-once"
                    && line["verdict"] == "ok"
                    && line["detail"].as_str().is_some_and(|detail| detail.contains(words))
            };
            code == Some(0) && report["lines"].as_array().is_some_and(|lines| lines.iter().any(says))
        })
        .await;
    }

    /// Waits for a report, and returns it.
    pub(crate) async fn until(&self, what: &str, condition: impl Fn(Option<i32>, &Value) -> bool) -> Value {
        let began = Instant::now();
        loop {
            let (code, report) = self.doctor(&[]);
            if condition(code, &report) {
                return report;
            }
            assert!(began.elapsed() < LONG, "no {what} within {LONG:?}; exit code {code:?}:\n{report:#}");
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

pub(crate) fn doctor(kubeconfig: &Path, arguments: &[&str]) -> (Option<i32>, Value) {
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

/// Returns whether the report's fix is for that check and contains `words`.
fn is_fix(report: &Value, check: &str, words: &str) -> bool {
    let fix = &report["fix"];
    fix["check"] == check && fix["text"].as_str().is_some_and(|text| text.contains(words))
}

/// Returns whether the HPA's reading of an External metric has this total.
fn is_reading(hpa: &Value, index: usize, expected: f64) -> bool {
    let current = &hpa["status"]["currentMetrics"][index]["external"]["current"];
    let number = |field: &str| {
        let quantity: hpa::Quantity = current[field].as_str()?.parse().ok()?;
        Some(quantity.milli().ok()? as f64 / 1_000.0)
    };
    let pods = hpa["status"]["currentReplicas"].as_f64().unwrap_or_default();
    let total = number("value").or_else(|| Some(number("averageValue")? * pods));
    total.is_some_and(|total| (total - expected).abs() <= 0.01 * pods.max(1.0))
}

/// The messages of a queue in the broker's exposition, in all virtual hosts.
fn messages(exposed: &str, queue: &str) -> f64 {
    let lines = exposed.lines().filter(|line| line.starts_with("rabbitmq_detailed_queue_messages{"));
    let of_queue = lines.filter(|line| line.contains(&format!("queue=\"{queue}\"")));
    of_queue.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
}

/// Returns whether `kubectl` is installed.
fn has_kubectl() -> bool {
    let probe = Command::new("kubectl").args(["version", "--client"]).stdout(Stdio::null()).status();
    probe.is_ok_and(|status| status.success())
}

/// The path of an object.
fn path(kind: &str, namespace: &str, name: &str) -> String {
    let group = match kind {
        "service" => "/api/v1",
        "deployment" | "statefulset" => "/apis/apps/v1",
        "hpa" => {
            return format!("/apis/autoscaling/v2/namespaces/{namespace}/horizontalpodautoscalers/{name}");
        }
        "configmap" => "/api/v1",
        "servicemonitor" | "podmonitor" => "/apis/monitoring.coreos.com/v1",
        other => panic!("no path of {other}"),
    };
    format!("{group}/namespaces/{namespace}/{kind}s/{name}")
}

/// The words of a command line as a shell reads them: text in single quotes is literal, a backslash quotes one character.
fn words(command: &str) -> Vec<String> {
    let mut words = Vec::new();
    let (mut word, mut has_word, mut is_quoted) = (String::new(), false, false);
    let mut chars = command.chars();
    while let Some(c) = chars.next() {
        match c {
            '\'' => {
                is_quoted = !is_quoted;
                has_word = true;
            }
            '\\' if !is_quoted => word.extend(chars.next()),
            c if c.is_whitespace() && !is_quoted => {
                if has_word || !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
                has_word = false;
            }
            c => word.push(c),
        }
    }
    if has_word || !word.is_empty() {
        words.push(word);
    }
    words
}
