//! `surge doctor` on a real cluster whose chain is broken in one way after another, each time mended by the doctor's own fix,
//! carried out as it is printed: a fix that does not mend is no fix.
//!
//! Needs the profile `plugin`: Prometheus Operator, prometheus-adapter and the demo. The operator brings a changed monitor to
//! Prometheus only at the kubelet's next look, so that a minute or two may pass.

#![expect(clippy::unwrap_used, reason = "a test may end at the first surprise")]

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

const SURGE: &str = env!("CARGO_BIN_EXE_surge");

/// How long a breakage may take to show and to heal: the operator, the kubelet, Prometheus, the adapter and a sync, one
/// after another.
const LONG: Duration = Duration::from_secs(300);

/// The cluster under test.
struct Site {
    kubeconfig: String,
    kubectl: String,
    namespace: String,
}

impl Site {
    fn new() -> Self {
        let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let Some(kubeconfig) = variable("SURGE_E2E_KUBECONFIG") else {
            panic!(
                "not run: SURGE_E2E_KUBECONFIG does not say which kubeconfig leads to a cluster with the demo"
            )
        };
        let site = Self {
            kubeconfig,
            kubectl: variable("SURGE_E2E_KUBECTL").unwrap_or_else(|| "kubectl".to_owned()),
            namespace: variable("SURGE_E2E_NAMESPACE")
                .unwrap_or_else(|| contract::names::NAMESPACE.to_owned()),
        };
        site.until_fine();
        site
    }

    /// What the shell prints; `kubectl` in it is the one under test.
    fn shell(&self, script: &str, input: &str) -> String {
        let script = format!("set -e; kubectl() {{ command {} \"$@\"; }}; {script}", self.kubectl);
        let mut child = Command::new("sh")
            .args(["-c", &script])
            .env("KUBECONFIG", &self.kubeconfig)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        assert!(output.status.success(), "{script}: {}", text(&output.stderr));
        text(&output.stdout)
    }

    fn run(&self, script: &str) -> String {
        self.shell(&script.replace("-n NS", &format!("-n {}", self.namespace)), "")
    }

    fn doctor(&self, arguments: &[&str], kubeconfig: &str) -> (Option<i32>, Value) {
        let output = Command::new(SURGE)
            .args(["doctor", "--output", "json", "--namespace", &self.namespace])
            .args(arguments)
            .env("KUBECONFIG", kubeconfig)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        (output.status.code(), serde_json::from_slice(&output.stdout).unwrap_or(Value::Null))
    }

    fn until(&self, what: &str, condition: impl Fn(Option<i32>, &Value) -> bool) -> Value {
        let began = Instant::now();
        loop {
            let (code, report) = self.doctor(&[], &self.kubeconfig);
            if condition(code, &report) {
                return report;
            }
            assert!(
                began.elapsed() < LONG,
                "waited {LONG:?} for {what}, in vain; exit code {code:?}:\n{report:#}"
            );
            std::thread::sleep(Duration::from_secs(1));
        }
    }

    fn until_fine(&self) {
        self.until("nothing to fail", |code, _| code == Some(0));
    }

    /// Waits for the fix of `check` with these words, carries it out and waits until nothing fails.
    fn mended_by_its_fix(&self, check: &str, words: &str) {
        let report = self.until(check, |code, report| {
            let fix = &report["fix"];
            code == Some(1)
                && fix["check"] == check
                && fix["text"].as_str().is_some_and(|text| text.contains(words))
        });
        let text = report["fix"]["text"].as_str().unwrap();
        let _said = match report["fix"]["form"].as_str() {
            Some("yaml") => self.shell("kubectl apply -f -", text),
            _ => self.shell(text, ""),
        };
        self.until_fine();
    }
}

