//! Scenes of HPAs other than the demo's: CPU, two metrics, KEDA, a failed metric, no replicas.

use hpa::Reading;
use hpa::input::{ContainerUsage, PodUsage};
use serde_json::{Value, json};

use crate::message::*;
use crate::reported::*;
use crate::ui::screen::Screen;
use observed::scaled_object::ScaledObject;
use observed::*;

use super::{Scene, World};

/// The scenes of this file.
pub const SCENES: &[Scene] = &[
    ("cpu", "an HPA on CPU: shares of the target instead of a queue"),
    ("cpu_decision", "the arithmetic of a utilization"),
    ("cpu_pods", "the pods of a metric: counted, not ready, missing a sample, ignored, foreign"),
    ("two_metrics", "CPU and a queue, and the queue decides"),
    ("two_metrics_decision", "a line for each metric"),
    ("metric_failed", "one of two metrics cannot be read"),
    ("keda_decision", "KEDA's triggers and the arithmetic"),
    ("zero_replicas", "the target is paused at 0 replicas"),
];

/// The start of the world, in seconds since 1970.
const START: i64 = 1_772_632_800;

/// Plays the scene of that name, in a window of that size.
pub(crate) fn play(scene: &str, columns: u16, rows: u16) -> Option<World> {
    let mut world = World::new(columns, rows);
    world.starting([StepState::Ready, StepState::Ready, StepState::Ready, StepState::Ready]);
    world.send(Event::Target(TargetEvent::Ready));
    for source in [Source::Hpa, Source::Workload, Source::Pods, Source::Metrics] {
        world.send(Event::Source(source, SourceState::Live));
    }
    let none = "the HPA follows no queue".to_owned();
    world.send(Event::Source(Source::Broker, SourceState::Unavailable(none)));
    let mut web = Web { world, metrics: json!([cpu(60)]), percent: 40, queue: None, replicas: 3, max: 10 };
    match scene {
        "cpu" | "cpu_decision" => web.run(&[40, 45, 58, 80, 85, 70, 62, 57, 50]),
        "cpu_pods" => {
            web.run(&[50, 55]);
            web.crowd();
        }
        "two_metrics" | "two_metrics_decision" => {
            web.metrics = json!([cpu(60), queue("Orders", "20")]);
            web.queue = Some(70);
            web.run(&[40, 45, 48, 45, 50]);
        }
        "metric_failed" => {
            web.metrics = json!([cpu(60), queue("Orders", "20")]);
            web.queue = Some(20);
            web.run(&[40, 45]);
            web.fail();
        }
        "keda_decision" => {
            web.metrics = json!([keda()]);
            web.queue = Some(50);
            web.run(&[40, 40]);
            web.keda();
        }
        "zero_replicas" => {
            web.replicas = 0;
            web.run(&[40, 40]);
        }
        _ => return None,
    }
    let mut world = web.world;
    world.model.ui.screen = match scene {
        "cpu_pods" => Screen::Pods,
        "cpu" | "two_metrics" => Screen::Overview,
        _ => Screen::Decision,
    };
    Some(world)
}

fn cpu(percent: i32) -> Value {
    json!({"type": "Resource", "resource": {"name": "cpu",
        "target": {"type": "Utilization", "averageUtilization": percent}}})
}

fn queue(name: &str, target: &str) -> Value {
    json!({"type": "External", "external": {
        "metric": {"name": "queue_depth", "selector": {"matchLabels": {"queue": name}}},
        "target": {"type": "AverageValue", "averageValue": target}}})
}

fn keda() -> Value {
    json!({"type": "External", "external": {
        "metric": {"name": "s0-rabbitmq-mail-out",
            "selector": {"matchLabels": {"scaledobject.keda.sh/name": "web"}}},
        "target": {"type": "AverageValue", "averageValue": "20"}}})
}

/// A web server with an HPA of its own.
struct Web {
    world: World,
    metrics: Value,
    percent: i64,
    queue: Option<i64>,
    replicas: i32,
    max: i32,
}

impl Web {
    /// Plays a sync every 15 s, each with the next utilization.
    fn run(&mut self, percents: &[i64]) {
        for percent in percents {
            self.percent = *percent;
            self.pods();
            self.workload();
            self.hpa(true);
            self.readings();
            for _ in 0..5 {
                self.world.ms += 3_000;
                self.readings();
                self.world.send(Event::Tick);
            }
        }
        self.hpa(true);
        self.readings();
        self.world.tick(1_000);
    }

