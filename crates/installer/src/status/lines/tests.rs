//! The lines of a cluster that is as it should be, and of others.

use super::*;
use crate::helm::Listed;
use observed::{Condition, DepthSample, Hpa, MetricRef, ExternalTarget, ScrapedSample};

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
    }
}

fn facts() -> Facts {
    Facts {
        place: "context here (https://far), Kubernetes v1.34.4".into(),
        namespace: "demo".into(),
        installed: 3,
        profile: Some("plugin".into()),
        releases: Ok(vec![Listed {
            name: "prometheus".into(),
            namespace: "monitoring".into(),
            status: "deployed".into(),
            chart: "kube-prometheus-stack-88.5.3".into(),
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
        server: Metrics::Service { namespace: "monitoring".into(), name: "prometheus-adapter".into() },
        hpa: Ok(Some(Autoscaler { hpa: hpa(), made: "2026-01-01T00:00:00Z".parse().ok() })),
        up: "surge up".into(),
    }
}

fn text(facts: &Facts) -> Vec<String> {
    lines(facts, now()).iter().map(|line| format!("{} {:?}: {}", line.about, line.state, line.text)).collect()
}

#[test]
fn ten_lines_say_how_fresh_each_hop_is() {
    assert_eq!(
        text(&facts()),
        [
            "cluster Ok: context here (https://far), Kubernetes v1.34.4, namespace demo",
            "demo Ok: installed by surge up, profile plugin, 3 objects",
            "stack Ok: kube-prometheus-stack-88.5.3 deployed",
            "rabbitmq Ok: 1 ready",
            "producer Ok: 1 ready",
            "worker Ok: 1 ready",
            "broker Ok: Orders: 6 ready, 1 unacknowledged; asked now, of the broker's management API",
            "prometheus Ok: 7, scraped 0.4 s before it was asked",
            "metric Ok: 7, stamped 2 s ago; served by monitoring/prometheus-adapter",
            "hpa Ok: 7/20 (avg), replicas 1, wanted 1, allowed 1 to 10, never scaled",
        ]
    );
    assert!(is_fine(&lines(&facts(), now())));
}

/// What makes a fact a bad one.
type Spoil = fn(&mut Facts);

#[test]
fn each_thing_that_is_wrong_is_a_bad_line() {
    let cases: [(&str, Spoil, &str); 9] = [
        (
            "stack",
            |f| f.releases.as_mut().unwrap()[0].status = "failed".into(),
            "kube-prometheus-stack-88.5.3 failed",
        ),
        ("worker", |f| f.workloads[2].1 = Ok(None), "not there"),
        (
            "worker",
            |f| {
                f.workloads[2].1 =
                    Ok(Some(Rollout::Going { ready: 0, wanted: 1, complaint: "quota".into() }));
            },
            "0 of 1 ready: quota",
        ),
        ("broker", |f| f.depth = Ok(None), "it has no queue Orders"),
        ("prometheus", |f| f.scraped = Some(Err("no answer".into())), "no answer"),
        (
            "prometheus",
            |f| f.scraped = Some(Ok(ScrapedSample { value: None, scraped: None, age: None })),
            "no sample",
        ),
        ("metric", |f| f.metric = Ok(MetricSample { value_milli: None, stamped: None }), "no value"),
        ("hpa", |f| f.hpa = Ok(None), "there is no HPA worker-scaler"),
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
                f.hpa = Ok(Some(Autoscaler { hpa, made: None }));
            },
            "FailedGetExternalMetric: unable",
        ),
    ];
    for (about, spoil, expected) in cases {
        let mut facts = facts();
        spoil(&mut facts);
        let lines = lines(&facts, now());
        let bad: Vec<&Line> = lines.iter().filter(|line| line.state == State::Bad).collect();
        assert_eq!(bad.len(), 1, "{about}: {bad:?}");
        assert!(bad[0].about == about && bad[0].text.contains(expected), "{bad:?}");
    }
}

#[test]
fn what_surge_did_not_install_is_no_fault() {
    let mut facts = facts();
    (facts.installed, facts.releases, facts.scraped) = (0, Err("helm is not on your path".into()), None);
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
fn an_empty_cluster_is_told_how_to_fill_it() {
    let mut facts = facts();
    (facts.installed, facts.releases, facts.hpa) = (0, Ok(Vec::new()), Ok(None));
    for (_, rollout) in &mut facts.workloads {
        *rollout = Ok(None);
    }
    facts.server = Metrics::Nobody;
    assert_eq!(
        text(&facts)[1..],
        [
            "demo Bad: not installed: surge up",
            "stack Note: not installed by surge up",
            "metric Note: served by nobody"
        ]
    );
    // What may not be seen is not nothing.
    facts.hpa = Err("hpas is forbidden".into());
    assert!(text(&facts).len() == 10);
}

#[test]
fn an_autoscaler_that_is_just_made_is_waited_for() {
    let unread = || {
        let mut hpa = hpa();
        hpa.reading_milli = None;
        hpa
    };
    let at = |made: &str| {
        let mut facts = facts();
        facts.hpa = Ok(Some(Autoscaler { hpa: unread(), made: made.parse().ok() }));
        text(&facts).pop().unwrap()
    };
    let young = at("2026-01-01T00:00:50Z");
    assert!(
        young.starts_with("hpa Note: ") && young.contains("first sync not yet: made 10 s ago"),
        "{young}"
    );
    let old = at("2026-01-01T00:00:20Z");
    assert!(old.starts_with("hpa Bad: ") && old.contains("it has read nothing yet"), "{old}");
}

#[test]
fn pods_that_are_on_their_way_are_no_fault() {
    let mut facts = facts();
    let going = |ready| Rollout::Going { ready, wanted: 5, complaint: String::new() };
    facts.workloads[2].1 = Ok(Some(going(3)));
    assert_eq!(text(&facts)[5], "worker Note: 3 of 5 ready, the others not yet");
    facts.workloads[2].1 = Ok(Some(going(0)));
    assert_eq!(text(&facts)[5], "worker Bad: 0 of 5 ready");
}
