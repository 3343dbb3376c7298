//! Whole runs of syncs: instant pods, an exact clock of 15 s, tolerance 0.1, between 1 and 30 replicas.

use hpa::spec::{Behavior, ExternalMetric, Metric, MetricIdentifier, Target};
use hpa::{Config, Input, Memory, Reading, Scale, Spec, Status, Time, after_scale, decide};

fn spec(target: Target, behavior: Option<Behavior>) -> Spec {
    let metric =
        ExternalMetric { metric: MetricIdentifier { name: "queue".to_owned(), selector: None }, target };
    let mut spec = Spec {
        min_replicas: Some(1),
        max_replicas: 30,
        metrics: vec![Metric { type_: "External".to_owned(), external: Some(metric), ..Metric::default() }],
        behavior,
        ..Spec::default()
    };
    hpa::defaults::default_spec(&mut spec);
    spec
}

/// What one sync did: size before, size after, what the metrics asked for, and the reasons of AbleToScale and
/// ScalingLimited.
#[derive(Debug, PartialEq)]
struct Step {
    before: i32,
    after: i32,
    raw: i32,
    able: String,
    limited: String,
}

struct Run {
    spec: Spec,
    size: i32,
    status: Status,
    memory: Memory,
    config: Config,
}

impl Run {
    fn new(spec: Spec, size: i32) -> Self {
        Self { spec, size, status: Status::default(), memory: Memory::default(), config: Config::default() }
    }

    fn sync(&mut self, seconds: i64, units: i64) -> Step {
        let scale =
            Scale { spec_replicas: self.size, status_replicas: self.size, selector: "app=worker".into() };
        let pods: Vec<hpa::Pod> = (0..self.size)
            .map(|i| hpa::Pod {
                name: format!("worker-{i}"),
                phase: "Running".into(),
                ready: Some(hpa::input::Ready { status: hpa::status::ConditionStatus::True, since: Time(0) }),
                ..hpa::Pod::default()
            })
            .collect();
        let readings = [Reading::External(vec![units * 1000])];
        let input = Input {
            now: Time::from_secs(seconds),
            namespace: "default",
            generation: None,
            spec: &self.spec,
            status: &self.status,
            scale: Ok(&scale),
            pods: &pods,
            selected_by: &[],
            readings: &readings,
            config: &self.config,
        };
        let mut decision = decide(&input, &mut self.memory);
        let able = decision.status.condition("AbleToScale").expect("it is always set").reason.to_string();
        after_scale(&input, &mut decision, Ok(()), input.now, &mut self.memory);
        let before = self.size;
        self.size = decision.new_size.unwrap_or(before);
        self.status = decision.status;
        Step {
            before,
            after: self.size,
            raw: decision.trace.raw.expect("the metrics decided"),
            able,
            limited: self.status.condition("ScalingLimited").expect("it was set").reason.to_string(),
        }
    }
}

fn average(units: i64) -> Target {
    Target {
        type_: "AverageValue".to_owned(),
        average_value: Some(hpa::Quantity::from_milli(units * 1000)),
        ..Target::default()
    }
}

/// A burst of 200 for 75 s, then 20, with a target of 10 for each pod.
fn burst(behavior: Option<Behavior>) -> Vec<(i64, Step)> {
    let mut run = Run::new(spec(average(10), behavior), 1);
    (0..=32).map(|i| i * 15).map(|t| (t, run.sync(t, if t <= 75 { 200 } else { 20 }))).collect()
}

#[test]
fn a_burst_without_behavior() {
    let steps = burst(None);
    let sizes: Vec<i32> = steps.iter().take(6).map(|(_, s)| s.after).collect();
    assert_eq!(sizes, [4, 8, 16, 20, 20, 20]);
    for (t, step) in &steps {
        let limited = if *t <= 30 { "ScaleUpLimit" } else { "DesiredWithinRange" };
        assert_eq!(step.limited, limited, "at {t}");
        match t {
            90..390 => assert_eq!((step.raw, step.after, step.able.as_str()), (2, 20, "ScaleDownStabilized")),
            390.. => assert_eq!((step.raw, step.after, step.able.as_str()), (2, 2, "ReadyForNewScale")),
            _ => {}
        }
    }
}

#[test]
fn a_burst_with_empty_behavior() {
    let steps = burst(Some(Behavior::default()));
    let sizes: Vec<i32> = steps.iter().take(6).map(|(_, s)| s.after).collect();
    assert_eq!(sizes, [5, 10, 20, 20, 20, 20]);
    for (t, step) in &steps {
        let limited = if *t <= 15 { "ScaleUpLimit" } else { "DesiredWithinRange" };
        assert_eq!(step.limited, limited, "at {t}");
        match t {
            90..375 => assert_eq!((step.raw, step.after, step.able.as_str()), (2, 20, "ScaleDownStabilized")),
            375.. => assert_eq!((step.raw, step.after, step.able.as_str()), (2, 2, "ReadyForNewScale")),
            _ => {}
        }
    }
}

#[test]
fn one_total_doubles_until_it_falls() {
    let target = Target {
        type_: "Value".to_owned(),
        value: Some(hpa::Quantity::from_milli(100_000)),
        ..Target::default()
    };
    let mut run = Run::new(spec(target, Some(Behavior::default())), 2);
    for (t, after) in [(0, 4), (15, 8), (30, 16)] {
        assert_eq!(run.sync(t, 200).after, after, "at {t}");
    }
    for t in (45..330).step_by(15) {
        let step = run.sync(t, 10);
        assert_eq!((step.raw, step.after), (2, 16), "at {t}");
    }
    assert_eq!(run.sync(330, 10).after, 2);
}
