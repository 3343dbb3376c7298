//! What the controller decided from, as far as it can be seen from outside.

use std::collections::VecDeque;

use hpa::{Scale, Spec};

use observed::{Hpa, MetricTarget, Workload};

/// Sizes and totals remembered: words about one sync come a little apart, and in any order.
const REMEMBERED: usize = 8;

/// What was lately there: a word of the controller may be about what was a moment ago.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Recent {
    sizes: VecDeque<(i32, i32)>,
    totals: VecDeque<i64>,
}

impl Recent {
    /// Notes what is there now.
    pub(crate) fn note(&mut self, workload: &Workload, total_milli: Option<i64>) {
        note(&mut self.sizes, (workload.spec_replicas, workload.replicas));
        if let Some(total) = total_milli {
            note(&mut self.totals, total);
        }
    }

    /// Replicas that existed when the workload was asked for `spec`; `None` if it was not seen so.
    fn existed(&self, spec: i32) -> Option<i32> {
        self.sizes.iter().rev().find(|(asked, _)| *asked == spec).map(|(_, existed)| *existed)
    }
}

fn note<T: PartialEq>(list: &mut VecDeque<T>, new: T) {
    if list.back() == Some(&new) {
        return;
    }
    if list.len() == REMEMBERED {
        list.pop_front();
    }
    list.push_back(new);
}

/// The total that a sync went by, in thousandths, and how it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Total {
    /// The external metrics API said so at the time, and the status agrees.
    Read(i64),
    /// Computed back from the status, which holds an average that was rounded up.
    Back(i64),
    /// There was no reading.
    None,
}

impl Total {
    /// The total, if there is one.
    #[must_use]
    pub fn milli(self) -> Option<i64> {
        match self {
            Self::Read(milli) | Self::Back(milli) => Some(milli),
            Self::None => None,
        }
    }
}

/// The sizes that the controller saw at the sync that its status is about. The second says whether the number of
/// existing replicas was seen too, or is taken to have been what was asked for.
pub(crate) fn scale_then(recent: &Recent, hpa: &Hpa, selector: &str) -> (Scale, bool) {
    let existed = recent.existed(hpa.current_replicas);
    let scale = Scale {
        spec_replicas: hpa.current_replicas,
        status_replicas: existed.unwrap_or(hpa.current_replicas),
        selector: selector.to_owned(),
    };
    (scale, existed.is_some())
}

/// The total that the controller went by at the sync that its status is about.
pub(crate) fn total_then(recent: &Recent, hpa: &Hpa, existed: i32) -> Total {
    let (Some(reading), Some(metric)) = (hpa.reading_milli, &hpa.metric) else { return Total::None };
    let pods = i64::from(existed.max(1));
    match metric.target {
        MetricTarget::Value(_) => Total::Read(reading),
        MetricTarget::Average(_) => {
            let fits = |total: &&i64| total.saturating_add(pods - 1).div_euclid(pods) == reading;
            match recent.totals.iter().rev().find(fits) {
                Some(total) => Total::Read(*total),
                None => Total::Back(reading.saturating_mul(pods)),
            }
        }
    }
}

/// Whether a decision looks at the pods at all: an average of a total does not.
pub(crate) fn needs_pods(spec: &Spec) -> bool {
    let is_average = |metric: &hpa::spec::Metric| {
        metric.external.as_ref().is_some_and(|external| external.target.average_value.is_some())
    };
    !spec.metrics.iter().all(is_average)
}
