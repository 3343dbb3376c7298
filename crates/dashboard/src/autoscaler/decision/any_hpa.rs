//! HPAs with other metrics than one queue, from their objects and the answers of the metrics APIs.

use std::sync::Arc;
use std::time::Duration;

use hpa::Reading;
use hpa::input::{Container, ContainerUsage, PodUsage};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use observed::scaled_object::ScaledObject;
use observed::{DepthSample, MetricAnswer, MetricSample, Pod, PodPhase, PodsEvent, Workload};
use serde_json::{Value, json};

use crate::autoscaler::estimate::{Agreement, Basis, NextReading};
use crate::autoscaler::forecast::{self, Trigger};
use crate::autoscaler::pod_table::tables;
use crate::chain::beliefs::ChainHop;
use crate::chain::explanation::{self, Explanation};
use crate::clock::{At, DayClock};
use crate::message::{Event, Timestamped};
use crate::model::Model;
use crate::reported::{MetricAnswers, Target, TargetEvent};
use crate::testing;
use crate::update::update;

/// A dashboard on an HPA of any kind. The run starts 1,000 s after 1970.
struct Watched {
    model: Model,
    metrics: Value,
    second: u64,
}

impl Watched {
    fn new(metrics: Value, size: i32) -> Self {
        let day = DayClock::new(Timestamp::from_second(1_000).unwrap(), TimeZone::UTC);
        let mut watched = Self { model: Model::new(day, (80, 24)), metrics, second: 0 };
        watched.send(Event::Target(TargetEvent::Chosen(Target {
            title: "here".to_owned(),
            reason: String::new(),
            namespace: "demo".to_owned(),
            version: Some("v1.34".to_owned()),
            confirm_first_burst: false,
            sync_period: None,
            first_burst: None,
        })));
        watched.send(Event::Target(TargetEvent::Ready));
        let selector = hpa::spec::LabelSelector::parse("app=web").unwrap();
        let (name, spec_replicas, replicas, ready) = ("web".to_owned(), size, size, size);
        watched.send(Event::Workload(Some(Workload { name, spec_replicas, replicas, ready, selector })));
        watched
    }

    fn send(&mut self, event: Event) {
        let at = At(Duration::from_secs(self.second));
        let _ = update(&mut self.model, Timestamped { at, event });
    }

    fn status(&mut self, size: i32, current: &Value) {
        self.rescale(size, size, current);
    }

