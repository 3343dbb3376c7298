//! Runs of syncs, calculated by hand (instant pods, a sync every 15 s, tolerance 0.1, 1 to 30 replicas), and the queue
//! model.

use hpa::simulate::queue::{Arrivals, Counted, Queue, run};
use hpa::simulate::series::{Point, series};
use hpa::simulate::{SimulateError, Simulator, Step};
use hpa::{Config, Spec, Time};

fn spec(target: &str, behavior: &str) -> Spec {
    let json = format!(
        r#"{{"scaleTargetRef": {{"apiVersion": "apps/v1", "kind": "Deployment", "name": "worker"}},
            "minReplicas": 1, "maxReplicas": 30 {behavior},
            "metrics": [{{"type": "External", "external": {{"metric": {{"name": "queue"}}, "target": {target}}}}}]}}"#
    );
    serde_json::from_str(&json).expect("the specification is JSON")
}

const AVERAGE_10: &str = r#"{"type": "AverageValue", "averageValue": "10"}"#;
const VALUE_100: &str = r#"{"type": "Value", "value": "100"}"#;
const NO_BEHAVIOR: &str = "";
const EMPTY_BEHAVIOR: &str = r#", "behavior": {}"#;

fn simulator(target: &str, behavior: &str, size: i32) -> Simulator {
    Simulator::new(spec(target, behavior), Config::default(), size).expect("the specification is valid")
}

fn reason(step: &Step, condition: &str) -> String {
    step.decision.status.condition(condition).expect("the condition is set").reason.to_string()
}

/// A burst of 200 for 75 s, then 20.
fn burst(behavior: &str) -> Vec<(i64, Step)> {
    let mut simulator = simulator(AVERAGE_10, behavior, 1);
    let times = (0..=32).map(|i| i * 15);
    let points =
        times.clone().map(|t| Point::external(Time::from_secs(t), if t <= 75 { 200_000 } else { 20_000 }));
    times.zip(series(&mut simulator, points)).collect()
}

fn sizes(steps: &[(i64, Step)]) -> Vec<i32> {
    steps.iter().map(|(_, step)| step.after).collect()
}

#[test]
fn without_behavior_a_burst_holds_for_315_seconds() {
    let steps = burst(NO_BEHAVIOR);
    assert_eq!(sizes(&steps[..6]), [4, 8, 16, 20, 20, 20]);
    for (t, step) in &steps {
        let limited = if *t <= 30 { "ScaleUpLimit" } else { "DesiredWithinRange" };
        assert_eq!(reason(step, "ScalingLimited"), limited, "at {t}");
        match t {
            90..390 => {
                assert_eq!((step.decision.trace.raw, step.after), (Some(2), 20), "at {t}");
                assert_eq!(reason(step, "AbleToScale"), "ScaleDownStabilized", "at {t}");
                let next = step.decision.trace.next_change_at();
                assert_eq!(next, Some(Time::from_secs(390)), "the release is foreseen at {t}");
            }
            390 => {
                assert_eq!((step.before, step.after), (20, 2));
                assert_eq!(reason(step, "AbleToScale"), "SucceededRescale");
            }
            391.. => {
                assert_eq!(step.after, 2);
                assert_eq!(reason(step, "AbleToScale"), "ReadyForNewScale");
            }
            _ => {}
        }
    }
}

#[test]
fn with_behavior_a_burst_holds_for_300_seconds() {
    let steps = burst(EMPTY_BEHAVIOR);
    assert_eq!(sizes(&steps[..6]), [5, 10, 20, 20, 20, 20]);
    for (t, step) in &steps {
        let limited = if *t <= 15 { "ScaleUpLimit" } else { "DesiredWithinRange" };
        assert_eq!(reason(step, "ScalingLimited"), limited, "at {t}");
        match t {
            90..375 => {
                assert_eq!((step.decision.trace.raw, step.after), (Some(2), 20), "at {t}");
                assert_eq!(reason(step, "AbleToScale"), "ScaleDownStabilized", "at {t}");
                let next = step.decision.trace.next_change_at();
                assert_eq!(next, Some(Time::from_secs(375)), "the release is foreseen at {t}");
            }
            375 => assert_eq!((step.before, step.after), (20, 2)),
            376.. => assert_eq!(step.after, 2),
            _ => {}
        }
    }
}

#[test]
fn one_total_doubles_the_size_until_it_falls() {
    let mut simulator = simulator(VALUE_100, EMPTY_BEHAVIOR, 2);
    let times = (0..=22).map(|i| i * 15);
    let points =
        times.clone().map(|t| Point::external(Time::from_secs(t), if t <= 30 { 200_000 } else { 10_000 }));
    let steps: Vec<(i64, Step)> = times.zip(series(&mut simulator, points)).collect();
    assert_eq!(sizes(&steps[..3]), [4, 8, 16]);
    for (t, step) in &steps[3..22] {
        assert_eq!((step.decision.trace.raw, step.after), (Some(2), 16), "at {t}");
    }
    assert_eq!((steps[22].0, steps[22].1.after), (330, 2));
}

