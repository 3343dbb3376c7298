//! The stack through the real helm: its values, a part that does not start, upgrades, and interruptions.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use rustix::process::Signal;

use super::{HERE, RULES, path, stub};
use crate::sandboxed::{Said, Sandbox, signal, versions};

/// A part that the metric chain does not need, with an image that does not exist.
const GRAFANA: &str = "data: {}
{{- if ne (toString (.Values.grafana).enabled) \"false\" }}
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: prometheus-grafana
  labels: {helm.sh/chart: grafana-12.11.1, app.kubernetes.io/name: grafana}
spec:
  selector: {matchLabels: {app: grafana}}
  template:
    metadata: {labels: {app: grafana}}
    spec: {containers: [{name: grafana, image: 'surge.local/nowhere:1'}]}
{{- end }}
";

/// A sandbox with charts for the stack. The sandbox serves external metrics itself, as if an earlier `surge up` had installed the
/// adapter.
struct Cluster {
    sandbox: Sandbox,
    charts: [String; 2],
}

impl Cluster {
    fn new() -> Self {
        let sandbox = Sandbox::empty();
        let operator = stub(&sandbox, "kube-prometheus-stack", GRAFANA);
        let adapter = stub(&sandbox, "prometheus-adapter", RULES);
        let mut helm = Command::new(path().join("helm"));
        helm.args(["install", "prometheus-adapter", &adapter, "--namespace", "monitoring"]);
        helm.args(["--labels", "app.kubernetes.io/managed-by=surge"]);
        Said::by(helm.env("KUBECONFIG", sandbox.kubeconfig()).env("HOME", sandbox.path())).fine();
        let charts = [format!("kube-prometheus-stack={operator}"), format!("prometheus-adapter={adapter}")];
        Self { sandbox, charts }
    }

    fn up(&self, more: &[&str]) -> Command {
        let mut words = vec!["up"];
        words.extend(&HERE[1..]);
        for chart in &self.charts {
            words.extend(["--chart", chart]);
        }
        words.extend(more);
        self.sandbox.surge(&path(), &words)
    }

    fn status(&self) -> String {
        Said::by(&mut self.sandbox.surge(&path(), &["status"])).out
    }
}

#[test]
#[ignore = "needs helm on PATH"]
fn a_part_that_the_chain_does_not_need_is_a_warning() {
    let cluster = Cluster::new();
    let said = Said::by(&mut cluster.up(&[])).fine();
    assert!(said.out.contains("rabbitmq_queue_length answers: 0"), "{}", said.out);
    for expected in [
        "warning: Deployment prometheus-grafana in namespace monitoring: pulling image surge.local/nowhere:1 has failed",
        "0 of 1 ready; the metric chain works without the others",
    ] {
        assert!(said.out.contains(expected), "{expected:?} is not in {}", said.out);
    }
}

#[test]
#[ignore = "needs helm on PATH"]
fn values_for_the_stack_are_kept_shown_and_dropped() {
    let cluster = Cluster::new();
    let file = cluster.sandbox.path().join("stack.yaml");
    std::fs::write(&file, "grafana: {adminPassword: geheim, replicas: 2}\nlist: [a]\n").unwrap();
    let file = format!("kube-prometheus-stack={}", file.display());
    let options =
        ["--without", "grafana", "--stack-values", &file, "--stack-set", "kube-prometheus-stack.list[0]=b"];
    let shown =
        "with grafana.adminPassword=(hidden), grafana.enabled=false, grafana.replicas=2, list=[\"b\"]";

    let dry = Said::by(&mut cluster.up(&[&options[..], &["--dry-run"]].concat())).fine();
    assert!(dry.out.contains(shown) && !dry.out.contains("geheim"), "{}", dry.out);

    let first = Said::by(&mut cluster.up(&options)).fine();
    assert!(first.out.contains(shown) && !first.out.contains("geheim"), "{}", first.out);
    assert!(!first.out.contains("warning: "), "there is no Grafana: {}", first.out);
    let second = Said::by(&mut cluster.up(&[])).fine();
    let kept =
        format!("keep kube-prometheus-stack 1.2.3 (release prometheus in namespace monitoring, {shown})");
    assert!(second.out.contains(&kept), "{}", second.out);
    let status = cluster.status();
    assert!(status.contains(&format!("kube-prometheus-stack-1.2.3 deployed {shown}")), "{status}");
    assert!(!status.contains("geheim"), "{status}");

    let other = ["--stack-set", "kube-prometheus-stack.grafana.replicas=3"];
    let third = Said::by(&mut cluster.up(&other)).fine();
    assert!(third.out.contains("grafana.enabled=false, grafana.replicas=3"), "{}", third.out);

    let reset = Said::by(&mut cluster.up(&["--reset-stack-values", "--without", "grafana"])).fine();
    assert!(reset.out.contains("monitoring, with grafana.enabled=false)"), "{}", reset.out);
}

#[test]
#[ignore = "needs helm on PATH"]
fn invalid_values_for_the_stack_are_usage_errors() {
    let cluster = Cluster::new();
    for (options, expected) in [
        (["--stack-set", "grafana.enabled=false"], "--stack-set grafana: profile plugin does not install it"),
        (["--stack-values", "kube-prometheus-stack=/nowhere.yaml"], "--stack-values /nowhere.yaml: "),
        (["--stack-set", "kube-prometheus-stack.a=1,b"], "check --stack-values and --stack-set"),
    ] {
        Said::by(&mut cluster.up(&options)).failed(2, &[expected, "nothing was changed"]);
    }
    let skipped = Said::by(&mut super::up(&cluster.sandbox, &["--without", "grafana"]));
    skipped.failed(2, &["values for the stack have no effect with --skip-stack"]);
}

#[test]
#[ignore = "needs helm on PATH"]
fn a_failing_chart_shows_no_credentials() {
    let cluster = Cluster::new();
    let url = "prometheus-adapter=http://me:geheim@127.0.0.1:9/charts";
    let said = Said::by(&mut cluster.up(&["--without", "grafana", "--chart", url]));
    let said = said.failed(4, &["http://(hidden)@127.0.0.1:9", "continue with: the same command"]);
    assert!(!said.err.contains("geheim") && !said.out.contains("geheim"), "{said:?}");
}

#[test]
#[ignore = "needs helm on PATH"]
fn an_upgrade_applies_definitions_and_removes_leftovers() {
    let cluster = Cluster::new();
    let stack = cluster.sandbox.path().join("kube-prometheus-stack");
    let set_version = |folder: &std::path::Path, from: &str, to: &str| {
        let file = folder.join("Chart.yaml");
        let text = std::fs::read_to_string(&file).unwrap();
        assert!(text.contains(from), "{text}");
        std::fs::write(file, text.replace(from, to)).unwrap();
    };
    let definition = |column: &str| {
        std::fs::create_dir_all(stack.join("crds")).unwrap();
        let text = format!(
            "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {{name: things.example.test}}\n\
             spec:\n  group: example.test\n  scope: Namespaced\n  names: {{kind: Thing, plural: things}}\n  versions:\n  - name: v1\n    \
             served: true\n    storage: true\n    schema: {{openAPIV3Schema: {{type: object, x-kubernetes-preserve-unknown-fields: true}}}}\n    \
             additionalPrinterColumns: [{{name: {column}, type: string, jsonPath: .spec.a}}]\n"
        );
        std::fs::write(stack.join("crds/things.yaml"), text).unwrap();
    };
    // The demo of an earlier release had one more object.
    let older = cluster.sandbox.path().join("older");
    let chart = concat!(env!("CARGO_MANIFEST_DIR"), "/../charts/autoscaling-demo");
    Said::by(Command::new("cp").args(["-r", chart, older.to_str().unwrap()])).fine();
    set_version(&older, "ersion: 0.1.0", "ersion: 0.0.9");
    let leftover = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: leftover\n  namespace: {{ .Release.Namespace }}\n";
    std::fs::write(older.join("templates/leftover.yaml"), leftover).unwrap();

    definition("First");
    set_version(&stack, "1.2.3", "1.2.2");
    let older = format!("autoscaling-demo={}", older.display());
    Said::by(&mut cluster.up(&["--without", "grafana", "--chart", &older])).fine();

    definition("Second");
    set_version(&stack, "1.2.2", "1.2.3");
    let said = Said::by(&mut cluster.up(&[])).fine();
    assert!(said.out.contains("upgrade kube-prometheus-stack 1.2.3"), "{}", said.out);
    assert!(said.out.contains("deleting ConfigMap leftover"), "{}", said.out);
    let mut kubectl = Command::new(path().join("kubectl"));
    kubectl.args([
        "get",
        "crd",
        "things.example.test",
        "-o",
        "jsonpath={..additionalPrinterColumns[0].name}",
    ]);
    let read =
        Said::by(kubectl.env("KUBECONFIG", cluster.sandbox.kubeconfig()).env("HOME", cluster.sandbox.path()))
            .fine();
    assert_eq!(read.out, "Second", "helm installs definitions, and never upgrades them");
    let again = Said::by(&mut cluster.up(&[])).fine();
    assert!(again.out.contains("0 created, 0 changed, "), "{}", again.out);
}

/// `surge up` ends by a signal in each of its steps, one after the other, and then completes.
#[tokio::test]
#[ignore = "needs helm on PATH"]
async fn an_interrupted_installation_is_completed() {
    let cluster = Cluster::new();
    let options = ["--without", "grafana"];
    for step in 1.. {
        let mut child = cluster.up(&options).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        let begun = lines.any(|line| line.starts_with(&format!("[{step}/")));
        if begun {
            signal(&child, Signal::INT);
        }
        let rest: Vec<String> = lines.collect();
        let said = Said::from(child.wait_with_output().unwrap());
        if !begun {
            assert!(step > 4, "the plan has few steps: {said:?}");
            assert_eq!(said.code, Some(0), "{said:?}");
            break;
        }
        // The last steps may be over before the signal arrives.
        assert!(matches!(said.code, Some(0 | 130)), "step {step}: {rest:#?}\n{said:?}");
    }
    let client = cluster.sandbox.client().await;
    let before = versions(&client).await;
    let again = Said::by(&mut cluster.up(&[])).fine();
    assert!(again.out.contains("0 created, 0 changed, "), "{}", again.out);
    assert_eq!(versions(&client).await, before);
}