    fn pod(name: &str, phase: &str, owner: &str) -> Value {
        let ready = if phase == "Running" { "True" } else { "False" };
        json!({
            "metadata": {"name": name, "uid": name, "creationTimestamp": "2026-03-04T13:00:00Z",
                "labels": {"app": "web", "pod-template-hash": "5d4f"},
                "ownerReferences": [{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": owner, "uid": "u",
                    "controller": true}]},
            "spec": {"nodeName": "node-1", "containers": [{"name": "app",
                "resources": {"requests": {"cpu": "200m"}}}]},
            "status": {"phase": phase, "startTime": "2026-03-04T13:00:01Z",
                "conditions": [{"type": "Ready", "status": ready, "lastTransitionTime": "2026-03-04T13:00:05Z"}],
                "containerStatuses": [{"name": "app", "image": "i", "imageID": "", "ready": phase == "Running",
                    "restartCount": 0, "state": {"running": {"startedAt": "2026-03-04T13:00:02Z"}}}]},
        })
    }

    fn worker(object: Value) -> Pod {
        observed::convert::pod::convert(&serde_json::from_value(object).unwrap(), Role::Worker)
    }

    fn name(number: i32) -> String {
        format!("web-5d4f-{number:05}")
    }

    fn pods(&mut self) {
        let pod = |number| Self::worker(Self::pod(&Self::name(number), "Running", "web-5d4f"));
        let pods = (0..self.replicas).map(pod).collect();
        self.world.send(Event::Pods(PodsEvent::Listed(pods)));
    }

    /// Adds pods that count in other ways.
    fn crowd(&mut self) {
        let mut deleted = Self::pod("web-5d4f-going", "Running", "web-5d4f");
        deleted["metadata"]["deletionTimestamp"] = json!("2026-03-04T14:00:10Z");
        for object in [
            Self::pod("web-5d4f-fresh", "Pending", "web-5d4f"),
            Self::pod("web-5d4f-quiet", "Running", "web-5d4f"),
            Self::pod("web-5d4f-ended", "Failed", "web-5d4f"),
            Self::pod("web-canary-77aa-b6r5w", "Running", "web-canary-77aa"),
            deleted,
        ] {
            self.world.send(Event::Pods(PodsEvent::Applied(Box::new(Self::worker(object)))));
        }
        self.readings();
        self.world.tick(100);
    }

    fn workload(&mut self) {
        let selector = hpa::spec::LabelSelector::parse("app=web").unwrap();
        let (name, size) = ("web".to_owned(), self.replicas);
        let workload = Workload { name, spec_replicas: size, replicas: size, ready: size, selector };
        self.world.send(Event::Workload(Some(workload)));
    }

