//! The stack's charts, through helm: installed, unfinished, interrupted.

use std::path::PathBuf;
use std::process::Stdio;

use rustix::process::Signal;

use crate::install::stand_ins::{SMALL, StandIns, run};
use crate::sandboxed::{Said, Sandbox, signal, until_written};

/// A stack with both of our releases, the first one in `status`.
fn with_stack(stand_ins: &StandIns, status: &str) {
    let release = |name: &str, chart: &str, status: &str| {
        format!(
            r#"{{"name":"{name}","namespace":"monitoring","revision":"1","status":"{status}","chart":"{chart}"}}"#
        )
    };
    let all = format!(
        "[{},{}]",
        release("prometheus", "kube-prometheus-stack-1.0.0", status),
        release("prometheus-adapter", "prometheus-adapter-1.0.0", "deployed")
    );
    for file in ["all", "ours"] {
        stand_ins.file(file, &all);
    }
    for name in ["prometheus", "prometheus-adapter"] {
        stand_ins.file(&format!("values-{name}"), "{}");
        stand_ins.file(&format!("manifest-{name}"), "");
    }
    let api = "apiVersion: apiregistration.k8s.io/v1\nkind: APIService\nmetadata: {name: v1beta1.external.metrics.k8s.io}\n";
    stand_ins.file("manifest-prometheus-adapter", api);
}

/// Arguments for charts from a folder.
fn with_charts(folder: &str) -> Vec<String> {
    ["kube-prometheus-stack", "prometheus-adapter"]
        .into_iter()
        .flat_map(|chart| ["--chart".to_owned(), format!("{chart}={folder}")])
        .collect()
}

#[test]
fn helm_installs_the_stack_before_the_demo() {
    let (sandbox, stand_ins) = (Sandbox::empty(), StandIns::new(SMALL));
    with_stack(&stand_ins, "failed");
    let charts = with_charts(stand_ins.path().to_str().unwrap());
    let charts: Vec<&str> = charts.iter().map(String::as_str).collect();
    let said = run(&sandbox, &stand_ins, &[&["up", "--yes", "--timeout", "0s"], &charts[..]].concat());
    let said = said.failed(4, &["external metric"]);
    assert!(said.out.contains("upgrade kube-prometheus-stack 1.0.0"), "{}", said.out);
    let asked = stand_ins.asked();
    let upgrades: Vec<&str> = asked.lines().filter(|line| line.starts_with("upgrade --install ")).collect();
    assert_eq!(upgrades.len(), 2, "{asked}");
    assert!(
        upgrades[0].starts_with("upgrade --install prometheus ")
            && upgrades[0].contains("--namespace monitoring")
    );
    assert!(
        upgrades.iter().all(|line| line.contains("--labels app.kubernetes.io/managed-by=surge")),
        "{asked}"
    );
}

#[test]
fn an_unfinished_release_is_an_error_with_advice() {
    let (sandbox, stand_ins) = (Sandbox::empty(), StandIns::new(SMALL));
    with_stack(&stand_ins, "pending-install");
    let charts = with_charts(stand_ins.path().to_str().unwrap());
    let charts: Vec<&str> = charts.iter().map(String::as_str).collect();
    let said = run(&sandbox, &stand_ins, &[&["up", "--yes"], &charts[..]].concat());
    said.failed(
        4,
        &[
            "is not finished: its status is pending-install",
            "helm uninstall prometheus --namespace monitoring",
        ],
    );
    assert!(!stand_ins.asked().contains("upgrade"), "{}", stand_ins.asked());
}

#[test]
fn a_signal_stops_helm_and_decides_the_exit_code() {
    for (sent, code) in [(Signal::INT, 130), (Signal::TERM, 143)] {
        let (sandbox, stand_ins) = (Sandbox::empty(), StandIns::new(SMALL));
        with_stack(&stand_ins, "failed");
        stand_ins.file("slow", "");
        let charts = with_charts(stand_ins.path().to_str().unwrap());
        let charts: Vec<&str> = charts.iter().map(String::as_str).collect();
        let arguments = [&["up", "--yes"], &charts[..]].concat();
        let child = sandbox
            .surge(stand_ins.path(), &arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let asked: PathBuf = stand_ins.path().join("asked");
        until_written(&asked, "upgrading");
        signal(&child, sent);
        let said = Said::from(child.wait_with_output().unwrap());
        said.failed(code, &["failed: stopped by a signal", "continue with: surge up"]);
        until_written(&asked, "terminated");
    }
}
