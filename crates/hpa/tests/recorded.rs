//! Every recorded decision of a real kube-controller-manager, decided again.
//!
//! `data/README.md` describes the recording; `crates/sandbox/tests/cluster` records it.

use hpa::recorded::{Recording, SYNC_KINDS, replay};

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

#[test]
fn a_different_decision_is_reported() {
    let mut recording = recording();
    let all = replay(&recording).expect("the recording is usable").agreed;
    recording.autoscalers[0].syncs[2].size += 1;
    let comparison = replay(&recording).expect("the recording is usable");
    assert_eq!((comparison.agreed, comparison.differences.len()), (all - 1, 1));
}
