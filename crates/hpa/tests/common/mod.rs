//! A complete sync that tests modify.

#![allow(dead_code, reason = "each test file uses its part")]

use std::collections::BTreeMap;

use hpa::input::{Container, ContainerUsage, PodReading, PodUsage, Ready};
use hpa::memory::{Recommendation, ScaleEvent};
use hpa::status::ConditionStatus;
use hpa::{Config, Decision, Input, Memory, Pod, Reading, Scale, Spec, Status, Time, after_scale, decide};

pub(crate) struct Scene {
    pub(crate) now: Time,
    pub(crate) spec: Spec,
    pub(crate) status: Status,
    pub(crate) scale: Result<Scale, String>,
    pub(crate) pods: Vec<Pod>,
    pub(crate) selected_by: Vec<String>,
    pub(crate) readings: Vec<Reading>,
    pub(crate) config: Config,
    pub(crate) memory: Memory,
    pub(crate) write: Result<(), String>,
}

/// Time of the first sync.
pub(crate) const START: Time = Time::from_secs(10_000);

impl Scene {
    /// A Deployment `worker` of 1 to 10 replicas with these metrics and behavior (JSON); `size` pods are running and ready.
    /// The list of recommendations exists but is empty, so that the first sync does not seed it.
    pub(crate) fn new(size: i32, metrics: &str, behavior: Option<&str>) -> Self {
        let behavior = behavior.map(|b| format!(r#""behavior": {b},"#)).unwrap_or_default();
        let json = format!(
            r#"{{"scaleTargetRef": {{"apiVersion": "apps/v1", "kind": "Deployment", "name": "worker"}},
                "minReplicas": 1, "maxReplicas": 10, {behavior} "metrics": [{metrics}]}}"#
        );
        let mut spec: Spec = serde_json::from_str(&json).expect("the specification is JSON");
        hpa::defaults::default_spec(&mut spec);
        let mut scene = Self {
            now: START,
            spec,
            status: Status::default(),
            scale: Ok(Scale::default()),
            pods: Vec::new(),
            selected_by: Vec::new(),
            readings: Vec::new(),
            config: Config::default(),
            memory: Memory { recommendations: Some(Vec::new()), ..Memory::default() },
            write: Ok(()),
        };
        scene.resize(size);
        scene
    }

    /// An External metric with a target for each pod.
    pub(crate) fn average(size: i32, target: &str, units: i64, behavior: Option<&str>) -> Self {
        let mut scene = Self::new(size, &external(&average_value(target)), behavior);
        scene.read(units);
        scene
    }

    /// An External metric with one target.
    pub(crate) fn value(size: i32, target: &str, units: i64, behavior: Option<&str>) -> Self {
        let mut scene = Self::new(size, &external(&value(target)), behavior);
        scene.read(units);
        scene
    }

    /// Sets the reading of all metrics.
    pub(crate) fn read(&mut self, units: i64) {
        self.readings = vec![Reading::External(vec![units * 1000]); self.spec.metrics.len()];
    }

    pub(crate) fn resize(&mut self, size: i32) {
        self.scale =
            Ok(Scale { spec_replicas: size, status_replicas: size, selector: "app=worker".to_owned() });
        self.pods = (0..size).map(|i| pod(&format!("worker-{i}"))).collect();
    }

    pub(crate) fn scale_mut(&mut self) -> &mut Scale {
        self.scale.as_mut().expect("the scale can be read")
    }

    pub(crate) fn recommended(&mut self, list: &[(i32, i64)]) {
        let entry = |&(replicas, age): &(i32, i64)| Recommendation { replicas, at: self.now.minus_secs(age) };
        self.memory.recommendations = Some(list.iter().map(entry).collect());
    }

    pub(crate) fn scale_events(&self, list: &[(i32, i64)]) -> Vec<ScaleEvent> {
        let entry = |&(change, age): &(i32, i64)| ScaleEvent {
            change,
            at: self.now.minus_secs(age),
            outdated: false,
        };
        list.iter().map(entry).collect()
    }

