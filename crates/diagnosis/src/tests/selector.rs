//! Selectors that match no series.

use serde_json::json;

use super::{Case, all, healthy, set};
use crate::{Verdict, examine};

#[test]
fn a_label_without_series_is_found() {
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
        detail: "no series of the queue has shard=a",
        fix: "/spec/metrics/0/external/metric/selector/matchLabels/shard",
    }]);
    assert!(
        !examine(&healthy())
            .findings
            .iter()
            .any(|finding| finding.check == "selector" && finding.verdict == Verdict::Failure)
    );
}
