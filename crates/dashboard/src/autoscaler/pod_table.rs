//! The pods of a metric, as the next sync would count them.

use std::collections::HashSet;

use explain::pods::{PodTable, table};
use observed::Role;

use super::decision::next_input;
use crate::data::Data;

/// The tables of all metrics that count pods, with the index of the metric in the specification.
#[must_use]
pub fn tables(data: &Data) -> Vec<(usize, PodTable)> {
    let (Some(hpa), Some(next)) = (data.hpa.get(), data.estimate.next.as_ref()) else { return Vec::new() };
    let Some(spec) = hpa.spec.as_deref() else { return Vec::new() };
    let target = (hpa.scale_target.0.as_str(), hpa.scale_target.1.as_str());
    let workers = data.pods.of(Role::Worker).into_iter();
    let foreign: HashSet<&str> = workers
        .filter(|known| !known.pod.may_belong_to(target))
        .map(|known| known.pod.name.as_str())
        .collect();
    let is_foreign = |name: &str| foreign.contains(name);
    let one = |index| {
        let found = next_input(data, |input| table(input, &next.decision.trace, index, is_foreign))??;
        Some((index, found))
    };
    (0..spec.metrics.len()).filter_map(one).collect()
}