    pub(crate) fn input(&self) -> Input<'_> {
        Input {
            now: self.now,
            namespace: "demo",
            generation: Some(7),
            spec: &self.spec,
            status: &self.status,
            scale: self.scale.as_ref().map_err(String::as_str),
            pods: &self.pods,
            selected_by: &self.selected_by,
            readings: &self.readings,
            config: &self.config,
        }
    }

    pub(crate) fn needs_readings(&self) -> bool {
        self.input().needs_readings()
    }

    /// Runs one sync. Only the memory of the scene changes.
    pub(crate) fn decide(&mut self) -> Decision {
        let mut memory = std::mem::take(&mut self.memory);
        let input = self.input();
        let mut decision = decide(&input, &mut memory);
        let written = self.write.as_ref().copied().map_err(String::as_str);
        after_scale(&input, &mut decision, written, self.now, &mut memory);
        self.memory = memory;
        decision
    }

    /// Runs one sync, applies status and size, and advances the clock by 15 s.
    pub(crate) fn sync(&mut self) -> Decision {
        let decision = self.decide();
        self.status = decision.status.clone();
        if let (Some(size), Ok(())) = (decision.new_size, &self.write) {
            self.resize(size);
        }
        self.now = self.now.plus_secs(15);
        decision
    }

    /// The size after a sync.
    pub(crate) fn size(&mut self) -> i32 {
        let current = self.scale.as_ref().map_or(0, |s| s.spec_replicas);
        self.decide().new_size.unwrap_or(current)
    }

    /// The recommendations as (size, age in seconds).
    pub(crate) fn log(&self) -> Vec<(i32, i64)> {
        let list = self.memory.recommendations.as_deref().unwrap_or_default();
        list.iter().map(|r| (r.replicas, self.now.millis_since(r.at) / 1000)).collect()
    }
}

pub(crate) fn external(target: &str) -> String {
    format!(r#"{{"type": "External", "external": {{"metric": {{"name": "queue"}}, "target": {target}}}}}"#)
}

pub(crate) fn average_value(target: &str) -> String {
    format!(r#"{{"type": "AverageValue", "averageValue": "{target}"}}"#)
}

pub(crate) fn value(target: &str) -> String {
    format!(r#"{{"type": "Value", "value": "{target}"}}"#)
}

pub(crate) fn cpu(percent: i32) -> String {
    format!(
        r#"{{"type": "Resource", "resource": {{"name": "cpu",
            "target": {{"type": "Utilization", "averageUtilization": {percent}}}}}}}"#
    )
}

/// A pod that has been ready for a long time, with one container that requests one CPU.
pub(crate) fn pod(name: &str) -> Pod {
    Pod {
        name: name.to_owned(),
        phase: "Running".to_owned(),
        ready: Some(Ready { status: ConditionStatus::True, since: Time(0) }),
        started_at: Some(Time(0)),
        containers: vec![Container {
            name: "work".to_owned(),
            requests_milli: BTreeMap::from([("cpu".to_owned(), 1000), ("memory".to_owned(), 1_000_000)]),
        }],
        ..Pod::default()
    }
}

/// Usage of resource `name` of these pods, measured at `at`.
pub(crate) fn usage(name: &str, at: Time, pods: &[(&str, i64)]) -> Reading {
    let one = |&(pod, milli): &(&str, i64)| PodUsage {
        pod: pod.to_owned(),
        at,
        window_seconds: 30,
        containers: vec![ContainerUsage {
            name: "work".to_owned(),
            milli: BTreeMap::from([(name.to_owned(), milli)]),
        }],
    };
    Reading::Resource(pods.iter().map(one).collect())
}

/// A custom metric of these pods.
pub(crate) fn custom(at: Time, pods: &[(&str, i64)]) -> Reading {
    let one = |&(pod, milli): &(&str, i64)| PodReading { pod: pod.to_owned(), milli, at, window_seconds: 60 };
    Reading::Pods(pods.iter().map(one).collect())
}

/// Reason of a condition, or an empty text.
pub(crate) fn reason(decision: &Decision, condition: &str) -> String {
    decision.status.condition(condition).map(|c| c.reason.to_string()).unwrap_or_default()
}

/// The events as (reason, message).
pub(crate) fn events(decision: &Decision) -> Vec<(String, String)> {
    decision.events.iter().map(|e| (e.reason.to_string(), e.message.clone())).collect()
}
