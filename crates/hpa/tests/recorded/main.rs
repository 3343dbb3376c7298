//! Every decision of a real kube-controller-manager that was recorded, predicted.
//!
//! `data/recorded-*.json` says how it came about; `crates/sandbox/tests/cluster` records it anew.

mod replay;

use replay::{PHASES, Recording, replay};

#[test]
fn a_real_controllers_decisions_are_predicted() {
    let recording: Recording =
        serde_json::from_str(include_str!("../data/recorded-1.34.json")).expect("the recording is valid");
    let outcome = replay(&recording);
    assert!(
        outcome.differences.is_empty(),
        "{} syncs agree, these do not:\n{}",
        outcome.agreed,
        outcome.differences.join("\n")
    );
    assert!(outcome.agreed >= 40, "only {} syncs are recorded", outcome.agreed);
    for phase in PHASES {
        assert!(outcome.phases.contains_key(phase), "no sync is {phase}: {:?}", outcome.phases);
    }
}

/// A test that compares must be able to fail.
#[test]
fn a_decision_that_was_another_is_told() {
    let text = include_str!("../data/recorded-1.34.json");
    let mut recording: Recording = serde_json::from_str(text).expect("the recording is valid");
    let all = replay(&recording).agreed;
    let sync = &mut recording.autoscalers[0].syncs[2];
    sync.size += 1;
    let outcome = replay(&recording);
    assert_eq!((outcome.agreed, outcome.differences.len()), (all - 1, 1));
}
