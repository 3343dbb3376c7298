//! The forms of the report, and what exit code and fix follow from its lines.

use super::{fact, healthy};
use crate::facts::{Facts, Seen};
use crate::{Verdict, examine};

#[test]
fn an_unreachable_cluster_ends_the_walk() {
    let mut facts = Facts::nothing("the API server cannot be reached");
    facts.version.seen = Seen::Failed("the API server at https://x cannot be reached: refused".into());
    let report = examine(&facts);
    assert_eq!((report.exit_code(), report.lines.len()), (3, 1));
    assert!(report.text().contains("kubectl config get-contexts"));
}

#[test]
fn refused_credentials_are_a_failure_of_their_own() {
    let mut facts = healthy();
    facts.version.seen = Seen::NotPermitted("Unauthorized (401)".into());
    let report = examine(&facts);
    assert_eq!((report.exit_code(), report.lines.len()), (1, 1));
    assert!(report.text().contains("Unauthorized (401)"));
}

#[test]
fn what_may_not_be_seen_is_no_failure() {
    let mut facts = healthy();
    let no = |what: &str| format!("{what} is forbidden");
    facts.namespace.seen = Seen::NotPermitted(no("namespaces"));
    facts.autoscalers.seen = Seen::NotPermitted(no("horizontalpodautoscalers"));
    facts.deployments.seen = Seen::NotPermitted(no("deployments"));
    facts.stateful_sets.seen = Seen::NotPermitted(no("statefulsets"));
    facts.pods.seen = Seen::NotPermitted(no("pods"));
    facts.services.seen = Seen::NotPermitted(no("services"));
    facts.warnings.seen = Seen::NotPermitted(no("events"));
    facts.broker.management = None;
    facts.broker.queues.seen = Seen::NotPermitted(no("secrets"));
    facts.broker.endpoints.clear();
    facts.broker.settings.seen = Seen::NotPermitted(no("configmaps"));
    facts.prometheus.services.seen = Seen::NotPermitted(no("services"));
    facts.prometheus.resources.seen = Seen::NotPermitted(no("prometheuses"));
    facts.prometheus.monitors.seen = Seen::NotPermitted(no("servicemonitors"));
    facts.prometheus.pools.seen = Seen::NotPermitted(no("pods/portforward"));
    facts.api.service.seen = Seen::NotPermitted(no("apiservices"));
    facts.api.backend.seen = Seen::NotPermitted(no("deployments"));
    facts.api.rules.seen = Seen::NotPermitted(no("configmaps"));
    facts.keda.scaled_objects.seen = Seen::NotPermitted(no("scaledobjects"));
    let report = examine(&facts);
    assert_eq!(report.count(Verdict::Failure), 0, "{}", report.text());
    assert!(report.count(Verdict::NotPermitted) >= 7, "{}", report.text());
    assert_eq!(report.exit_code(), 0);

    facts.autoscaler.seen = Seen::NotPermitted(no("horizontalpodautoscalers"));
    facts.api.answer.seen = Seen::NotPermitted(no("external metrics"));
    let report = examine(&facts);
    assert_eq!(report.exit_code(), 0, "{}", report.text());
}

#[test]
fn the_text_has_one_fix_and_the_json_the_same() {
    let mut facts = healthy();
    facts.broker.queues = super::fact(serde_json::json!([{"name": "orders\u{1b}[2J", "vhost": "/"}]));
    facts.api.service.seen = Seen::Absent;
    let report = examine(&facts);
    let text = report.text();
    assert!(!text.contains('\u{1b}'), "nothing from a cluster reaches the terminal as it came");
    assert_eq!(text.matches("The first failure").count(), 1, "{text}");
    assert!(text.contains("seen by: how"), "{text}");
    let json = report.json();
    assert_eq!(json["verdict"], "failure");
    assert_eq!(json["fix"]["check"], "queue");
    assert_eq!(json["fix"]["form"], "command");
    assert_eq!(json["lines"].as_array().unwrap().len(), report.lines.len());
    assert!(json["lines"][0].get("fix").is_none(), "there is one fix, and it is the report's");
    assert_eq!(json["burstToDecision"]["worstSeconds"], 17.0);
}

#[test]
fn a_warning_has_its_fix_when_nothing_fails() {
    let mut facts = healthy();
    super::set(&mut facts.autoscaler, "/spec/maxReplicas", serde_json::json!(1));
    let report = examine(&facts);
    assert_eq!((report.exit_code(), super::first(&report).0), (0, "bounds"));
    assert!(report.text().contains("The first warning"));
}

/// Where the controller manager runs, and whether it can be asked, is different from cluster to cluster.
#[test]
fn the_sync_period_is_told_with_its_source() {
    let settings =
        |period: &str| fact(serde_json::json!({"data": {"horizontal-pod-autoscaler-sync-period": period}}));
    let arguments = |arguments: &[&str]| fact(serde_json::json!(arguments));
    let nobody = || healthy().controller_arguments;
    for (flags, map, words, worst) in [
        (nobody(), healthy().controller_settings, "15 s (assumed: its flag cannot be read here)", 17.0),
        (nobody(), settings("500ms"), "0.5 s, by ConfigMap kube-controller-manager", 2.5),
        (nobody(), settings("soon"), "15 s (assumed", 17.0),
        (arguments(&["--v=2"]), settings("1s"), "15 s: the controller manager's flag is not set", 17.0),
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
        let line = report.lines.iter().find(|line| line.check == "sync").unwrap();
        assert!(line.saw.contains(words), "{}", line.saw);
        assert_eq!(report.timing.unwrap().worst_seconds, worst, "{words}");
    }
}
