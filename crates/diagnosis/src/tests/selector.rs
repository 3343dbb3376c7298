//! An HPA's selector that picks none of the series that there are.

use serde_json::json;

use super::{Case, all, healthy, set};
use crate::{Verdict, examine};

#[test]
fn a_label_that_no_series_has_is_told_although_the_metric_is_a_steady_0() {
    all(&[Case {
        name: "a label too many",
        breakage: |facts| {
            set(
                &mut facts.autoscaler,
                "/spec/metrics/0/external/metric/selector/matchLabels/shard",
                json!("a"),
            );
        },
        check: "selector",
        verdict: Verdict::Failure,
        saw: "no series of the queue has shard=a",
        fix: "/spec/metrics/0/external/metric/selector/matchLabels/shard",
    }]);
    assert!(
        !examine(&healthy())
            .lines
            .iter()
            .any(|line| line.check == "selector" && line.verdict == Verdict::Failure)
    );
}