#[test]
fn after_a_restart_the_size_holds_for_a_window() {
    let mut simulator = simulator(AVERAGE_10, NO_BEHAVIOR, 1);
    for t in [0, 15, 30, 45] {
        simulator.sync(Time::from_secs(t), &[hpa::Reading::External(vec![200_000])], None);
    }
    assert_eq!(simulator.size(), 20);
    simulator.restart();
    for t in (60..=360).step_by(15) {
        simulator.sync(Time::from_secs(t), &[hpa::Reading::External(vec![0])], None);
        assert_eq!(simulator.size(), 20, "the seed of 60 s holds at {t}");
    }
    simulator.sync(Time::from_secs(375), &[hpa::Reading::External(vec![0])], None);
    assert_eq!(simulator.size(), 1);
}

#[test]
fn the_seed_holds_both_directions_for_a_window() {
    // The first sync records the current size; both windows exclude their edge.
    let behavior = r#", "behavior": {"scaleUp": {"stabilizationWindowSeconds": 60}}"#;
    let mut growing = simulator(AVERAGE_10, behavior, 2);
    for t in (0..60).step_by(15) {
        let step = growing.sync(Time::from_secs(t), &[hpa::Reading::External(vec![50_000])], None);
        assert_eq!((step.after, reason(&step, "AbleToScale")), (2, "ScaleUpStabilized".to_owned()), "at {t}");
        assert_eq!(step.decision.trace.next_change_at(), Some(Time::from_secs(60)), "at {t}");
    }
    let step = growing.sync(Time::from_secs(60), &[hpa::Reading::External(vec![50_000])], None);
    assert_eq!(step.after, 5);
    let mut shrinking = simulator(AVERAGE_10, EMPTY_BEHAVIOR, 9);
    for t in (0..300).step_by(15) {
        let step = shrinking.sync(Time::from_secs(t), &[hpa::Reading::External(vec![50_000])], None);
        assert_eq!(
            (step.after, reason(&step, "AbleToScale")),
            (9, "ScaleDownStabilized".to_owned()),
            "at {t}"
        );
        assert_eq!(step.decision.trace.next_change_at(), Some(Time::from_secs(300)), "at {t}");
    }
    assert_eq!(shrinking.sync(Time::from_secs(300), &[hpa::Reading::External(vec![50_000])], None).after, 5);
}

#[test]
fn the_given_number_of_pods_is_ready() {
    let mut simulator = simulator(VALUE_100, EMPTY_BEHAVIOR, 8);
    for (i, ready) in (0..).zip([8, 3, 0, 5, 100]) {
        simulator.set_size(8);
        simulator.restart();
        let step = simulator.sync(Time::from_secs(i), &[hpa::Reading::External(vec![200_000])], Some(ready));
        assert_eq!(step.decision.trace.raw, Some(2 * ready.min(8)), "with {ready} ready");
    }
}

#[test]
fn one_pod_drains_a_small_queue() {
    let mut simulator = simulator(AVERAGE_10, EMPTY_BEHAVIOR, 1);
    let queue = Queue {
        arrivals: vec![Arrivals::Burst { at_ms: 1_000, jobs: 3 }],
        work_ms: 2_000,
        duration_ms: 60_000,
        ..Queue::default()
    };
    let run = run(&mut simulator, &queue).expect("the settings are in range");
    assert_eq!((run.arrived, run.done, run.peak_depth), (3, 3, 3));
    assert_eq!(run.drained_at_ms, Some(7_000), "three jobs of 2 s, one after the other");
    assert_eq!(run.pod_ms, 60_000, "one pod all the time");
    assert_eq!(run.steps.len(), 5, "at 0, 15, 30, 45 and 60 s");
    assert!(run.steps.iter().all(|step| step.after == 1));
}

#[test]
fn a_burst_adds_pods_that_share_the_jobs() {
    let mut simulator = simulator(AVERAGE_10, EMPTY_BEHAVIOR, 1);
    let queue = Queue {
        arrivals: vec![Arrivals::Burst { at_ms: 1_000, jobs: 50 }],
        work_ms: 5_000,
        pod_start_ms: 3_000,
        scrape_interval_ms: 5_000,
        duration_ms: 120_000,
        ..Queue::default()
    };
    let run = run(&mut simulator, &queue).expect("the settings are in range");
    // The scrape at 15 s counts 48 jobs: two finished at 6 and 11 s, and the third is unacked.
    assert_eq!(run.samples[1].scraped, Some(48));
    assert_eq!(run.steps[1].after, 5);
    // Four pods become ready at 18 s with 47 jobs left. One job finishes at 21 s, then five every 5 s.
    assert_eq!(run.samples[2].ready_pods, 5);
    assert_eq!((run.arrived, run.done), (50, 50));
    assert_eq!(run.drained_at_ms, Some(68_000));
    assert_eq!(run.steps.last().map(|s| s.after), Some(5), "the peak is held for 300 s");
}

