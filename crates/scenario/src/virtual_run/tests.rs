use hpa::Release;
use serde_json::json;

use super::*;
use crate::file::parse;
use crate::library;
use crate::outcome::{Outcome, Verdict};

fn spec() -> Spec {
    serde_json::from_value(json!({
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "worker"},
        "minReplicas": 1, "maxReplicas": 10,
        "metrics": [{"type": "External", "external": {
            "metric": {"name": "depth"}, "target": {"type": "AverageValue", "averageValue": "20"}}}],
        "behavior": {"scaleDown": {"stabilizationWindowSeconds": 300}},
    }))
    .unwrap()
}

fn ran(scenario: Scenario) -> VirtualRun {
    run(&Arc::new(scenario), spec(), Config::release(Release::V1_34)).unwrap()
}

fn read(text: &str) -> Scenario {
    parse("test", text, &|_| Err("no files".to_owned())).unwrap()
}

#[test]
fn the_library_holds_in_virtual_time() {
    for name in library::names() {
        let scenario = library::scenario(name).unwrap().unwrap();
        if check(&scenario).is_err() {
            continue;
        }
        let result = ran(scenario).result;
        assert_eq!(result.outcome, Outcome::Passed, "{}", result.text());
    }
}

#[test]
fn only_the_broker_needs_more() {
    let without: Vec<_> = library::names()
        .into_iter()
        .filter(|name| check(&library::scenario(name).unwrap().unwrap()).is_err())
        .collect();
    assert_eq!(without, ["broker-restarted"]);
    let scenario = library::scenario("broker-restarted").unwrap().unwrap();
    let error = run(&Arc::new(scenario), spec(), Config::default()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "step 2 (stop broker) needs a broker: run it with --sandbox or on a cluster"
    );
}

#[test]
fn a_wrong_window_fails_the_run() {
    let text = "timeout = '20m'\nexpect = ['flaps == 0']\nsandbox.work_duration = '1s'\n[[steps]]\nsawtooth = \
                { low = 0, high = 6, period = '1m', times = 5 }\n[[steps]]\nwait = 'depth == 0 within 5m'";
    let scenario = read(text);
    let right = ran(scenario.clone()).result;
    assert_eq!(right.outcome, Outcome::Passed, "{}", right.text());
    let mut wrong = spec();
    wrong.behavior.get_or_insert_default().scale_down.get_or_insert_default().stabilization_window_seconds =
        Some(0);
    let result = run(&Arc::new(scenario), wrong, Config::release(Release::V1_34)).unwrap().result;
    assert_eq!(result.outcome, Outcome::Failed);
    assert!(matches!(result.expectations[0].verdict, Verdict::Failed(_)), "{}", result.text());
}

#[test]
fn a_run_is_the_same_twice() {
    let text = "timeout = '25h'\n[[steps]]\nramp = { from = 0, to = 3, for = '2h' }\n[[steps]]\nburst = 500\n\
                [[steps]]\nwait = 'size == 1 within 2h'";
    assert_eq!(ran(read(text)), ran(read(text)));
}

/// The controller decides from the readings alone: a second copy of it, fed with the readings of the run, scales alike.
#[test]
fn the_sizes_equal_the_controllers_for_the_same_readings() {
    let scenario = read(
        "timeout = '1h'\n[[steps]]\nburst = 300\n[[steps]]\nwait = 'size > 1 within 1m'\n\
                         [[steps]]\nwait = 'size == 1 within 40m'",
    );
    let run = ran(scenario);
    assert!(run.syncs.iter().any(|sync| sync.after > sync.before));
    let changes: Vec<(f64, i32)> = run
        .syncs
        .iter()
        .filter(|sync| sync.after != sync.before)
        .map(|sync| (sync.at_ms as f64 / 1e3, sync.after))
        .collect();
    let rescales: Vec<(f64, i32)> =
        run.result.rescales.iter().map(|rescale| (rescale.at, rescale.to)).collect();
    assert_eq!(rescales, changes, "the run reports each change of the controller");
}

#[test]
fn an_hpa_without_a_queue_is_refused() {
    let mut cpu = spec();
    cpu.metrics.clear();
    let scenario = Arc::new(read("[[steps]]\nburst = 1"));
    assert_eq!(run(&scenario, cpu, Config::default()).unwrap_err(), VirtualError::NoQueue);
}
