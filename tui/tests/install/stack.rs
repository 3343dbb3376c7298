//! The stack's charts by helm: installed, half installed, interrupted.

use std::path::PathBuf;
use std::process::Stdio;

use rustix::process::Signal;

use crate::install::stand_ins::{SMALL, StandIns, run};
use crate::sandboxed::{Said, Sandbox, signal, until_written};

/// A stack of which both releases are there and ours, the first one in `status`.
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

/// `up` with charts that need no network.
fn with_charts(folder: &str) -> Vec<String> {
    ["kube-prometheus-stack", "prometheus-adapter"]
        .into_iter()
        .flat_map(|chart| ["--chart".to_owned(), format!("{chart}={folder}")])
        .collect()
}

#[test]
fn the_stack_is_installed_with_helm_before_the_demo() {
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
fn a_chart_that_is_half_installed_is_told_with_the_way_out() {
    let (sandbox, stand_ins) = (Sandbox::empty(), StandIns::new(SMALL));
    with_stack(&stand_ins, "pending-install");
    let charts = with_charts(stand_ins.path().to_str().unwrap());
    let charts: Vec<&str> = charts.iter().map(String::as_str).collect();
    let said = run(&sandbox, &stand_ins, &[&["up", "--yes"], &charts[..]].concat());
    said.failed(
        4,
        &["is half installed: helm says pending-install", "helm uninstall prometheus --namespace monitoring"],
    );
    assert!(!stand_ins.asked().contains("upgrade"), "{}", stand_ins.asked());
}

#[test]
fn a_signal_ends_helm_first_and_decides_the_exit_code() {
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
        said.failed(code, &["was not done: stopped by a signal", "go on with: surge up"]);
        until_written(&asked, "told to end");
    }
}