    fn rescale(&mut self, from: i32, to: i32, current: &Value) {
        let object = json!({
            "metadata": {"name": "web"},
            "spec": {"minReplicas": 1, "maxReplicas": 10, "metrics": self.metrics,
                "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}},
            "status": {"currentReplicas": from, "desiredReplicas": to, "currentMetrics": current,
                "conditions": [{"type": "AbleToScale", "status": "True", "reason": "ReadyForNewScale"}]}});
        let hpa = observed::convert::hpa::convert(&serde_json::from_value(object).unwrap());
        self.send(Event::Hpa(Some(Box::new(hpa))));
    }

    fn answers(&mut self, answers: Vec<Option<Reading>>) {
        let metrics = serde_json::from_value(self.metrics.clone()).unwrap();
        let answer = |reading| MetricAnswer { reading, api: "test/v1".into() };
        let answers = answers.into_iter().map(|reading| reading.map(answer)).collect();
        self.send(Event::Readings(Box::new(MetricAnswers { metrics, answers })));
    }

    fn pods(&mut self, names: &[&str]) {
        let pod = |name: &&str| Pod {
            calculated: Arc::new(hpa::Pod {
                containers: vec![Container {
                    name: "app".to_owned(),
                    requests_milli: [("cpu".to_owned(), 200)].into(),
                }],
                ..testing::calculated(name, PodPhase::Ready)
            }),
            owner: Some(("ReplicaSet".to_owned(), "web-1a".to_owned())),
            template_hash: Some("1a".to_owned()),
            ..testing::pod(name, PodPhase::Ready)
        };
        self.send(Event::Pods(PodsEvent::Listed(names.iter().map(pod).collect())));
    }
}

fn queue(name: &str, target: &str) -> Value {
    json!({"type": "External", "external": {
        "metric": {"name": "depth", "selector": {"matchLabels": {"queue": name}}},
        "target": {"type": "AverageValue", "averageValue": target}}})
}

fn depth(queue: &str, average: &str) -> Value {
    json!({"type": "External", "external": {
        "metric": {"name": "depth", "selector": {"matchLabels": {"queue": queue}}},
        "current": {"averageValue": average}}})
}

fn cpu() -> Value {
    json!({"type": "Resource", "resource": {"name": "cpu",
        "target": {"type": "Utilization", "averageUtilization": 60}}})
}

fn used(percent: i32, average: &str) -> Value {
    json!({"type": "Resource", "resource": {"name": "cpu",
        "current": {"averageUtilization": percent, "averageValue": average}}})
}

/// Usage of the pods, measured at that second of the run.
fn usage(second: i64, list: &[(&str, i64)]) -> Reading {
    let one = |(name, milli): &(&str, i64)| PodUsage {
        pod: (*name).to_owned(),
        at: hpa::Time::from_secs(1_000 + second),
        window_seconds: 15,
        containers: vec![ContainerUsage {
            name: "app".to_owned(),
            milli: [("cpu".to_owned(), *milli)].into(),
        }],
    };
    Reading::Resource(list.iter().map(one).collect())
}

#[test]
fn each_of_two_queues_has_its_own_reading() {
    let mut watched = Watched::new(json!([queue("Orders", "20"), queue("Invoices", "60")]), 4);
    watched.status(4, &json!([depth("Orders", "0"), depth("Invoices", "50")]));
    watched.send(Event::Metric(MetricSample { value_milli: Some(0), stamped: None }));
    assert!(watched.model.data.estimate.next.is_none(), "the second metric is not read yet");
    watched.answers(vec![None, Some(Reading::External(vec![205_000]))]);
    watched.second = 15;
    watched.status(4, &json!([depth("Orders", "0"), depth("Invoices", "51250m")]));

    let data = &watched.model.data;
    let last = data.estimate.last().unwrap();
    assert_eq!((last.trace.desired, last.basis, last.agreement()), (4, Basis::Read, Agreement::Same));
    let trace = &data.estimate.next.as_ref().unwrap().decision.trace;
    let [orders, invoices] = trace.metrics.as_slice() else { panic!("two metrics") };
    assert_eq!((orders.proposal, invoices.proposal, trace.desired), (Some(0), Some(4), 4));
    let ratio = invoices.measured.and_then(|measured| measured.ratio).unwrap();
    assert!((ratio - 205.0 / 240.0).abs() < 1e-9, "{ratio}");
    assert_eq!(data.deciding_metric(), Some(1));
    // A burst goes into the first queue: it scales from 1.1 × 20 × 4 on.
    assert_eq!(forecast::smallest_instead(data, 50), Some(89));
    assert!(matches!(forecast::trigger(data, 88), Some(Trigger::TooSmall { smallest: 89, .. })));
    assert!(matches!(forecast::trigger(data, 89), Some(Trigger::Scales { from: 4, to: 5, .. })));
}

#[test]
fn a_utilization_is_reconstructed_and_predicted() {
    let mut watched = Watched::new(json!([cpu()]), 2);
    watched.second = 600;
    watched.pods(&["a", "b"]);
    watched.status(2, &json!([used(50, "100m")]));
    watched.answers(vec![Some(usage(595, &[("a", 120), ("b", 111)]))]);
    let data = &watched.model.data;
    assert_eq!(data.estimate.reading, NextReading::Polled { received: At(Duration::from_secs(600)) });
    let trace = &data.estimate.next.as_ref().unwrap().decision.trace;
    assert_eq!(trace.metrics[0].measured.map(|measured| measured.usage), Some(57), "57.75 % is 57 %");
    assert!(!data.has_queue());
    let tables = tables(data);
    assert_eq!(tables[0].1.summary, "2 counted");
    assert_eq!(tables[0].1.truncation.as_deref(), Some("57.7 % counts as 57 %"));

    // The controller read the same samples.
    watched.second = 610;
    watched.status(2, &json!([used(57, "115m")]));
    let last = watched.model.data.estimate.last().unwrap();
    assert_eq!((last.basis, last.agreement()), (Basis::Read, Agreement::Same));
    // It read others, which are computed back.
    watched.second = 625;
    watched.rescale(2, 3, &json!([used(90, "180m")]));
    let last = watched.model.data.estimate.last().unwrap();
    assert_eq!(last.basis, Basis::Back);
    assert_eq!(last.trace.raw, Some(3), "1.5 × 2");
}

#[test]
fn a_sync_is_reconstructed_with_the_pods_of_its_moment() {
    let mut watched = Watched::new(json!([cpu()]), 2);
    watched.second = 600;
    watched.pods(&["a", "b"]);
    watched.status(2, &json!([used(50, "100m")]));
    watched.answers(vec![Some(usage(595, &[("a", 180), ("b", 180)]))]);
    // The new pod arrives before the status of the sync that wanted it. With it, there would be 60 %.
    watched.second = 615;
    watched.pods(&["a", "b", "c"]);
    watched.rescale(2, 3, &json!([used(90, "180m")]));
    let last = watched.model.data.estimate.last().unwrap();
    assert_eq!((last.trace.desired, last.basis, last.agreement()), (3, Basis::Read, Agreement::Same));
    assert_eq!(last.trace.metrics[0].measured.and_then(|measured| measured.pods).unwrap().ready, 2);

    // The metrics API had no sample of the new pod yet: 130 % of two pods, and nothing of the third.
    watched.second = 630;
    watched.rescale(3, 5, &json!([used(130, "260m")]));
    let last = watched.model.data.estimate.last().unwrap();
    assert_eq!((last.trace.desired, last.basis, last.agreement()), (5, Basis::Back, Agreement::Same));
}

#[test]
fn a_metric_that_fails_blocks_scaling_down_only() {
    let mut watched = Watched::new(json!([cpu(), queue("Orders", "20")]), 4);
    watched.status(4, &json!([{"type": ""}, depth("Orders", "5")]));
    let refused =
        || Some(Reading::Failed("the server could not find the requested resource (404)".to_owned()));
    for (total, desired) in [(20_000, 4), (200_000, 8)] {
        watched.send(Event::Metric(MetricSample { value_milli: Some(total), stamped: None }));
        watched.answers(vec![refused(), None]);
        let next = watched.model.data.estimate.next.as_ref().unwrap();
        assert_eq!(next.decision.trace.desired, desired, "{total}");
    }
}

#[test]
fn a_status_without_metrics_does_no_harm() {
    for status in [json!([]), json!([{"type": ""}]), json!([depth("Other", "3")])] {
        let mut watched = Watched::new(json!([cpu()]), 2);
        watched.pods(&["a", "b"]);
        watched.status(2, &status);
        watched.answers(vec![Some(usage(0, &[("a", 10), ("b", 10)]))]);
        assert!(watched.model.data.estimate.next.is_some());
    }
}

#[test]
fn a_label_queue_without_a_broker_is_no_queue() {
    let mut watched = Watched::new(json!([queue("Orders", "20")]), 2);
    watched.status(2, &json!([depth("Orders", "1")]));
    assert!(watched.model.data.has_queue(), "the pods are unknown");
    watched.pods(&["a", "b"]);
    assert!(!watched.model.data.has_queue(), "none of them is a broker");
    let depth = DepthSample { ready: 1, unacked: 0, consumers: None, staleness: Duration::ZERO };
    watched.send(Event::Depth(depth));
    assert!(watched.model.data.has_queue());
}

#[test]
fn kedas_metric_has_its_queue_and_no_hop_in_prometheus() {
    let metric = json!({"type": "External", "external": {
        "metric": {"name": "s0-rabbitmq-mail-out", "selector": {"matchLabels": {"scaledobject.keda.sh/name": "web"}}},
        "target": {"type": "AverageValue", "averageValue": "20"}}});
    let object = json!({
        "metadata": {"name": "keda-hpa-web", "labels": {"scaledobject.keda.sh/name": "web"}},
        "spec": {"minReplicas": 1, "maxReplicas": 10, "metrics": [metric],
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}},
        "status": {"currentReplicas": 4, "desiredReplicas": 4, "currentMetrics": []}});
    let hpa = observed::convert::hpa::convert(&serde_json::from_value(object).unwrap());
    let queue = |watched: &Watched| watched.model.data.hpa.get()?.metric.as_ref()?.queue.clone();
    let mut watched = Watched::new(json!([metric]), 4);
    watched.send(Event::Hpa(Some(Box::new(hpa.clone()))));
    assert_eq!(queue(&watched).as_deref(), Some("mail-out"), "as KEDA writes it");
    let scaled = |kind: &str| {
        Box::new(ScaledObject::read(&json!({"metadata": {"name": "web"}, "spec": {"triggers": [
            {"type": kind, "metadata": {"queueName": "mail.out", "query": "sum(x)"}}]}})))
    };
    watched.send(Event::ScaledObject(Some(scaled("rabbitmq"))));
    assert_eq!(queue(&watched).as_deref(), Some("mail.out"), "as the trigger has it");
    let hops = [ChainHop::Broker, ChainHop::ExternalApi, ChainHop::Hpa];
    assert_eq!(watched.model.data.hops(), hops);
    // It stays with the next report of the HPA.
    watched.send(Event::Hpa(Some(Box::new(hpa))));
    assert_eq!(queue(&watched).as_deref(), Some("mail.out"));
    watched.send(Event::ScaledObject(Some(scaled("prometheus"))));
    assert_eq!(watched.model.data.hops(), ChainHop::ALL);

    // KEDA counts 74 ready ones of 79: the figures agree.
    let staleness = Duration::ZERO;
    for second in 1..15 {
        watched.second = second;
        let depth = DepthSample { ready: 74, unacked: 5, consumers: None, staleness };
        watched.send(Event::Depth(depth));
        watched.send(Event::Metric(MetricSample { value_milli: Some(74_000), stamped: None }));
        assert_eq!(watched.model.data.beliefs.laggard(), None, "at {second}");
    }
    let explained = explanation::explain(&watched.model.data);
    assert!(explained.contains(&Explanation::ReadyOnly { unacked: 5 }), "{explained:?}");
}
