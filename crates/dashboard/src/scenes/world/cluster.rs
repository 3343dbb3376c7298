//! The objects of the played world: pods, HPA, Deployment and Events.

use std::time::Duration;

use crate::clock::*;
use crate::message::*;
use crate::reported::*;
use observed::*;

use super::{Worker, World};

/// The reason while nothing limits the size.
const WITHIN: &str = "DesiredWithinRange";

impl World {
    pub(crate) fn name_last(&mut self) {
        const LETTERS: [&str; 12] = [
            "4kq2m", "9xh7t", "b6r5w", "cj8zd", "ffl2n", "g7v4s", "hm3qk", "k2x6p", "l9wjt", "mzr48",
            "n5td7", "pq6bv",
        ];
        let name = format!("worker-6f7d9c8b5-{}", LETTERS[self.born as usize % LETTERS.len()]);
        self.born += 1;
        self.workers.last_mut().unwrap().name = name;
    }

    pub(crate) fn pod(&self, index: usize) -> Pod {
        let worker = &self.workers[index];
        let age = self.ms - worker.created;
        let phase = match () {
            () if worker.ends => PodPhase::Terminating,
            () if worker.ready => PodPhase::Ready,
            () if age >= 400 => PodPhase::Starting,
            () => PodPhase::Pending,
        };
        Pod {
            name: worker.name.clone(),
            uid: format!("{}-{}", worker.name, worker.created),
            role: Role::Worker,
            status: "Running".to_owned(),
            phase,
            restarts: 0,
            created: self.stamp(worker.created),
            scheduled: self.stamp(worker.created),
            started: None,
            ready_since: None,
            owner: Some(("ReplicaSet".to_owned(), "worker-6f7d9c8b5".to_owned())),
            template_hash: Some("6f7d9c8b5".to_owned()),
            node: Some("node-1".to_owned()),
            ..Pod::default()
        }
    }

    /// Sends the workers' usage: much CPU with a job, little without.
    pub(crate) fn usage(&mut self) {
        let usage = |worker: &Worker| {
            let cpu = if worker.job.is_some() { 18 } else { 2 };
            let milli = [("cpu".to_owned(), cpu), ("memory".to_owned(), 1_000 * (9 << 20))].into();
            let container = hpa::input::ContainerUsage { name: "worker".to_owned(), milli };
            let at = hpa::Time(i64::try_from(self.ms).unwrap());
            hpa::input::PodUsage {
                pod: worker.name.clone(),
                at,
                window_seconds: 15,
                containers: vec![container],
            }
        };
        let reading = hpa::Reading::Resource(self.workers.iter().filter(|w| w.ready).map(usage).collect());
        let answer = MetricAnswer { reading, api: "metrics.k8s.io/v1beta1".into() };
        self.send(Event::Usage(Box::new(answer)));
    }

    pub(crate) fn hpa(&mut self) {
        let hpa = self.status();
        self.send(Event::Hpa(Some(Box::new(hpa))));
    }

    /// Starts everything, before the first sync of the HPA and the first value of the metric.
    pub(crate) fn unsynced(&mut self) {
        self.starting([StepState::Ready, StepState::Ready, StepState::Ready, StepState::Ready]);
        self.send(Event::Target(TargetEvent::Ready));
        for source in [Source::Hpa, Source::Workload, Source::Pods, Source::Broker, Source::Prometheus] {
            self.send(Event::Source(source, SourceState::Live));
        }
        for (source, cause) in [
            (Source::Producer, "no pod behind Service producer is ready"),
            (
                Source::ExternalMetric,
                "asking for the external metric rabbitmq_queue_length: the server could not find the metric \
                 rabbitmq_queue_length for",
            ),
        ] {
            let next = At(Duration::from_secs(1));
            self.send(Event::Source(source, SourceState::Retrying { cause: cause.to_owned(), next }));
        }
        self.workers.push(Worker { name: String::new(), created: 0, job: None, ends: false, ready: true });
        self.name_last();
        let pods = vec![other("producer-7c9d8f6b5-x2x9p", Role::Producer), self.pod(0)];
        self.send(Event::Pods(PodsEvent::Listed(pods)));
        let mut hpa = self.status();
        (hpa.current_replicas, hpa.desired_replicas, hpa.reading_milli) = (0, 0, None);
        hpa.conditions.clear();
        hpa.targets_column = "<unknown>/20 (avg)".to_owned();
        self.send(Event::Hpa(Some(Box::new(hpa))));
        self.workload();
        self.send(Event::Depth(DepthSample {
            ready: 0,
            unacked: 0,
            consumers: Some(1),
            staleness: Duration::ZERO,
        }));
        self.send(Event::Scraped(ScrapedSample { value: None, scraped: None, age: None }));
    }

