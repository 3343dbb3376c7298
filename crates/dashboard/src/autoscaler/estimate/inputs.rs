//! The inputs of the controller's decision, as far as they are visible from outside.

use std::collections::VecDeque;

use hpa::{Scale, Spec};

use observed::{ExternalTarget, Hpa, Workload};

/// Sizes and totals remembered: updates about one sync arrive a little apart and in any order.
const REMEMBERED: usize = 8;

/// Recent states: a status update may be about a moment ago.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Recent {
    sizes: VecDeque<(i32, i32)>,
    totals: VecDeque<i64>,
}

impl Recent {
    /// Records the current state.
    pub(crate) fn note(&mut self, workload: &Workload, total_milli: Option<i64>) {
        note(&mut self.sizes, (workload.spec_replicas, workload.replicas));
        if let Some(total) = total_milli {
            note(&mut self.totals, total);
        }
    }

    /// The other numbers of replicas that existed while the workload asked for `spec`, newest first: a rescale takes time.
    pub(crate) fn also_existed(&self, spec: i32) -> impl Iterator<Item = i32> {
        let newest = self.existed(spec);
        let all =
            self.sizes.iter().rev().filter(move |(asked, _)| *asked == spec).map(|(_, existed)| *existed);
        all.filter(move |existed| Some(*existed) != newest)
    }

    /// Replicas that existed when the workload asked for `spec`; `None` if that was not observed.
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

/// The total that a sync used, in thousandths, and its origin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Total {
    /// The external metrics API served it at the time, and the status agrees.
    Read(i64),
    /// Computed back from the status, which holds an average rounded up.
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

/// The origin of the readings of a sync in the past.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Basis {
    /// The metrics APIs served them at the time, and the status agrees.
    Read,
    /// At least one is computed back from the status.
    Back,
    /// At least one is missing.
    None,
}

impl From<Total> for Basis {
    fn from(total: Total) -> Self {
        match total {
            Total::Read(_) => Self::Read,
            Total::Back(_) => Self::Back,
            Total::None => Self::None,
        }
    }
}

/// Returns the sizes that the controller saw at the sync in its status. The second value is true if the
/// number of existing replicas was observed, and false if the requested number stands in for it.
pub(crate) fn scale_then(recent: &Recent, hpa: &Hpa, selector: &str) -> (Scale, bool) {
    let existed = recent.existed(hpa.current_replicas);
    let scale = Scale {
        spec_replicas: hpa.current_replicas,
        status_replicas: existed.unwrap_or(hpa.current_replicas),
        selector: selector.to_owned(),
    };
    (scale, existed.is_some())
}

/// Returns the total that the controller used at the sync in its status.
pub(crate) fn total_then(recent: &Recent, hpa: &Hpa, existed: i32) -> Total {
    let (Some(reading), Some(metric)) = (hpa.reading_milli, &hpa.metric) else { return Total::None };
    let pods = i64::from(existed.max(1));
    match metric.target {
        ExternalTarget::Value(_) => Total::Read(reading),
        ExternalTarget::AverageValue(_) => {
            let fits = |total: &&i64| total.saturating_add(pods - 1).div_euclid(pods) == reading;
            match recent.totals.iter().rev().find(fits) {
                Some(total) => Total::Read(*total),
                None => Total::Back(reading.saturating_mul(pods)),
            }
        }
    }
}

/// Returns true if a decision reads the pods at all: an average of a total does not.
pub(crate) fn needs_pods(spec: &Spec) -> bool {
    let is_average = |metric: &hpa::spec::Metric| {
        let is_total = metric.external.is_some() || metric.object.is_some();
        is_total && metric.target().is_some_and(|target| target.average_value.is_some())
    };
    !spec.metrics.iter().all(is_average)
}
