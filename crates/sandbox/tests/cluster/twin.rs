//! Compares the syncs of a real cluster with those of the sandbox.

use serde_json::json;

use hpa::recorded::{RecordedHpa, RecordedSync, Recording, without_times};

/// Returns one line for each difference. Ignores times, because the periods are not in phase.
pub(crate) fn compare(real: &[RecordedHpa], ours: &[RecordedHpa]) -> Vec<String> {
    let mut differences = Vec::new();
    for (real, ours) in real.iter().zip(ours) {
        assert_eq!(real.name, ours.name);
        if real.syncs.len() != ours.syncs.len() {
            differences.push(format!(
                "{}: {} syncs on the real cluster, {} on the sandbox",
                real.name,
                real.syncs.len(),
                ours.syncs.len()
            ));
        }
        let specs = (without_times(&real.spec), without_times(&ours.spec));
        if specs.0 != specs.1 {
            differences
                .push(format!("{}: the specifications differ:\n  {}\n  {}", real.name, specs.0, specs.1));
        }
        for (index, (one, other)) in real.syncs.iter().zip(&ours.syncs).enumerate() {
            let facts = |sync: &RecordedSync| {
                json!({
                    "sizes": [sync.spec_replicas, sync.status_replicas], "responses": sync.responses, "size": sync.size,
                    "status": without_times(&sync.status), "events": sync.events,
                })
            };
            let (one, other) = (facts(one), facts(other));
            if one != other {
                differences.push(format!("{} sync {index}:\n  real    {one}\n  sandbox {other}", real.name));
            }
        }
    }
    differences
}

#[test]
fn differences_are_reported() {
    let recording: Recording =
        serde_json::from_str(include_str!("../../../hpa/tests/data/recorded-1.34.json")).unwrap();
    let real = recording.autoscalers;
    assert_eq!(compare(&real, &real), Vec::<String>::new());
    let mut ours = real.clone();
    ours[0].syncs[2].at_ms += 1;
    assert_eq!(compare(&real, &ours), Vec::<String>::new(), "times are ignored");
    ours[0].syncs[2].size += 1;
    ours[1].syncs[0].events.clear();
    ours[2].syncs.pop();
    assert_eq!(compare(&real, &ours).len(), 3);
}