#[test]
fn the_metric_can_count_ready_jobs_only() {
    let queue = |counted| Queue {
        arrivals: vec![Arrivals::Burst { at_ms: 0, jobs: 12 }],
        prefetch: 4,
        duration_ms: 1_000,
        counted,
        ..Queue::default()
    };
    for (counted, depth, size) in [(Counted::All, 12, 2), (Counted::Ready, 8, 1)] {
        let mut simulator = simulator(AVERAGE_10, EMPTY_BEHAVIOR, 1);
        let run = run(&mut simulator, &queue(counted)).expect("the settings are in range");
        assert_eq!(run.samples[0].scraped, Some(depth));
        assert_eq!((run.samples[0].ready_jobs, run.samples[0].unacked_jobs), (8, 4));
        assert_eq!(run.steps[0].after, size);
    }
}

#[test]
fn a_steady_rate_arrives_evenly() {
    let mut simulator = simulator(AVERAGE_10, EMPTY_BEHAVIOR, 3);
    let rate = Arrivals::Rate { from_ms: 0, until_ms: 10_000, per_second: 4.0 };
    let queue = Queue { arrivals: vec![rate], work_ms: 10, duration_ms: 20_000, ..Queue::default() };
    let run = run(&mut simulator, &queue).expect("the settings are in range");
    assert_eq!((run.arrived, run.done, run.peak_depth), (40, 40, 1));
    assert_eq!(run.drained_at_ms, Some(9_760), "the last one comes at 9.75 s");
}

#[test]
fn a_sync_before_the_first_scrape_fails() {
    let mut simulator = simulator(AVERAGE_10, EMPTY_BEHAVIOR, 1);
    let queue = Queue { scrape_phase_ms: 4_000, duration_ms: 20_000, ..Queue::default() };
    let run = run(&mut simulator, &queue).expect("the settings are in range");
    let error = run.steps[0].decision.error.as_ref().expect("there is no reading yet").to_string();
    assert!(error.contains("no metrics returned from external metrics API"), "{error}");
    assert_eq!(run.steps[1].decision.error, None);
}

#[test]
fn removed_pods_finish_their_current_job() {
    // Two pods begin a job of 100 s each; the HPA removes one pod as soon as the window allows.
    let behavior = r#", "behavior": {"scaleDown": {"stabilizationWindowSeconds": 0}}"#;
    let mut simulator = simulator(AVERAGE_10, behavior, 2);
    let queue = Queue {
        arrivals: vec![Arrivals::Burst { at_ms: 0, jobs: 4 }],
        work_ms: 100_000,
        prefetch: 2,
        duration_ms: 310_000,
        ..Queue::default()
    };
    let run = run(&mut simulator, &queue).expect("the settings are in range");
    assert_eq!(run.steps[0].after, 1);
    assert_eq!(
        (run.samples[1].ready_jobs, run.samples[1].unacked_jobs, run.samples[1].ready_pods),
        (1, 3, 1)
    );
    // Both first jobs end at 100 s; the remaining pod works on the other two.
    assert_eq!((run.done, run.drained_at_ms), (4, Some(300_000)));
}

#[test]
fn invalid_simulations_are_rejected() {
    let invalid = Simulator::new(spec(r#"{"type": "Value"}"#, ""), Config::default(), 1);
    let text = invalid.expect_err("there is no target").to_string();
    assert!(text.contains("spec.metrics[0].external.target.averageValue: Required value"), "{text}");
    let negative = Simulator::new(spec(AVERAGE_10, ""), Config::default(), -1);
    assert_eq!(negative.expect_err("a size is not negative"), SimulateError::Size(-1));
    for queue in [
        Queue { work_ms: 0, ..Queue::default() },
        Queue { scrape_interval_ms: 0, ..Queue::default() },
        Queue { prefetch: 0, ..Queue::default() },
        Queue { duration_ms: -1, ..Queue::default() },
        Queue { arrivals: vec![Arrivals::Burst { at_ms: -1, jobs: 1 }], ..Queue::default() },
        Queue {
            arrivals: vec![Arrivals::Rate { from_ms: 0, until_ms: 1, per_second: f64::NAN }],
            ..Queue::default()
        },
    ] {
        let error = run(&mut simulator(AVERAGE_10, "", 1), &queue).expect_err("a setting is out of range");
        assert!(matches!(error, SimulateError::Setting { .. }), "{error}");
    }
    let long = Queue { max_steps: 100, duration_ms: 1_000_000, ..Queue::default() };
    let error = run(&mut simulator(AVERAGE_10, "", 1), &long).expect_err("it has 200 scrapes");
    assert!(matches!(error, SimulateError::TooLong { .. }), "{error}");
}
