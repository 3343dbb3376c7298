//! The lines of a healthy cluster, and of faulty ones.

use super::*;
use crate::helm::Listed;
use observed::{Condition, DepthSample, ExternalTarget, Hpa, MetricRef, ScrapedSample};
use text::command::Command;

fn now() -> Timestamp {
    "2026-01-01T00:01:00Z".parse().unwrap()
}

fn hpa() -> Hpa {
    Hpa {
        name: "worker-scaler".into(),
        min: 1,
        max: 10,
        scaled_object: None,
        metric: Some(MetricRef {
            name: "m".into(),
            selector: hpa::spec::LabelSelector::default(),
            queue: Some("Orders".into()),
            target: ExternalTarget::AverageValue(20_000),
        }),
        reading_milli: Some(7_000),
        spec: None,
        scale_target: ("Deployment".into(), "worker".into()),
        current_replicas: 1,
        desired_replicas: 1,
        last_scale: None,
        conditions: Vec::new(),
        targets_column: "7/20 (avg)".into(),
        current: Vec::new(),
    }
}

fn facts() -> Facts {
    Facts {
        place: "context here (https://far), Kubernetes v1.34.4".into(),
        namespace: "demo".into(),
        installed: 3,
        profile: Some("plugin".into()),
        releases: Ok(vec![StackRelease {
            listed: Listed {
                name: "prometheus".into(),
                namespace: "monitoring".into(),
                status: "deployed".into(),
                chart: "kube-prometheus-stack-88.5.3".into(),
            },
            settings: vec!["grafana.enabled=false".into()],
        }]),
        workloads: vec![
            ("rabbitmq", Ok(Some(Rollout::Done { ready: 1 }))),
            ("producer", Ok(Some(Rollout::Done { ready: 1 }))),
            ("worker", Ok(Some(Rollout::Done { ready: 1 }))),
        ],
        depth: Ok(Some(DepthSample { ready: 6, unacked: 1, consumers: None, staleness: Duration::ZERO })),
        queue: "Orders".into(),
        scraped: Some(Ok(ScrapedSample {
            value: Some(7.0),
            scraped: None,
            age: Some(Duration::from_millis(400)),
        })),
        metric: Ok(MetricSample { value_milli: Some(7_000), stamped: "2026-01-01T00:00:58Z".parse().ok() }),
        server: MetricsServer::Service { namespace: "monitoring".into(), name: "prometheus-adapter".into() },
        hpa: Ok(Some(Autoscaler { hpa: hpa(), created: "2026-01-01T00:00:00Z".parse().ok() })),
        up: Command::surge(["up"]),
    }
}

fn text(facts: &Facts) -> Vec<String> {
    lines(facts, now()).iter().map(|line| format!("{} {:?}: {}", line.about, line.state, line.text)).collect()
}

#[test]
fn ten_lines_show_each_hop() {
    assert_eq!(
        text(&facts()),
        [
            "cluster Ok: context here (https://far), Kubernetes v1.34.4, namespace demo",
            "demo Ok: installed by surge up, profile plugin, 3 objects",
            "stack Ok: kube-prometheus-stack-88.5.3 deployed with grafana.enabled=false",
            "rabbitmq Ok: 1 ready",
            "producer Ok: 1 ready",
            "worker Ok: 1 ready",
            "broker Ok: Orders: 6 ready, 1 unacknowledged, from the management API",
            "prometheus Ok: 7, scraped 0.4 s before the query",
            "metric Ok: 7, stamped 2 s ago; served by monitoring/prometheus-adapter",
            "hpa Ok: 7/20 (avg), replicas 1, desired 1, min 1, max 10, never scaled",
        ]
    );
    assert!(is_fine(&lines(&facts(), now())));
}

/// A change that makes a fact a fault.
type Spoil = fn(&mut Facts);

