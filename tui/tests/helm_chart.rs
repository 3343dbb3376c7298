//! The chart in the hands of its users: Helm 3, Helm 4 and kubectl with kustomize, as the chart's README describes.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::sandboxed::{Said, Sandbox};

const CHART: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../charts/autoscaling-demo");
const MANIFESTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../manifests");
const NAMESPACE: &str = "autoscaling-demo";

/// The sandbox's images.
const IMAGES: &str = concat!(
    "images.producer=surge.local/producer:",
    env!("CARGO_PKG_VERSION"),
    ",images.worker=surge.local/worker:",
    env!("CARGO_PKG_VERSION"),
    ",images.rabbitmq=surge.local/rabbitmq:",
    env!("CARGO_PKG_VERSION")
);

/// Helm 4, and Helm 3 in the folder below it.
fn helms() -> Vec<PathBuf> {
    let helm = super::path().join("helm");
    let helm3 = super::path().join("helm3/helm");
    assert!(helm3.is_file(), "this test needs {}; `.ci/tools FOLDER` installs it", helm3.display());
    vec![helm, helm3]
}

fn on(sandbox: &Sandbox, program: &Path, arguments: &[&str]) -> Said {
    let mut command = Command::new(program);
    command.args(arguments).env("KUBECONFIG", sandbox.kubeconfig()).env("HOME", sandbox.path());
    for variable in ["HELM_CACHE_HOME", "HELM_CONFIG_HOME", "HELM_DATA_HOME"] {
        command.env_remove(variable);
    }
    Said::by(command.stdin(Stdio::null()))
}

fn kubectl(sandbox: &Sandbox, arguments: &[&str]) -> Said {
    on(sandbox, &super::path().join("kubectl"), arguments)
}

fn until_ready(sandbox: &Sandbox) {
    let targets = ["statefulset/rabbitmq", "deployment/producer", "deployment/worker"];
    for target in targets {
        kubectl(sandbox, &["rollout", "status", target, "-n", NAMESPACE, "--timeout", "90s"]).fine();
    }
}

fn max_replicas(sandbox: &Sandbox) -> String {
    kubectl(sandbox, &["get", "hpa", "worker-scaler", "-n", NAMESPACE, "-o", "jsonpath={.spec.maxReplicas}"])
        .fine()
        .out
}

#[test]
#[ignore = "needs helm on PATH, and Helm 3 below it"]
fn helm_installs_tests_upgrades_rolls_back_and_uninstalls() {
    for helm in helms() {
        let sandbox = Sandbox::empty();
        let helm =
            |arguments: &[&str]| on(&sandbox, &helm, &[arguments, &["--namespace", NAMESPACE]].concat());
        helm(&["install", "demo", CHART, "--create-namespace", "--set", IMAGES]).fine();
        until_ready(&sandbox);

        let tested = helm(&["test", "demo", "--timeout", "90s", "--logs"]).fine();
        assert!(tested.out.contains("Phase:          Succeeded"), "{}", tested.out);
        assert!(tested.out.contains("confirmed by the broker, done after "), "{}", tested.out);

        helm(&["upgrade", "demo", CHART, "--reuse-values", "--set", "hpa.maxReplicas=7"]).fine();
        assert_eq!(max_replicas(&sandbox), "7");
        helm(&["rollback", "demo", "1"]).fine();
        assert_eq!(max_replicas(&sandbox), "10");
        helm(&["uninstall", "demo", "--wait", "--timeout", "90s"]).fine();
        let left = kubectl(
            &sandbox,
            &["get", "deployments,statefulsets,hpa,services,secrets", "-n", NAMESPACE, "-o", "name"],
        );
        assert_eq!(left.fine().out, "");
        // The namespace is not the chart's.
        kubectl(&sandbox, &["get", "namespace", NAMESPACE]).fine();
    }
}

#[test]
#[ignore = "needs helm on PATH, and Helm 3 below it"]
fn a_test_job_without_a_worker_fails() {
    let sandbox = Sandbox::empty();
    let helm =
        |arguments: &[&str]| on(&sandbox, &helms()[0], &[arguments, &["--namespace", NAMESPACE]].concat());
    helm(&["install", "demo", CHART, "--create-namespace", "--set", IMAGES]).fine();
    until_ready(&sandbox);
    kubectl(&sandbox, &["delete", "hpa", "worker-scaler", "-n", NAMESPACE]).fine();
    kubectl(&sandbox, &["scale", "deployment/worker", "--replicas", "0", "-n", NAMESPACE]).fine();
    let tested = helm(&["test", "demo", "--timeout", "5s"]);
    assert_ne!(tested.code, Some(0), "{}", tested.out);
}

#[test]
#[ignore = "needs kubectl from helm's wheel"]
fn kubectl_applies_and_deletes_the_overlay() {
    let sandbox = Sandbox::empty();
    let secrets = Command::new("sh").arg(format!("{MANIFESTS}/secrets.sh")).output().unwrap();
    let file = sandbox.path().join("secrets.yaml");
    std::fs::write(&file, secrets.stdout).unwrap();
    kubectl(&sandbox, &["create", "-f", file.to_str().unwrap()]).fine();
    let overlay = format!("{MANIFESTS}/overlays/plugin");
    for _time in 0..2 {
        kubectl(&sandbox, &["apply", "-k", &overlay]).fine();
        kubectl(&sandbox, &["apply", "-k", &overlay]).fine();
        kubectl(&sandbox, &["delete", "-k", &overlay, "--timeout", "90s"]).fine();
    }
    kubectl(&sandbox, &["get", "secret", "rabbitmq", "-n", NAMESPACE]).fine();
}
