//! Users with few rights: the doctor reports the missing right, and no failure of the chain.

use serde_json::Value;

use super::{Site, verdicts};

/// A ServiceAccount of the test; dropping the value removes it.
struct Guest<'a> {
    site: &'a Site,
    _folder: tempfile::TempDir,
    kubeconfig: String,
}

const NAME: &str = "surge-e2e-doctor";

impl<'a> Guest<'a> {
    /// An account, bound by these commands of kubectl.
    fn new(site: &'a Site, bindings: &[&str]) -> Self {
        remove(site);
        site.run(&format!("kubectl create serviceaccount {NAME} -n NS"));
        for binding in bindings {
            site.run(&format!("kubectl create {binding} --serviceaccount={}:{NAME}", site.namespace));
        }
        let token = site.run(&format!("kubectl create token {NAME} -n NS"));
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config");
        let config = site.run("kubectl config view --raw --minify --flatten -o json");
        let mut config: Value = serde_json::from_str(&config).unwrap();
        config["users"][0]["user"] = serde_json::json!({"token": token.trim()});
        std::fs::write(&path, config.to_string()).unwrap();
        Self { site, kubeconfig: path.to_str().unwrap().to_owned(), _folder: folder }
    }

    fn report(&self) -> Value {
        let (code, report) = self.site.doctor(&[], &self.kubeconfig);
        assert_eq!(code, Some(0), "{report:#}");
        report
    }
}

impl Drop for Guest<'_> {
    fn drop(&mut self) {
        remove(self.site);
    }
}

fn remove(site: &Site) {
    site.run(&format!(
        "kubectl delete --ignore-not-found -n NS serviceaccount/{NAME} rolebinding/{NAME}; kubectl delete --ignore-not-found clusterrolebinding/{NAME}"
    ));
}

fn denied(report: &Value, check: &str) -> usize {
    verdicts(report, check).iter().filter(|verdict| **verdict == "not-permitted").count()
}

#[test]
#[ignore = "needs a cluster"]
fn a_user_without_rights_sees_no_failure() {
    let site = Site::found();
    site.until_fine();
    let report = Guest::new(&site, &[]).report();
    assert!(denied(&report, "right") >= 15, "{report:#}");
    for check in ["namespace", "hpa", "workloads"] {
        assert!(denied(&report, check) >= 1, "{check}: {report:#}");
    }
}

#[test]
#[ignore = "needs a cluster"]
fn a_viewer_sees_the_demo_and_its_missing_rights() {
    let site = Site::found();
    site.until_fine();
    let binding = format!("rolebinding {NAME} -n NS --role=surge-viewer");
    let report = Guest::new(&site, &[&binding]).report();
    assert!(denied(&report, "right") >= 5, "{report:#}");
    // Broker, producer and worker, and in its profile the exporter.
    let workloads = verdicts(&report, "workload");
    assert!(workloads.len() >= 3 && workloads.iter().all(|verdict| *verdict == "ok"), "{report:#}");
    assert_eq!(verdicts(&report, "hpa"), ["ok"], "{report:#}");
    assert_eq!(verdicts(&report, "value"), ["ok"], "{report:#}");
    assert_eq!(denied(&report, "broker"), 1, "its Secret and its tunnel: {report:#}");
    assert_eq!(denied(&report, "namespace"), 1, "{report:#}");
}

/// The ClusterRole that the chart makes with `rbac.doctor.enabled`.
#[test]
#[ignore = "needs a cluster"]
fn the_doctors_role_shows_the_stack() {
    let site = Site::found();
    site.until_fine();
    if site.run("kubectl get clusterrole surge-doctor --ignore-not-found -o name").is_empty() {
        panic!("not run: the chart's value rbac.doctor.enabled has not made ClusterRole surge-doctor");
    }
    let (viewer, doctor) = (
        format!("rolebinding {NAME} -n NS --role=surge-viewer"),
        format!("clusterrolebinding {NAME} --clusterrole=surge-doctor"),
    );
    let report = Guest::new(&site, &[&viewer, &doctor]).report();
    for check in ["namespace", "monitor-selected", "apiservice"] {
        assert_eq!(verdicts(&report, check), ["ok"], "{check}: {report:#}");
    }
    assert_eq!(denied(&report, "broker"), 1, "no role lets read the broker's Secret: {report:#}");
}