#[test]
#[ignore = "needs a cluster"]
fn a_broken_chain_is_mended_by_what_the_doctor_says() {
    let site = Site::new();

    site.run("kubectl patch hpa worker-scaler -n NS --type json -p '[{\"op\":\"replace\",\"path\":\"/spec/metrics/0/external/metric/selector/matchLabels/queue\",\"value\":\"orders\"}]'");
    site.mended_by_its_fix("queue", r#""matchLabels":{"queue":"Orders"}"#);

    site.run("kubectl get hpa worker-scaler -n NS -o json | sed 's/\"name\": \"worker-scaler\"/\"name\": \"second\"/' | kubectl create -f -");
    site.mended_by_its_fix("two-autoscalers", "kubectl delete hpa second");

    site.run("kubectl scale statefulset/rabbitmq --replicas=0 -n NS");
    site.mended_by_its_fix("workload", "kubectl scale statefulset/rabbitmq --replicas=1");

    site.run("kubectl label servicemonitor rabbitmq -n NS release=another --overwrite");
    site.mended_by_its_fix("monitor-selected", "kubectl label servicemonitor rabbitmq");

    site.run("kubectl patch servicemonitor rabbitmq -n NS --type json -p '[{\"op\":\"replace\",\"path\":\"/spec/endpoints/0/port\",\"value\":\"prometheus\"}]'");
    site.mended_by_its_fix("monitor-port", r#""value":"metrics""#);

    // The API server takes it; the operator says in an event that it does not.
    site.run("kubectl patch servicemonitor rabbitmq -n NS --type json -p '[{\"op\":\"replace\",\"path\":\"/spec/endpoints/0/scrapeTimeout\",\"value\":\"10s\"}]'");
    site.mended_by_its_fix("monitor-rejected", "/spec/endpoints/0/scrapeTimeout");
}

#[test]
#[ignore = "needs a cluster"]
fn a_broken_stack_is_mended_by_what_the_doctor_says() {
    let site = Site::new();

    site.run("kubectl scale deployment/prometheus-adapter --replicas=0 -n monitoring");
    site.mended_by_its_fix(
        "apiservice",
        "kubectl scale deployment/prometheus-adapter --replicas=1 -n monitoring",
    );

    site.run("kubectl delete apiservice v1beta1.external.metrics.k8s.io");
    site.mended_by_its_fix("apiservice", "kind: APIService");

    let name = site.run("kubectl get prometheus -n monitoring -o 'jsonpath={.items[0].metadata.name}'");
    site.run(&format!(
        "kubectl patch prometheus {name} -n monitoring --type merge -p '{{\"spec\":{{\"replicas\":0}}}}'"
    ));
    site.mended_by_its_fix("prometheus", &format!("kubectl patch prometheus {name} -n monitoring"));
}

/// Who may only see the HPA and the metric sees no failure: what may not be seen says nothing about the chain.
#[test]
#[ignore = "needs a cluster"]
fn what_may_not_be_seen_is_told_and_is_no_failure() {
    let site = Site::new();
    let remove = "kubectl delete --ignore-not-found -n NS serviceaccount/doctor-test role/doctor-test rolebinding/doctor-test";
    site.run(remove);
    site.run(
        "kubectl create serviceaccount doctor-test -n NS; \
         kubectl create role doctor-test -n NS --verb=get --resource=horizontalpodautoscalers.autoscaling; \
         kubectl create rolebinding doctor-test -n NS --role=doctor-test --serviceaccount=NSNAME:doctor-test"
            .replace("NSNAME", &site.namespace)
            .as_str(),
    );
    let token = site.run("kubectl create token doctor-test -n NS");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config");
    let config = site.run("kubectl config view --raw --minify --flatten -o json");
    let mut config: Value = serde_json::from_str(&config).unwrap();
    config["users"][0]["user"] = serde_json::json!({"token": token.trim()});
    std::fs::write(&path, config.to_string()).unwrap();
    let (code, report) = site.doctor(&[], path.to_str().unwrap());
    site.run(remove);
    assert_eq!(code, Some(0), "{report:#}");
    let lines = report["lines"].as_array().unwrap();
    let count = |check: &str, verdict: &str| {
        lines.iter().filter(|line| line["check"] == check && line["verdict"] == verdict).count()
    };
    assert!(count("right", "not-permitted") >= 10, "{report:#}");
    assert_eq!(count("hpa", "ok"), 1, "{report:#}");
    assert!(count("apiservice", "not-permitted") + count("apiservice", "ok") == 1, "{report:#}");
}
