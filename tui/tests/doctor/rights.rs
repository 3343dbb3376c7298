//! Users with few permissions: a missing permission is reported as such and is no failure. The sandbox permits everything, so a
//! proxy in front of its API server refuses requests as a role does.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use testkit::fault_proxy::{Fault, FaultGuard, FaultProxy, RecordedRequest};

use crate::doctor::sandbox::{BROKER, DEMO, Sandbox, doctor};

/// The resources that the chart's role `surge-viewer` permits to read, in the demo's namespace.
const VIEWED: [&str; 7] = [
    "pods",
    "services",
    "events",
    "deployments",
    "statefulsets",
    "horizontalpodautoscalers",
    "rabbitmq_queue_length",
];

fn is_viewed(asked: &RecordedRequest) -> bool {
    let Some((_, rest)) = asked.path.split_once(&format!("/namespaces/{DEMO}/")) else { return false };
    let kind = rest.split('/').next().unwrap_or_default();
    asked.method == "GET" && VIEWED.contains(&kind) && !asked.is_tunnel()
}

/// A user with access to the version and to the requests that a filter permits.
struct Guest {
    kubeconfig: PathBuf,
    _faults: [FaultGuard; 2],
    _proxy: FaultProxy,
}

impl Guest {
    fn new(sandbox: &Sandbox, may: fn(&RecordedRequest) -> bool) -> Self {
        let config = sandbox.config();
        // It has a runtime of its own, which cannot start inside the test's.
        let proxy = std::thread::spawn(move || FaultProxy::start(config).unwrap()).join().unwrap();
        let is_review = |asked: &RecordedRequest| asked.path.ends_with("/selfsubjectaccessreviews");
        let no = "this is forbidden: User \"guest\" cannot do it";
        let denied = json!({"kind": "SelfSubjectAccessReview", "status": {"allowed": false}});
        let faults = [
            proxy.inject(
                move |asked| asked.path != "/version" && !is_review(asked) && !may(asked),
                Fault::Status(403, "Forbidden", no.to_owned()),
            ),
            proxy.inject(is_review, Fault::Reply(denied.to_string())),
        ];
        let kubeconfig = sandbox.kubeconfig().with_file_name("guest");
        std::fs::write(&kubeconfig, proxy.kubeconfig("guest", &json!({}))).unwrap();
        Self { kubeconfig, _faults: faults, _proxy: proxy }
    }

    fn doctor(&self) -> (Option<i32>, Value) {
        doctor(&self.kubeconfig, &[])
    }
}

fn verdicts(report: &Value, check: &str) -> Vec<String> {
    let lines = report["lines"].as_array().unwrap();
    let of_check = lines.iter().filter(|line| line["check"] == check);
    of_check.map(|line| line["verdict"].as_str().unwrap().to_owned()).collect()
}

fn all_denied(report: &Value, checks: &[&str]) {
    for check in checks {
        let verdicts = verdicts(report, check);
        assert!(
            !verdicts.is_empty() && verdicts.iter().all(|verdict| verdict == "not-permitted"),
            "{check} is {verdicts:?}: {report:#}"
        );
    }
}

#[tokio::test]
async fn a_viewer_sees_missing_permissions_and_failures() {
    let sandbox = Sandbox::start().await;
    let viewer = Guest::new(&sandbox, is_viewed);

    let (code, report) = viewer.doctor();
    assert_eq!((code, &report["verdict"]), (Some(0), &json!("ok")), "{report:#}");
    assert!(verdicts(&report, "right").len() > 10, "{report:#}");
    all_denied(&report, &["right", "namespace", "broker", "apiservice", "rule"]);
    assert_eq!(verdicts(&report, "workload"), ["ok"; 3], "{report:#}");
    for check in ["value", "hpa", "scaling-active"] {
        assert_eq!(verdicts(&report, check), ["ok"], "{check}: {report:#}");
    }

    sandbox.patch(BROKER, json!({"spec": {"replicas": 0}})).await;
    let began = Instant::now();
    loop {
        let (code, report) = viewer.doctor();
        if code == Some(1) && report["fix"]["check"] == "workload" {
            break;
        }
        assert!(began.elapsed() < Duration::from_secs(120), "{report:#}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

#[tokio::test]
async fn a_user_without_rights_sees_no_failure() {
    let sandbox = Sandbox::start().await;
    let stranger = Guest::new(&sandbox, |_| false);
    let (code, report) = stranger.doctor();
    assert_eq!((code, &report["verdict"]), (Some(0), &json!("ok")), "{report:#}");
    assert_eq!(report["fix"], Value::Null, "{report:#}");
    all_denied(&report, &["right", "namespace", "hpa", "workloads", "apiservice"]);
    assert_eq!(verdicts(&report, "api-server"), ["ok"], "{report:#}");
}
