//! The cost of a decision: `cargo bench -p hpa`.

use divan::{Bencher, black_box};
use hpa::memory::{Memory, Recommendation, ScaleEvent};
use hpa::simulate::Simulator;
use hpa::simulate::queue::{Arrivals, Queue, run};
use hpa::simulate::series::{Point, series};
use hpa::{Config, Input, Pod, Reading, Scale, Spec, Status, Time, after_scale, decide};

fn main() {
    divan::main();
}

/// A specification with an External metric, a target of 20 per pod, and behavior with windows and policies.
fn spec() -> Spec {
    let mut spec: Spec = serde_json::from_str(
        r#"{"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "worker"},
            "minReplicas": 1, "maxReplicas": 100,
            "metrics": [{"type": "External", "external": {
                "metric": {"name": "rabbitmq_queue_length", "selector": {"matchLabels": {"queue": "Orders"}}},
                "target": {"type": "AverageValue", "averageValue": "20"}}}],
            "behavior": {
                "scaleUp": {"stabilizationWindowSeconds": 0,
                    "policies": [{"type": "Pods", "value": 4, "periodSeconds": 15},
                        {"type": "Percent", "value": 100, "periodSeconds": 60}]},
                "scaleDown": {"stabilizationWindowSeconds": 300,
                    "policies": [{"type": "Percent", "value": 50, "periodSeconds": 60}]}}}"#,
    )
    .expect("the specification is JSON");
    hpa::defaults::default_spec(&mut spec);
    spec
}

/// A memory with all entries of a window of 300 s (a sync every 15 s), and changes of both directions in all periods.
fn full_memory(now: Time, window_seconds: i64, period_seconds: i64) -> Memory {
    let times = |seconds: i64| (1..seconds / 15).map(move |i| now.minus_secs(i * 15));
    let event = |at| ScaleEvent { change: 1, at, outdated: false };
    Memory {
        recommendations: Some(times(window_seconds).map(|at| Recommendation { replicas: 12, at }).collect()),
        up_events: times(period_seconds).map(event).collect(),
        down_events: times(period_seconds).map(event).collect(),
    }
}

/// The status after a sync, with all conditions and a reading.
fn status(spec: &Spec, config: &Config) -> Status {
    let mut simulator = Simulator::new(spec.clone(), *config, 10).expect("the specification is valid");
    let _ = simulator.sync(Time(0), &[Reading::External(vec![200_000])], None);
    simulator.status().clone()
}

fn one_decision(bencher: Bencher<'_, '_>, spec: &Spec, memory: &Memory, depth: i64) {
    let config = Config::default();
    let status = status(spec, &config);
    let scale = Scale { spec_replicas: 10, status_replicas: 10, selector: "app=worker".to_owned() };
    let pods: Vec<Pod> = Vec::new();
    let readings = [Reading::External(vec![depth * 1000])];
    bencher.with_inputs(|| memory.clone()).bench_local_refs(|memory| {
        let input = Input {
            now: Time::from_secs(100_000),
            namespace: "autoscaling-demo",
            generation: Some(1),
            spec,
            status: &status,
            scale: Ok(&scale),
            pods: &pods,
            selected_by: &[],
            readings: &readings,
            config: &config,
        };
        let mut decision = decide(black_box(&input), memory);
        after_scale(&input, &mut decision, Ok(()), input.now, memory);
        decision
    });
}

/// The usual case: a window of 300 s and periods of 60 s hold the size.
#[divan::bench]
fn external_with_behavior_and_full_memory(bencher: Bencher<'_, '_>) {
    let memory = full_memory(Time::from_secs(100_000), 300, 60);
    one_decision(bencher, &spec(), &memory, 100);
}

/// The same, but the rate binds, so that the decision also computes the next change.
#[divan::bench]
fn external_with_behavior_and_full_memory_rate_binds(bencher: Bencher<'_, '_>) {
    let memory = full_memory(Time::from_secs(100_000), 300, 60);
    one_decision(bencher, &spec(), &memory, 900);
}

/// The largest memory that validation allows: windows of an hour, periods of half an hour.
#[divan::bench]
fn external_with_the_largest_windows(bencher: Bencher<'_, '_>) {
    let mut spec = spec();
    let behavior = spec.behavior.as_mut().expect("it has a behavior");
    for rules in [&mut behavior.scale_up, &mut behavior.scale_down].into_iter().flatten() {
        rules.stabilization_window_seconds = Some(3600);
        for policy in rules.policies.iter_mut().flatten() {
            policy.period_seconds = 1800;
        }
    }
    let memory = full_memory(Time::from_secs(100_000), 3600, 1800);
    one_decision(bencher, &spec, &memory, 100);
}

/// Without behavior.
#[divan::bench]
fn external_legacy(bencher: Bencher<'_, '_>) {
    let mut spec = spec();
    spec.behavior = None;
    let memory = full_memory(Time::from_secs(100_000), 300, 60);
    one_decision(bencher, &spec, &memory, 100);
}

/// A day of syncs (5,760) over a varying load.
#[divan::bench]
fn a_day_at_15_seconds(bencher: Bencher<'_, '_>) {
    let simulator = || Simulator::new(spec(), Config::default(), 1).expect("the specification is valid");
    bencher.with_inputs(simulator).bench_local_refs(|simulator| {
        let points = (0..5760).map(|i| {
            let depth = if i % 240 < 40 { 1500 } else { i % 50 };
            Point::external(Time::from_secs(i * 15), depth * 1000)
        });
        series(simulator, points).map(|step| i64::from(step.after)).sum::<i64>()
    });
}

/// Ten minutes of a queue with a burst of 1,000 jobs of 5 s.
#[divan::bench]
fn a_queue_with_a_burst(bencher: Bencher<'_, '_>) {
    let queue = Queue { arrivals: vec![Arrivals::Burst { at_ms: 1_000, jobs: 1_000 }], ..Queue::default() };
    let simulator = || Simulator::new(spec(), Config::default(), 1).expect("the specification is valid");
    bencher.with_inputs(simulator).bench_local_refs(|simulator| run(simulator, &queue).map(|run| run.done));
}