    fn status(&self) -> Hpa {
        let each = self.reading.div_ceil(self.current.max(1) as u64);
        let reading_milli = (self.reading as f64 * 1_000.0 / self.current.max(1) as f64).ceil() as i64;
        let condition = |kind: &str, status: &str, reason: &str| Condition {
            kind: kind.to_owned(),
            status: status.to_owned(),
            reason: reason.to_owned(),
            message: String::new(),
        };
        let raw = self.reading.div_ceil(20) as usize;
        // The default policies: double, or four more.
        let allowed = (2 * self.current).max(self.current + 4);
        let limit = match () {
            () if raw > allowed && allowed < self.max => "ScaleUpLimit",
            () if raw > self.max => "TooManyReplicas",
            () if raw < 1 && self.desired <= 1 => "TooFewReplicas",
            () => WITHIN,
        };
        let conditions = vec![
            condition(
                "AbleToScale",
                "True",
                if raw < self.desired { "ScaleDownStabilized" } else { "ReadyForNewScale" },
            ),
            condition("ScalingActive", "True", "ValidMetricFound"),
            condition("ScalingLimited", if limit == WITHIN { "False" } else { "True" }, limit),
        ];
        Hpa {
            name: "worker-scaler".to_owned(),
            min: 1,
            max: self.max as i32,
            scaled_object: self.keda.then(|| "worker-scaler".to_owned()),
            metric: Some(MetricRef {
                name: if self.keda { "s0-rabbitmq-Orders" } else { "rabbitmq_queue_length" }.to_owned(),
                selector: hpa::spec::LabelSelector {
                    match_labels: [("queue".to_owned(), "Orders".to_owned())].into(),
                    ..Default::default()
                },
                queue: Some("Orders".to_owned()),
                target: ExternalTarget::AverageValue(20_000),
            }),
            spec: Some(Box::new(spec())),
            scale_target: ("Deployment".to_owned(), "worker".to_owned()),
            current_replicas: self.current as i32,
            desired_replicas: self.desired as i32,
            reading_milli: Some(reading_milli),
            last_scale: None,
            conditions,
            targets_column: format!("{each}/20 (avg)"),
            current: Vec::new(),
        }
    }

    /// Makes the HPA report that it has no reading, and why.
    pub(crate) fn no_reading(&mut self) {
        let crate::data::Presence::Here(mut hpa) = self.model.data.hpa.clone() else { return };
        hpa.current_replicas = hpa.desired_replicas;
        hpa.reading_milli = None;
        hpa.targets_column = "<unknown>/20 (avg)".to_owned();
        hpa.conditions[1] = Condition {
            kind: "ScalingActive".to_owned(),
            status: "False".to_owned(),
            reason: "FailedGetExternalMetric".to_owned(),
            message: "the HPA was unable to compute the replica count: unable to get external metric \
                      autoscaling-demo/rabbitmq_queue_length/&LabelSelector{MatchLabels:map[string]string{queue: \
                      Orders,},MatchExpressions:[]LabelSelectorRequirement{},}: no metrics returned from external \
                      metrics API"
                .to_owned(),
        };
        self.send(Event::Hpa(Some(Box::new(hpa))));
        self.send(Event::Metric(MetricSample { value_milli: None, stamped: None }));
    }

    pub(crate) fn workload(&mut self) {
        let workload = Workload {
            name: "worker".to_owned(),
            spec_replicas: self.spec as i32,
            replicas: self.workers.iter().filter(|w| !w.ends).count() as i32,
            ready: self.workers.iter().filter(|w| w.ready && !w.ends).count() as i32,
            selector: hpa::spec::LabelSelector {
                match_labels: [("app.kubernetes.io/name".to_owned(), "worker".to_owned())].into(),
                ..Default::default()
            },
        };
        self.send(Event::Workload(Some(workload)));
    }

    pub(crate) fn kubernetes(&mut self, kind: &str, object: &str, reason: &str, message: String) {
        let event = ClusterEvent {
            uid: format!("{object}-{reason}-{}", self.ms),
            warning: false,
            object: (kind.to_owned(), object.to_owned()),
            reason: reason.to_owned(),
            message,
            count: 1,
            last_seen: None,
            old: false,
        };
        self.send(Event::Cluster(event));
    }
}

pub(crate) fn other(name: &str, role: Role) -> Pod {
    Pod {
        name: name.to_owned(),
        uid: name.to_owned(),
        role,
        status: "Running".to_owned(),
        phase: PodPhase::Ready,
        restarts: 0,
        created: None,
        scheduled: None,
        started: None,
        ready_since: None,
        ..Pod::default()
    }
}

/// The demo's HPA: a scale-down window of a minute, and Kubernetes' defaults.
pub fn spec() -> hpa::Spec {
    let mut spec: hpa::Spec = serde_json::from_value(serde_json::json!({
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "worker"},
        "minReplicas": 1,
        "maxReplicas": 10,
        "metrics": [{"type": "External", "external": {
            "metric": {"name": "rabbitmq_queue_length", "selector": {"matchLabels": {"queue": "Orders"}}},
            "target": {"type": "AverageValue", "averageValue": "20"}}}],
        "behavior": {"scaleDown": {"stabilizationWindowSeconds": 60}},
    }))
    .unwrap();
    hpa::defaults::default_spec(&mut spec);
    spec
}