    /// The controller's status of the newest sync; without a reading of the first metric if `is_read` is false.
    fn hpa(&mut self, is_read: bool) {
        let mut current = Vec::new();
        for metric in self.metrics.as_array().unwrap() {
            current.push(match metric["type"].as_str() {
                Some("Resource") if is_read => {
                    json!({"type": "Resource", "resource": {"name": "cpu", "current": {
                    "averageUtilization": self.percent, "averageValue": format!("{}m", self.percent * 2)}}})
                }
                Some("External") => {
                    let average = self.queue.unwrap() * 1_000 / i64::from(self.replicas.max(1));
                    json!({"type": "External", "external": {"metric": metric["external"]["metric"],
                        "current": {"averageValue": format!("{average}m")}}})
                }
                _ => json!({"type": ""}),
            });
        }
        let (active, reason, message) = match (is_read, self.replicas) {
            (_, 0) => (
                "False",
                "ScalingDisabled",
                "scaling is disabled since the replica count of the target is zero",
            ),
            (true, _) => ("True", "ValidMetricFound", ""),
            (false, _) => (
                "False",
                "FailedGetResourceMetric",
                "the HPA was unable to compute the replica count: failed to get cpu utilization: unable to get \
                 metrics for resource cpu: unable to fetch metrics from resource metrics API: the server is \
                 currently unable to handle the request (get pods.metrics.k8s.io)",
            ),
        };
        let object = json!({
            "metadata": {"name": "web", "labels": if self.metrics[0]["external"]["metric"]["name"]
                == "s0-rabbitmq-mail-out" { json!({"scaledobject.keda.sh/name": "web"}) } else { json!({}) }},
            "spec": {"minReplicas": 1, "maxReplicas": self.max, "metrics": self.metrics,
                "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}},
            "status": {"currentReplicas": self.replicas, "desiredReplicas": self.replicas,
                "currentMetrics": current, "conditions": [
                {"type": "AbleToScale", "status": "True", "reason": "ReadyForNewScale", "message": ""},
                {"type": "ScalingActive", "status": active, "reason": reason, "message": message},
                {"type": "ScalingLimited", "status": "False", "reason": "DesiredWithinRange", "message": ""}]},
        });
        let hpa = observed::convert::hpa::convert(&serde_json::from_value(object).unwrap());
        self.world.send(Event::Hpa(Some(Box::new(hpa))));
    }

    /// The answers of the metrics APIs: a sample of each running pod, and the queue.
    fn readings(&mut self) {
        let at = hpa::Time((START * 1_000) + i64::try_from(self.world.ms).unwrap() - 8_000);
        let sample = |pod: String, milli: i64| PodUsage {
            pod,
            at,
            window_seconds: 15,
            containers: vec![ContainerUsage {
                name: "app".to_owned(),
                milli: [("cpu".to_owned(), milli)].into(),
            }],
        };
        let mut pods: Vec<PodUsage> =
            (0..self.replicas).map(|number| sample(Self::name(number), self.percent * 2)).collect();
        pods.push(sample("web-canary-77aa-b6r5w".to_owned(), 200));
        self.answer(&Reading::Resource(pods));
        if let Some(queue) = self.queue {
            let (ready, value) = (u64::try_from(queue).unwrap(), queue as f64);
            let staleness = std::time::Duration::ZERO;
            self.world.send(Event::Source(Source::Broker, SourceState::Live));
            self.world.send(Event::Source(Source::ExternalMetric, SourceState::Live));
            self.world.send(Event::Depth(DepthSample { ready, unacked: 0, consumers: None, staleness }));
            self.world.send(Event::Scraped(ScrapedSample { value: Some(value), scraped: None, age: None }));
            self.world.send(Event::Metric(MetricSample { value_milli: Some(queue * 1_000), stamped: None }));
        }
    }

    fn answer(&mut self, reading: &Reading) {
        let metrics: Vec<hpa::spec::Metric> = serde_json::from_value(self.metrics.clone()).unwrap();
        let answer = |metric: &hpa::spec::Metric| {
            let reading = reading.clone();
            metric
                .resource
                .is_some()
                .then_some(MetricAnswer { reading, api: "metrics.k8s.io/v1beta1".into() })
        };
        let answers = metrics.iter().map(answer).collect();
        self.world.send(Event::Readings(Box::new(MetricAnswers { metrics, answers })));
    }

    /// Makes the resource metrics API fail, for us and for the controller.
    fn fail(&mut self) {
        let why = "asking metrics.k8s.io/v1beta1 for the pods' usage: the server is currently unable to handle the \
                   request (503)";
        self.answer(&Reading::Failed(why.to_owned()));
        self.world.ms += 15_000;
        self.hpa(false);
        self.answer(&Reading::Failed(why.to_owned()));
        self.world.tick(500);
    }

    /// Makes KEDA the owner, with a trigger whose queue's name KEDA writes in another spelling.
    fn keda(&mut self) {
        let object = ScaledObject::read(&json!({
            "metadata": {"name": "web"},
            "spec": {"pollingInterval": 30, "cooldownPeriod": 300, "minReplicaCount": 0, "triggers": [
                {"type": "rabbitmq", "metadata": {"queueName": "mail.out", "mode": "QueueLength", "value": "20"}}]},
            "status": {"externalMetricNames": ["s0-rabbitmq-mail-out"],
                "triggersActivity": {"s0-rabbitmq-mail-out": {"isActive": true}}},
        }));
        self.world.send(Event::ScaledObject(Some(Box::new(object))));
        self.world.tick(500);
    }
}
