//! Every recorded decision of a real kube-controller-manager, decided again.
//!
//! `data/README.md` describes the recording; `crates/sandbox/tests/cluster` records it.

use hpa::recorded::{Recording, SYNC_KINDS, replay};
use hpa::simulate::Simulator;
use hpa::{Config, Reading, Spec, Time};

fn recording() -> Recording {
    serde_json::from_str(include_str!("data/recorded-1.34.json")).expect("the recording is valid")
}

#[test]
fn decisions_equal_those_of_the_controller() {
    let comparison = replay(&recording()).expect("the recording is usable");
    assert!(
        comparison.differences.is_empty(),
        "{} syncs agree, these differ:\n{}",
        comparison.agreed,
        comparison.differences.join("\n")
    );
    assert!(comparison.agreed >= 40, "the recording has only {} syncs", comparison.agreed);
    for kind in SYNC_KINDS {
        assert!(comparison.kinds.contains_key(kind), "no sync is {kind}: {:?}", comparison.kinds);
    }
}

/// Virtual runs and backtests use the simulator: with the controller's readings it must rescale when the controller did.
#[test]
fn the_simulator_rescales_as_the_controller() {
    let recording = recording();
    let release = recording.kubernetes.parse().expect("the release is known");
    let config = Config { sync_period_seconds: recording.period_seconds, ..Config::release(release) };
    let mut rescales = 0;
    for hpa in &recording.autoscalers {
        let spec: Spec = serde_json::from_value(hpa.spec.clone()).expect("the specification is valid");
        let first = hpa.syncs.first().expect("each HPA has syncs").spec_replicas;
        let mut simulator = Simulator::new(spec, config, first).expect("an API server took it");
        for (index, sync) in hpa.syncs.iter().enumerate() {
            if simulator.size() != sync.spec_replicas {
                // Another client has scaled the target.
                simulator.set_size(sync.spec_replicas);
            }
            let readings: Vec<Reading> = sync
                .responses
                .iter()
                .map(|response| response.reading().expect("the values are quantities"))
                .collect();
            let step = simulator.sync(Time(sync.at_ms), &readings, None);
            assert_eq!(step.after, sync.size, "{} sync {index}: {}", hpa.name, step.decision.trace);
            rescales += usize::from(step.after != step.before);
        }
    }
    assert!(rescales >= 15, "the recording has only {rescales} rescales");
}

#[test]
fn a_different_decision_is_reported() {
    let mut recording = recording();
    let all = replay(&recording).expect("the recording is usable").agreed;
    recording.autoscalers[0].syncs[2].size += 1;
    let comparison = replay(&recording).expect("the recording is usable");
    assert_eq!((comparison.agreed, comparison.differences.len()), (all - 1, 1));
}
