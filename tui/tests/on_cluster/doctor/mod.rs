//! `surge doctor` on a real cluster whose chain is broken in one way after another. Each time the test carries out the doctor's
//! printed fix, which must repair it.
//!
//! Each test names its profile and does not run on another. The operator passes a changed monitor to Prometheus at the kubelet's
//! next sync, which may take a minute or two.

#![expect(clippy::unwrap_used, reason = "a test may end at the first surprise")]

mod chain;
mod exporter;
mod keda;
mod others;
mod restored;
mod rights;
mod stack;

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

const SURGE: &str = env!("CARGO_BIN_EXE_surge");

/// Limit for a breakage to show and to heal: the operator, the kubelet, Prometheus, the adapter and a sync, one after another.
const LONG: Duration = Duration::from_secs(300);

/// The cluster under test.
pub(super) struct Site {
    kubeconfig: String,
    kubectl: String,
    pub(super) namespace: String,
}

/// The name of the external metrics API's APIService.
pub(super) const API: &str = "v1beta1.external.metrics.k8s.io";

/// The component that makes the HPA's metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Profile {
    /// The broker's own endpoint, and an adapter.
    Plugin,
    /// An exporter, and an adapter.
    Exporter,
    /// KEDA.
    Keda,
}

impl Site {
    /// The cluster with the demo, if it has that profile.
    fn of(profile: Profile) -> Self {
        let site = Self::found();
        let ask = format!("kubectl get apiservice {API} -o 'jsonpath={{.spec.service.name}}'");
        let with_keda = site.run(&ask).contains("keda");
        let exporters = "kubectl get deployment rabbitmq-exporter -n NS --ignore-not-found -o name";
        let found = match (with_keda, site.run(exporters).is_empty()) {
            (true, _) => Profile::Keda,
            (false, true) => Profile::Plugin,
            (false, false) => Profile::Exporter,
        };
        // The suite searches for lines with this prefix, which `assert_eq` does not print.
        assert!(found == profile, "not run: it needs the profile {profile:?} and finds {found:?}");
        site.until_fine();
        site
    }

    pub(super) fn found() -> Self {
        let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let Some(kubeconfig) = variable("SURGE_E2E_KUBECONFIG") else {
            panic!(
                "not run: SURGE_E2E_KUBECONFIG does not say which kubeconfig leads to a cluster with the demo"
            )
        };
        Self {
            kubeconfig,
            kubectl: variable("SURGE_E2E_KUBECTL").unwrap_or_else(|| "kubectl".to_owned()),
            namespace: variable("SURGE_E2E_NAMESPACE")
                .unwrap_or_else(|| contract::names::NAMESPACE.to_owned()),
        }
    }

    /// The output of a shell command; `kubectl` in it uses the cluster under test.
    pub(super) fn shell(&self, script: &str, input: &str) -> String {
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

    pub(super) fn run(&self, script: &str) -> String {
        self.shell(&script.replace("-n NS", &format!("-n {}", self.namespace)), "")
    }

    /// The output of `surge`, whatever its exit code.
    pub(super) fn surge(&self, arguments: &[&str]) -> String {
        let mut command = Command::new(SURGE);
        command.args(arguments).env("KUBECONFIG", &self.kubeconfig).stdin(Stdio::null());
        String::from_utf8_lossy(&command.output().unwrap().stdout).into_owned()
    }

    fn doctor(&self, arguments: &[&str], kubeconfig: &str) -> (Option<i32>, Value) {
        let output = Command::new(SURGE)
            .args(["doctor", "--output", "json"])
            .args(if arguments.contains(&"--namespace") {
                vec![]
            } else {
                vec!["--namespace", &self.namespace]
            })
            .args(arguments)
            .env("KUBECONFIG", kubeconfig)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        (output.status.code(), serde_json::from_slice(&output.stdout).unwrap_or(Value::Null))
    }

    fn until(&self, what: &str, condition: impl Fn(Option<i32>, &Value) -> bool) -> Value {
        self.until_of(&[], what, condition)
    }

    fn until_of(
        &self,
        arguments: &[&str],
        what: &str,
        condition: impl Fn(Option<i32>, &Value) -> bool,
    ) -> Value {
        let began = Instant::now();
        loop {
            let (code, report) = self.doctor(arguments, &self.kubeconfig);
            if condition(code, &report) {
                return report;
            }
            assert!(
                began.elapsed() < LONG,
                "waited {LONG:?} for {what} without success; exit code {code:?}:\n{report:#}"
            );
            std::thread::sleep(Duration::from_secs(1));
        }
    }

    /// Waits until `condition` returns a value, for at most [`LONG`].
    fn wait<T>(&self, what: &str, condition: impl Fn() -> Option<T>) -> T {
        let began = Instant::now();
        loop {
            if let Some(value) = condition() {
                return value;
            }
            assert!(began.elapsed() < LONG, "waited {LONG:?} for {what} without success");
            std::thread::sleep(Duration::from_secs(1));
        }
    }

    fn until_fine(&self) {
        self.until("nothing to fail", |code, _| code == Some(0));
    }

    /// Waits for the failure, or the warning, of `check` whose fix contains these words.
    fn until_found(&self, code: i32, check: &str, words: &str) -> Value {
        self.until(check, |found, report| found == Some(code) && is_fix(report, check, words))
    }

    /// Waits for the fix of `check` with these words, carries it out and waits until nothing fails.
    fn repaired_by_its_fix(&self, check: &str, words: &str) {
        let report = self.until_found(1, check, words);
        self.carry_out(&report);
        self.until_fine();
    }

    /// Carries out the report's fix.
    fn carry_out(&self, report: &Value) {
        if let Some(command) = report["fix"]["command"].as_str() {
            let _output = self.shell(command, "");
        }
        if let Some(yaml) = report["fix"]["yaml"].as_str() {
            let _output = self.shell("kubectl apply -f -", yaml);
        }
    }
}

/// Returns true if the report's fix belongs to that check and contains these words.
fn is_fix(report: &Value, check: &str, words: &str) -> bool {
    let fix = &report["fix"];
    fix["check"] == check && fix["text"].as_str().is_some_and(|text| text.contains(words))
}

/// The verdicts of a check's findings.
fn verdicts<'a>(report: &'a Value, check: &str) -> Vec<&'a str> {
    let lines = report["lines"].as_array().unwrap();
    lines.iter().filter(|line| line["check"] == check).filter_map(|line| line["verdict"].as_str()).collect()
}

/// The details of a check's findings.
fn seen(report: &Value, check: &str) -> String {
    let lines = report["lines"].as_array().unwrap();
    let of_check = lines.iter().filter(|line| line["check"] == check);
    of_check.filter_map(|line| line["detail"].as_str()).collect::<Vec<_>>().join("\n")
}
