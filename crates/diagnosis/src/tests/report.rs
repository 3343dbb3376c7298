//! The forms of the report, its exit code and its fix.

use super::{fact, healthy};
use crate::facts::{Facts, Outcome};
use crate::{Verdict, examine};

#[test]
fn an_unreachable_cluster_is_one_finding() {
    let mut facts = Facts::not_asked("the API server cannot be reached");
    facts.version.outcome = Outcome::Failed("the API server at https://x cannot be reached: refused".into());
    let report = examine(&facts);
    assert_eq!((report.exit_code(), report.findings.len()), (3, 1));
    assert!(report.text().contains("kubectl config get-contexts"));
}

#[test]
fn refused_credentials_are_one_finding() {
    let mut facts = healthy();
    facts.version.outcome = Outcome::NotPermitted("Unauthorized (401)".into());
    let report = examine(&facts);
    assert_eq!((report.exit_code(), report.findings.len()), (1, 1));
    assert!(report.text().contains("Unauthorized (401)"));
}

#[test]
fn missing_permissions_are_no_failure() {
    let mut facts = healthy();
    let no = |what: &str| format!("{what} is forbidden");
    facts.namespace.outcome = Outcome::NotPermitted(no("namespaces"));
    facts.autoscalers.outcome = Outcome::NotPermitted(no("horizontalpodautoscalers"));
    facts.deployments.outcome = Outcome::NotPermitted(no("deployments"));
    facts.stateful_sets.outcome = Outcome::NotPermitted(no("statefulsets"));
    facts.pods.outcome = Outcome::NotPermitted(no("pods"));
    facts.services.outcome = Outcome::NotPermitted(no("services"));
    facts.warnings.outcome = Outcome::NotPermitted(no("events"));
    facts.broker.management = None;
    facts.broker.queues.outcome = Outcome::NotPermitted(no("secrets"));
    facts.broker.endpoints.clear();
    facts.broker.settings.outcome = Outcome::NotPermitted(no("configmaps"));
    facts.prometheus.services.outcome = Outcome::NotPermitted(no("services"));
    facts.prometheus.resources.outcome = Outcome::NotPermitted(no("prometheuses"));
    facts.prometheus.monitors.outcome = Outcome::NotPermitted(no("servicemonitors"));
    facts.prometheus.pools.outcome = Outcome::NotPermitted(no("pods/portforward"));
    facts.api.registration.outcome = Outcome::NotPermitted(no("apiservices"));
    facts.api.backend.outcome = Outcome::NotPermitted(no("deployments"));
    facts.api.rules.outcome = Outcome::NotPermitted(no("configmaps"));
    facts.keda.scaled_objects.outcome = Outcome::NotPermitted(no("scaledobjects"));
    let report = examine(&facts);
    assert_eq!(report.count(Verdict::Failure), 0, "{}", report.text());
    assert!(report.count(Verdict::NotPermitted) >= 7, "{}", report.text());
    assert_eq!(report.exit_code(), 0);

    facts.autoscaler.outcome = Outcome::NotPermitted(no("horizontalpodautoscalers"));
    facts.metrics[0].response.outcome = Outcome::NotPermitted(no("external metrics"));
    let report = examine(&facts);
    assert_eq!(report.exit_code(), 0, "{}", report.text());
}

#[test]
fn text_and_json_have_the_same_fix() {
    let mut facts = healthy();
    facts.broker.queues = super::fact(serde_json::json!([{"name": "orders\u{1b}[2J", "vhost": "/"}]));
    facts.api.registration.outcome = Outcome::Absent;
    let report = examine(&facts);
    let text = report.text();
    assert!(!text.contains('\u{1b}'), "text from the cluster is cleaned");
    assert_eq!(text.matches("First failure").count(), 1, "{text}");
    assert!(text.contains("evidence: how"), "{text}");
    let json = report.json();
    assert_eq!(json["verdict"], "failure");
    assert_eq!(json["fix"]["check"], "queue");
    assert_eq!(json["fix"]["form"], "command");
    assert_eq!(json["lines"].as_array().unwrap().len(), report.findings.len());
    assert!(json["lines"][0].get("fix").is_none(), "the report has one fix");
    assert_eq!(json["burstToDecision"]["worstSeconds"], 17.0);
}

#[test]
fn a_warning_has_a_fix_without_failures() {
    let mut facts = healthy();
    super::set(&mut facts.autoscaler, "/spec/maxReplicas", serde_json::json!(1));
    let report = examine(&facts);
    assert_eq!((report.exit_code(), &*super::first(&report).0), (0, "bounds"));
    assert!(report.text().contains("First warning"));
}

#[test]
fn the_sync_period_has_a_source() {
    let settings =
        |period: &str| fact(serde_json::json!({"data": {"horizontal-pod-autoscaler-sync-period": period}}));
    let arguments = |arguments: &[&str]| fact(serde_json::json!(arguments));
    let unknown = || healthy().controller_arguments;
    for (flags, map, words, worst) in [
        (unknown(), healthy().controller_settings, "15 s (assumed: the flag cannot be read here)", 17.0),
        (unknown(), settings("500ms"), "0.5 s, by ConfigMap kube-controller-manager", 2.5),
        (unknown(), settings("soon"), "15 s (assumed", 17.0),
        (
            arguments(&["--v=2"]),
            settings("1s"),
            "15 s, the default: the controller manager has no such flag",
            17.0,
        ),
        (
            arguments(&["--horizontal-pod-autoscaler-sync-period=5s"]),
            settings("1s"),
            "5 s, by the controller manager's flag",
            7.0,
        ),
    ] {
        let mut facts = healthy();
        (facts.controller_arguments, facts.controller_settings) = (flags, map);
        let report = examine(&facts);
        let finding = report.findings.iter().find(|finding| finding.check == "sync").unwrap();
        assert!(finding.detail.contains(words), "{}", finding.detail);
        assert_eq!(report.timing.unwrap().worst_seconds, worst, "{words}");
        let is_assumed = words.contains("assumed");
        assert_eq!(report.sync_period.is_none(), is_assumed, "{words}");
    }
}