#[test]
fn each_fault_is_a_bad_line() {
    let cases: [(&str, Spoil, &str); 9] = [
        (
            "stack",
            |f| f.releases.as_mut().unwrap()[0].listed.status = "failed".into(),
            "kube-prometheus-stack-88.5.3 failed",
        ),
        ("worker", |f| f.workloads[2].1 = Ok(None), "missing"),
        (
            "worker",
            |f| {
                f.workloads[2].1 =
                    Ok(Some(Rollout::InProgress { ready: 0, wanted: 1, error: "quota".into() }));
            },
            "0 of 1 ready: quota",
        ),
        ("broker", |f| f.depth = Ok(None), "no queue Orders"),
        ("prometheus", |f| f.scraped = Some(Err("no answer".into())), "no answer"),
        (
            "prometheus",
            |f| f.scraped = Some(Ok(ScrapedSample { value: None, scraped: None, age: None })),
            "no sample",
        ),
        ("metric", |f| f.metric = Ok(MetricSample { value_milli: None, stamped: None }), "no value"),
        ("hpa", |f| f.hpa = Ok(None), "no HPA worker-scaler"),
        (
            "hpa",
            |f| {
                let mut hpa = hpa();
                hpa.conditions.push(Condition {
                    kind: "ScalingActive".into(),
                    status: "False".into(),
                    reason: "FailedGetExternalMetric".into(),
                    message: "unable".into(),
                });
                f.hpa = Ok(Some(Autoscaler { hpa, created: None }));
            },
            "FailedGetExternalMetric: unable",
        ),
    ];
    for (about, spoil, expected) in cases {
        let mut facts = facts();
        spoil(&mut facts);
        let lines = lines(&facts, now());
        let bad: Vec<&StatusLine> = lines.iter().filter(|line| line.state == LineState::Bad).collect();
        assert_eq!(bad.len(), 1, "{about}: {bad:?}");
        assert!(bad[0].about == about && bad[0].text.contains(expected), "{bad:?}");
    }
}

#[test]
fn foreign_installs_are_no_fault() {
    let mut facts = facts();
    (facts.installed, facts.releases, facts.scraped) = (0, Err("helm is not on PATH".into()), None);
    facts.depth =
        Err("no tunnel to pod rabbitmq-0: pods \"rabbitmq-0\" is forbidden: User \"u\" cannot (403)".into());
    let lines = lines(&facts, now());
    assert!(is_fine(&lines), "{lines:?}");
    assert!(
        lines.iter().any(|line| line.about == "broker" && line.text.starts_with("not permitted: ")),
        "{lines:?}"
    );
}

#[test]
fn an_empty_cluster_gets_the_install_command() {
    let mut facts = facts();
    (facts.installed, facts.releases, facts.hpa) = (0, Ok(Vec::new()), Ok(None));
    for (_, rollout) in &mut facts.workloads {
        *rollout = Ok(None);
    }
    facts.server = MetricsServer::Absent;
    assert_eq!(
        text(&facts)[1..],
        [
            "demo Bad: not installed: surge up",
            "stack Note: not installed by surge up",
            "metric Note: no server"
        ]
    );
    // An unreadable part is not a missing one.
    facts.hpa = Err("hpas is forbidden".into());
    assert!(text(&facts).len() == 10);
}

#[test]
fn a_new_autoscaler_is_no_fault() {
    let unread = || {
        let mut hpa = hpa();
        hpa.reading_milli = None;
        hpa
    };
    let at = |created: &str| {
        let mut facts = facts();
        facts.hpa = Ok(Some(Autoscaler { hpa: unread(), created: created.parse().ok() }));
        text(&facts).pop().unwrap()
    };
    let young = at("2026-01-01T00:00:50Z");
    assert!(young.starts_with("hpa Note: ") && young.contains("no sync yet, created 10 s ago"), "{young}");
    let old = at("2026-01-01T00:00:20Z");
    assert!(old.starts_with("hpa Bad: ") && old.contains("it has no reading"), "{old}");
}

#[test]
fn starting_pods_are_no_fault() {
    let mut facts = facts();
    let going = |ready| Rollout::InProgress { ready, wanted: 5, error: String::new() };
    facts.workloads[2].1 = Ok(Some(going(3)));
    assert_eq!(text(&facts)[5], "worker Note: 3 of 5 ready");
    facts.workloads[2].1 = Ok(Some(going(0)));
    assert_eq!(text(&facts)[5], "worker Bad: 0 of 5 ready");
}
